"""What a sole owner's log of signals holds that no bucket row holds yet, and what to write next.

It works like a database's checkpoint: a bucket is unwritten since the log row of its first signal that
its bucket row lacks. While the log is longer than its bound, each batch also writes buckets that are
unwritten since the oldest row, which goes once there is none. A bucket that changes all the time is so written
once per length of the log, not once a batch.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from schemas.alert import GroupKey

LOG_ROWS = 256
LOG_SIGNALS = 100_000
"""Rows and signals of the log beyond which its oldest row is written out."""
BUCKETS_AT_ONCE = 500
"""Buckets that any batch may write for the log's sake."""
BUCKETS_A_GROUP = 2
"""So many more for each group that the batch has signals for: what is written keeps pace with what
comes, and a batch's time with its size."""
BUCKETS_WHEN_IDLE = 2_000

Place = tuple[GroupKey, int]
"""A bucket of a group."""


class Step(NamedTuple):
    """What one batch writes of what waits."""

    places: Sequence[Place] = ()
    rows: Sequence[int] = ()
    """Numbers of the log rows that hold nothing unwritten then."""
    reached: int = 0
    """How many places of the oldest other row are done then."""


@dataclass(slots=True)
class _Row:
    signals: int
    places: Sequence[Place]
    """Every bucket that it holds signals of."""
    done: int = 0
    """So many of these, from the first, are not unwritten since this row any more."""


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
        self._rows: dict[int, _Row] = {}
        self._since: dict[Place, int] = {}
        self._named_last: dict[Place, int] = {}
        self._pins: dict[GroupKey, int] = {}
        self.signals = 0
        """Of all rows; a row that only widens what is known of a bucket counts as one."""

    def clear(self) -> None:
        """Forget the log."""
        for each in (self._rows, self._since, self._named_last, self._pins):
            each.clear()
        self.signals = 0

    def holds(self, key: GroupKey) -> bool:
        """Whether a bucket of this group is unwritten."""
        return key in self._pins

    def named(self, key: GroupKey, indices: Iterable[int]) -> Container[int]:
        """Those of these buckets that a log row names: a crash would bring their signals back."""
        return {index for index in indices if (key, index) in self._named_last}

    def names(self, key: GroupKey, indices: Iterable[int]) -> bool:
        """Whether a log row names one of these buckets."""
        named = self._named_last
        return any((key, index) in named for index in indices)

    def named_by_others(self, key: GroupKey, indices: Iterable[int], step: Step) -> bool:
        """Whether a log row that stays after this step names one of these buckets."""
        last, named = (step.rows[-1] if step.rows else -1), self._named_last
        return any(named.get((key, index), -1) > last for index in indices)

    def add(self, number: int, signals: int, places: Sequence[Place]) -> None:
        """A log row was written that holds signals of these buckets."""
        row = self._rows[number] = _Row(max(signals, 1), places)
        self.signals += row.signals
        for place in places:
            self._named_last[place] = number
            if place not in self._since:
                self._since[place] = number
                self._pins[place[0]] = self._pins.get(place[0], 0) + 1

    def next_step(self, groups: int) -> Step:
        """What a batch with signals of so many groups should write; 0: there is nothing else to do."""
        rows, signals = len(self._rows), self.signals
        limit = self._at_once + BUCKETS_A_GROUP * groups if groups else self._when_idle
        places: list[Place] = []
        finished: list[int] = []
        for number, row in self._rows.items():
            if groups and rows <= self._most_rows and signals <= self._most_signals:
                break
            reached = self._take(number, row, places, limit)
            if reached < len(row.places):
                return Step(places, finished, reached)
            finished.append(number)
            rows, signals = rows - 1, signals - row.signals
        return Step(places, finished)

    def _take(self, number: int, row: _Row, places: list[Place], limit: int) -> int:
        """Add what is unwritten since this row, as far as the limit allows; how far."""
        since = self._since
        for index in range(row.done, len(row.places)):
            place = row.places[index]
            if since.get(place) == number:
                if len(places) >= limit:
                    return index
                places.append(place)
        return len(row.places)

    def kept_from(self, step: Step) -> int | None:
        """The lowest number that must stay once the step's rows go."""
        if not step.rows:
            return None
        last = step.rows[-1]
        return next((number for number in self._rows if number > last), last + 1)

    def written(self, places: Iterable[Place], step: Step) -> set[GroupKey]:
        """These buckets are in bucket rows now, the step's among them, and its log rows are gone;
        returns the groups of which nothing is unwritten any more."""
        free: set[GroupKey] = set()
        for place in places:
            if self._since.pop(place, None) is not None:
                key = place[0]
                self._pins[key] -= 1
                if not self._pins[key]:
                    del self._pins[key]
                    free.add(key)
        for number in step.rows:
            self._remove(number)
        if step.reached:
            next(iter(self._rows.values())).done = step.reached
        return free

    def _remove(self, number: int) -> None:
        row = self._rows.pop(number)
        self.signals -= row.signals
        for place in row.places:
            if self._named_last[place] == number:
                del self._named_last[place]
