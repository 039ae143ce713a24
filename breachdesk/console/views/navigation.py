"""What every page shows around its content: the navigation with its counts, and the banners."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any

from breachdesk.console.dependencies import ConsoleDependencies
from breachdesk.ports import UnitOfWork
from breachdesk.watch_port import WaitingCounts
from schemas.casework.approval import Approval, ApprovalKind

KEEP = timedelta(seconds=5)
DEMO = (
    "Demo. Invented people and companies; every notice is a drill and no mail leaves this machine."
)
BROKEN = (
    "Break-glass was used for {}: {} released its notices alone. "
    "A second person should read what was sent."
)


class NavigationGroup(IntEnum):
    """Parts of the navigation, from top to bottom."""

    WORK = 1
    RECORDS = 2
    INSTALLATION = 3
    ACCOUNT = 4
    """Below the name of the user."""


@dataclass(frozen=True, slots=True)
class NavigationEntry:
    """The entry of a screen in the navigation. Whoever may open the page sees it."""

    path: str
    label: str
    group: NavigationGroup
    order: int
    """Position in the group, smallest first."""
    query: Callable[[UnitOfWork], Any] | None = None
    """Read the store for the number next to the label. Entries with the same function share one
    call. None: there is no number."""
    number: Callable[[Any], int] = int
    """Takes the number from what `query` returns; 0 is not shown."""


@dataclass(frozen=True, slots=True)
class NavigationState:
    """Entries in their groups, counts by path, and banners as (tone, sentence)."""

    groups: tuple[tuple[NavigationEntry, ...], ...]
    account: tuple[NavigationEntry, ...]
    counts: dict[str, int]
    banners: tuple[tuple[str, str], ...]


def count_waiting(uow: UnitOfWork) -> WaitingCounts:
    """Count what waits in the installation; a `query` that entries share."""
    return uow.watch.count_waiting()


class NavigationCache:
    """Reads it from the store, at most once in KEEP, and again after every act."""

    def __init__(
        self, dependencies: ConsoleDependencies, entries: Iterable[NavigationEntry]
    ) -> None:
        self._dependencies = dependencies
        self._entries = sorted(entries, key=lambda e: (e.group, e.order, e.path))
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
        return NavigationState(
            groups=tuple(
                self._list_entries(group)
                for group in NavigationGroup
                if group is not NavigationGroup.ACCOUNT
            ),
            account=self._list_entries(NavigationGroup.ACCOUNT),
            counts=self._read_counts(uow),
            banners=(*self._list_fixed_banners(), *_list_break_glass_banners(uow)),
        )

    def _read_counts(self, uow: UnitOfWork) -> dict[str, int]:
        queries = {entry.query for entry in self._entries if entry.query is not None}
        results = {query: query(uow) for query in queries}
        return {e.path: e.number(results[e.query]) for e in self._entries if e.query is not None}

    def _list_entries(self, group: NavigationGroup) -> tuple[NavigationEntry, ...]:
        return tuple(entry for entry in self._entries if entry.group is group)

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
