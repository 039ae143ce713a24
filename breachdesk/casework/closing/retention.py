"""Delete records whose retention period is over, without destroying a case's key."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from breachdesk.casework.closing import erasure
from breachdesk.ports import UnitOfWork
from schemas.audit_actions import AuditAction
from schemas.casework.case import Case, CaseState
from schemas.casework.notice_actions import ACTION_OF_RESOLUTION
from schemas.settings import Settings

FAILURES = (AuditAction.NOTICE_BOUNCE_RECORDED, *ACTION_OF_RESOLUTION.values())
"""A bounce's text and a mail log's lines, as a person copied them: they may hold addresses."""


def count_failures(uow: UnitOfWork, days: int, now: datetime) -> int:
    """Count delivery failures older than `days` that still hold a written description."""
    return len(uow.audit.list_erasable(FAILURES, now - timedelta(days=days)))


def forget_failures(uow: UnitOfWork, actor: str, days: int, now: datetime) -> int:
    """Destroy the descriptions of delivery failures older than `days` and return how many. Status,
    times and the server's reply code are kept."""
    entries = uow.audit.list_erasable(FAILURES, now - timedelta(days=days))
    return uow.audit.erase_values(
        entries, at=now, actor=actor, subject="notices", reason=f"older than {days} days"
    )


def list_erasable(uow: UnitOfWork, settings: Settings, now: datetime) -> Sequence[Case]:
    """List closed cases whose retention is over and that nothing prevents from being erased."""
    return [
        case
        for case in uow.cases.list()
        if case.state is CaseState.CLOSED
        and not list(erasure.list_obstacles(uow, case, settings, now))
    ]
