"""Windows that many workers share: state lives in the store, and what is kept here is a copy.

A copy counts only if its version is the one found under the group's lock; otherwise the group is
read anew. What a failed commit left in a copy is void, so that then all copies go.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from schemas.alert import GroupKey, Signal
from streams.correlate.buckets import Bucket
from streams.correlate.episodes import WindowSpec
from streams.correlate.windows import NOTHING, Group
from streams.ports import BucketRow, GroupRows, GroupState, GroupUpdates, SweepResult

MOST_SIGNALS = 100_000
"""Retained signals in all copies merge_results, some hundred megabytes; beyond them the copies least
recently used go, and are read anew when they are needed."""
LOOK_AGAIN_SECONDS = 3_600.0
"""A group that a sweep found still reachable is left alone for so long."""


class GuardedSignal(NamedTuple):
    """A signal, and whether a replay guard applies (not to late events, not to backfills)."""

    signal: Signal
    guarded: bool


class _Copy(NamedTuple):
    version: int
    group: Group
    signals: int


class WindowStore:
    """Settles locked groups. Not thread-safe; one a worker."""

    def __init__(
        self, specs: Mapping[str, WindowSpec], horizon: float, *, most: int = MOST_SIGNALS
    ) -> None:
        """`specs` by rule id; `horizon`: the greatest H of any source, seconds."""
        self._specs = specs
        self._horizon = horizon
        self._most = most
        self._copies: OrderedDict[GroupKey, _Copy] = OrderedDict()
        self._signals = 0
        self._working: dict[GroupKey, Group] = {}

    def __len__(self) -> int:
        return len(self._copies)

    def clear(self) -> None:
        """Forget every copy."""
        self._copies.clear()
        self._working.clear()
        self._signals = 0

    def known(self, keys: Sequence[GroupKey]) -> Mapping[GroupKey, int]:
        """Versions of the copies at hand."""
        copies = self._copies
        return {key: copies[key].version for key in keys if key in copies}

    def apply(
        self,
        signals: Mapping[GroupKey, Sequence[GuardedSignal]],
        rows: Sequence[GroupRows],
        low: float | None,
    ) -> GroupUpdates:
        """Absorb each group's signals into its newest state. Call `keep` once that is durable, and
        `clear` when it is not."""
        self._working = {row.key: self._newest(row) for row in rows}
        states: list[GroupState] = []
        buckets: list[BucketRow] = []
        due: dict[GroupKey, float] = {}
        for key, group in self._working.items():
            if group.absorb(self._new(signals[key], group.spec, low)):
                states.append(GroupState(key, group.episodes()))
                buckets += group.fold()
                due[key] = self._due(group)
        return GroupUpdates([state.key for state in states], states, buckets, due=due)

    def keep(self, versions: Mapping[GroupKey, int]) -> None:
        """The applied state is durable under these versions."""
        for key, group in self._working.items():
            self._forget(key)
            if group.buckets:
                signals = sum(len(bucket.rows) for bucket in group.buckets.values())
                self._copies[key] = _Copy(versions[key], group, signals)
                self._signals += signals
        self._working = {}
        while self._signals > self._most:
            self._forget(next(iter(self._copies)))

    def _forget(self, key: GroupKey) -> None:
        copy = self._copies.pop(key, None)
        if copy is not None:
            self._signals -= copy.signals

    def sweep(self, rows: Sequence[GroupRows], low: float) -> SweepResult:
        """Let go of what nothing in time can reach. State of rules that are gone is left alone."""
        gone, due = [], dict[GroupKey, float]()
        for row in rows:
            if row.key.rule not in self._specs:
                due[row.key] = low + LOOK_AGAIN_SECONDS
                continue
            group = self._read(row)
            gone += group.evict(self._horizon, low, NOTHING)
            if group.buckets:
                due[row.key] = max(self._due(group), low + LOOK_AGAIN_SECONDS)
        return SweepResult(gone, due)

    def _new(
        self, signals: Sequence[GuardedSignal], spec: WindowSpec, low: float | None
    ) -> list[Signal]:
        """Without replays: every in-time record this old was processed before."""
        if low is None:
            return [each.signal for each in signals]
        oldest = low - spec.reach - self._horizon
        return [t.signal for t in signals if not t.guarded or t.signal.time >= oldest]

    def _newest(self, row: GroupRows) -> Group:
        if row.buckets is None:
            return self._copies[row.key].group
        return self._read(row)

    def _read(self, row: GroupRows) -> Group:
        group = Group(row.key, self._specs[row.key.rule])
        for bucket in row.buckets or ():
            group.adopt(bucket.bucket, Bucket.load(row.key, bucket.payload))
        return group

    def _due(self, group: Group) -> float:
        """The watermark at which its oldest bucket may be out of reach."""
        spec = group.spec
        return (min(group.buckets) + 1) * spec.timespan + spec.reach + self._horizon
