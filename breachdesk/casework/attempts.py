"""What is written down of attempts to send, and how a row comes into doubt."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from breachdesk.ports import UnitOfWork
from schemas.notice import NoticeRow, Status

ACTOR = "system:dispatch"


def into_doubt(uow: UnitOfWork, rows: Sequence[NoticeRow], said: str, now: datetime) -> int:
    """Rows `sending` whose end nobody will tell become `unknown`; how many did."""
    changed = 0
    for row in rows:
        unknown = row.model_copy(update={"status": Status.UNKNOWN, "status_reason": said})
        if uow.notices.update(unknown, expected=[Status.SENDING]):
            audit_attempt(uow, "notice:attempt:lost", unknown, now)
            changed += 1
    return changed


def audit_attempt(uow: UnitOfWork, act: str, row: NoticeRow, now: datetime) -> None:
    """One entry on the row's breach, without any address."""
    uow.audit.record(
        at=now,
        actor=ACTOR,
        act=act,
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


def boot_of(row: NoticeRow) -> str:
    """Boot id of the dispatcher that sends this row; empty when it is not being sent."""
    return row.status_reason.removeprefix("boot ") if row.status is Status.SENDING else ""


def said_by(boot_id: str) -> str:
    """The reason of a row that this boot is sending; `boot_of` reads it."""
    return f"boot {boot_id}"
