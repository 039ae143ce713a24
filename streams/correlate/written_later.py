"""Track what a sole owner's log of signals holds that no bucket row holds yet, and choose what to
write next.

It works like a database's checkpoint: a bucket is unwritten since the log row of its first signal
that its bucket row lacks. As the log approaches its bound, each batch also writes buckets that are
unwritten since the oldest rows; a row is deleted once there is none. A bucket that changes
all the time is so written once per length of the log, not once a batch. A row is deleted without a
write if all buckets that were unwritten since it were evicted."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

from schemas.pipeline.alert import GroupKey

LOG_ROWS = 1_000
LOG_SIGNALS = 100_000
"""Rows and signals of the log beyond which its oldest row is written out."""
BATCHES_BEFORE_BOUND = 3
"""Batches like the last one, before the log reaches its bound, from which on buckets are written."""
BUCKETS_AT_ONCE = 500
"""Buckets that any batch may write for the log's sake."""
BUCKETS_A_GROUP = 2
"""Additional buckets for each group with signals in the batch, so that writing keeps pace with
intake, and a batch's time with its size."""
BUCKETS_WHEN_IDLE = 2_000

ALL = float("inf")

BucketPlace = tuple[GroupKey, int]
"""A bucket of a group."""


class WriteStep(NamedTuple):
    """What one batch writes of what waits."""

    places: Sequence[BucketPlace] = ()
    rows: Sequence[int] = ()
    """Numbers of the log rows that hold nothing unwritten then."""
    reached: int = 0
    """How many places of the oldest other row are done then."""


class _LoggedBuckets:
    """Buckets of one group that log rows name."""

    __slots__ = ("key", "last", "since")

    def __init__(self, key: GroupKey) -> None:
        self.key = key
        self.since: dict[int, int] = {}
        """Of each unwritten bucket the row since which it is."""
        self.last: dict[int, int] = {}
        """Of each bucket the newest row that names it."""


@dataclass(slots=True)
class _LoggedRow:
    signals: int
    places: Sequence[tuple[_LoggedBuckets, int]]
    """Every bucket that it holds signals of."""
    unwritten: int
    """How many of these are unwritten since this row."""
    written_count: int = 0
    """How many of these, from the first, are no longer unwritten since this row."""

    def count_waiting_signals(self) -> float:
        """Count the signals of the buckets behind the written ones, as if all had as many."""
        if not self.places:
            return self.signals
        return self.signals * (1 - self.written_count / len(self.places))

    def find_end(self, part: float) -> int:
        """Return the place up to which this part of the buckets behind the written ones lies, at
        least one."""
        return self.written_count + ceil(part * (len(self.places) - self.written_count))


class UnwrittenBuckets:
    """Not thread-safe."""

    def __init__(
        self,
        most_rows: int = LOG_ROWS,
        most_signals: int = LOG_SIGNALS,
        *,
        at_once: int = BUCKETS_AT_ONCE,
        when_idle: int = BUCKETS_WHEN_IDLE,
    ) -> None:
        self._most_rows = most_rows
        self._most_signals = most_signals
        self._at_once = at_once
        self._when_idle = when_idle
        self._rows: dict[int, _LoggedRow] = {}
        self._groups: dict[GroupKey, _LoggedBuckets] = {}
        self.signals = 0
        """Of all rows; a row that only widens what is known of a bucket counts as one."""

    def clear(self) -> None:
        """Forget the log."""
        self._rows.clear()
        self._groups.clear()
        self.signals = 0

    def has_unwritten(self, key: GroupKey) -> bool:
        """Whether a bucket of this group is unwritten."""
        group = self._groups.get(key)
        return group is not None and bool(group.since)

    def list_unwritten(self, key: GroupKey) -> Collection[int]:
        """Return the unwritten buckets of this group."""
        group = self._groups.get(key)
        return () if group is None else group.since.keys()

    def find_logged(self, key: GroupKey, indices: Iterable[int]) -> Container[int]:
        """Find those of these buckets that a log row names: a crash would bring their signals
        back."""
        group = self._groups.get(key)
        return set() if group is None else {index for index in indices if index in group.last}

    def add(
        self, number: int, signals: int, places: Sequence[BucketPlace]
    ) -> Sequence[BucketPlace]:
        """Record a log row with signals of these buckets; returns those that are unwritten since
        this row."""
        groups = self._groups
        fresh: list[BucketPlace] = []
        bucket_places: list[tuple[_LoggedBuckets, int]] = []
        for place in places:
            key, index = place
            group = groups.get(key)
            if group is None:
                group = groups[key] = _LoggedBuckets(key)
            bucket_places.append((group, index))
            group.last[index] = number
            if index not in group.since:
                group.since[index] = number
                fresh.append(place)
        row = self._rows[number] = _LoggedRow(max(signals, 1), bucket_places, len(fresh))
        self.signals += row.signals
        return fresh

    def evict(self, key: GroupKey, indices: Iterable[int]) -> int:
        """Record that nothing reaches these buckets any more, so that they need not be written.
        Returns the newest row that names one, or 0."""
        group = self._groups.get(key)
        newest = 0
        if group is not None:
            for index in indices:
                self._mark_row_written(group, index)
                newest = max(newest, group.last.pop(index, 0))
            if not group.last:
                del self._groups[key]
        return newest

    def _mark_row_written(self, group: _LoggedBuckets, index: int) -> None:
        since = group.since.pop(index, None)
        if since is not None:
            self._rows[since].unwritten -= 1

    def select_step(self, groups: int) -> WriteStep:
        """Select what a batch with signals of `groups` groups should write; 0: the batch has
        nothing else to do."""
        rows, due = len(self._rows), self._count_due_signals() if groups else ALL
        limit = self._at_once + BUCKETS_A_GROUP * groups if groups else self._when_idle
        places: list[BucketPlace] = []
        finished: list[int] = []
        for number, row in self._rows.items():
            waiting = row.count_waiting_signals()
            if row.unwritten:
                if due <= 0 and rows <= self._most_rows:
                    break
                is_whole = due >= waiting or rows > self._most_rows
                end = len(row.places) if is_whole else row.find_end(due / waiting)
                reached = self._collect_places(number, row, places, limit, end)
                if reached < len(row.places):
                    return WriteStep(places, finished, reached)
            finished.append(number)
            rows, due = rows - 1, due - waiting
        return WriteStep(places, finished)

    def _count_due_signals(self) -> float:
        """Count the signals whose buckets the next batch should write. A few batches before the log
        reaches its bound each writes a part of what the last one added, at the bound all of it: the
        time of a batch rises in steps that its size can follow."""
        if not self._rows:
            return 0
        oldest, newest = next(iter(self._rows.values())), next(reversed(self._rows.values()))
        signals = self.signals - oldest.signals + oldest.count_waiting_signals()
        beyond = signals - self._most_signals
        part = 1 + beyond / (BATCHES_BEFORE_BOUND * newest.signals)
        return max(beyond, 0) + newest.signals * min(max(part, 0), 1)

    def _collect_places(
        self, number: int, row: _LoggedRow, places: list[BucketPlace], limit: int, end: int
    ) -> int:
        """Add what is unwritten since this row, up to its place `end` and as far as the limit
        allows; how far."""
        for position in range(row.written_count, end):
            group, index = row.places[position]
            if group.since.get(index) == number:
                if len(places) >= limit:
                    return position
                places.append((group.key, index))
        return end

    def find_first_needed(self, step: WriteStep) -> int | None:
        """Find the lowest number that must stay once the step's rows are deleted."""
        if not step.rows:
            return None
        last = step.rows[-1]
        return next((number for number in self._rows if number > last), last + 1)

    def drop_written_rows(self) -> int | None:
        """Drop the oldest rows that hold nothing unwritten; the lowest number that must stay, None:
        no row goes."""
        settled_numbers: list[int] = []
        for number, row in self._rows.items():
            if row.unwritten:
                break
            settled_numbers.append(number)
        first_needed = self.find_first_needed(WriteStep(rows=settled_numbers))
        for number in settled_numbers:
            self._remove(number)
        return first_needed

    def mark_written(self, places: Iterable[BucketPlace], step: WriteStep) -> set[GroupKey]:
        """Record that these buckets, including the step's, are in bucket rows, and that the step's
        log rows are gone; returns the groups without unwritten buckets."""
        free: set[GroupKey] = set()
        for key, index in places:
            group = self._groups.get(key)
            if group is not None and index in group.since:
                self._mark_row_written(group, index)
                if not group.since:
                    free.add(key)
        for number in step.rows:
            self._remove(number)
        if step.reached:
            next(iter(self._rows.values())).written_count = step.reached
        return free

    def _remove(self, number: int) -> None:
        row = self._rows.pop(number)
        self.signals -= row.signals
        for group, index in row.places:
            if group.last.get(index) == number:
                del group.last[index]
                if not group.last:
                    self._groups.pop(group.key, None)
