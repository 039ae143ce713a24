"""Evict components of buckets that no record in time can reach any more.

Groups in the store are read when a row of theirs is due. Signals in a sole owner's log are evicted
as well: their rows are deleted, or, while these hold other signals, a further row records what is
gone, so that no restart brings it back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from math import nextafter

from schemas.pipeline.alert import GroupKey
from streams.correlate.copies import GroupCopies
from streams.correlate.due_buckets import DueBuckets
from streams.correlate.episodes import WindowSpec
from streams.correlate.signal_rows import LoggedGroup, dump_log
from streams.correlate.stored_groups import load_group
from streams.correlate.written_later import BucketPlace, UnwrittenBuckets
from streams.ports import BucketRow, EvictedInterval, GroupRows, SweepResult

BUCKETS_OF_A_SWEEP = 4_000
"""Buckets of the log that one sweep looks at: more than any batch brings."""
AGAIN_SECONDS = 60.0
"""Until a group that has to be read first is looked at again."""
READ_AT_ONCE = 200
"""Groups that a batch reads because they are due."""

BucketComponent = Sequence[int]
SpecOf = Callable[[GroupKey, int | None], WindowSpec]
"""A group's window, of a rule that is gone with this timespan."""


@dataclass(slots=True)
class _SweepTotals:
    """What one sweep gathers."""

    evictions: list[EvictedInterval] = field(default_factory=list)
    again: dict[GroupKey, float] = field(default_factory=dict)
    logged: list[tuple[int, GroupKey, int, int, int]] = field(default_factory=list)
    """Of each component the newest log row that names it, key, timespan, first and last bucket."""
    in_log: int = 0


class WindowSweeper:
    """Not thread-safe; works on the copies of one window store."""

    def __init__(
        self,
        spec_of: SpecOf,
        horizon: float,
        copies: GroupCopies,
        unwritten: UnwrittenBuckets,
        waiting: Collection[GroupKey],
        *,
        sole_owner: bool,
    ) -> None:
        """Bind the log and the copies. `waiting`: groups of which the log holds more than their
        copy or row."""
        self._spec_of = spec_of
        self._horizon = horizon
        self._copies = copies
        self._unwritten = unwritten
        self._waiting = waiting
        self._sole_owner = sole_owner
        self._due = DueBuckets()
        self._unread: dict[GroupKey, None] = {}

    def clear(self) -> None:
        """Forget what is due."""
        self._due.clear()
        self._unread.clear()

    def add_logged(
        self, places: Iterable[BucketPlace], spec_of: Callable[[GroupKey], WindowSpec]
    ) -> None:
        """Record that the log holds these buckets from now on."""
        horizon = self._horizon
        for key, index in places:
            spec = spec_of(key)
            self._due.add(key, index, (index + 1) * spec.timespan + spec.reach + horizon)

    def discard_written(self, rows: Iterable[BucketRow]) -> None:
        """Record that the store holds these buckets: it says itself when they are due."""
        for row in rows:
            self._due.discard(row.key, row.bucket, row.due)

    def list_groups_to_read(self) -> list[GroupKey]:
        """List groups that are due and must be read, each once."""
        keys = list(self._unread)[:READ_AT_ONCE]
        for key in keys:
            del self._unread[key]
        return keys

    def sweep(self, rows: Sequence[GroupRows], low: float) -> SweepResult:
        """Let go in these groups, and in those of the log."""
        gone = _SweepTotals()
        for row in rows:
            if row.key in self._waiting:
                self._unread[row.key] = None
                gone.again[row.key] = low + AGAIN_SECONDS
            elif not self._evict_by_numbers(row, low, gone):
                self._evict_by_signals(row, low, gone)
        self._evict_from_log(low, gone)
        log, first_needed = self._build_log_row(gone)
        return SweepResult(gone.evictions, gone.again, log, first_needed, gone.in_log)

    def _evict_from_log(self, low: float, gone: _SweepTotals) -> None:
        due: dict[GroupKey, list[int]] = {}
        for key, index in self._due.take(low, BUCKETS_OF_A_SWEEP):
            due.setdefault(key, []).append(index)
        for key, indices in due.items():
            if key in self._waiting:
                self._unread[key] = None
                for index in indices:
                    self._due.add(key, index, low + AGAIN_SECONDS)
                continue
            unwritten = self._unwritten.list_unwritten(key)
            unwritten_indices = [index for index in indices if index in unwritten]
            if unwritten_indices:
                self._evict_from_copy(key, unwritten_indices, low, gone)

    def _evict_from_copy(
        self, key: GroupKey, due: Sequence[int], low: float, gone: _SweepTotals
    ) -> None:
        """Evict components with a last bucket that is due."""
        spec, buckets = self._copies.get_buckets(key)
        if all(index + 1 in buckets for index in due):
            return
        for inside in _split_components(sorted(buckets), spec):
            if (inside[-1] + 1) * spec.timespan + spec.reach + self._horizon <= low:
                alerts = self._copies.may_alert(key)
                if alerts or self._copies.may_be_stored(key):
                    gone.evictions.append(_build_eviction(key, inside, spec, alerts=alerts))
                self._copies.drop(key, inside)
                self._drop_logged(key, inside, spec, gone)

    def _evict_by_numbers(self, row: GroupRows, low: float, gone: _SweepTotals) -> bool:
        """Evict by the buckets' numbers, without loading anything; this may be a timespan later
        than by their signals. Returns False if the stored buckets have another timespan."""
        stored, key = row.buckets or (), row.key
        spec = self._spec_of(key, stored[0].timespan if stored else None)
        if any(bucket.timespan not in (spec.timespan, 0) for bucket in stored):
            return False
        copied = self._sole_owner and key in self._copies
        indices = {bucket.bucket for bucket in stored}
        if copied:
            indices.update(self._copies.get_buckets(key)[1])
        dead: list[int] = []
        for inside in _split_components(sorted(indices), spec):
            due = (inside[-1] + 1) * spec.timespan + spec.reach + self._horizon
            if due <= low:
                alerts = not copied or self._copies.may_alert(key)
                gone.evictions.append(_build_eviction(key, inside, spec, alerts=alerts))
                dead += inside
                self._drop_logged(key, inside, spec, gone)
            else:
                gone.again[key] = min(due, gone.again.get(key, due))
        if dead and copied:
            self._copies.drop(key, dead)
        elif dead:
            self._copies.forget(key)
        return True

    def _evict_by_signals(self, row: GroupRows, low: float, gone: _SweepTotals) -> None:
        key = row.key
        copied = self._sole_owner and key in self._copies
        moved: list[BucketPlace] = []
        spec = self._spec_of(key, row.buckets[0].timespan if row.buckets else None)
        group = self._copies.get_group(key) if copied else load_group(row, spec, moved)
        settled_before = low - group.spec.reach - self._horizon
        evictions = group.evict(settled_before, self._unwritten.find_logged(key, group.buckets))
        if moved and group.buckets:
            # A stored row of the former timespan may hold both what goes and what stays.
            return
        gone.evictions += evictions
        if evictions and copied:
            self._copies.put(group, 1, {}, pinned=self._unwritten.has_unwritten(key))
        elif evictions:
            self._copies.forget(key)

    def _drop_logged(
        self, key: GroupKey, inside: BucketComponent, spec: WindowSpec, gone: _SweepTotals
    ) -> None:
        newest = self._unwritten.evict(key, inside)
        if newest:
            gone.in_log += 1
            gone.logged.append((newest, key, spec.timespan, inside[0], inside[-1]))
            if not self._unwritten.has_unwritten(key):
                self._copies.release((key,))

    def _build_log_row(self, gone: _SweepTotals) -> tuple[bytes | None, int | None]:
        """Build the row that records what is gone of the remaining rows, and return the first
        remaining number."""
        first_needed = self._unwritten.drop_written_rows() if gone.logged else None
        logged: dict[GroupKey, LoggedGroup] = {}
        spans: dict[GroupKey, list[tuple[int, int]]] = {}
        for newest, key, timespan, first, last in gone.logged:
            if first_needed is None or newest >= first_needed:
                spans.setdefault(key, []).append((first, last))
                logged.setdefault(key, LoggedGroup(key, timespan, [], [], spans[key]))
        return dump_log(logged.values()) if logged else None, first_needed


def _build_eviction(
    key: GroupKey, inside: BucketComponent, spec: WindowSpec, *, alerts: bool
) -> EvictedInterval:
    begin, end = inside[0] * spec.timespan, (inside[-1] + 1) * spec.timespan
    return EvictedInterval(key, begin, nextafter(end, begin), alerts)


def _split_components(indices: Sequence[int], spec: WindowSpec) -> Iterable[BucketComponent]:
    """Split the buckets into parts within which signals may affect one another."""
    if not indices:
        return
    begin = 0
    for place in range(1, len(indices)):
        if (indices[place] - indices[place - 1] - 1) * spec.timespan > spec.reach:
            yield indices[begin:place]
            begin = place
    yield indices[begin:]
