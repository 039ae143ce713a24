"""Compare a notice's audit entries with its status, and find rows that were reset by hand or by a
faulty repair. What a crash leaves is casework.delivery.outbox's."""

from __future__ import annotations

from breachdesk.ports import UnitOfWork
from schemas.audit_actions import AuditAction
from schemas.casework.notice import DeliveryStatus, NoticeRow

ENDED = frozenset(
    {
        AuditAction.NOTICE_ATTEMPT_HANDED_OVER,
        AuditAction.NOTICE_ATTEMPT_BOUNCED,
        AuditAction.NOTICE_UNKNOWN_HANDED_OVER,
        AuditAction.NOTICE_UNKNOWN_BOUNCED,
        AuditAction.NOTICE_HELD_HANDED_OVER,
        AuditAction.NOTICE_BOUNCE_RECORDED,
        AuditAction.NOTICE_RECEIPT_CONFIRMED,
    }
)
IN_DOUBT = (AuditAction.NOTICE_ATTEMPT_UNKNOWN, AuditAction.NOTICE_ATTEMPT_LOST)
SENT_ONCE_MORE = AuditAction.NOTICE_UNKNOWN_QUEUED


def find_contradiction(uow: UnitOfWork, row: NoticeRow) -> str:
    """Find why the audit trail forbids sending this notice although its status allows it; empty
    when it does not."""
    actions = uow.audit.list_actions(row.breach_id, "notice", row.id)
    if ENDED.intersection(actions):
        return "the audit trail says that it has ended before: its status was changed by hand"
    doubts = [each for each in actions if each in IN_DOUBT or each == SENT_ONCE_MORE]
    if row.status is not DeliveryStatus.UNKNOWN and doubts and doubts[-1] in IN_DOUBT:
        return "the audit trail says that its end is unknown: its status was changed by hand"
    if not uow.notices.is_audited(row.id):
        return (
            "the audit trail knows no act that left this row so: it was changed or put in by hand"
        )
    return ""
