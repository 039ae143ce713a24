"""Re-render a queued notice and return either the message or the reason it is withheld."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from breachdesk.casework.affected.contact_changes import is_still_registered
from breachdesk.casework.affected.evidence import list_assets
from breachdesk.casework.affected.recipients import UnsafeAddresses
from breachdesk.casework.delivery.attempts import format_sending_reason
from breachdesk.casework.delivery.notice_history import find_contradiction
from breachdesk.casework.digests import compute_bound_hash
from breachdesk.casework.opening.telephone_tasks import find_recipient
from breachdesk.casework.release.approval_validity import find_approval, invalid_reason
from breachdesk.casework.release.letter_contexts import ContextBuilder, get_documents
from breachdesk.casework.release.letter_headers import build_head
from breachdesk.casework.release.letter_numbers import get_approved_number
from breachdesk.casework.release.senders import check_sender, find_sender
from breachdesk.casework.release.witness import (
    PERSON,
    find_wait_reason,
    get_address,
    render_witness_letter,
)
from breachdesk.ports import DocumentRenderer, UnitOfWork
from schemas.casework.affected import Recipient
from schemas.casework.approval import Approval
from schemas.casework.breach import Breach
from schemas.casework.notice import (
    DeliveryStatus,
    LetterHead,
    NoticeRow,
    OutgoingMessage,
    RenderedText,
)
from schemas.casework.notice_states import NOTIFIED
from schemas.errors import BreachDeskError
from schemas.settings import SenderSettings, Settings

MOVED = "the register holds another name or address than the frozen list"


@dataclass(frozen=True, slots=True)
class Withheld:
    """It does not leave. `status` None: not now, perhaps later."""

    reason: str
    status: DeliveryStatus | None = None
    call: bool = False
    """A person must be telephoned instead."""


@dataclass(frozen=True, slots=True)
class Sendable:
    """Everything an Outgoing needs but the attempt."""

    row: NoticeRow
    letter: RenderedText = field(repr=False)
    head: LetterHead
    in_reply_to: str | None = None

    def to_outgoing(self, attempt_id: str, now: datetime) -> OutgoingMessage:
        """Build the message: one recipient and one letter, with every header fixed."""
        head = self.head
        return OutgoingMessage(
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
class SendIntent:
    """One attempt, as it is about to be written: who, where, when."""

    ready: Sendable
    attempt_id: str
    boot_id: str
    server: str
    """Identity of the database server that answered before; empty for a file."""
    at: datetime

    def apply_to(self, row: NoticeRow) -> NoticeRow:
        """Return the row as it is once intent is written."""
        return row.model_copy(
            update={
                "status": DeliveryStatus.SENDING,
                "status_reason": format_sending_reason(self.boot_id),
                "attempt_id": self.attempt_id,
                "attempts": row.attempts + 1,
                "intent_at": self.at,
                "next_attempt_at": None,
            }
        )


def check_before_send(
    uow: UnitOfWork, row: NoticeRow, settings: Settings, renderer: DocumentRenderer, now: datetime
) -> Sendable | Withheld:
    """Check that the approval is valid, the row neither paused nor expired, sender and address
    uncompromised, and that rendering again gives the same bytes. Reads only."""
    refusal = find_cheap_refusal(uow, row, settings, now)
    if refusal is not None:
        return refusal
    contradicted = find_contradiction(uow, row)
    if contradicted:
        return Withheld(contradicted, DeliveryStatus.SKIPPED)
    approval = find_approval(uow, row)
    sender = find_sender(settings, approval.sender_id) if approval else None
    if approval is None or sender is None:
        return Withheld("there is no approval with this seal", DeliveryStatus.SKIPPED)
    breach = uow.breaches.get(row.breach_id)
    try:
        check_sender(uow, breach, sender)
        return _render_sendable(uow, row, approval, sender, settings, renderer)
    except BreachDeskError as error:
        return Withheld(error.problem, DeliveryStatus.SKIPPED)


def find_cheap_refusal(
    uow: UnitOfWork, row: NoticeRow, settings: Settings, now: datetime
) -> Withheld | None:
    """Find a reason to withhold the row that needs no rendering; checked again in the transaction
    that writes intent."""
    if now >= row.expires_at:
        return Withheld("it expired before it could leave", DeliveryStatus.EXPIRED, call=True)
    why = invalid_reason(uow, row, settings)
    if why:
        return Withheld(why, DeliveryStatus.SKIPPED)
    if not row.kind.spec.pausable:
        return None
    if uow.breaches.is_paused(row.breach_id):
        return Withheld("the mail of this breach is stopped")
    approval = find_approval(uow, row)
    waiting = find_wait_reason(uow, approval, now) if approval is not None else ""
    return Withheld(waiting) if waiting else None


def _render_sendable(
    uow: UnitOfWork,
    row: NoticeRow,
    approval: Approval,
    sender: SenderSettings,
    settings: Settings,
    renderer: DocumentRenderer,
) -> Sendable | Withheld:
    if not row.kind.spec.needs_manifest:
        letter = render_witness_letter(approval, drill=uow.breaches.get(row.breach_id).drill)
        head = build_head(letter, "", get_address(uow, row, approval), sender)
        return _compare_rendering(row, letter, head, PERSON, None)
    letter_documents = get_documents(uow, row.breach_id)
    recipient = find_recipient(letter_documents.manifest, row.customer_id, row.person_id, row.kind)
    if recipient is None:
        return Withheld("this person is no longer on the frozen list", DeliveryStatus.SKIPPED)
    unsafe = _find_unsafe_reason(uow, letter_documents.breach, recipient)
    if unsafe:
        return Withheld(unsafe, DeliveryStatus.SKIPPED, call=True)
    customer = uow.customers.get(row.customer_id)
    if not is_still_registered(letter_documents.manifest.exposures, recipient, customer):
        return Withheld(MOVED, DeliveryStatus.SKIPPED, call=True)
    customers = {row.customer_id: customer}
    maker = ContextBuilder(
        uow,
        letter_documents,
        settings,
        customers,
        jurisdictions=approval.told_under,
        written_at=approval.told_at,
    )
    context = maker.build_context(recipient, get_approved_number(row))
    letter = renderer.render_letter(context)
    head = build_head(letter, recipient.name, recipient.email, sender)
    return _compare_rendering(
        row, letter, head, context.customer_name, _find_previous_message_id(uow, row)
    )


def _find_unsafe_reason(uow: UnitOfWork, breach: Breach, recipient: Recipient) -> str:
    """Find why the address is unsafe. Evidence added after the list was frozen counts too."""
    assets = list_assets(uow, uow.cases.get(breach.case_id))
    addresses = UnsafeAddresses(assets, uow.customers.list_bindings())
    return addresses.find_reason(recipient.email, recipient.customer_id)


def _compare_rendering(
    row: NoticeRow, letter: RenderedText, head: LetterHead, customer_name: str, before: str | None
) -> Sendable | Withheld:
    if compute_bound_hash(letter, head, customer_name) != row.rendered_hash:
        return Withheld(
            "rendering it again gives other words than were approved", DeliveryStatus.SKIPPED
        )
    return Sendable(row, letter, head, before)


def _find_previous_message_id(uow: UnitOfWork, row: NoticeRow) -> str | None:
    """Find the Message-ID of the letter that this one follows, if it left."""
    same = [
        r
        for r in uow.notices.list(breach_id=row.breach_id, statuses=NOTIFIED)
        if (r.customer_id, r.person_id, r.kind) == (row.customer_id, row.person_id, row.kind)
        and r.version < row.version
    ]
    return max(same, key=lambda r: r.version).message_id if same else None
