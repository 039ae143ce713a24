"""What the audit trail says of a notice, against its status: a row that was set back by hand, or by
a repair that went wrong, must not leave a second time."""

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
    """Why this notice must not leave although its status says that it may; empty: it may."""
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
