"""Compare a notice's audit entries with its status: a row whose status was reset by hand, or by a
faulty repair, must not be sent twice."""

from __future__ import annotations

from breachdesk.ports import UnitOfWork
from schemas.casework.notice import DeliveryStatus, NoticeRow

ENDED = frozenset(
    {
        "notice:attempt:handed_over",
        "notice:attempt:bounced",
        "notice:unknown:handed_over",
        "notice:unknown:bounced",
        "notice:held:handed_over",
        "notice:bounce:recorded",
        "notice:receipt:confirmed",
    }
)
IN_DOUBT = ("notice:attempt:unknown", "notice:attempt:lost")
SENT_ONCE_MORE = "notice:unknown:queued"


def find_contradiction(uow: UnitOfWork, row: NoticeRow) -> str:
    """Find why the audit trail forbids sending this notice although its status allows it; empty
    when it does not."""
    acts = uow.audit.list_acts(row.breach_id, "notice", row.id)
    if ENDED.intersection(acts):
        return "the audit trail says that it has ended before: its status was changed by hand"
    doubts = [act for act in acts if act in IN_DOUBT or act == SENT_ONCE_MORE]
    if row.status is not DeliveryStatus.UNKNOWN and doubts and doubts[-1] in IN_DOUBT:
        return "the audit trail says that its end is unknown: its status was changed by hand"
    if not uow.notices.is_audited(row.id):
        return (
            "the audit trail knows no act that left this row so: it was changed or put in by hand"
        )
    return ""
