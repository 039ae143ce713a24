"""Is this row ready to leave? Renders it again and says what stands against it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from breachdesk.casework.attempts import said_by
from breachdesk.casework.contact_watch import is_still_registered
from breachdesk.casework.evidence import assets_in_evidence
from breachdesk.casework.letter_contexts import LetterMaker, documents
from breachdesk.casework.letter_heads import letter_head
from breachdesk.casework.notice_history import contradiction
from breachdesk.casework.numbering import numbering_on
from breachdesk.casework.recipients import UnsafeAddresses
from breachdesk.casework.sealing import bound_hash
from breachdesk.casework.senders import check_sender, sender_by_id
from breachdesk.casework.standing import approval_of, why_not
from breachdesk.casework.telephone import recipient_of
from breachdesk.casework.witness import PERSON, address_of, why_waiting, witness_letter
from breachdesk.ports import Renderer, UnitOfWork
from schemas.affected import NoticeKind, Recipient
from schemas.approval import Approval
from schemas.breach import Breach
from schemas.errors import BreachDeskError
from schemas.notice import LetterHead, NoticeRow, Outgoing, Rendered, Status
from schemas.notice_states import NOTIFIED
from schemas.settings import SenderSettings, Settings

MOVED = "the register holds another name or address than the frozen list"


@dataclass(frozen=True, slots=True)
class Refusal:
    """It does not leave. `status` None: not now, perhaps later."""

    reason: str
    status: Status | None = None
    call: bool = False
    """A person must be telephoned instead."""


@dataclass(frozen=True, slots=True)
class Ready:
    """Everything an Outgoing needs but the attempt."""

    row: NoticeRow
    letter: Rendered = field(repr=False)
    head: LetterHead
    in_reply_to: str | None = None

    def outgoing(self, attempt_id: str, now: datetime) -> Outgoing:
        """One recipient, one letter, everything fixed."""
        head = self.head
        return Outgoing(
            row_id=self.row.id,
            attempt_id=attempt_id,
            message_id=self.row.message_id,
            date=now,
            from_name=head.from_name,
            from_email=head.from_email,
            envelope_sender=head.envelope_sender,
            to_name=head.to_name,
            to_email=head.to_email,
            letter=self.letter,
            in_reply_to=self.in_reply_to,
        )


@dataclass(frozen=True, slots=True)
class Intent:
    """One attempt, as it is about to be written: who, where, when."""

    ready: Ready
    attempt_id: str
    boot_id: str
    server: str
    """Identity of the database server that answered before; empty for a file."""
    at: datetime

    def written_on(self, row: NoticeRow) -> NoticeRow:
        """The row once intent is written."""
        return row.model_copy(
            update={
                "status": Status.SENDING,
                "status_reason": said_by(self.boot_id),
                "attempt_id": self.attempt_id,
                "attempts": row.attempts + 1,
                "intent_at": self.at,
                "next_attempt_at": None,
            }
        )


def departure(
    uow: UnitOfWork, row: NoticeRow, settings: Settings, renderer: Renderer, now: datetime
) -> Ready | Refusal:
    """Approval standing, not paused, not expired, sender and address clean, and the same bytes
    when rendered again. Reads only."""
    refusal = cheap_refusal(uow, row, settings, now)
    if refusal is not None:
        return refusal
    contradicted = contradiction(uow, row)
    if contradicted:
        return Refusal(contradicted, Status.SKIPPED)
    approval = approval_of(uow, row)
    sender = sender_by_id(settings, approval.sender_id) if approval else None
    if approval is None or sender is None:
        return Refusal("there is no approval with this seal", Status.SKIPPED)
    breach = uow.breaches.get(row.breach_id)
    try:
        check_sender(uow, breach, sender)
        return _rendered(uow, row, approval, sender, settings, renderer)
    except BreachDeskError as error:
        return Refusal(error.problem, Status.SKIPPED)


def cheap_refusal(
    uow: UnitOfWork, row: NoticeRow, settings: Settings, now: datetime
) -> Refusal | None:
    """What can be said without rendering; asked again in the transaction that writes intent."""
    if now >= row.expires_at:
        return Refusal("it expired before it could leave", Status.EXPIRED, call=True)
    why = why_not(uow, row, settings)
    if why:
        return Refusal(why, Status.SKIPPED)
    if row.kind is NoticeKind.WITNESS:
        return None
    if uow.breaches.paused(row.breach_id):
        return Refusal("the mail of this breach is stopped")
    approval = approval_of(uow, row)
    waiting = why_waiting(uow, approval, now) if approval is not None else ""
    return Refusal(waiting) if waiting else None


def _rendered(
    uow: UnitOfWork,
    row: NoticeRow,
    approval: Approval,
    sender: SenderSettings,
    settings: Settings,
    renderer: Renderer,
) -> Ready | Refusal:
    if row.kind is NoticeKind.WITNESS:
        letter = witness_letter(approval, drill=uow.breaches.get(row.breach_id).drill)
        head = letter_head(letter, "", address_of(uow, row, approval), sender)
        return _same(row, letter, head, PERSON, None)
    made = documents(uow, row.breach_id)
    recipient = recipient_of(made.manifest, row.customer_id, row.person_id, row.kind)
    if recipient is None:
        return Refusal("this person is no longer on the frozen list", Status.SKIPPED)
    unsafe = _unsafe(uow, made.breach, recipient)
    if unsafe:
        return Refusal(unsafe, Status.SKIPPED, call=True)
    customer = uow.customers.get(row.customer_id)
    if not is_still_registered(made.manifest.exposures, recipient, customer):
        return Refusal(MOVED, Status.SKIPPED, call=True)
    customers = {row.customer_id: customer}
    maker = LetterMaker(
        uow, made, settings, customers, told_under=approval.told_under, told_at=approval.told_at
    )
    context = maker.context(recipient, numbering_on(row))
    letter = renderer.letter(context)
    head = letter_head(letter, recipient.name, recipient.email, sender)
    return _same(row, letter, head, context.customer_name, _before(uow, row))


def _unsafe(uow: UnitOfWork, breach: Breach, recipient: Recipient) -> str:
    """Evidence that came after the list was frozen counts too."""
    assets = assets_in_evidence(uow, uow.cases.get(breach.case_id))
    addresses = UnsafeAddresses(assets, uow.customers.bindings())
    return addresses.reason(recipient.email, recipient.customer_id)


def _same(
    row: NoticeRow, letter: Rendered, head: LetterHead, customer_name: str, before: str | None
) -> Ready | Refusal:
    if bound_hash(letter, head, customer_name) != row.rendered_hash:
        return Refusal("rendering it again gives other words than were approved", Status.SKIPPED)
    return Ready(row, letter, head, before)


def _before(uow: UnitOfWork, row: NoticeRow) -> str | None:
    """Message-ID of the letter this one follows, if it left."""
    same = [
        r
        for r in uow.notices.list(breach_id=row.breach_id, statuses=NOTIFIED)
        if (r.customer_id, r.person_id, r.kind) == (row.customer_id, row.person_id, row.kind)
        and r.version < row.version
    ]
    return max(same, key=lambda r: r.version).message_id if same else None
