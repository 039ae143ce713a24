"""The message to the nominated outsider of a broken glass: plain, and about nobody affected."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from html import escape

from breachdesk.casework.queueing import message_id
from breachdesk.ports import UnitOfWork
from schemas.breach import Approval, Breach, NoticeKind
from schemas.customer import PROVIDER
from schemas.notice import NoticeRow, Rendered, Status
from schemas.settings import SenderSettings, Settings
from schemas.times import in_utc

PERSON = "witness"


def queue_witness(
    uow: UnitOfWork,
    approval: Approval,
    breach: Breach,
    sender: SenderSettings,
    settings: Settings,
    now: datetime,
) -> None:
    """Queued first and without delay: the letters wait, this does not."""
    letter = witness_letter(approval, drill=breach.drill)
    domain = sender.from_email.rpartition("@")[2]
    uow.notices.queue(
        NoticeRow(
            id=0,
            breach_id=breach.id,
            customer_id=PROVIDER,
            person_id=PERSON,
            kind=NoticeKind.WITNESS,
            version=approval.version,
            status=Status.QUEUED,
            rendered_hash=letter.hash,
            message_id=message_id(
                breach.id,
                PROVIDER,
                PERSON,
                NoticeKind.WITNESS,
                approval.version,
                letter.hash,
                domain,
            ),
            approval_hash=approval.hash,
            expires_at=now + timedelta(hours=settings.notices.expires_hours),
        )
    )


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


def _lines(approval: Approval) -> tuple[str, ...]:
    leaves = in_utc(approval.not_before or approval.approved_at)
    return (
        "You are the outsider who is told when one person alone releases breach notices.",
        "",
        f"Breach: {approval.breach_id}",
        f"Released by: {approval.approved_by}",
        f"At: {in_utc(approval.approved_at):%d %B %Y %H:%M} UTC",
        f"Letters: {approval.count}",
        f"They leave from: {leaves:%d %B %Y %H:%M} UTC",
        f"Seal: {approval.hash}",
        "",
        "No second person has read them. If you did not expect this, telephone us now, on a",
        "number that you already have, and ask for the mail to be stopped.",
    )
