"""Lines received an hour: off the newest journal by bisection (offsets rise with arrival, and a
journal holds one day), or off Kafka's own index of times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Protocol

from breachdesk.ports import Now
from schemas.errors import RetryableError
from schemas.pipeline.event import RecordPosition
from streams.ports import EventLog

HOURS = 24
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class HourlyCounts:
    """Counts of the hours that end with the newest line's, and when the first of them begins."""

    counts: tuple[int, ...]
    begin: datetime

    @property
    def total(self) -> int:
        return sum(self.counts)


class HourlyVolume(Protocol):
    """What the chart asks."""

    def read_counts(self) -> HourlyCounts | None:
        """At most HOURS hours; None when nothing was ever received."""
        ...


class TimedLog(Protocol):
    """A log that keeps an index of arrival times (Kafka does)."""

    def count_arrived_before(self, moments: Sequence[datetime]) -> Sequence[int]:
        """How many records had arrived before each moment, ever."""
        ...


class TopicVolume:
    """Counts over all raw topics, queried at most once a minute: a page must not wait for the
    broker each time."""

    def __init__(self, log: TimedLog, now: Now) -> None:
        self._log = log
        self._now = now
        self._asked_at: datetime | None = None
        self._known: HourlyCounts | None = None

    def read_counts(self) -> HourlyCounts | None:
        """The last HOURS hours, the present one included."""
        now = self._now()
        if self._asked_at is None or now - self._asked_at > MINUTE:
            self._known, self._asked_at = self._count_hours(now), now
        return self._known

    def _count_hours(self, now: datetime) -> HourlyCounts | None:
        marks = [_truncate_to_hour(now) - HOUR * i for i in range(HOURS - 1, -1, -1)]
        try:
            before = self._log.count_arrived_before([*marks, now])
        except RetryableError:
            return None
        counts = tuple(max(b - a, 0) for a, b in pairwise(before))
        return HourlyCounts(counts, marks[0]) if any(counts) else None


class JournalVolume:
    """Counts of one log. Where a past hour began never changes, so it is looked up once."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._known: dict[tuple[str, datetime], int] = {}

    def read_counts(self) -> HourlyCounts | None:
        """At most HOURS hours of the newest journal; None when nothing was ever received."""
        end = self._log.find_end()
        if end is None:
            return None
        oldest, newest = self._log.get(RecordPosition(end.journal, 1)), self._log.get(end)
        if oldest is None or newest is None:
            return None
        last = _truncate_to_hour(newest.arrived)
        hours = min(int((last - _truncate_to_hour(oldest.arrived)) / HOUR) + 1, HOURS)
        marks = [last - HOUR * i for i in range(max(hours, 1) - 1, -1, -1)]
        offsets = [*self._find_offsets(end, marks), end.offset + 1]
        return HourlyCounts(tuple(max(b - a, 0) for a, b in pairwise(offsets)), marks[0])

    def _find_offsets(self, end: RecordPosition, marks: list[datetime]) -> list[int]:
        if len(self._known) > 10 * HOURS:
            self._known.clear()
        offsets: list[int] = []
        for mark in marks:
            key = (end.journal, mark)
            if key not in self._known:
                self._known[key] = self._find_first_since(end, mark, offsets[-1] if offsets else 1)
            offsets.append(self._known[key])
        return offsets

    def _find_first_since(self, end: RecordPosition, mark: datetime, low: int) -> int:
        """Offset of the first record that arrived at `mark` or later."""
        high = end.offset + 1
        while low < high:
            middle = (low + high) // 2
            record = self._log.get(RecordPosition(end.journal, middle))
            if record is None or record.arrived < mark:
                low = middle + 1
            else:
                high = middle
        return low


def _truncate_to_hour(time: datetime) -> datetime:
    return time.replace(minute=0, second=0, microsecond=0)
