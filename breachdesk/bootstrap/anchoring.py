"""When the audit chain's head is noted outside the store, and everything it is verified against."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from breachdesk.bootstrap.house import Premises
from breachdesk.ports import UnitOfWork
from breachdesk.stores.anchor_file import PLACE, AnchorFile
from breachdesk.stores.audit_anchors import broken_anchors
from breachdesk.stores.audit_bundle import differing_from
from schemas.audit import Anchor, AuditReport, Discrepancy
from schemas.errors import Corrupt, Misconfigured, NotFound

ANCHORED = "audit-anchored"
"""Mark: `seq:hash` of the newest line that was added to the anchor file."""
DECISIVE = (
    "breach:release:",
    "case:breach:confirmed",
    "case:personal_data:",
    "breach:report:submitted",
    "dispatch:released",
    "user:",
    "store:contents:recorded",
)
NOT_DECISIVE = ("user:session:", "user:sign_in:")
REGULAR = "regular"


class Anchoring:
    """Notes the head of one data folder's chain; asked again and again by whoever keeps house."""

    def __init__(self, house: Premises) -> None:
        self._house = house
        self._minutes = house.settings.audit.anchor_minutes
        self._noted: tuple[int, datetime] | None = None
        self.trouble = ""
        """Why the newest try failed; empty: it did not."""

    def keep_up(self) -> bool:
        """Note the head if it moved and it is time, or a decisive act is new. True: noted. A file
        that cannot be written stops nothing: `trouble` says so until it can."""
        path = self._house.settings.audit.anchor_file
        if path is None:
            return False
        try:
            return self._note_if_due(path)
        except Misconfigured as error:
            self.trouble = str(error)
            return False

    def _note_if_due(self, path: Path) -> bool:
        now = self._house.now()
        noted, at = self._noted or self._first(path)
        since = self._house.store.look(lambda uow: uow.audit.since(noted))
        acts = [entry.act for entry in since if _decisive(entry.act)]
        is_time = at is None or now - at >= timedelta(minutes=self._minutes) or now < at
        if not since or not (acts or is_time):
            self._noted = (noted, at or now)
            return False
        self._noted = (note_head(self._house, path, acts[-1] if acts else REGULAR), now)
        self.trouble = ""
        return True

    def _first(self, path: Path) -> tuple[int, datetime | None]:
        """Where the file stands; a file that says nothing sound is added to at once."""
        try:
            anchors = AnchorFile(path).read()
        except (NotFound, Corrupt):
            return 0, None
        return (anchors[-1].seq, anchors[-1].at) if anchors else (0, None)


def note_head(house: Premises, path: Path, why: str) -> int:
    """Add the present head to the file, and the mark that says so; its number. Raises
    Misconfigured when the file cannot be written."""
    head = house.store.look(lambda uow: uow.audit.head())
    AnchorFile(path).add(head, house.now(), why)
    house.store.act(lambda uow: uow.marks.set(ANCHORED, head.typed))
    return head.seq


def examine(
    house: Premises, *, bundles: Sequence[Path] = (), typed: Sequence[Anchor] = ()
) -> AuditReport:
    """The chain, what the store holds beside it, and everything outside that is at hand: these
    bundles, typed heads and the anchor file. Raises Corrupt at the first broken link, BadInput for
    a file that is no bundle."""
    path = house.settings.audit.anchor_file
    in_file: list[Discrepancy] = []
    lines: Sequence[Anchor] = ()
    if path is not None:
        # The mark, the file, the chain: each may grow meanwhile, and is read before what holds it.
        noted = house.store.look(lambda uow: uow.marks.get(ANCHORED))
        lines = _lines(noted, path, in_file)

    def work(uow: UnitOfWork) -> AuditReport:
        found = list(in_file)
        compared: list[str] = []
        anchors = [*typed, *lines]
        for bundle in bundles:
            differs = differing_from(bundle, uow.audit.follow())
            found += [] if differs is None else [differs]
            compared.append(f"the bundle {bundle.name}")
        compared += [f"the head {anchor.seq} that you typed" for anchor in typed]
        if lines:
            plural = "s" if len(lines) > 1 else ""
            compared.append(f"{len(lines):,} line{plural} of the anchor file")
        if anchors:
            found += broken_anchors(anchors, uow.audit.follow())
        report = uow.audit.examine()
        return report.model_copy(
            update={
                "discrepancies": (*found, *report.discrepancies),
                "compared": tuple(compared),
            }
        )

    return house.store.look(work)


def _lines(noted: str | None, path: Path, found: list[Discrepancy]) -> Sequence[Anchor]:
    try:
        anchors = AnchorFile(path).read()
    except NotFound:
        if noted is not None:
            found.append(_of_the_file("it is missing", noted, "nothing"))
        return []
    except (Corrupt, Misconfigured) as broken:
        found.append(_of_the_file(broken.problem, noted or "nothing", "it cannot be believed"))
        return []
    if noted is not None and noted not in {f"{a.seq}:{a.hash}" for a in anchors}:
        found.append(_of_the_file("its newest line is missing", noted, "older lines only"))
    return anchors


def _of_the_file(what: str, noted: str, said: str) -> Discrepancy:
    return Discrepancy(
        where="the anchor file",
        what=what,
        chain=f"entry {noted.partition(':')[0]} was noted in it",
        store=said,
        source=PLACE,
    )


def _decisive(act: str) -> bool:
    return act.startswith(DECISIVE) and not act.startswith(NOT_DECISIVE)
