"""Dates, lists and lengths as a careful person in the UK writes them (GOV.UK style)."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from schemas.short_memory import for_minutes

NO_BREAK = "\N{NO-BREAK SPACE}"
TOGETHER = re.compile(
    r"(?<=\d) (?=\d|January|February|March|April|May|June|July|August|September|October|November"
    r"|December)|(?<=Article) (?=\d)"
)
"""Spaces at which no line may end: within telephone numbers, dates and article numbers."""
ITEM = re.compile(r"\s*(?:- |\d+[.)] )")
LINE = 72
"""Columns of the text part: below 75, so that a quoted reply still fits."""
LINES = 4_096
"""That are remembered as they are laid out."""


def moment(value: datetime, zone: ZoneInfo) -> str:
    """`Sunday 22 November 2026 at 3:07am GMT`; the letters tell summer time from winter."""
    local = value.astimezone(zone)
    return f"{day(local)} at {_hour(local)} {local:%Z}"


def day(value: date) -> str:
    """`Sunday 22 November 2026`"""
    return f"{value:%A} {value.day} {value:%B} {value.year}"


def plain_day(value: date) -> str:
    """`22 November 2026`"""
    return f"{value.day} {value:%B} {value.year}"


def span(begin: datetime | None, end: datetime | None, zone: ZoneInfo) -> str:
    """`between … and …`, as far as it is known; empty: neither end is."""
    if begin and end and _minute(begin, zone) != _minute(end, zone):
        return _between(begin.astimezone(zone), end.astimezone(zone))
    if begin and end:
        return f"on {moment(begin, zone)}"
    if begin:
        return f"from {moment(begin, zone)}"
    return f"up to {moment(end, zone)}" if end else ""


def _between(begin: datetime, end: datetime) -> str:
    if f"{begin:%F %Z}" == f"{end:%F %Z}":
        return f"on {day(begin)}, between {_hour(begin)} and {_hour(end)} {end:%Z}"
    return (
        f"between {day(begin)} at {_hour(begin)} {begin:%Z} and {day(end)} at {_hour(end)} {end:%Z}"
    )


def _minute(value: datetime, zone: ZoneInfo) -> str:
    """As `moment` tells it: seconds are not told."""
    return f"{value.astimezone(zone):%F %H:%M %Z}"


def series(items: Sequence[str]) -> str:
    """`a, b and c`"""
    head, tail = list(items[:-1]), items[-1:]
    return f"{', '.join(head)} and {tail[0]}" if head else "".join(tail)


def sentence(text: str) -> str:
    """Ends with a full stop, begins with a capital, one paragraph."""
    flat = " ".join(text.split())
    stop = "" if flat.endswith((".", "?", "!")) or not flat else "."
    return flat[:1].upper() + flat[1:] + stop


def laid_out(text: str) -> str:
    """Every line within LINE columns, list items indented under themselves, one blank line at
    most between blocks, one line end at the end."""
    lines: list[str] = []
    for line in text.splitlines():
        wrapped = _wrapped(line.rstrip())
        if wrapped == [""] and lines[-1:] in ([], [""]):
            continue
        lines += wrapped
    return "\n".join(lines).strip("\n") + "\n"


@for_minutes(LINES)
def _wrapped(line: str) -> list[str]:
    """Most lines stand in every letter of a breach. Nobody changes what comes back."""
    marker = ITEM.match(line)
    indent = " " * marker.end() if marker else ""
    wrapped = textwrap.wrap(
        TOGETHER.sub(NO_BREAK, line),
        LINE,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [part.replace(NO_BREAK, " ") for part in wrapped] or [""]


def _hour(local: datetime) -> str:
    if local.minute == 0 and local.hour in (0, 12):
        return "midday" if local.hour else "midnight (as that day began)"
    minutes = f":{local.minute:02d}" if local.minute else ""
    return f"{local.hour % 12 or 12}{minutes}{'am' if local.hour < 12 else 'pm'}"
