"""Findings fold into alerts: a batch's events in, what the store must write out.

Holds the only state of the pipeline. Decides when state is written compactly and when it goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.alert import Signal
from schemas.event import Event
from schemas.settings import Settings, SourceSettings
from streams.correlate.windows import HOLD_SECONDS, Windows
from streams.ports import BucketRow, Eviction, GroupState, Resume
from streams.sigma.engine import Engine
from streams.sigma.rulebook import RuleBook

FOLD_BATCHES = 20
FOLD_SIGNALS = 5_000
SWEEP_RECORDS = 1_000
"""A sweep visits every live group: it waits for as many events as half of them, at least so many,
so that its cost an event stays the same whatever the state."""
DUE_AT_ONCE = 1 << 62


@dataclass(frozen=True, slots=True)
class Alerts:
    """One batch's part of streams.ports.Batch."""

    signals: Sequence[Signal]
    groups: Sequence[GroupState]
    evictions: Sequence[Eviction]
    buckets: Sequence[BucketRow]
    low_watermark: float | None


def longest_horizon(settings: Settings) -> float:
    """The greatest H of any source, seconds: how late a record may arrive and still count."""
    hours = [source.horizon_hours for source in settings.sources]
    return max(*hours, SourceSettings(name="").horizon_hours, 0) * 3600


class Alerting:
    """`take` every event, then `finish`: one batch."""

    def __init__(
        self,
        book: RuleBook,
        horizon: float,
        *,
        hold: float = HOLD_SECONDS,
        sweep: int = SWEEP_RECORDS,
    ) -> None:
        """`horizon`: the greatest H of any source, seconds; `sweep`: events between sweeps."""
        self._engine = Engine(book)
        self._windows = Windows(book.specs, horizon, hold=hold)
        self._arrived: float | None = None
        self._batches = 0
        self._sweep_after = sweep
        self._unswept = 0
        self._taken: list[Signal] = []

    def load(self, resume: Resume) -> None:
        """Forget everything and start from what was committed."""
        self._windows.load(resume)
        self._arrived = resume.arrived
        self._batches = 0
        self._unswept = DUE_AT_ONCE
        self._taken = []

    def take(self, event: Event, *, backfill: bool) -> int:
        """Match one event; returns how many signals it made. Replays of what was let go make none,
        unless a person feeds old logs on purpose; late events stand alone and always count."""
        self._unswept += 1
        if backfill:
            self._windows.backfilled(event.arrived.timestamp())
        signals = self._engine.signals(event)
        if signals:
            guarded = event.in_time and not backfill
            signals = [s for s in signals if not guarded or self._windows.reachable(s)]
            self._taken += signals
        return len(signals)

    def finish(self, arrived: float | None) -> Alerts:
        """Fold the batch. `arrived`: newest arrival in it, epoch seconds."""
        self._batches += 1
        logged, groups = self._windows.absorb(self._taken)
        self._taken = []
        gone = self._sweep()
        if arrived is not None:
            self._arrived = max(arrived, self._arrived or arrived)
        return Alerts(logged, groups, gone, self._fold(), self._windows.low)

    def _sweep(self) -> Sequence[Eviction]:
        windows = self._windows
        wait = max(self._sweep_after, len(windows.groups) // 2)
        if self._arrived is None or self._unswept < wait:
            return ()
        before = windows.low
        gone = windows.evict(self._arrived)
        if windows.low != before:
            self._unswept = 0
        return gone

    def _fold(self) -> Sequence[BucketRow]:
        due = self._batches % FOLD_BATCHES == 0 or self._windows.unfolded > FOLD_SIGNALS
        return self._windows.fold() if due else ()

    @property
    def arrived(self) -> float | None:
        """Newest arrival processed, epoch seconds."""
        return self._arrived
