"""Lines received an hour, read off the newest journal by bisection: offsets rise with arrival,
and a journal holds one day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from schemas.event import Position
from streams.ports import EventLog

HOURS = 24
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Received:
    """Counts of the hours that end with the newest line's, and when the first of them begins."""

    counts: tuple[int, ...]
    begin: datetime

    @property
    def total(self) -> int:
        return sum(self.counts)


def received(log: EventLog) -> Received | None:
    """At most HOURS hours of the newest journal; None when nothing was ever received."""
    end = log.end()
    if end is None:
        return None
    oldest, newest = log.get(Position(end.journal, 1)), log.get(end)
    if oldest is None or newest is None:
        return None
    last = _hour(newest.arrived)
    hours = min(int((last - _hour(oldest.arrived)) / HOUR) + 1, HOURS)
    marks = [last - HOUR * i for i in range(max(hours, 1) - 1, -1, -1)]
    offsets = [_first_since(log, end, mark) for mark in marks]
    return Received(_differences([*offsets, end.offset + 1]), marks[0])


def _hour(time: datetime) -> datetime:
    return time.replace(minute=0, second=0, microsecond=0)


def _differences(offsets: Sequence[int]) -> tuple[int, ...]:
    return tuple(max(b - a, 0) for a, b in pairwise(offsets))


def _first_since(log: EventLog, end: Position, mark: datetime) -> int:
    """Offset of the first record that arrived at `mark` or later; dropped days count as before."""
    low, high = 1, end.offset + 1
    while low < high:
        middle = (low + high) // 2
        record = log.get(Position(end.journal, middle))
        if record is None or record.arrived < mark:
            low = middle + 1
        else:
            high = middle
    return low
