"""Compute backlog and deadline counts for metrics; no personal data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from breachdesk.casework import obligations
from breachdesk.casework.delivery import mail_hold
from breachdesk.casework.release.approval_validity import find_approval
from breachdesk.casework.release.witness import find_wait_reason
from breachdesk.ports import UnitOfWork
from schemas.casework.notice import DeliveryStatus, NoticeRow
from schemas.casework.notice_states import WAITING
from schemas.pipeline.alert import AlertState

RISK = timedelta(hours=24)
"""A duty due within it is at risk."""


@dataclass(frozen=True, slots=True)
class BacklogCounts:
    """Backlog and deadline counts of one snapshot."""

    notices: Mapping[DeliveryStatus, int]
    oldest_seconds: float
    """Since the oldest notice that may be tried was released; 0: none waits."""
    clocks_open: int
    clocks_at_risk: int
    clocks_missed: int
    alerts_new: int
    hold_reason: str
    """Why no mail may leave; empty: it may."""


def compute_backlog(uow: UnitOfWork, now: datetime) -> BacklogCounts:
    """Compute the backlog of the store's present state at `now`."""
    running = obligations.list_running(uow, now)
    due = [duty.due for duty in running if duty.due is not None]
    return BacklogCounts(
        notices=uow.notices.count_by_status(),
        oldest_seconds=_compute_oldest_seconds(uow, now),
        clocks_open=len(running),
        clocks_at_risk=sum(now <= moment <= now + RISK for moment in due),
        clocks_missed=sum(moment < now for moment in due),
        alerts_new=uow.alerts.count((AlertState.NEW,)),
        hold_reason=mail_hold.get_hold_reason(uow),
    )


def _compute_oldest_seconds(uow: UnitOfWork, now: datetime) -> float:
    """Compute the age of the oldest sendable row, with one look-up for each approval."""
    seals = {(row.breach_id, row.approval_hash): row for row in _list_triable(uow, now)}
    released = [
        moment for row in seals.values() if (moment := _find_released_at(uow, row, now)) is not None
    ]
    oldest = min((moment for moment in released if moment <= now), default=now)
    return (now - oldest).total_seconds()


def _list_triable(uow: UnitOfWork, now: datetime) -> list[NoticeRow]:
    waiting = uow.notices.list(statuses=WAITING)
    return [row for row in waiting if row.next_attempt_at is None or row.next_attempt_at <= now]


def _find_released_at(uow: UnitOfWork, row: NoticeRow, now: datetime) -> datetime | None:
    """Find when the row became sendable. None: its approval is missing, or it waits for the
    witness's message."""
    approval = find_approval(uow, row)
    if approval is None or (row.kind.spec.pausable and find_wait_reason(uow, approval, now)):
        return None
    return max(approval.approved_at, approval.not_before or approval.approved_at)
