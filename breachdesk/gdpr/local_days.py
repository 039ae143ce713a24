"""Periods in days: counted in the calendar of the place whose law it is."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from schemas.times import in_utc

LAST_SECOND = time(23, 59, 59)


def end_of_days(start: datetime, days: int, zone: str) -> datetime:
    """The last second, in UTC, of the day so many calendar days after the local day of `start`.
    No weekend or holiday moves it: an earlier end is never late."""
    place = ZoneInfo(zone)
    last = in_utc(start).astimezone(place).date() + timedelta(days=days)
    return in_utc(datetime.combine(last, LAST_SECOND, place))
