"""Approval: what it does in figures, the sealed hashes, the typed count, the password again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework.release import approval_validity, approve
from breachdesk.casework.release.approve import ReleaseSeal
from breachdesk.casework.release.letter_contexts import get_documents
from breachdesk.casework.release.letter_headers import build_head
from breachdesk.casework.release.letters import (
    CheckedText,
    CheckedTextLookup,
    LetterSet,
    get_text_key,
)
from breachdesk.casework.release.second_person import list_writers
from breachdesk.casework.release.witness import find_unfit_reason
from breachdesk.console.screens.cases.decision import list_sealed_tensions
from breachdesk.console.screens.cases.delivery import WitnessWait, read_waiting
from breachdesk.console.views.case_progress import build_steps
from breachdesk.console.views.case_view import CaseFile, read_case
from breachdesk.console.views.forms import SubmittedForm
from breachdesk.console.web.contact_rows import ContactWarnings, build_contact_warnings
from breachdesk.console.web.letter_checks import BreachTexts
from breachdesk.console.web.paging import NumberedPage, build_numbered_page
from breachdesk.console.web.permissions import APPROVER, requires
from breachdesk.console.web.reauthentication import (
    determine_proof,
    require_second_factor,
    write_proven,
)
from breachdesk.console.web.request_context import (
    REFUSALS,
    Posted,
    RequestContext,
    SignedIn,
    redirect_to,
)
from breachdesk.console.web.screen import Screen
from breachdesk.ports import UnitOfWork
from schemas.casework.affected import Recipient
from schemas.casework.approval import Approval, ApprovalKind
from schemas.casework.notice import LetterHead, NoticeRow, RenderedText
from schemas.errors import BadInput, BreachDeskError, NotAllowed
from schemas.settings import SenderSettings

router = APIRouter()
HEADS = 20
CALLS = 20
"""Rows that a page shows."""


@dataclass(frozen=True)
class ApprovalPage:
    """What the approver sees: the file, the seal, the letters; or why there is no seal."""

    file: CaseFile
    sender: SenderSettings | None
    seal: ReleaseSeal | None = None
    texts: BreachTexts | None = None
    obstacle: BreachDeskError | None = None
    writers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Account ids of those who may not approve, and what each did."""
    contacts: ContactWarnings = field(default_factory=ContactWarnings)
    waiting: WitnessWait = field(default_factory=WitnessWait)
    unfit_witness: str = ""
    """Explain why nobody can break the glass with the witness that the settings nominate."""
    open_again: bool = False
    """It is released, and may be approved once more."""

    @property
    def is_finished(self) -> bool:
        """Whether it is released and nothing is to be approved."""
        return self.file.released and not self.open_again

    @property
    def letters(self) -> LetterSet | None:
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
        """Letters that it released in addition."""
        return len(self._approved) - len(self.approved_rows)

    @property
    def _approved(self) -> Sequence[NoticeRow]:
        seal = self.file.approval.hash if self.file.approval else None
        rows = (row for row in self.file.rows if row.kind.spec.needs_manifest)
        return [row for row in rows if row.approval_hash == seal]

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
        return self.texts.find(get_text_key(self.texts.recipients[0]))

    @property
    def calls(self) -> Sequence[tuple[int, Recipient, RenderedText]]:
        """The first people who are telephoned, each with the number and the script of the call."""
        if self.texts is None:
            return ()
        first = self.texts.mails
        rows = enumerate(self.texts.recipients[first : first + CALLS], first + 1)
        texts = ((number, r, self.texts.find(get_text_key(r))) for number, r in rows)
        return [(number, r, text.script) for number, r, text in texts if text is not None]

    def build_heads(self, page: str) -> NumberedPage[tuple[int, Recipient, LetterHead]]:
        """The heads of some letters, as they leave through this sender."""
        texts, sender = self.texts, self.sender
        if texts is None or sender is None:
            return build_numbered_page((), page, HEADS)
        mails = tuple(enumerate(texts.recipients[: texts.mails], 1))
        shown = build_numbered_page(mails, page, HEADS)
        return NumberedPage(
            [
                (number, r, build_head(text.letter, r.name, r.email, sender))
                for number, r in shown.rows
                if (text := texts.find(get_text_key(r))) and text.letter
            ],
            shown.total,
            shown.number,
            shown.pages,
        )


@router.get("/cases/{case_id}/approval")
def show_approval(case_id: str, context: SignedIn, sender: str = "", page: str = "") -> Response:
    """What waits, and what releasing it would do."""
    return _show(context, case_id, {"sender": sender, "page": page})


@router.post("/cases/{case_id}/approval")
@requires(APPROVER)
def submit_approval(case_id: str, context: SignedIn, form: Posted) -> Response:
    """The second person's release."""
    return _submit_release(context, case_id, form, _approve_release, "approved")


@router.post("/cases/{case_id}/break-glass")
@requires(APPROVER)
def submit_break_glass(case_id: str, context: SignedIn, form: Posted) -> Response:
    """One person alone, with reason, delay and witness."""
    return _submit_release(context, case_id, form, _approve_break_glass, "glass")


def _submit_release(
    context: RequestContext,
    case_id: str,
    form: SubmittedForm,
    act: Callable[
        [UnitOfWork, RequestContext, str, SubmittedForm, CheckedTextLookup | None], Approval
    ],
    message: str,
) -> Response:
    def prepare_release() -> Callable[[UnitOfWork], Approval]:
        texts = _check_texts(context, case_id)
        return lambda uow: act(uow, context, case_id, form, texts)

    try:
        write_proven(context, form, prepare_release)
    except REFUSALS as problem:
        return _show(context, case_id, form, problem)
    context.app_state.navigation.clear()
    return redirect_to(f"/cases/{case_id}/delivery", message)


def _check_texts(context: RequestContext, case_id: str) -> CheckedTextLookup | None:
    """Every text checked, before the transaction begins; None: the act says why there are none."""

    def check_texts(uow: UnitOfWork) -> CheckedTextLookup:
        file = read_case(uow, case_id, context.now)
        return context.app_state.letters.finish_texts(uow, file, context.now).find

    try:
        return context.look(check_texts)
    except BreachDeskError:
        return None


def _approve_release(
    uow: UnitOfWork,
    context: RequestContext,
    case_id: str,
    form: SubmittedForm,
    texts: CheckedTextLookup | None,
) -> Approval:
    file, sender = _require_ready(uow, context, case_id, form)
    return approve.approve(
        uow,
        context.actor,
        file.get_breach().id,
        count=form.require_number("count", "How many people will be notified"),
        expected_hash=form.get_text("expected_hash"),
        settings=context.dependencies.settings,
        renderer=context.dependencies.renderer,
        sender=sender,
        now=context.now,
        checked_texts=texts,
    )


def _approve_break_glass(
    uow: UnitOfWork,
    context: RequestContext,
    case_id: str,
    form: SubmittedForm,
    texts: CheckedTextLookup | None,
) -> Approval:
    if form.get_text("witness"):
        raise BadInput(
            "the form names a witness",
            place="witness",
            remedy="Only the settings can name the witness.",
        )
    file, sender = _require_ready(uow, context, case_id, form)
    return approve.approve_break_glass(
        uow,
        context.actor,
        file.get_breach().id,
        count=form.require_number("count", "How many people will be notified"),
        expected_hash=form.get_text("expected_hash"),
        reason=form.get_text("glass_reason"),
        settings=context.dependencies.settings,
        renderer=context.dependencies.renderer,
        sender=sender,
        now=context.now,
        checked_texts=texts,
    )


def _require_ready(
    uow: UnitOfWork, context: RequestContext, case_id: str, form: SubmittedForm
) -> tuple[CaseFile, SenderSettings]:
    """The file and the sender, for somebody who has what releasing needs. Raises NotAllowed."""
    require_second_factor(uow, context)
    sender = context.dependencies.find_sender(form.get_text("sender"))
    if sender is None:
        raise NotAllowed("no sender is set up", place="senders", remedy="See the set-up page.")
    return read_case(uow, case_id, context.now), sender


def _show(
    context: RequestContext,
    case_id: str,
    typed: Mapping[str, str],
    problem: BreachDeskError | None = None,
) -> Response:
    state = context.look(lambda uow: _read(uow, context, case_id, typed.get("sender", "")))
    kept_fields = {name: typed.get(name, "") for name in ("count", "glass_reason")}
    return context.render_page(
        "approval.html",
        state=state,
        heads=state.build_heads(typed.get("page", "")),
        file=state.file,
        case=state.file.case,
        case_steps=build_steps(state.file),
        tensions=list_sealed_tensions(state.file),
        typed=kept_fields,
        proof=determine_proof(context),
        problem=problem,
    )


def _read(uow: UnitOfWork, context: RequestContext, case_id: str, sender_id: str) -> ApprovalPage:
    file, waiting = read_waiting(uow, context, case_id)
    breach, dependencies = file.get_breach(), context.dependencies
    sender = dependencies.find_sender(
        sender_id or (file.approval.sender_id if file.approval else "")
    )
    told_customers = {r.customer_id for r in file.manifest.recipients} if file.manifest else set()
    state = ApprovalPage(
        file,
        sender,
        contacts=build_contact_warnings(uow, context, breach, told_customers),
        waiting=waiting,
        unfit_witness=find_unfit_reason(
            dependencies.settings.profile.witness_email, dependencies.settings, uow.users.list()
        ),
        open_again=_may_be_joined(uow, file),
    )
    try:
        documents = get_documents(uow, breach.id)
        state = replace(
            state,
            texts=context.app_state.letters.read_texts(uow, file, context.now),
            writers=list_writers(uow, documents, dependencies.settings.notices),
        )
        if sender is None or state.is_finished or state.checking:
            return state
        seal = approve.compute_seal(
            uow,
            breach.id,
            dependencies.settings,
            dependencies.renderer,
            sender,
            ready=state.letters,
        )
    except BreachDeskError as obstacle:
        return replace(state, obstacle=obstacle)
    return replace(state, seal=seal)


def _may_be_joined(uow: UnitOfWork, file: CaseFile) -> bool:
    """Letters expired or were skipped, or one person alone released them."""
    if not file.released or file.approval is None:
        return False
    alone = file.approval.kind is ApprovalKind.BREAK_GLASS
    return alone or approval_validity.has_unsent(uow, file.approval)


SCREEN = Screen(id="approval", router=router)
