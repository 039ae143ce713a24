"""What a sole owner's log of signals holds that no bucket row holds yet, and what to write next.

It works like a database's checkpoint: a bucket is unwritten since the log row of its first signal that
its bucket row lacks. While the log is longer than its bound, each batch also writes the buckets that
are unwritten since the oldest row, and that row goes. A bucket that changes all the time is so written
once per length of the log, not once a batch.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import NamedTuple

from schemas.alert import GroupKey

LOG_ROWS = 64
LOG_SIGNALS = 50_000
"""Rows and signals of the log beyond which its oldest row is written out."""
BUCKETS_AT_ONCE = 5_000
"""Buckets that one batch writes for the log's sake, at least those of one row; so that a batch's time
stays even."""
BUCKETS_WHEN_IDLE = 2_000

Place = tuple[GroupKey, int]
"""A bucket of a group."""


class _Row(NamedTuple):
    signals: int
    places: Sequence[Place]
    """Every bucket that it holds signals of."""


class UnwrittenBuckets:
    """Not thread-safe."""

    def __init__(self, most_rows: int = LOG_ROWS, most_signals: int = LOG_SIGNALS) -> None:
        self._most_rows = most_rows
        self._most_signals = most_signals
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

    def add(self, number: int, signals: int, places: Sequence[Place]) -> None:
        """A log row was written that holds signals of these buckets."""
        row = self._rows[number] = _Row(max(signals, 1), places)
        self.signals += row.signals
        for place in places:
            self._named_last[place] = number
            if place not in self._since:
                self._since[place] = number
                self._pins[place[0]] = self._pins.get(place[0], 0) + 1

    def next_rows(self, *, idle: bool) -> Sequence[int]:
        """Numbers of the oldest log rows that a batch should write out."""
        rows, signals, buckets = len(self._rows), self.signals, 0
        limit = BUCKETS_WHEN_IDLE if idle else BUCKETS_AT_ONCE
        chosen: list[int] = []
        for number, row in self._rows.items():
            if not (idle or rows > self._most_rows or signals > self._most_signals):
                break
            if chosen and buckets + len(row.places) > limit:
                break
            chosen.append(number)
            rows, signals, buckets = rows - 1, signals - row.signals, buckets + len(row.places)
        return chosen

    def unwritten_since(self, numbers: Iterable[int]) -> list[Place]:
        """The buckets whose first unwritten signal is in one of these rows."""
        since = self._since
        return [
            place
            for number in numbers
            for place in self._rows[number].places
            if since.get(place) == number
        ]

    def kept_from(self, written: Sequence[int]) -> int | None:
        """The lowest number that must stay once these oldest rows go."""
        if not written:
            return None
        return next((n for n in self._rows if n > written[-1]), written[-1] + 1)

    def written(self, places: Iterable[Place], numbers: Iterable[int]) -> set[GroupKey]:
        """These buckets are in bucket rows now, and these log rows are gone; returns the groups of
        which nothing is unwritten any more."""
        free: set[GroupKey] = set()
        for place in places:
            if self._since.pop(place, None) is not None:
                key = place[0]
                self._pins[key] -= 1
                if not self._pins[key]:
                    del self._pins[key]
                    free.add(key)
        for number in numbers:
            row = self._rows.pop(number)
            self.signals -= row.signals
            for place in row.places:
                if self._named_last[place] == number:
                    del self._named_last[place]
        return free
