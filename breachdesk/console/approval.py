"""Approval: what it does in figures, the sealed hashes, the typed count, the password again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework import approve, standing
from breachdesk.casework.approve import Seal
from breachdesk.casework.letter_heads import heads
from breachdesk.casework.letters import Letters, documents
from breachdesk.casework.second_person import writers
from breachdesk.casework.witness import why_unfit
from breachdesk.console.case_file import CaseFile, read_case
from breachdesk.console.contact_rows import ContactWarnings, contact_warnings
from breachdesk.console.decision import tensions_of
from breachdesk.console.delivery import Waiting, read_waiting
from breachdesk.console.desk import REFUSALS, Desk, Posted, Signed, go
from breachdesk.console.forms import Form
from breachdesk.console.reauthentication import (
    act_proven,
    needed_proof,
    require_second_factor,
)
from breachdesk.console.way import way
from breachdesk.ports import UnitOfWork
from schemas.approval import Approval, ApprovalKind
from schemas.errors import BadInput, BreachDeskError, NotAllowed
from schemas.notice import LetterHead
from schemas.settings import SenderSettings

router = APIRouter()


@dataclass(frozen=True)
class State:
    """What the approver sees: the file, the seal, the letters; or why there is no seal."""

    file: CaseFile
    sender: SenderSettings | None
    seal: Seal | None = None
    letters: Letters | None = None
    obstacle: BreachDeskError | None = None
    writers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Account ids of those who may not approve, and what each did."""
    contacts: ContactWarnings = field(default_factory=ContactWarnings)
    waiting: Waiting = field(default_factory=Waiting)
    unfit_witness: str = ""
    """Why the glass cannot be broken under whom the settings nominate."""
    open_again: bool = False
    """It is released, and may be approved once more."""

    @property
    def stands(self) -> bool:
        """Released, and nothing to approve."""
        return self.file.released and not self.open_again

    @property
    def heads(self) -> list[LetterHead]:
        """The head of each letter, as it leaves through this sender."""
        return heads(self.letters, self.sender) if self.letters and self.sender else []

    @property
    def kinds(self) -> Counter[str]:
        """Letters by kind."""
        rendered = self.letters.rendered if self.letters else ()
        return Counter(letter.kind.value for letter in rendered)


@router.get("/cases/{case_id}/approval")
def show(case_id: str, desk: Signed, sender: str = "") -> Response:
    """What waits, and what releasing it would do."""
    return _show(desk, case_id, {"sender": sender})


@router.post("/cases/{case_id}/approval")
def release(case_id: str, desk: Signed, form: Posted) -> Response:
    """The second person's release."""
    return _attempt(desk, case_id, form, _release, "approved")


@router.post("/cases/{case_id}/break-glass")
def break_glass(case_id: str, desk: Signed, form: Posted) -> Response:
    """One person alone, with reason, delay and witness."""
    return _attempt(desk, case_id, form, _break, "glass")


def _attempt(
    desk: Desk,
    case_id: str,
    form: Form,
    act: Callable[[UnitOfWork, Desk, str, Form], Approval],
    done: str,
) -> Response:
    try:
        act_proven(desk, form, lambda: lambda uow: act(uow, desk, case_id, form))
    except REFUSALS as problem:
        return _show(desk, case_id, form, problem)
    desk.hall.chrome.forget()
    return go(f"/cases/{case_id}/delivery", done)


def _release(uow: UnitOfWork, desk: Desk, case_id: str, form: Form) -> Approval:
    file, sender = _ready(uow, desk, case_id, form)
    return approve.approve(
        uow,
        desk.actor,
        file.known_breach().id,
        count=form.must_whole("count", "How many people will be told"),
        expected_hash=form.text("expected_hash"),
        settings=desk.house.settings,
        renderer=desk.house.renderer,
        sender=sender,
        now=desk.now,
    )


def _break(uow: UnitOfWork, desk: Desk, case_id: str, form: Form) -> Approval:
    if form.text("witness"):
        raise BadInput(
            "the form names a witness", place="witness", remedy="The settings alone name one."
        )
    file, sender = _ready(uow, desk, case_id, form)
    return approve.break_glass(
        uow,
        desk.actor,
        file.known_breach().id,
        count=form.must_whole("count", "How many people will be told"),
        expected_hash=form.text("expected_hash"),
        reason=form.text("glass_reason"),
        settings=desk.house.settings,
        renderer=desk.house.renderer,
        sender=sender,
        now=desk.now,
    )


def _ready(
    uow: UnitOfWork, desk: Desk, case_id: str, form: Form
) -> tuple[CaseFile, SenderSettings]:
    """The file and the sender, for somebody who has what releasing needs. Raises NotAllowed."""
    require_second_factor(uow, desk)
    sender = desk.house.sender(form.text("sender"))
    if sender is None:
        raise NotAllowed("no sender is set up", place="senders", remedy="See the set-up page.")
    return read_case(uow, case_id, desk.now), sender


def _show(
    desk: Desk, case_id: str, typed: Mapping[str, str], problem: BreachDeskError | None = None
) -> Response:
    state = desk.look(lambda uow: _read(uow, desk, case_id, typed.get("sender", "")))
    kept = {name: typed.get(name, "") for name in ("count", "glass_reason")}
    return desk.page(
        "approval.html",
        state=state,
        file=state.file,
        case=state.file.case,
        way=way(state.file),
        tensions=tensions_of(state.file),
        typed=kept,
        proof=needed_proof(desk),
        problem=problem,
    )


def _read(uow: UnitOfWork, desk: Desk, case_id: str, sender_id: str) -> State:
    file, waiting = read_waiting(uow, desk, case_id)
    breach, house = file.known_breach(), desk.house
    sender = house.sender(sender_id or (file.approval.sender_id if file.approval else ""))
    told = {r.customer_id for r in file.manifest.recipients} if file.manifest else set()
    state = State(
        file,
        sender,
        contacts=contact_warnings(uow, desk, breach, told),
        waiting=waiting,
        unfit_witness=why_unfit(
            house.settings.profile.witness_email, house.settings, uow.users.list()
        ),
        open_again=_may_be_joined(uow, file),
    )
    try:
        state = replace(
            state,
            letters=desk.hall.shelf.read(uow, file, desk.now),
            writers=writers(uow, documents(uow, breach.id), house.settings.notices),
        )
        if sender is None or state.stands:
            return state
        seal = approve.seal(uow, breach.id, house.settings, house.renderer, sender)
    except BreachDeskError as obstacle:
        return replace(state, obstacle=obstacle)
    return replace(state, seal=seal)


def _may_be_joined(uow: UnitOfWork, file: CaseFile) -> bool:
    """Letters expired or were skipped, or one person alone released them."""
    if not file.released or file.approval is None:
        return False
    alone = file.approval.kind is ApprovalKind.BREAK_GLASS
    return alone or standing.ended_unsent(uow, file.approval)
