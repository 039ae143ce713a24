"""Parse times of devices to aware UTC. What neighbouring lines share (the year, the offset of an
hour) is cached."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache

from schemas.errors import UnparseableRecord
from schemas.pipeline.plugin import MAX_FUTURE

MONTHS = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1
    )
}
_SECONDS = {f"{second:02}": timedelta(seconds=second) for second in range(61)}
FIRST_YEAR, LAST_YEAR = 100, 9900
"""Beyond these, adding a span to a time may leave the calendar of `datetime`."""
FAST_CLOCK = timedelta(hours=26)
"""A stamp without a year that is so far ahead shows a clock or a zone that is wrong: zones differ
by up to 26 hours."""
_YEARS_AROUND = 8
"""29 February exists in at least one year of any eight on either side, even around 2100."""


def build_absurd_time() -> UnparseableRecord:
    """Build the error for a time that no calendar has; it repeats nothing of the line."""
    return UnparseableRecord(
        "a time that no calendar has",
        remedy="Correct the clock or the time format of the device, then replay the line.",
    )


def _check_reckonable(time: datetime) -> datetime:
    """Check that days and years can be added and subtracted. Raises UnparseableRecord."""
    if not FIRST_YEAR <= time.year <= LAST_YEAR:
        raise build_absurd_time()
    return time


def parse_yearless(
    month: str,
    day: str,
    clock: str,
    arrived: datetime,
    zone: tzinfo,
    max_future: timedelta = MAX_FUTURE,
) -> datetime:
    """Parse `Nov`, `22`, `01:06:15` in the year that puts it nearest to arrival (RFC 3164 has no
    year), and no further ahead of it than `max_future`.

    Up to FAST_CLOCK ahead, it is this year's: a clock that is fast, or a wrong zone. (Such a time
    is suspect: the recogniser uses the arrival.) Raises UnparseableRecord."""
    try:
        minute = _find_nearest_minute(month, day, clock[:5], arrived.date(), zone)
        time = minute + _SECONDS[clock[6:8]]
        if time > arrived and time - arrived > max(max_future, FAST_CLOCK):
            minute = _find_former_minute(month, day, clock[:5], minute.year, zone)
            time = minute + _SECONDS[clock[6:8]]
    except (KeyError, ValueError, OverflowError) as error:
        raise build_absurd_time() from error
    return time


@lru_cache(maxsize=8192)
def _find_nearest_minute(
    month: str, day: str, minute: str, arrived: date, zone: tzinfo
) -> datetime:
    number, day_number = MONTHS[month], int(day)
    year = _find_nearest_year(number, day_number, arrived)
    local = datetime(year, number, day_number, int(minute[:2]), int(minute[3:]), tzinfo=UTC)
    return _convert_to_utc(local, zone)


@lru_cache(maxsize=8192)
def _find_former_minute(month: str, day: str, minute: str, year: int, zone: tzinfo) -> datetime:
    """Find the same minute in the last year before that one which has the day."""
    number, day_number = MONTHS[month], int(day)
    years = range(year - 1, year - 1 - _YEARS_AROUND, -1)
    former = next(year for year in years if _exists(year, number, day_number))
    local = datetime(former, number, day_number, int(minute[:2]), int(minute[3:]), tzinfo=UTC)
    return _convert_to_utc(local, zone)


@lru_cache(maxsize=8192)
def _find_nearest_year(month: int, day: int, arrived: date) -> int:
    years = range(arrived.year - _YEARS_AROUND, arrived.year + _YEARS_AROUND + 1)
    candidates = [date(year, month, day) for year in years if _exists(year, month, day)]
    return min(candidates, key=lambda that: abs(that - arrived)).year


def _exists(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _convert_to_utc(local: datetime, zone: tzinfo) -> datetime:
    """Convert the figures of a local time to UTC. Raises OverflowError."""
    if zone is UTC:
        return local
    offset = _find_offset(local.year, local.month, local.day, local.hour, zone)
    return local.replace(tzinfo=zone).astimezone(UTC) if offset is None else local - offset


@lru_cache(maxsize=8192)
def _find_offset(year: int, month: int, day: int, hour: int, zone: tzinfo) -> timedelta | None:
    """Find a zone's offset from UTC during a local hour; None: it changes within the hour."""
    begin = datetime(year, month, day, hour, tzinfo=zone).utcoffset()
    end = datetime(year, month, day, hour, 59, 59, 999_999, tzinfo=zone).utcoffset()
    return begin if begin == end else None


def parse_iso(text: str, zone: tzinfo = UTC) -> datetime:
    """Parse ISO 8601 / RFC 3339; `zone` applies if the stamp has none. Raises UnparseableRecord."""
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is None:
            time = _convert_to_utc(_replace_with_utc(time), zone)
        elif time.tzinfo is not UTC:
            time = time.astimezone(UTC)
        if FIRST_YEAR <= time.year <= LAST_YEAR:
            return time
    except (ValueError, OverflowError) as error:
        raise build_absurd_time() from error
    raise build_absurd_time()


def _replace_with_utc(time: datetime) -> datetime:
    """Build the same figures in UTC; `replace` costs three times as much."""
    return datetime(
        time.year,
        time.month,
        time.day,
        time.hour,
        time.minute,
        time.second,
        time.microsecond,
        UTC,
    )


def parse_common_log(text: str) -> datetime:
    """Parse `22/Nov/2026:01:06:15 +0000` of the Common Log Format. Raises UnparseableRecord."""
    try:
        return _check_reckonable(_parse_common_minute(text[:17], text[21:]) + _SECONDS[text[18:20]])
    except (KeyError, ValueError, OverflowError) as error:
        raise build_absurd_time() from error


def parse_common_local(text: str, zone: tzinfo) -> datetime:
    """Parse `22/Nov/2026:01:06:15` of the Common Log Format without an offset.

    Raises UnparseableRecord."""
    month = MONTHS.get(text[3:6])
    if month is None:
        raise build_absurd_time()
    return parse_iso(f"{text[7:11]}-{month:02}-{text[:2]}T{text[12:]}", zone)


@lru_cache(maxsize=8192)
def _parse_common_minute(minute: str, offset: str) -> datetime:
    ahead = timedelta(hours=int(offset[1:3]), minutes=int(offset[3:5]))
    zone = timezone(-ahead if offset[0] == "-" else ahead)
    year, month, day = int(minute[7:11]), MONTHS[minute[3:6]], int(minute[:2])
    return datetime(
        year, month, day, int(minute[12:14]), int(minute[15:17]), tzinfo=zone
    ).astimezone(UTC)


@lru_cache(maxsize=1024)
def format_zulu(time: datetime) -> str:
    """Format `2026-11-22T01:06:15.000Z`, with microseconds if it has any."""
    spec = "microseconds" if time.microsecond % 1000 else "milliseconds"
    return time.astimezone(UTC).isoformat(timespec=spec).replace("+00:00", "Z")
