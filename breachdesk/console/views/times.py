"""Times as people read them: event time in the provider's zone with its letters, ages, spans."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from schemas.errors import BadInput

_TYPED = re.compile(r"(\d{4})-(\d\d?)-(\d\d?)[T ,]+(\d\d?):(\d\d)(?::(\d\d))?\s*([A-Za-z]*)")
SHAPE = "YYYY-MM-DD HH:MM"
EARLIEST, LATEST = 1970, 2199
"""Years that a typed time may have. What lies outside is a slip, and arithmetic on the ends of the
calendar fails."""


class TimeFormatter:
    """Formats and reads times of one zone."""

    def __init__(self, zone: str) -> None:
        self.zone = ZoneInfo(zone)

    def format_long(self, time: datetime) -> str:
        """`Sun 22 Nov 2026, 09:12 GMT`"""
        local = self._to_local(time)
        return f"{local:%a} {local.day} {local:%b %Y, %H:%M} {local.tzname()}"

    def format_full(self, time: datetime) -> str:
        """`Sunday 22 November 2026, 09:12 GMT`"""
        local = self._to_local(time)
        return f"{local:%A} {local.day} {local:%B %Y, %H:%M} {local.tzname()}"

    def format_day(self, time: datetime) -> str:
        """`22 Nov 2026`"""
        local = self._to_local(time)
        return f"{local.day} {local:%b %Y}"

    def format_short(self, time: datetime) -> str:
        """`22 Nov 02:51 GMT`"""
        local = self._to_local(time)
        return f"{local.day} {local:%b %H:%M} {local.tzname()}"

    def format_second(self, time: datetime) -> str:
        """`22 Nov 02:51:07 GMT`"""
        local = self._to_local(time)
        return f"{local.day} {local:%b %H:%M:%S} {local.tzname()}"

    def format_minute(self, time: datetime) -> str:
        """`02:51`"""
        return f"{self._to_local(time):%H:%M}"

    def format_for_form(self, time: datetime | None) -> str:
        """As a form field shows it: `2026-11-22 09:12 GMT`."""
        if time is None:
            return ""
        local = self._to_local(time)
        return f"{local:%Y-%m-%d %H:%M} {local.tzname()}"

    def _to_local(self, time: datetime) -> datetime:
        """In the zone; in UTC at the ends of the calendar, which some exports mean by "always"."""
        try:
            return time.astimezone(self.zone)
        except OverflowError:
            return time.astimezone(UTC)

    def parse_time(self, text: str, place: str) -> datetime | None:
        """A typed time as aware UTC; None when empty.

        Raises BadInput for another shape, for a year before EARLIEST or after LATEST, for a time
        that never was (clocks went forward) and for one that was twice (clocks went back) without
        its letters.
        """
        if not text.strip():
            return None
        match = _TYPED.fullmatch(text.strip())
        if match is None:
            raise BadInput("this is not a valid time", place=place, remedy=f"Write {SHAPE}.")
        return self._build_aware(match, place)

    def _build_aware(self, match: re.Match[str], place: str) -> datetime:
        letters = match[7].upper()
        year, month, day, hour, minute, second = (int(n or 0) for n in match.groups()[:6])
        try:
            naive = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - zoned below
        except ValueError:
            raise BadInput("there is no such day or hour", place=place, remedy=SHAPE) from None
        if not EARLIEST <= year <= LATEST:
            raise BadInput(
                f"the year {year} cannot be meant", place=place, remedy="Correct the year."
            )
        if letters in ("UTC", "Z"):
            return naive.replace(tzinfo=UTC)
        return self._resolve_in_zone(naive, letters, place)

    def _resolve_in_zone(self, naive: datetime, letters: str, place: str) -> datetime:
        folds = [naive.replace(tzinfo=self.zone, fold=fold) for fold in (0, 1)]
        real = [t for t in folds if _is_existing_time(t)]
        fitting = [t for t in real if letters in ("", t.tzname())]
        if not real:
            raise BadInput(
                "that hour never was: the clocks went forward", place=place, remedy="Add an hour."
            )
        if not fitting:
            raise BadInput(
                f"{letters} is not the zone of that day", place=place, remedy="Leave it out."
            )
        if fitting[0].utcoffset() != fitting[-1].utcoffset():
            names = " or ".join(str(t.tzname()) for t in fitting)
            raise BadInput(
                "that hour was twice: the clocks went back",
                place=place,
                remedy=f"Write {names} after it.",
            )
        return fitting[0].astimezone(UTC)


def _is_existing_time(time: datetime) -> bool:
    back = time.astimezone(UTC).astimezone(time.tzinfo)
    return back.replace(tzinfo=None) == time.replace(tzinfo=None)


def format_span(length: timedelta) -> str:
    """`4 min`, `2 h 05 min`, `3 days 4 h`; never negative."""
    minutes = int(abs(length).total_seconds() // 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 100:
        return f"{hours} h {minutes:02d} min"
    days, hours = divmod(hours, 24)
    return f"{days} days {hours} h"


def format_age(time: datetime, now: datetime) -> str:
    """One unit: `now`, `4 min`, `2 h`, `5 days`; a time ahead of us is `just now` too."""
    minutes = int((now - time).total_seconds() // 60)
    if minutes < 1:
        return "just now"
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h"
    return f"{minutes // 1440} days"
