"""Check the nominated outsider of a break-glass release, and queue the message that its letters
wait for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from html import escape

from breachdesk.casework.affected.evidence import list_assets
from breachdesk.casework.affected.recipients import UnsafeAddresses
from breachdesk.casework.authority import require_permission
from breachdesk.casework.digests import compute_bound_hash, compute_next_version
from breachdesk.casework.release.letter_headers import build_head
from breachdesk.casework.release.outbox_rows import format_message_id
from breachdesk.casework.release.senders import find_sender
from breachdesk.ports import UnitOfWork
from schemas.addresses import is_address
from schemas.audit_actions import AuditAction
from schemas.casework.affected import Manifest
from schemas.casework.approval import Approval, ApprovalKind, WitnessMail
from schemas.casework.breach import Breach
from schemas.casework.notice import DeliveryStatus, NoticeRow, RenderedText
from schemas.casework.notice_kind import NoticeKind
from schemas.casework.notice_states import IN_FLIGHT, NOTIFIED
from schemas.customer import PROVIDER
from schemas.errors import IncompleteDocument, NotAllowed
from schemas.settings import SenderSettings, Settings
from schemas.text_signs import mark_hidden_in_line
from schemas.times import convert_to_utc
from schemas.user import Actor, Permission, User

PERSON = "witness"
SETTING = "witness_email under [profile] in breachdesk.toml"
AGAIN = f"Correct {SETTING}, then write to the witness again from the delivery page."
WAITS = {
    DeliveryStatus.QUEUED: "the message to the witness has not left yet",
    DeliveryStatus.SENDING: "the message to the witness is leaving",
    DeliveryStatus.DEFERRED: "the witness's mail server put the message off",
    DeliveryStatus.BOUNCED: "the message to the witness came back",
    DeliveryStatus.UNKNOWN: "nobody knows whether the message to the witness was handed over",
    DeliveryStatus.EXPIRED: "the message to the witness expired before it could leave",
    DeliveryStatus.SKIPPED: "the message to the witness could not leave",
}


def find_unfit_reason(address: str, settings: Settings, users: Iterable[User]) -> str:
    """Find why this address is no outsider's; empty: nothing known here speaks against it."""
    if not address:
        return "none is set"
    if not is_address(address):
        return "it is not one mail address"
    local, _, domain = address.casefold().rpartition("@")
    local = local.partition("+")[0]
    if any(domain == own or domain.endswith(f".{own}") for own in list_own_domains(settings)):
        return "it is at our own domain, or at one that our mail leaves from"
    if any(
        _normalise_letters(local) in (_normalise_letters(user.id), _normalise_letters(user.name))
        for user in users
    ):
        return "it bears the name of somebody who has an account"
    return ""


def list_own_domains(settings: Settings) -> frozenset[str]:
    """List the domains of our senders and of the contact that letters name."""
    addresses = [settings.profile.contact_email]
    for sender in settings.senders:
        addresses += [sender.from_email, sender.envelope_from, sender.username]
    domains = (address.rpartition("@") for address in addresses)
    return frozenset(domain.casefold() for _, at, domain in domains if at and domain)


def require_fit(uow: UnitOfWork, breach: Breach, settings: Settings) -> str:
    """Return the witness's address, from the settings alone. Raises IncompleteDocument where none
    is set, NotAllowed for one that is ours, a recipient's, or in the evidence."""
    address = settings.profile.witness_email.strip()
    if not address:
        raise IncompleteDocument(
            {"witness": "no outsider is nominated"}, place="break-glass", remedy=f"Set {SETTING}."
        )
    why = find_unfit_reason(address, settings, uow.users.list()) or _find_unsafe_reason(
        uow, breach, address
    )
    if why:
        raise NotAllowed(
            f"the nominated witness is no outsider: {why}",
            place="break-glass",
            remedy=f"Nominate somebody else: {SETTING}.",
        )
    return address


def enqueue_witness(
    uow: UnitOfWork,
    approval: Approval,
    breach: Breach,
    sender: SenderSettings,
    settings: Settings,
    now: datetime,
    number: int = 1,
) -> NoticeRow:
    """Queue the message first and without delay: the letters wait for it. `number` counts the
    approval's messages."""
    letter = render_witness_letter(approval, drill=breach.drill)
    person = PERSON if number == 1 else f"{PERSON}-{number}"
    address = _get_address(uow, breach.id, approval, person)
    bound = compute_bound_hash(letter, build_head(letter, "", address, sender), PERSON)
    domain = sender.from_email.rpartition("@")[2]
    whole = (breach.id, PROVIDER, person, NoticeKind.WITNESS, approval.version, bound, domain)
    return uow.notices.enqueue(
        NoticeRow(
            id=0,
            breach_id=breach.id,
            customer_id=PROVIDER,
            person_id=person,
            kind=NoticeKind.WITNESS,
            version=approval.version,
            status=DeliveryStatus.QUEUED,
            rendered_hash=bound,
            message_id=format_message_id(*whole),
            approval_hash=approval.hash,
            expires_at=now + timedelta(hours=settings.notices.expires_hours),
        )
    )


def tell_witness_again(
    uow: UnitOfWork, actor: Actor, breach_id: str, settings: Settings, now: datetime
) -> NoticeRow:
    """Queue one more message, to the witness now in the settings, because the previous one did not
    arrive.

    Raises NotAllowed when nobody released alone, when a message is under way or was handed over,
    and as `require_fit`."""
    require_permission(
        actor, Permission.RESPONDER, Permission.APPROVER, act="write to the witness again"
    )
    breach = uow.breaches.get(breach_id)
    approval = uow.breaches.find_latest(Approval, breach_id)
    if approval is None or approval.kind is not ApprovalKind.BREAK_GLASS:
        raise NotAllowed("nobody released alone", place=breach_id, remedy="There is no witness.")
    rows = list_witness_rows(uow, approval)
    if any(row.status in (*IN_FLIGHT, *NOTIFIED) for row in rows):
        raise NotAllowed(
            "the last message to the witness is under way or was handed over",
            place=breach_id,
            remedy="If it came back, record the bounce first.",
        )
    sender = find_sender(settings, approval.sender_id)
    if sender is None:
        raise NotAllowed(
            "its sender is no longer configured", place=breach_id, remedy="Approve again."
        )
    address = require_fit(uow, breach, settings)
    mail = WitnessMail(
        breach_id=breach_id,
        version=compute_next_version(uow.breaches.find_latest(WitnessMail, breach_id)),
        approval_version=approval.version,
        number=len(rows) + 1,
        address=address,
        asked_by=actor.id,
        asked_at=now,
    )
    uow.breaches.add_document(mail)
    row = enqueue_witness(uow, approval, breach, sender, settings, now, mail.number)
    uow.audit.record(
        at=now,
        actor=actor.id,
        action=AuditAction.BREACH_WITNESS_TOLD_AGAIN,
        subject=breach_id,
        facts={"approval": approval.version, "message": mail.number, "notice": row.id},
        personal={"witness": address},
        case_id=breach.case_id,
    )
    return row


def get_address(uow: UnitOfWork, row: NoticeRow, approval: Approval) -> str:
    """Return the address that was fixed when the message was queued."""
    return _get_address(uow, row.breach_id, approval, row.person_id)


def _get_address(uow: UnitOfWork, breach_id: str, approval: Approval, person: str) -> str:
    return next(
        (
            mail.address
            for mail in uow.breaches.list_versions(WitnessMail, breach_id)
            if mail.approval_version == approval.version and person == f"{PERSON}-{mail.number}"
        ),
        approval.witness,
    )


def list_witness_rows(uow: UnitOfWork, approval: Approval) -> Sequence[NoticeRow]:
    """List messages to the witness of this approval, oldest first."""
    rows = uow.notices.list(breach_id=approval.breach_id, kind=NoticeKind.WITNESS)
    return [row for row in rows if row.version == approval.version]


def find_wait_reason(uow: UnitOfWork, approval: Approval, now: datetime) -> str:
    """Find why letters that one person released alone may not leave yet; empty: they may. They
    leave when the delay is over since a message to the witness was handed over and did not come
    back."""
    if approval.kind is not ApprovalKind.BREAK_GLASS:
        return ""
    rows = list_witness_rows(uow, approval)
    handed = [row.handed_over_at for row in rows if row.status in NOTIFIED and row.handed_over_at]
    if not handed:
        return WAITS[rows[-1].status] if rows else "there is no message to a witness"
    if now < compute_leave_time(approval, min(handed)):
        return "the break-glass delay is not over"
    return ""


def compute_leave_time(approval: Approval, handed_over_at: datetime) -> datetime:
    """Compute from when on the letters leave, when the witness's message was handed over at that
    time."""
    begin = convert_to_utc(approval.not_before or approval.approved_at)
    return max(begin, convert_to_utc(handed_over_at) + _compute_delay(approval))


def render_witness_letter(approval: Approval, *, drill: bool) -> RenderedText:
    """Render the message as a pure function of the approval. It says who, when, how many; never
    what or why."""
    subject = f"{'DRILL: ' if drill else ''}One person alone released {approval.breach_id}"
    text = "\n".join(_build_lines(approval)) + "\n"
    body = f'<!doctype html><html lang="en-GB"><body><pre>{escape(text)}</pre></body></html>'
    whole = f"{subject}\x00{text}\x00{body}".encode()
    return RenderedText(
        customer_id=PROVIDER,
        person_id=PERSON,
        kind=NoticeKind.WITNESS,
        subject=subject,
        text=text,
        html=body,
        hash=hashlib.sha256(whole).hexdigest(),
    )


def _build_head(approval: Approval) -> tuple[str, ...]:
    """Build the head of the audit chain: outside our machines the reader's copy reveals whether our
    record was rewritten."""
    if not approval.audit_head:
        return ()
    return (
        "",
        "Keep this message. The record of our acts stood at this line before the release:",
        approval.audit_head,
        "Whoever examines the record later can ask you for it.",
    )


def _build_lines(approval: Approval) -> tuple[str, ...]:
    leaves = convert_to_utc(approval.not_before or approval.approved_at)
    minutes = int(_compute_delay(approval).total_seconds() // 60)
    return (
        "You are the outsider who is told when one person alone releases breach notices.",
        "",
        f"Breach: {approval.breach_id}",
        f"Released by: {mark_hidden_in_line(approval.approved_by)}",
        f"The same person also {', '.join(approval.own_work)}."
        if approval.own_work
        else "What is released was written by others.",
        f"At: {convert_to_utc(approval.approved_at):%d %B %Y %H:%M} UTC",
        f"Letters: {approval.count}",
        f"They leave {minutes} minutes after your mail server took this message, and not before",
        f"{leaves:%d %B %Y %H:%M} UTC.",
        f"Seal: {approval.hash}",
        *_build_head(approval),
        "",
        "No second person has read them. If you did not expect this, telephone us now, on a",
        "number that you already have, and ask for the mail to be stopped.",
    )


def _compute_delay(approval: Approval) -> timedelta:
    return convert_to_utc(approval.not_before or approval.approved_at) - convert_to_utc(
        approval.approved_at
    )


def _find_unsafe_reason(uow: UnitOfWork, breach: Breach, address: str) -> str:
    manifest = uow.breaches.find_latest(Manifest, breach.id)
    addresses = {r.email.casefold() for r in manifest.recipients} if manifest else set()
    if address.casefold() in addresses:
        return "it is one of those who are told of this breach"
    evidence = list_assets(uow, uow.cases.get(breach.case_id))
    return UnsafeAddresses(evidence, uow.customers.list_bindings()).find_reason(address, "")


def _normalise_letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.casefold())
