"""Retained signals of all groups, recomputed only where a batch touched them, and let go in time.

Signals in, episodes out; the semantics are docs/reference/streaming.md. No clock: time comes as
event times and the arrival watermark.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime

from schemas.alert import Episode, GroupKey, Signal
from streams.correlate.buckets import Bucket, Kept, kept
from streams.correlate.episodes import WindowSpec, episode, first_hot, runs
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


class Group:
    """Buckets of one group, and what was computed from them."""

    __slots__ = ("_hot", "_made", "buckets", "key", "spec")

    def __init__(self, key: GroupKey, spec: WindowSpec) -> None:
        self.key = key
        self.spec = spec
        self.buckets: dict[int, Bucket] = {}
        self._hot: dict[int, float] = {}
        self._made: dict[tuple[int, int], Episode] = {}

    def absorb(self, signals: Iterable[Signal]) -> list[Signal]:
        """As Bucket.absorb, for signals of any buckets."""
        spec, parted = self.spec, dict[int, list[Kept]]()
        for signal in signals:
            parted.setdefault(spec.bucket(signal.time), []).append(kept(signal))
        changed: list[Signal] = []
        for index, rows in parted.items():
            bucket = self.buckets.get(index)
            if bucket is None:
                bucket = self.buckets[index] = Bucket()
            logged = bucket.absorb(rows, spec.keep, distinct=spec.distinct)
            if logged:
                changed += logged
                bucket.stale = bucket.unfolded = True
        return changed

    def adopt(self, index: int, bucket: Bucket) -> None:
        """Take a bucket as it was folded."""
        self.buckets[index] = bucket

    def episodes(self) -> tuple[Episode, ...]:
        """All live episodes, oldest first."""
        changed = [index for index, bucket in self.buckets.items() if bucket.stale]
        stale = {index + offset for index in changed for offset in (0, 1)}
        self._heat(stale)
        kept_as_is = {
            span: made
            for span, made in self._made.items()
            if not any(span[0] - 1 <= index <= span[1] for index in stale)
        }
        for index in changed:
            self.buckets[index].stale = False
        self._made = dict(self._tell(kept_as_is))
        return tuple(self._made.values())

    def _heat(self, stale: set[int]) -> None:
        for index in stale:
            self._hot.pop(index, None)
            bucket = self.buckets.get(index)
            if bucket is None:
                continue
            before = self.buckets.get(index - 1)
            rows = (before.rows if before else []) + bucket.rows
            fired = first_hot(self.spec, rows, index)
            if fired is not None:
                self._hot[index] = fired

    def _tell(
        self, made: Mapping[tuple[int, int], Episode]
    ) -> Iterable[tuple[tuple[int, int], Episode]]:
        for run in runs(self.spec, sorted(self._hot)):
            span = (run[0], run[-1])
            yield (
                span,
                made.get(span)
                or episode(self.spec, self.key, self.buckets, span, self._hot[run[0]]),
            )

    def evict(self, horizon: float, low: float, fresh: AbstractSet[int]) -> list[Eviction]:
        """Let go of every component that nothing in time can reach any more, save those with
        a fresh bucket: one transaction never both writes signals and drops them."""
        gone: list[Eviction] = []
        settled = low - self.spec.reach - horizon
        if min(self.buckets) * self.spec.timespan >= settled:
            return gone
        for component in self._components():
            begin = self.buckets[component[0]].rows[0].time
            end = self.buckets[component[-1]].rows[-1].time
            if end < settled and fresh.isdisjoint(component):
                gone.append(Eviction(self.key, begin, end))
                self._drop(component)
        return gone

    def _components(self) -> list[list[int]]:
        parts: list[list[int]] = []
        for index in sorted(self.buckets):
            first = self.buckets[index].rows[0].time
            if parts and first - self.buckets[parts[-1][-1]].rows[-1].time <= self.spec.reach:
                parts[-1].append(index)
            else:
                parts.append([index])
        return parts

    def _drop(self, component: Sequence[int]) -> None:
        gone = set(component)
        for index in gone:
            del self.buckets[index]
            self._hot.pop(index, None)
        self._made = {span: made for span, made in self._made.items() if span[0] not in gone}

    def fold(self) -> list[BucketRow]:
        """The buckets that changed since they were folded last."""
        rows = [
            BucketRow(self.key, index, self.buckets[index].dump(), self.spec.timespan)
            for index in sorted(i for i, b in self.buckets.items() if b.unfolded)
        ]
        for row in rows:
            self.buckets[row.bucket].unfolded = False
        return rows


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
        self._dirty: set[GroupKey] = set()
        self._fresh: dict[GroupKey, set[int]] = {}
        """Buckets that the last batch's signals fell into."""

    def load(self, resume: Resume) -> None:
        """Start anew from what was committed. State of rules that are gone is left alone.

        A backfill may have been running when the last worker died: hold as if one were.
        """
        self.groups, self._dirty = {}, set()
        self.low = resume.low_watermark
        self._held_until = float("-inf") if resume.arrived is None else resume.arrived + self.hold
        for row in resume.buckets:
            if row.key.rule in self.specs:
                self._group(row.key).adopt(row.bucket, Bucket.load(row.key, row.payload))
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
            changed = self._group(key).absorb(of_group)
            if changed:
                logged += changed
                touched.add(key)
        self._dirty |= touched
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
            gone += group.evict(self.horizon, low, self._fresh.get(key, NOTHING))
            if not group.buckets:
                del self.groups[key]
        return gone

    def fold(self) -> list[BucketRow]:
        """Every bucket that changed since the last fold, ready to replace its log rows."""
        self.unfolded = 0
        dirty = [self.groups[key] for key in sorted(self._dirty) if key in self.groups]
        self._dirty.clear()
        return [row for group in dirty for row in group.fold()]
