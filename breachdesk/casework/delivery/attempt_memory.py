"""Remember what this dispatcher sent, in case the store loses it.

After an asynchronous failover the newest attempts may be missing from the store while the process
that made them is alive. It writes them again, so that nobody must look them up in the relay's log.
What a dispatcher sent that died at the same moment is only in that log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from breachdesk.casework.delivery.attempts import record_attempt
from breachdesk.ports import UnitOfWork
from schemas.audit_actions import AuditAction
from schemas.casework.notice import DeliveryStatus, NoticeRow
from schemas.casework.notice_states import UNSETTLED
from schemas.errors import NotFound

MOST = 5000
"""Rows remembered: many times what an asynchronous copy lags behind."""
LOST_END = {
    "status": DeliveryStatus.UNKNOWN,
    "status_reason": "the database server changed while it was being sent",
}


class AttemptMemory:
    """The last attempt of each row that this process began, at one database server."""

    def __init__(self) -> None:
        self.server = ""
        self._rows: dict[int, NoticeRow] = {}

    def record_begin(self, row: NoticeRow) -> None:
        """Remember that intent was written and the letter leaves next."""
        self._rows.pop(row.id, None)
        self._rows[row.id] = row
        if len(self._rows) > MOST:
            del self._rows[next(iter(self._rows))]

    def record_end(self, row_id: int, attempt_id: str, changes: Mapping[str, Any]) -> None:
        """Remember how the attempt ended, whether or not the store can record it now."""
        row = self._rows.get(row_id)
        if row is not None and row.attempt_id == attempt_id:
            self._rows[row_id] = row.model_copy(update=changes)

    def write_again(self, uow: UnitOfWork, server: str, now: datetime) -> Sequence[NoticeRow]:
        """Write remembered attempts again after a server change. Returns the rows that the new
        server lacked; none when the server is unchanged."""
        if server == self.server:
            return ()
        return [row for row in self._rows.values() if _rewrite_row(uow, row, now)]


def _rewrite_row(uow: UnitOfWork, row: NoticeRow, now: datetime) -> bool:
    try:
        stored = uow.notices.get(row.id)
    except NotFound:
        return False
    is_known = stored.attempts >= row.attempts and stored.attempt_id != row.attempt_id
    if is_known or stored.status not in UNSETTLED or stored.status is row.status:
        return False
    known = row.model_copy(update=LOST_END) if row.status is DeliveryStatus.SENDING else row
    if known.status is stored.status or not uow.notices.update(known, expected=[stored.status]):
        return False
    record_attempt(uow, AuditAction.NOTICE_ATTEMPT_WRITTEN_AGAIN, known, now)
    return True
