"""Deadlines: exact UTC arithmetic on the moment of awareness.

Hours are real hours: no clock change, weekend or bank holiday moves them (Regulation 1182/71,
Art. 3(3) and 3(4), as we read it; the roll to a working day is for periods not in hours).
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas.times import in_utc


@dataclass(frozen=True, slots=True)
class Deadline:
    """A limit in hours. `due` drives every countdown; the outer bound is only ever a note."""

    started_at: datetime
    due: datetime
    formal_outer_bound: datetime
    """Art. 3(1): the hour in which the event falls is not counted."""


def in_hours(aware_at: datetime, hours: int) -> Deadline:
    """`hours` after awareness. Raises BadInput for a time without a zone."""
    start = in_utc(aware_at)
    due = start + timedelta(hours=hours)
    return Deadline(start, due, _next_full_hour(due))


def is_late(at: datetime, due: datetime) -> bool:
    """On unrounded seconds: 72:00:00 is in time, 72:00:01 is late."""
    return in_utc(at) > in_utc(due)


def one_month(start: datetime) -> datetime:
    """Same day and hour of the next month, else its last day; no roll to a working day."""
    moment = in_utc(start)
    year, month = (moment.year + 1, 1) if moment.month == 12 else (moment.year, moment.month + 1)
    last = calendar.monthrange(year, month)[1]
    return moment.replace(year=year, month=month, day=min(moment.day, last))


def shadow(detected_at: datetime | None, aware_at: datetime, hours: int) -> Deadline | None:
    """The deadline if a regulator held that awareness was the first alert; None: no earlier."""
    if detected_at is None or in_utc(detected_at) >= in_utc(aware_at):
        return None
    return in_hours(detected_at, hours)


def awareness_delay(detected_at: datetime | None, aware_at: datetime) -> timedelta:
    """From first alert to declared awareness; zero when nothing was detected before."""
    if detected_at is None:
        return timedelta()
    return max(timedelta(), in_utc(aware_at) - in_utc(detected_at))


def _next_full_hour(moment: datetime) -> datetime:
    floor = moment.replace(minute=0, second=0, microsecond=0)
    return floor if floor == moment else floor + timedelta(hours=1)
