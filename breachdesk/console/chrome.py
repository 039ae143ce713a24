"""What stands around every page: the counts in the rail and the banners. Kept for seconds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from breachdesk.console.house import House
from breachdesk.ports import UnitOfWork
from schemas.alert import AlertState
from schemas.approval import Approval, ApprovalKind
from schemas.case_record import Complaint

KEEP = timedelta(seconds=5)
DEMO = (
    "Demo. Invented people and companies; every notice is a drill and no mail leaves this machine."
)
BROKEN = (
    "The glass was broken for {}: {} released its notices alone. "
    "A second person should read what was sent."
)


@dataclass(frozen=True, slots=True)
class Surround:
    """Counts by rail item, and banners as (tone, sentence)."""

    counts: dict[str, int]
    banners: tuple[tuple[str, str], ...]


class Chrome:
    """Reads it from the store, at most once in KEEP, and again after every act."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._kept: tuple[datetime, Surround] | None = None

    def read(self, now: datetime) -> Surround:
        """The newest, at most KEEP old."""
        kept = self._kept
        if kept is not None and timedelta() <= now - kept[0] < KEEP:
            return kept[1]
        fresh = self._house.store.look(self._surround)
        self._kept = (now, fresh)
        return fresh

    def forget(self) -> None:
        """Something changed."""
        self._kept = None

    def _surround(self, uow: UnitOfWork) -> Surround:
        cases = uow.cases.counts()
        counts = {
            "/alerts": uow.alerts.count((AlertState.NEW,)),
            "/cases": cases.open,
            "/tasks": cases.open_tasks,
            "/complaints": uow.records.count(Complaint, running=True),
            "/unattributed": uow.customers.count_unattributed(),
            "/sources": len(uow.sources.troubled()),
        }
        return Surround(counts, (*self._standing(), *_broken_glass(uow)))

    def _standing(self) -> tuple[tuple[str, str], ...]:
        settings = self._house.settings
        if settings.demo:
            return (("drill", DEMO),)
        if settings.drill:
            return (("drill", "Drill. Every notice begins with DRILL."),)
        return ()


def _broken_glass(uow: UnitOfWork) -> tuple[tuple[str, str], ...]:
    return tuple(
        ("glass", BROKEN.format(breach_id, approval.approved_by))
        for breach_id, approval in sorted(uow.breaches.newest(Approval).items(), reverse=True)
        if approval.kind is ApprovalKind.BREAK_GLASS
    )
