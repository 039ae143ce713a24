"""Approval: what it does in figures, the sealed hashes, the typed count, the password again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework import approve, standing
from breachdesk.casework.approve import Seal
from breachdesk.casework.letter_contexts import documents
from breachdesk.casework.letter_heads import letter_head
from breachdesk.casework.letters import CheckedText, KeptTexts, Letters, whose_text
from breachdesk.casework.second_person import writers
from breachdesk.casework.witness import why_unfit
from breachdesk.console.case_file import CaseFile, read_case
from breachdesk.console.contact_rows import ContactWarnings, contact_warnings
from breachdesk.console.decision import tensions_of
from breachdesk.console.delivery import Waiting, read_waiting
from breachdesk.console.desk import REFUSALS, Desk, Posted, Signed, go
from breachdesk.console.forms import Form
from breachdesk.console.letter_checks import BreachTexts
from breachdesk.console.paging import NumberedPage, numbered_page
from breachdesk.console.reauthentication import (
    act_proven,
    needed_proof,
    require_second_factor,
)
from breachdesk.console.way import way
from breachdesk.ports import UnitOfWork
from schemas.affected import NoticeKind, Recipient
from schemas.approval import Approval, ApprovalKind
from schemas.errors import BadInput, BreachDeskError, NotAllowed
from schemas.notice import LetterHead, NoticeRow, Rendered
from schemas.settings import SenderSettings

router = APIRouter()
HEADS = 20
CALLS = 20
"""Rows that a page shows."""


@dataclass(frozen=True)
class State:
    """What the approver sees: the file, the seal, the letters; or why there is no seal."""

    file: CaseFile
    sender: SenderSettings | None
    seal: Seal | None = None
    texts: BreachTexts | None = None
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
    def letters(self) -> Letters | None:
        """As far as they are checked."""
        return self.texts.letters if self.texts else None

    @property
    def checking(self) -> bool:
        """Some are not checked yet, so that nothing can be approved."""
        return self.texts is not None and not self.texts.complete

    @property
    def approved_rows(self) -> Sequence[NoticeRow]:
        """The first letters that the approval released."""
        return self._approved[:HEADS]

    @property
    def more_approved(self) -> int:
        """Letters that it released beside them."""
        return len(self._approved) - len(self.approved_rows)

    @property
    def _approved(self) -> Sequence[NoticeRow]:
        seal = self.file.approval.hash if self.file.approval else None
        witness = NoticeKind.WITNESS
        return [r for r in self.file.rows if r.kind is not witness and r.approval_hash == seal]

    @property
    def kinds(self) -> Counter[str]:
        """Letters by kind."""
        recipients = self.texts.recipients[: self.texts.mails] if self.texts else ()
        return Counter(recipient.kind.value for recipient in recipients)

    @property
    def first(self) -> CheckedText | None:
        """The first letter by mail, once it is checked."""
        if self.texts is None or not self.texts.mails:
            return None
        return self.texts.find(whose_text(self.texts.recipients[0]))

    @property
    def calls(self) -> Sequence[tuple[int, Recipient, Rendered]]:
        """The first people who are telephoned, each with the number and the script of the call."""
        if self.texts is None:
            return ()
        first = self.texts.mails
        rows = enumerate(self.texts.recipients[first : first + CALLS], first + 1)
        texts = ((number, r, self.texts.find(whose_text(r))) for number, r in rows)
        return [(number, r, text.script) for number, r, text in texts if text is not None]

    def heads(self, page: str) -> NumberedPage[tuple[int, Recipient, LetterHead]]:
        """The heads of some letters, as they leave through this sender."""
        texts, sender = self.texts, self.sender
        if texts is None or sender is None:
            return numbered_page((), page, HEADS)
        mails = tuple(enumerate(texts.recipients[: texts.mails], 1))
        shown = numbered_page(mails, page, HEADS)
        return NumberedPage(
            [
                (number, r, letter_head(text.letter, r.name, r.email, sender))
                for number, r in shown.rows
                if (text := texts.find(whose_text(r))) and text.letter
            ],
            shown.total,
            shown.number,
            shown.pages,
        )


@router.get("/cases/{case_id}/approval")
def show(case_id: str, desk: Signed, sender: str = "", page: str = "") -> Response:
    """What waits, and what releasing it would do."""
    return _show(desk, case_id, {"sender": sender, "page": page})


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
    act: Callable[[UnitOfWork, Desk, str, Form, KeptTexts | None], Approval],
    done: str,
) -> Response:
    def prepare() -> Callable[[UnitOfWork], Approval]:
        kept = _checked(desk, case_id)
        return lambda uow: act(uow, desk, case_id, form, kept)

    try:
        act_proven(desk, form, prepare)
    except REFUSALS as problem:
        return _show(desk, case_id, form, problem)
    desk.hall.chrome.forget()
    return go(f"/cases/{case_id}/delivery", done)


def _checked(desk: Desk, case_id: str) -> KeptTexts | None:
    """Every text checked, before the transaction begins; None: the act says why there are none."""

    def check(uow: UnitOfWork) -> KeptTexts:
        file = read_case(uow, case_id, desk.now)
        return desk.hall.letters.finished(uow, file, desk.now).find

    try:
        return desk.look(check)
    except BreachDeskError:
        return None


def _release(
    uow: UnitOfWork, desk: Desk, case_id: str, form: Form, kept: KeptTexts | None
) -> Approval:
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
        kept=kept,
    )


def _break(
    uow: UnitOfWork, desk: Desk, case_id: str, form: Form, kept: KeptTexts | None
) -> Approval:
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
        kept=kept,
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
        heads=state.heads(typed.get("page", "")),
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
        made = documents(uow, breach.id)
        state = replace(
            state,
            texts=desk.hall.letters.texts(uow, file, desk.now),
            writers=writers(uow, made, house.settings.notices),
        )
        if sender is None or state.stands or state.checking:
            return state
        seal = approve.seal(
            uow, breach.id, house.settings, house.renderer, sender, ready=state.letters
        )
    except BreachDeskError as obstacle:
        return replace(state, obstacle=obstacle)
    return replace(state, seal=seal)


def _may_be_joined(uow: UnitOfWork, file: CaseFile) -> bool:
    """Letters expired or were skipped, or one person alone released them."""
    if not file.released or file.approval is None:
        return False
    alone = file.approval.kind is ApprovalKind.BREAK_GLASS
    return alone or standing.ended_unsent(uow, file.approval)
