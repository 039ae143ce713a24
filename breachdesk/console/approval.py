"""Approval: what it does in figures, the sealed hashes, the typed count, the password again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework import approve, standing
from breachdesk.casework.approve import Seal
from breachdesk.casework.letters import Letters, documents
from breachdesk.casework.second_person import writers
from breachdesk.casework.witness import why_unfit
from breachdesk.console.case_file import CaseFile, read_case
from breachdesk.console.contact_rows import ContactWarning, contact_warnings
from breachdesk.console.decision import tensions_of
from breachdesk.console.delivery import Waiting, read_waiting
from breachdesk.console.desk import Desk, Posted, Signed
from breachdesk.console.forms import Form
from breachdesk.console.passwords import password_matches
from breachdesk.console.way import way
from breachdesk.ports import UnitOfWork
from schemas.breach import Approval, ApprovalKind, Channel, Recipient
from schemas.errors import BadInput, BreachDeskError, NotAllowed
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
    contacts: tuple[ContactWarning, ...] = ()
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
    def kinds(self) -> Counter[str]:
        """Letters by kind."""
        rendered = self.letters.rendered if self.letters else ()
        return Counter(letter.kind.value for letter in rendered)

    @property
    def held_back(self) -> tuple[Recipient, ...]:
        """People who are telephoned instead."""
        everyone = self.file.manifest.recipients if self.file.manifest else ()
        return tuple(r for r in everyone if r.channel is Channel.TELEPHONE)


@router.get("/cases/{case_id}/approval")
def show(case_id: str, desk: Signed, sender: str = "") -> Response:
    """What waits, and what releasing it would do."""
    return _show(desk, case_id, {"sender": sender})


@router.post("/cases/{case_id}/approval")
def release(case_id: str, desk: Signed, form: Posted) -> Response:
    """The second person's release."""
    return desk.attempt(
        lambda uow: _release(uow, desk, case_id, form),
        then=f"/cases/{case_id}/delivery",
        done="approved",
        again=lambda problem: _show(desk, case_id, form, problem),
    )


@router.post("/cases/{case_id}/break-glass")
def break_glass(case_id: str, desk: Signed, form: Posted) -> Response:
    """One person alone, with reason, delay and witness."""
    return desk.attempt(
        lambda uow: _break(uow, desk, case_id, form),
        then=f"/cases/{case_id}/delivery",
        done="glass",
        again=lambda problem: _show(desk, case_id, form, problem),
    )


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
    """The file and the sender, once the password was typed again. Raises NotAllowed."""
    _password_again(desk, form)
    sender = desk.house.sender(form.text("sender"))
    if sender is None:
        raise NotAllowed("no sender is set up", place="senders", remedy="See the set-up page.")
    return read_case(uow, case_id, desk.now), sender


def _password_again(desk: Desk, form: Form) -> None:
    attempts = desk.hall.attempts
    wait = attempts.wait_until(desk.user.id, "approval", desk.now)
    if wait is not None:
        raise NotAllowed("too many wrong passwords", place="Your password", remedy="Wait.")
    if not password_matches(desk.user.password_hash, form.text("password")):
        attempts.failed(desk.user.id, "approval", desk.now)
        raise NotAllowed(
            "this is not your password", place="Your password", remedy="Nothing was released."
        )


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
