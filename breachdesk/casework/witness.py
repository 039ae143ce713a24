"""The message to the nominated outsider of a broken glass: plain, and about nobody affected."""

from __future__ import annotations

from datetime import datetime, timedelta

from breachdesk.casework.letters import Documents
from breachdesk.casework.queueing import message_id
from breachdesk.ports import Renderer, UnitOfWork
from schemas.breach import Approval, Certainty, Channel, Exposure, NoticeKind, Recipient
from schemas.customer import PROVIDER, PersonKind, Role
from schemas.letter import LetterContext
from schemas.notice import NoticeRow, Rendered, Status
from schemas.settings import SenderSettings, Settings

PERSON = "witness"


def queue_witness(
    uow: UnitOfWork,
    approval: Approval,
    made: Documents,
    sender: SenderSettings,
    settings: Settings,
    renderer: Renderer,
    now: datetime,
) -> None:
    """Queued first and without delay: the letters wait, this does not."""
    letter = witness_letter(approval, made, settings, renderer)
    identity = (approval.breach_id, PROVIDER, PERSON, NoticeKind.WITNESS, approval.version)
    domain = sender.from_email.rpartition("@")[2]
    uow.notices.queue(
        NoticeRow(
            id=0,
            breach_id=approval.breach_id,
            customer_id=PROVIDER,
            person_id=PERSON,
            kind=NoticeKind.WITNESS,
            version=approval.version,
            status=Status.QUEUED,
            rendered_hash=letter.hash,
            message_id=message_id(*identity, letter.hash, domain),
            approval_hash=approval.hash,
            expires_at=now + timedelta(hours=settings.notices.expires_hours),
        )
    )


def witness_letter(
    approval: Approval, made: Documents, settings: Settings, renderer: Renderer
) -> Rendered:
    """Says that one person alone released; never what happened, and to nobody affected."""
    return renderer.letter(_context(approval, made, settings))


def _context(approval: Approval, made: Documents, settings: Settings) -> LetterContext:
    outsider = Recipient(
        customer_id=PROVIDER,
        person_id=PERSON,
        person_kind=PersonKind.USER,
        kind=NoticeKind.WITNESS,
        name="",
        email=approval.witness,
        channel=Channel.EMAIL,
    )
    nobody = Exposure(
        customer_id=PROVIDER,
        role=Role.CONTROLLER,
        certainty=Certainty.EXCLUDED,
        reason="told as a witness",
    )
    return LetterContext(
        kind=NoticeKind.WITNESS,
        drill=made.drill or settings.drill,
        reference=approval.breach_id,
        profile=settings.profile,
        breach=made.breach,
        facts=made.facts,
        exposure=nobody,
        recipient=outsider,
        decision=made.decision,
        customer_name="",
        version=approval.version,
        told_at=approval.approved_at,
    )
