"""What is forgotten when its time is over, without a case's key being destroyed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from breachdesk.casework.closing import erasure
from breachdesk.ports import UnitOfWork
from schemas.casework.case import Case, CaseState
from schemas.settings import Settings

FAILURES = ("notice:bounce:recorded", "notice:unknown:")
"""A bounce's text and a mail log's lines, as a person copied them: they may hold addresses."""


def count_failures(uow: UnitOfWork, days: int, now: datetime) -> int:
    """How many delivery failures are older and still say what somebody wrote of them."""
    return len(uow.audit.list_erasable(FAILURES, now - timedelta(days=days)))


def forget_failures(uow: UnitOfWork, actor: str, days: int, now: datetime) -> int:
    """Destroy what was written of delivery failures older than that; how many values. Status,
    times and the server's reply code stay."""
    entries = uow.audit.list_erasable(FAILURES, now - timedelta(days=days))
    return uow.audit.erase_values(
        entries, at=now, actor=actor, subject="notices", reason=f"older than {days} days"
    )


def list_erasable(uow: UnitOfWork, settings: Settings, now: datetime) -> Sequence[Case]:
    """Closed cases whose time is over and against whose erasure nothing stands."""
    return [
        case
        for case in uow.cases.list()
        if case.state is CaseState.CLOSED
        and not list(erasure.list_obstacles(uow, case, settings, now))
    ]
