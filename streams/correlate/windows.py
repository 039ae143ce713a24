"""Retained signals of all groups, recomputed only where a batch touched them, and let go in time.

Signals in, episodes out; the semantics are docs/reference/streaming.md. No clock: time comes as
event times and the arrival watermark.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from schemas.alert import Episode, GroupKey, Signal
from streams.correlate.buckets import member
from streams.correlate.episodes import WindowSpec
from streams.correlate.groups import Group
from streams.correlate.signal_rows import dump_bucket, load_bucket
from streams.ports import BucketRow, Eviction, GroupState, Resume

FUTURE_SECONDS = 60.0
"""How far an event's own clock may run ahead of its arrival."""
HOLD_SECONDS = 3_600.0
"""A backfill counts as running until none of its records has arrived for so long."""

NOTHING: frozenset[int] = frozenset()


def in_time(event: datetime, arrived: datetime, horizon: float, *, backfill: bool) -> bool:
    """Does this record count for correlation? The record alone decides. `horizon`: H, seconds."""
    if backfill:
        return True
    delay = (arrived - event).total_seconds()
    return -FUTURE_SECONDS <= delay <= horizon


class Windows:
    """All groups of all correlations."""

    def __init__(
        self, specs: Mapping[str, WindowSpec], horizon: float, *, hold: float = HOLD_SECONDS
    ) -> None:
        """`specs` by rule id; `horizon`: the greatest H of any source, seconds."""
        self.specs = specs
        self.horizon = horizon
        self.hold = hold
        self.low: float | None = None
        """The durable watermark: what lies further back than it reaches was let go."""
        self.groups: dict[GroupKey, Group] = {}
        self.unfolded = 0
        """Signals logged since the last fold."""
        self._held_until = float("-inf")
        self._dirty: dict[GroupKey, set[int]] = {}
        self._fresh: dict[GroupKey, set[int]] = {}
        """Buckets that the last batch's signals fell into."""

    def load(self, resume: Resume) -> None:
        """Start anew from what was committed. State of rules that are gone is left alone.

        A backfill may have been running when the last worker died: hold as if one were.
        """
        self.groups, self._dirty = {}, {}
        self.low = resume.low_watermark
        self._held_until = float("-inf") if resume.arrived is None else resume.arrived + self.hold
        for row in resume.buckets:
            if row.key.rule in self.specs:
                bucket = load_bucket(row.key, row.payload)
                self._group(row.key).adopt(row.bucket, bucket, row.timespan)
        self._absorb(resume.tail)
        self.unfolded = len(resume.tail)

    def _group(self, key: GroupKey) -> Group:
        group = self.groups.get(key)
        if group is None:
            group = self.groups[key] = Group(key, self.specs[key.rule])
        return group

    def backfilled(self, arrived: float) -> None:
        """A record of a backfill arrived then: nothing is let go while it may be running."""
        self._held_until = max(self._held_until, arrived + self.hold)

    def reachable(self, signal: Signal) -> bool:
        """False: every in-time record this old was processed before; this one is a replay."""
        spec = self.specs[signal.key.rule]
        return self.low is None or signal.time + spec.reach + self.horizon >= self.low

    def absorb(self, signals: Iterable[Signal]) -> tuple[list[Signal], list[GroupState]]:
        """Take in a batch's signals: (those to log, all live episodes of every touched group)."""
        logged, touched = self._absorb(signals)
        self.unfolded += len(logged)
        return logged, [GroupState(key, self.groups[key].episodes()) for key in sorted(touched)]

    def _absorb(self, signals: Iterable[Signal]) -> tuple[list[Signal], set[GroupKey]]:
        parted: dict[GroupKey, list[Signal]] = {}
        for signal in signals:
            if signal.key.rule in self.specs:
                parted.setdefault(signal.key, []).append(signal)
        self._fresh = {
            key: {self.specs[key.rule].bucket(signal.time) for signal in of_group}
            for key, of_group in parted.items()
        }
        logged: list[Signal] = []
        touched: set[GroupKey] = set()
        for key, of_group in parted.items():
            changes = self._group(key).absorb([member(signal) for signal in of_group])
            if changes:
                logged += [row.evidence for part in changes.values() for row in part.rows]
                touched.add(key)
                self._dirty.setdefault(key, set()).update(changes)
        return logged, touched

    def episodes(self) -> list[Episode]:
        """Every live episode of every group."""
        return [episode for group in self.groups.values() for episode in group.episodes()]

    def evict(self, low: float) -> list[Eviction]:
        """Raise the watermark and let go of what nothing in time can reach any more. Comes after
        `absorb`, with a watermark from before that batch: its own records may reach back to it."""
        if low < self._held_until or (self.low is not None and low <= self.low):
            return []
        self.low = low
        gone: list[Eviction] = []
        for key in list(self.groups):
            group = self.groups[key]
            settled = low - group.spec.reach - self.horizon
            gone += group.evict(settled, self._fresh.get(key, NOTHING))
            if not group.buckets:
                del self.groups[key]
        return gone

    def fold(self) -> list[BucketRow]:
        """Every bucket that changed since the last fold, ready to replace its log rows."""
        self.unfolded = 0
        dirty, self._dirty = self._dirty, {}
        return [
            BucketRow(key, i, dump_bucket(group.buckets[i]), group.spec.timespan)
            for key, indices in sorted(dirty.items())
            if (group := self.groups.get(key)) is not None
            for i in sorted(indices & group.buckets.keys())
        ]
