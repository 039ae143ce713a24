"""Queue rows of an approval: at most one mail for each (breach, customer, person, kind, version).

The version is that of the letters' facts. Approving the same facts again re-binds what has not
left yet and leaves alone what has."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timedelta

from breachdesk.casework.release.letter_headers import compute_bound_hashes
from breachdesk.casework.release.letters import LetterSet
from breachdesk.ports import UnitOfWork
from schemas.addresses import encode_domain
from schemas.casework.approval import Approval
from schemas.casework.letter import LetterContext
from schemas.casework.notice import DeliveryStatus, NoticeRow
from schemas.casework.notice_kind import NoticeKind
from schemas.casework.notice_states import NOT_SENT
from schemas.settings import NoticePolicy, SenderSettings

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


def enqueue_letters(
    uow: UnitOfWork,
    approval: Approval,
    ready: LetterSet,
    sender: SenderSettings,
    policy: NoticePolicy,
    now: datetime,
) -> None:
    """Enqueue one row for each letter, bound to this approval."""
    rows = uow.notices.list(breach_id=approval.breach_id)
    existing = {(r.customer_id, r.person_id, r.kind, r.version): r for r in rows}
    hashes = compute_bound_hashes(ready, sender)
    for context, bound in zip(ready.contexts, hashes, strict=True):
        row = build_letter_row(approval, context, bound, sender, policy, now)
        before = existing.get((row.customer_id, row.person_id, row.kind, row.version))
        if before is None:
            uow.notices.enqueue(row)
        elif before.status in NOT_SENT:
            again = row.model_copy(update={"id": before.id, "attempts": before.attempts})
            uow.notices.update(again, expected=[before.status])


def build_letter_row(
    approval: Approval,
    context: LetterContext,
    bound: str,
    sender: SenderSettings,
    policy: NoticePolicy,
    now: datetime,
) -> NoticeRow:
    """Build a queued row, not to be tried before a break-glass delay is over."""
    start = approval.not_before or now
    recipient = context.recipient
    return NoticeRow(
        id=0,
        breach_id=approval.breach_id,
        customer_id=recipient.customer_id,
        person_id=recipient.person_id,
        kind=recipient.kind,
        version=approval.facts_version,
        status=DeliveryStatus.QUEUED,
        rendered_hash=bound,
        number=context.version,
        supersedes=context.supersedes,
        may_supersede=context.may_supersede,
        spoken_before=context.spoken_before,
        message_id=format_message_id(
            approval.breach_id,
            recipient.customer_id,
            recipient.person_id,
            recipient.kind,
            approval.facts_version,
            bound,
            sender.from_email.rpartition("@")[2],
        ),
        next_attempt_at=approval.not_before,
        approval_hash=approval.hash,
        expires_at=start + timedelta(hours=policy.expires_hours),
    )


def format_message_id(
    breach: str,
    customer: str,
    person: str,
    kind: NoticeKind,
    version: int,
    rendered_hash: str,
    domain: str,
) -> str:
    """Format like `<BR-0001.c-017.p-3.account_holder.1.0a1b2c3d4e5f@provider.example>`: the same
    letter always has the same id. Odd characters become `-` and a short hash keeps two such ids
    apart."""
    parts = (breach, customer, person, kind.value, str(version))
    local = ".".join(_to_atom(part) for part in parts)
    return f"<{local}.{rendered_hash[:12]}@{encode_domain(domain) or domain}>"


def _to_atom(part: str) -> str:
    safe = _UNSAFE.sub("-", part)[:40]
    if safe == part:
        return safe
    return f"{safe}-{hashlib.sha256(part.encode()).hexdigest()[:6]}"
