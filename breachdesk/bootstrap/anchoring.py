"""Record the audit chain's head outside the store, and verify the chain against every recorded
head."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from breachdesk.bootstrap.container import Container
from breachdesk.ports import UnitOfWork
from breachdesk.stores.audit.anchor_file import PLACE, AnchorFile
from breachdesk.stores.audit.audit_anchors import iterate_broken_anchors
from breachdesk.stores.audit.audit_bundle import find_difference
from schemas.audit import AuditDiscrepancy, AuditReport, ChainAnchor
from schemas.audit_actions import AuditAction, AuditTopic, find_action
from schemas.errors import ConfigurationError, CorruptData, NotFound

ANCHORED = "audit-anchored"
"""Mark: `seq:hash` of the newest line that was added to the anchor file."""
DECISIVE = (
    AuditAction.BREACH_RELEASE_APPROVED,
    AuditAction.BREACH_RELEASE_GLASS_BROKEN,
    AuditAction.CASE_BREACH_CONFIRMED,
    AuditAction.CASE_PERSONAL_DATA_ERASED,
    AuditAction.CASE_PERSONAL_DATA_ERASURE_REQUESTED,
    AuditAction.BREACH_REPORT_SUBMITTED,
    AuditAction.DISPATCH_RELEASED,
    AuditAction.STORE_CONTENTS_RECORDED,
)
SESSIONS = (
    AuditAction.USER_SESSION_OPENED,
    AuditAction.USER_SESSION_CLOSED,
    AuditAction.USER_SESSION_REFUSED,
)
"""Frequent, and no decision; every other action on an account is one."""
REGULAR = "regular"


class HeadRecorder:
    """Records the head of one data folder's chain, called repeatedly by the maintenance loop."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._minutes = container.settings.audit.anchor_minutes
        self._noted: tuple[int, datetime] | None = None
        self.trouble = ""
        """Why the newest try failed; empty: it did not."""

    def record_if_due(self) -> bool:
        """Note the head if it moved and it is time, or a decisive act is new. True: noted. A file
        that cannot be written stops nothing: `trouble` says so until it can."""
        path = self._container.settings.audit.anchor_file
        if path is None:
            return False
        try:
            return self._record_head_if_due(path)
        except ConfigurationError as error:
            self.trouble = str(error)
            return False

    def _record_head_if_due(self, path: Path) -> bool:
        now = self._container.now()
        noted, at = self._noted or self._read_last_recorded(path)
        since = self._container.store.read(lambda uow: uow.audit.list_since(noted))
        acts = [entry.act for entry in since if _is_decisive(entry.act)]
        is_time = at is None or now - at >= timedelta(minutes=self._minutes) or now < at
        if not since or not (acts or is_time):
            self._noted = (noted, at or now)
            return False
        self._noted = (record_head(self._container, path, acts[-1] if acts else REGULAR), now)
        self.trouble = ""
        return True

    def _read_last_recorded(self, path: Path) -> tuple[int, datetime | None]:
        """Read the last recorded head; a file without a valid one gets an entry at once."""
        try:
            anchors = AnchorFile(path).read()
        except (NotFound, CorruptData):
            return 0, None
        return (anchors[-1].seq, anchors[-1].at) if anchors else (0, None)


def record_head(container: Container, path: Path, why: str) -> int:
    """Add the present head to the file, and the mark that says so; its number. Raises
    ConfigurationError when the file cannot be written."""
    head = container.store.read(lambda uow: uow.audit.get_head())
    AnchorFile(path).add(head, container.now(), why)
    container.store.write(lambda uow: uow.marks.set(ANCHORED, head.typed))
    return head.seq


def examine_chain(
    container: Container, *, bundles: Sequence[Path] = (), typed: Sequence[ChainAnchor] = ()
) -> AuditReport:
    """Verify the chain, the store's content and every head at hand: these bundles, typed heads and
    the anchor file. Raises CorruptData at the first broken link, BadInput for a file that is no
    bundle."""
    path = container.settings.audit.anchor_file
    in_file: list[AuditDiscrepancy] = []
    lines: Sequence[ChainAnchor] = ()
    if path is not None:
        # The mark, the file, the chain: each may grow meanwhile, and is read before what holds it.
        noted = container.store.read(lambda uow: uow.marks.get(ANCHORED))
        lines = _read_anchors(noted, path, in_file)

    def examine_store(uow: UnitOfWork) -> AuditReport:
        discrepancies = list(in_file)
        compared: list[str] = []
        anchors = [*typed, *lines]
        for bundle in bundles:
            differs = find_difference(bundle, uow.audit.follow())
            discrepancies += [] if differs is None else [differs]
            compared.append(f"the bundle {bundle.name}")
        compared += [f"the head {anchor.seq} that you typed" for anchor in typed]
        if lines:
            plural = "s" if len(lines) > 1 else ""
            compared.append(f"{len(lines):,} line{plural} of the anchor file")
        if anchors:
            discrepancies += iterate_broken_anchors(anchors, uow.audit.follow())
        report = uow.audit.examine()
        return report.model_copy(
            update={
                "discrepancies": (*discrepancies, *report.discrepancies),
                "compared": tuple(compared),
            }
        )

    return container.store.read(examine_store)


def _read_anchors(
    noted: str | None, path: Path, discrepancies: list[AuditDiscrepancy]
) -> Sequence[ChainAnchor]:
    try:
        anchors = AnchorFile(path).read()
    except NotFound:
        if noted is not None:
            discrepancies.append(_build_file_discrepancy("it is missing", noted, "nothing"))
        return []
    except (CorruptData, ConfigurationError) as broken:
        discrepancies.append(
            _build_file_discrepancy(broken.problem, noted or "nothing", "it cannot be believed")
        )
        return []
    if noted is not None and noted not in {f"{a.seq}:{a.hash}" for a in anchors}:
        discrepancies.append(
            _build_file_discrepancy("its newest line is missing", noted, "older lines only")
        )
    return anchors


def _build_file_discrepancy(what: str, noted: str, stored: str) -> AuditDiscrepancy:
    return AuditDiscrepancy(
        where="the anchor file",
        what=what,
        chain=f"entry {noted.partition(':')[0]} was noted in it",
        store=stored,
        source=PLACE,
    )


def _is_decisive(act: str) -> bool:
    action = find_action(act)
    if action is None or action in SESSIONS:
        return False
    return action in DECISIVE or action.topic is AuditTopic.ACCOUNT
