"""Parse times in the many ways that devices write them: ISO, epochs, RFC 2822, Common Log Format,
`Nov 22 2026 01:06:15`, `Sun Nov 22 01:06:15 2026`, with and without year, fraction and zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache

from schemas.errors import UnparseableRecord
from streams.tokenizers import stamps

_HALF = r"(?: ?(?P<half>[AaPp])\.?[Mm]\.?(?![A-Za-z]))?"
_CLOCK = (
    r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,:](?P<fraction>[0-9]{1,9})[0-9]{0,3})?)?"
    + _HALF
)
_ZONE = r"(?: ?\(?(?P<zone>Z|[A-Z]{2,5}(?:[+-][0-9]{1,2}(?::?[0-9]{2})?)?|[+-][0-9]{2}(?::?[0-9]{2})?)\)?(?![0-9A-Za-z]))?"
_DAY_NAME = r"(?:[A-Z][a-z]{2,8},? )?"
_MONTH = r"(?P<month>[A-Za-z]{3})[a-z]{0,6}\.?"
_YEAR = r"(?P<year>[0-9]{4})"
_DAY = r"(?P<day>[0-9]{1,2})"
_SHAPES = tuple(
    re.compile(rf"\s*+[\[\"(*.]?{shape}\s*+[\])\"]?\Z")
    for shape in (
        rf"{_YEAR}[-/.](?P<number>[0-9]{{1,2}})[-/.]{_DAY}(?:T| {{1,2}}|, ?|-)(?:{_CLOCK}){_ZONE}",
        rf"{_DAY_NAME}{_MONTH} {{1,2}}{_DAY},? {_YEAR},? {_CLOCK}{_ZONE}",
        rf"{_DAY_NAME}{_MONTH} {{1,2}}{_DAY},? {_CLOCK}{_ZONE}(?:,? {_YEAR})?",
        rf"{_DAY_NAME}{_DAY}[ /-]{_MONTH}[ /-]{_YEAR}[ :]{{1,2}}{_CLOCK}{_ZONE}",
        rf"{_YEAR}(?P<number>[0-9]{{2}})(?P<day>[0-9]{{2}})[T ]?(?P<hour>[0-9]{{2}})(?P<minute>[0-9]{{2}})(?P<second>[0-9]{{2}})(?P<fraction>){_HALF}{_ZONE}",
    )
)
_EPOCH = re.compile(
    r"([0-9]{9,10})(?:[.,]([0-9]{1,9}))?\Z|([0-9]{13})\Z|([0-9]{16})\Z|([0-9]{19})\Z"
)
_BEGIN = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST = 64
_HOURS_OF = {
    "UTC": 0.0, "GMT": 0.0, "UCT": 0.0, "Z": 0.0, "WET": 0.0, "WEST": 1.0, "BST": 1.0, "CET": 1.0,
    "CEST": 2.0, "MET": 1.0, "MEST": 2.0, "EET": 2.0, "EEST": 3.0, "MSK": 3.0, "EST": -5.0,
    "EDT": -4.0, "CST": -6.0, "CDT": -5.0, "MST": -7.0, "MDT": -6.0, "PST": -8.0, "PDT": -7.0,
    "AKST": -9.0, "AKDT": -8.0, "HST": -10.0, "AST": -4.0, "ADT": -3.0, "NST": -3.5, "NDT": -2.5,
    "BRT": -3.0, "SAST": 2.0, "IDT": 3.0, "PKT": 5.0, "SGT": 8.0, "HKT": 8.0, "AWST": 8.0,
    "JST": 9.0, "KST": 9.0, "ACST": 9.5, "ACDT": 10.5, "AEST": 10.0, "AEDT": 11.0, "NZST": 12.0,
    "NZDT": 13.0,
}  # fmt: skip
_OFFSET = re.compile(r"[A-Z]*+([+-])([0-9]{1,2})(?::?([0-9]{2}))?\Z")


def parse_stamp(text: str, arrived: datetime, zone: tzinfo) -> datetime | None:
    """Parse a stamp in any of these shapes to aware UTC, or return None for another text and for a
    time that no calendar has. `zone` applies to a stamp without one."""
    if len(text) > _LONGEST:
        return None
    if text[:1].isdigit() and (epoch := _EPOCH.match(text.strip())) is not None:
        return _parse_epoch(epoch)
    for shape in _SHAPES:
        match = shape.match(text)
        if match is not None:
            return _build_time(match.groupdict(), arrived, zone)
    return None


def _parse_epoch(epoch: re.Match[str]) -> datetime:
    seconds, fraction, milliseconds, microseconds, nanoseconds = epoch.groups()
    if seconds is not None:
        since = timedelta(seconds=int(seconds), microseconds=int(((fraction or "") + "000000")[:6]))
    elif milliseconds is not None:
        since = timedelta(milliseconds=int(milliseconds))
    else:
        since = timedelta(microseconds=int(microseconds or nanoseconds[:16]))
    return _BEGIN + since


def _build_time(parts: dict[str, str | None], arrived: datetime, zone: tzinfo) -> datetime | None:
    day, hour, minute = parts["day"] or "", int(parts["hour"] or 0), parts["minute"] or ""
    month = parts.get("month")
    number = int(parts.get("number") or 0) if month is None else _get_month(month)
    if parts.get("half"):
        hour = hour % 12 + (12 if parts["half"] in ("p", "P") else 0)
    clock = f"{hour:02}:{minute}:{parts.get('second') or '00'}"
    named_zone = find_zone(parts.get("zone"), zone)
    try:
        if parts.get("year") is None:
            name = (month or "")[:3].capitalize()
            time = stamps.parse_yearless(name, day, clock, arrived, named_zone)
        else:
            time = stamps.parse_iso(
                f"{parts['year']}-{number:02}-{int(day):02}T{clock}", named_zone
            )
    except UnparseableRecord:
        return None
    fraction = parts.get("fraction")
    return time + timedelta(microseconds=int((fraction + "000000")[:6])) if fraction else time


def _get_month(name: str) -> int:
    return stamps.MONTHS.get(name[:3].capitalize(), 0)


@lru_cache(maxsize=512)
def find_zone(name: str | None, zone: tzinfo) -> tzinfo:
    """Return the zone of `Z`, `+0100`, `CEST`, `GMT+2`; `zone` if there is none or it is unknown.

    An abbreviation that the source's own zone uses means that zone: `CST` is six hours behind UTC
    in Chicago and eight ahead of it in Shanghai."""
    if not name:
        return zone
    offset = _OFFSET.match(name)
    if offset is not None:
        sign, hours, minutes = offset.groups()
        ahead = timedelta(hours=int(hours), minutes=int(minutes or 0))
        if ahead >= timedelta(hours=24):
            return zone
        return timezone(-ahead if sign == "-" else ahead) if ahead else UTC
    seasons = (datetime(2026, 1, 1, tzinfo=zone), datetime(2026, 7, 1, tzinfo=zone))
    for season in seasons:
        if season.tzname() == name and (ahead_of := season.utcoffset()) is not None:
            return timezone(ahead_of) if ahead_of else UTC
    known = _HOURS_OF.get(name)
    if known is None:
        return zone
    return timezone(timedelta(hours=known)) if known else UTC
