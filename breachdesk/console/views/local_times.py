"""Times in sentences that were written in UTC, told in the page's own zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import partial
from zoneinfo import ZoneInfo

_DATE = r"\d{4}-\d\d-\d\d|\d\d? [A-Z][a-z]{2} \d{4}"
_TIME = r"\d\d:\d\d(?::\d\d)?"
UTC_TIME = re.compile(
    rf"\b(?P<day>{_DATE}) (?P<time>{_TIME})"
    rf"(?:(?P<join> and | to )(?:(?P<last_day>{_DATE}) )?(?P<last_time>{_TIME}))? UTC\b"
)
"""`2026-11-22 03:13:04 UTC`; `22 Nov 2026 01:10 to 04:20 UTC`, where the second may have a day."""


def convert_to_zone(text: str, zone: ZoneInfo) -> str:
    """`between 22 Jul 2026, 10:00 and 10:15 BST` for `between 2026-07-22 09:00 and 09:15 UTC`. What
    is no time stays as it is."""
    return UTC_TIME.sub(partial(_format_match, zone=zone), text)


def _format_match(match: re.Match[str], zone: ZoneInfo) -> str:
    try:
        first = _to_local(match["day"], match["time"], zone)
        if match["join"] is None:
            return f"{_format_day(first)}, {_format_clock(first, match['time'])} {first.tzname()}"
        last = _to_local(match["last_day"] or match["day"], match["last_time"], zone)
    except ValueError:
        return match[0]
    letters = "" if first.tzname() == last.tzname() else f" {first.tzname()}"
    day = "" if first.date() == last.date() else f"{_format_day(last)}, "
    begin = f"{_format_day(first)}, {_format_clock(first, match['time'])}{letters}"
    return f"{begin}{match['join']}{day}{_format_clock(last, match['last_time'])} {last.tzname()}"


def _to_local(day: str, time: str, zone: ZoneInfo) -> datetime:
    form = "%Y-%m-%d" if "-" in day else "%d %b %Y"
    clock = "%H:%M:%S" if time.count(":") == 2 else "%H:%M"
    naive = datetime.strptime(f"{day} {time}", f"{form} {clock}")  # noqa: DTZ007 - zoned here
    return naive.replace(tzinfo=UTC).astimezone(zone)


def _format_day(moment: datetime) -> str:
    return f"{moment.day} {moment:%b %Y}"


def _format_clock(moment: datetime, text: str) -> str:
    """As exactly as it was written."""
    return f"{moment:%H:%M:%S}" if text.count(":") == 2 else f"{moment:%H:%M}"
