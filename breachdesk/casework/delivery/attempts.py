"""Record send attempts, and mark rows whose outcome is unknown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from breachdesk.ports import UnitOfWork
from schemas.audit_actions import AuditAction
from schemas.casework.notice import DeliveryStatus, NoticeRow

ACTOR = "system:dispatch"


def mark_unknown(uow: UnitOfWork, rows: Sequence[NoticeRow], reason: str, now: datetime) -> int:
    """Mark `sending` rows as `unknown` when no process can report their end. Returns how many
    changed."""
    changed = 0
    for row in rows:
        unknown = row.model_copy(update={"status": DeliveryStatus.UNKNOWN, "status_reason": reason})
        if uow.notices.update(unknown, expected=[DeliveryStatus.SENDING]):
            record_attempt(uow, AuditAction.NOTICE_ATTEMPT_LOST, unknown, now)
            changed += 1
    return changed


def record_attempt(uow: UnitOfWork, action: AuditAction, row: NoticeRow, now: datetime) -> None:
    """Append one audit entry to the row's breach, without any address."""
    uow.audit.record(
        at=now,
        actor=ACTOR,
        action=action,
        subject=row.breach_id,
        facts={
            "notice": row.id,
            "status": row.status.value,
            "attempt": row.attempt_id,
            "attempts": row.attempts,
            "message": row.message_id,
            "hash": row.rendered_hash,
            "reply": row.smtp_reply,
            "reason": row.status_reason,
        },
        case_id=uow.breaches.get(row.breach_id).case_id,
    )


def parse_boot_id(row: NoticeRow) -> str:
    """Parse the boot id of the dispatcher that sends this row; empty when it is not being sent."""
    return row.status_reason.removeprefix("boot ") if row.status is DeliveryStatus.SENDING else ""


def format_sending_reason(boot_id: str) -> str:
    """Format the reason of a row that this boot is sending; `parse_boot_id` reads it."""
    return f"boot {boot_id}"
