"""What stands around every page: the counts in the rail and the banners. Kept for seconds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from breachdesk.console.dependencies import ConsoleDependencies
from breachdesk.ports import UnitOfWork
from schemas.casework.approval import Approval, ApprovalKind
from schemas.casework.case_record import Complaint
from schemas.pipeline.alert import AlertState

KEEP = timedelta(seconds=5)
DEMO = (
    "Demo. Invented people and companies; every notice is a drill and no mail leaves this machine."
)
BROKEN = (
    "Break-glass was used for {}: {} released its notices alone. "
    "A second person should read what was sent."
)


@dataclass(frozen=True, slots=True)
class NavigationState:
    """Counts by rail item, and banners as (tone, sentence)."""

    counts: dict[str, int]
    banners: tuple[tuple[str, str], ...]


class NavigationCache:
    """Reads it from the store, at most once in KEEP, and again after every act."""

    def __init__(self, dependencies: ConsoleDependencies) -> None:
        self._dependencies = dependencies
        self._kept: tuple[datetime, NavigationState] | None = None

    def read(self, now: datetime) -> NavigationState:
        """The newest, at most KEEP old."""
        cached = self._kept
        if cached is not None and timedelta() <= now - cached[0] < KEEP:
            return cached[1]
        fresh = self._dependencies.store.read(self._read_state)
        self._kept = (now, fresh)
        return fresh

    def clear(self) -> None:
        """Something changed."""
        self._kept = None

    def _read_state(self, uow: UnitOfWork) -> NavigationState:
        cases = uow.cases.count_all()
        counts = {
            "/alerts": uow.alerts.count((AlertState.NEW,)),
            "/cases": cases.open,
            "/tasks": cases.open_tasks,
            "/complaints": uow.records.count(Complaint, running=True),
            "/unattributed": uow.customers.count_unattributed(),
            "/sources": len(uow.sources.list_troubled()),
        }
        return NavigationState(
            counts, (*self._list_fixed_banners(), *_list_break_glass_banners(uow))
        )

    def _list_fixed_banners(self) -> tuple[tuple[str, str], ...]:
        settings = self._dependencies.settings
        if settings.demo:
            return (("drill", DEMO),)
        if settings.drill:
            return (("drill", "Drill. Every notice begins with DRILL."),)
        return ()


def _list_break_glass_banners(uow: UnitOfWork) -> tuple[tuple[str, str], ...]:
    return tuple(
        ("glass", BROKEN.format(breach_id, approval.approved_by))
        for breach_id, approval in sorted(uow.breaches.get_newest(Approval).items(), reverse=True)
        if approval.kind is ApprovalKind.BREAK_GLASS
    )
