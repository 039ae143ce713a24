"""The nominated outsider of a broken glass: who it may be, the message, and what waits for it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from html import escape

from breachdesk.casework.authority import require
from breachdesk.casework.evidence import assets_in_evidence
from breachdesk.casework.letter_heads import letter_head
from breachdesk.casework.queueing import message_id
from breachdesk.casework.recipients import UnsafeAddresses
from breachdesk.casework.sealing import bound_hash, next_version
from breachdesk.casework.senders import sender_by_id
from breachdesk.ports import UnitOfWork
from schemas.addresses import is_address
from schemas.affected import Manifest, NoticeKind
from schemas.approval import Approval, ApprovalKind, WitnessMail
from schemas.breach import Breach
from schemas.customer import PROVIDER
from schemas.errors import Incomplete, NotAllowed
from schemas.notice import NoticeRow, Rendered, Status
from schemas.notice_states import IN_FLIGHT, NOTIFIED
from schemas.settings import SenderSettings, Settings
from schemas.signs import shown_in_line
from schemas.times import in_utc
from schemas.user import Actor, Duty, User

PERSON = "witness"
SETTING = "witness_email under [profile] in breachdesk.toml"
AGAIN = f"Correct {SETTING}, then write to the witness again from the delivery page."
WAITS = {
    Status.QUEUED: "the message to the witness has not left yet",
    Status.SENDING: "the message to the witness is leaving",
    Status.DEFERRED: "the witness's mail server put the message off",
    Status.BOUNCED: "the message to the witness came back",
    Status.UNKNOWN: "nobody knows whether the message to the witness was handed over",
    Status.EXPIRED: "the message to the witness expired before it could leave",
    Status.SKIPPED: "the message to the witness could not leave",
}


def why_unfit(address: str, settings: Settings, users: Iterable[User]) -> str:
    """Why this address is no outsider's; empty: nothing that is known here speaks against it."""
    if not address:
        return "none is set"
    if not is_address(address):
        return "it is not one mail address"
    local, _, domain = address.casefold().rpartition("@")
    local = local.partition("+")[0]
    if any(domain == own or domain.endswith(f".{own}") for own in own_domains(settings)):
        return "it is at our own domain, or at one that our mail leaves from"
    if any(_letters(local) in (_letters(user.id), _letters(user.name)) for user in users):
        return "it bears the name of somebody who has an account"
    return ""


def own_domains(settings: Settings) -> frozenset[str]:
    """Of our senders and of the contact that letters name."""
    addresses = [settings.profile.contact_email]
    for sender in settings.senders:
        addresses += [sender.from_email, sender.envelope_from, sender.username]
    domains = (address.rpartition("@") for address in addresses)
    return frozenset(domain.casefold() for _, at, domain in domains if at and domain)


def fit_witness(uow: UnitOfWork, breach: Breach, settings: Settings) -> str:
    """The witness's address, from the settings alone. Raises Incomplete where none is set,
    NotAllowed for one that is ours, somebody's who is told, or in the evidence."""
    address = settings.profile.witness_email.strip()
    if not address:
        raise Incomplete(
            {"witness": "no outsider is nominated"}, place="break-glass", remedy=f"Set {SETTING}."
        )
    why = why_unfit(address, settings, uow.users.list()) or _entangled(uow, breach, address)
    if why:
        raise NotAllowed(
            f"the nominated witness is no outsider: {why}",
            place="break-glass",
            remedy=f"Nominate somebody else: {SETTING}.",
        )
    return address


def queue_witness(
    uow: UnitOfWork,
    approval: Approval,
    breach: Breach,
    sender: SenderSettings,
    settings: Settings,
    now: datetime,
    number: int = 1,
) -> NoticeRow:
    """Queued first and without delay: the letters wait for it. `number`: which message of the
    approval this is."""
    letter = witness_letter(approval, drill=breach.drill)
    person = PERSON if number == 1 else f"{PERSON}-{number}"
    address = _address(uow, breach.id, approval, person)
    bound = bound_hash(letter, letter_head(letter, "", address, sender), PERSON)
    domain = sender.from_email.rpartition("@")[2]
    whole = (breach.id, PROVIDER, person, NoticeKind.WITNESS, approval.version, bound, domain)
    return uow.notices.queue(
        NoticeRow(
            id=0,
            breach_id=breach.id,
            customer_id=PROVIDER,
            person_id=person,
            kind=NoticeKind.WITNESS,
            version=approval.version,
            status=Status.QUEUED,
            rendered_hash=bound,
            message_id=message_id(*whole),
            approval_hash=approval.hash,
            expires_at=now + timedelta(hours=settings.notices.expires_hours),
        )
    )


def tell_witness_again(
    uow: UnitOfWork, actor: Actor, breach_id: str, settings: Settings, now: datetime
) -> NoticeRow:
    """One more message, to whom the settings name now, because the one before did not arrive.

    Raises NotAllowed when nobody released alone, when a message is under way or was handed over,
    and as `fit_witness`.
    """
    require(actor, Duty.RESPONDER, Duty.APPROVER, act="write to the witness again")
    breach = uow.breaches.get(breach_id)
    approval = uow.breaches.latest(Approval, breach_id)
    if approval is None or approval.kind is not ApprovalKind.BREAK_GLASS:
        raise NotAllowed("nobody released alone", place=breach_id, remedy="There is no witness.")
    rows = witness_rows(uow, approval)
    if any(row.status in (*IN_FLIGHT, *NOTIFIED) for row in rows):
        raise NotAllowed(
            "the last message to the witness is under way or was handed over",
            place=breach_id,
            remedy="If it came back, record the bounce first.",
        )
    sender = sender_by_id(settings, approval.sender_id)
    if sender is None:
        raise NotAllowed(
            "its sender is not set up any more", place=breach_id, remedy="Approve anew."
        )
    address = fit_witness(uow, breach, settings)
    mail = WitnessMail(
        breach_id=breach_id,
        version=next_version(uow.breaches.latest(WitnessMail, breach_id)),
        approval_version=approval.version,
        number=len(rows) + 1,
        address=address,
        asked_by=actor.id,
        asked_at=now,
    )
    uow.breaches.put(mail)
    row = queue_witness(uow, approval, breach, sender, settings, now, mail.number)
    uow.audit.record(
        at=now,
        actor=actor.id,
        act="breach:witness:told_again",
        subject=breach_id,
        facts={"approval": approval.version, "message": mail.number, "notice": row.id},
        personal={"witness": address},
        case_id=breach.case_id,
    )
    return row


def address_of(uow: UnitOfWork, row: NoticeRow, approval: Approval) -> str:
    """Where this message goes: as it was fixed when it was queued."""
    return _address(uow, row.breach_id, approval, row.person_id)


def _address(uow: UnitOfWork, breach_id: str, approval: Approval, person: str) -> str:
    return next(
        (
            mail.address
            for mail in uow.breaches.all(WitnessMail, breach_id)
            if mail.approval_version == approval.version and person == f"{PERSON}-{mail.number}"
        ),
        approval.witness,
    )


def witness_rows(uow: UnitOfWork, approval: Approval) -> Sequence[NoticeRow]:
    """Messages to the witness of this approval, oldest first."""
    rows = uow.notices.list(breach_id=approval.breach_id, kind=NoticeKind.WITNESS)
    return [row for row in rows if row.version == approval.version]


def why_waiting(uow: UnitOfWork, approval: Approval, now: datetime) -> str:
    """Why letters that one person released alone may not leave yet; empty: they may. They leave
    when the delay is over since a message to the witness was handed over and did not come back."""
    if approval.kind is not ApprovalKind.BREAK_GLASS:
        return ""
    rows = witness_rows(uow, approval)
    handed = [row.handed_over_at for row in rows if row.status in NOTIFIED and row.handed_over_at]
    if not handed:
        return WAITS[rows[-1].status] if rows else "there is no message to a witness"
    if now < leaves_at(approval, min(handed)):
        return "the break-glass delay is not over"
    return ""


def leaves_at(approval: Approval, handed_over_at: datetime) -> datetime:
    """From when on the letters leave, when the witness's message was handed over at that time."""
    begin = in_utc(approval.not_before or approval.approved_at)
    return max(begin, in_utc(handed_over_at) + _delay(approval))


def witness_letter(approval: Approval, *, drill: bool) -> Rendered:
    """A pure function of the approval. Says who, when, how many; never what or why."""
    subject = f"{'DRILL: ' if drill else ''}One person alone released {approval.breach_id}"
    text = "\n".join(_lines(approval)) + "\n"
    body = f'<!doctype html><html lang="en-GB"><body><pre>{escape(text)}</pre></body></html>'
    whole = f"{subject}\x00{text}\x00{body}".encode()
    return Rendered(
        customer_id=PROVIDER,
        person_id=PERSON,
        kind=NoticeKind.WITNESS,
        subject=subject,
        text=text,
        html=body,
        hash=hashlib.sha256(whole).hexdigest(),
    )


def _head(approval: Approval) -> tuple[str, ...]:
    """Outside our machines the reader's copy shows whether our record was written anew."""
    if not approval.audit_head:
        return ()
    return (
        "",
        "Keep this message. The record of our acts stood at this line before the release:",
        approval.audit_head,
        "Whoever examines the record later can ask you for it.",
    )


def _lines(approval: Approval) -> tuple[str, ...]:
    leaves = in_utc(approval.not_before or approval.approved_at)
    minutes = int(_delay(approval).total_seconds() // 60)
    return (
        "You are the outsider who is told when one person alone releases breach notices.",
        "",
        f"Breach: {approval.breach_id}",
        f"Released by: {shown_in_line(approval.approved_by)}",
        f"The same person also {', '.join(approval.own_work)}."
        if approval.own_work
        else "What is released was written by others.",
        f"At: {in_utc(approval.approved_at):%d %B %Y %H:%M} UTC",
        f"Letters: {approval.count}",
        f"They leave {minutes} minutes after your mail server took this message, and not before",
        f"{leaves:%d %B %Y %H:%M} UTC.",
        f"Seal: {approval.hash}",
        *_head(approval),
        "",
        "No second person has read them. If you did not expect this, telephone us now, on a",
        "number that you already have, and ask for the mail to be stopped.",
    )


def _delay(approval: Approval) -> timedelta:
    return in_utc(approval.not_before or approval.approved_at) - in_utc(approval.approved_at)


def _entangled(uow: UnitOfWork, breach: Breach, address: str) -> str:
    manifest = uow.breaches.latest(Manifest, breach.id)
    told = {r.email.casefold() for r in manifest.recipients} if manifest else set()
    if address.casefold() in told:
        return "it is one of those who are told of this breach"
    evidence = assets_in_evidence(uow, uow.cases.get(breach.case_id))
    return UnsafeAddresses(evidence, uow.customers.bindings()).reason(address, "")


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.casefold())
