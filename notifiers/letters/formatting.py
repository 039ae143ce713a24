"""Format dates, lists and lengths by the GOV.UK style guide."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from schemas.short_memory import remember_for_minutes

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


def format_moment(value: datetime, zone: ZoneInfo) -> str:
    """Format `Sunday 22 November 2026 at 3:07am GMT`; the zone letters distinguish summer from
    winter time."""
    local = value.astimezone(zone)
    return f"{format_day(local)} at {_format_hour(local)} {local:%Z}"


def format_day(value: date) -> str:
    """Format `Sunday 22 November 2026`."""
    return f"{value:%A} {value.day} {value:%B} {value.year}"


def format_plain_day(value: date) -> str:
    """Format `22 November 2026`."""
    return f"{value.day} {value:%B} {value.year}"


def format_span(begin: datetime | None, end: datetime | None, zone: ZoneInfo) -> str:
    """Format `between … and …`, with the ends that are known; empty if neither is."""
    if begin and end and _format_minute(begin, zone) != _format_minute(end, zone):
        return _format_between(begin.astimezone(zone), end.astimezone(zone))
    if begin and end:
        return f"on {format_moment(begin, zone)}"
    if begin:
        return f"from {format_moment(begin, zone)}"
    return f"up to {format_moment(end, zone)}" if end else ""


def _format_between(begin: datetime, end: datetime) -> str:
    if f"{begin:%F %Z}" == f"{end:%F %Z}":
        return f"on {format_day(begin)}, between {_format_hour(begin)} and {_format_hour(end)} {end:%Z}"
    return f"between {format_day(begin)} at {_format_hour(begin)} {begin:%Z} and {format_day(end)} at {_format_hour(end)} {end:%Z}"


def _format_minute(value: datetime, zone: ZoneInfo) -> str:
    """Format the time without seconds, as `format_moment` does."""
    return f"{value.astimezone(zone):%F %H:%M %Z}"


def format_series(items: Sequence[str]) -> str:
    """Join `a, b and c`."""
    head, tail = list(items[:-1]), items[-1:]
    return f"{', '.join(head)} and {tail[0]}" if head else "".join(tail)


def format_sentence(text: str) -> str:
    """Ends with a full stop, begins with a capital, one paragraph."""
    flat = " ".join(text.split())
    stop = "" if flat.endswith((".", "?", "!")) or not flat else "."
    return flat[:1].upper() + flat[1:] + stop


def wrap_text(text: str) -> str:
    """Wrap every line to LINE columns, indent list items, keep at most one blank line between
    blocks and one line end at the end."""
    lines: list[str] = []
    for line in text.splitlines():
        wrapped = _wrap_line(line.rstrip())
        if wrapped == [""] and lines[-1:] in ([], [""]):
            continue
        lines += wrapped
    return "\n".join(lines).strip("\n") + "\n"


@remember_for_minutes(LINES)
def _wrap_line(line: str) -> list[str]:
    """Wrap and cache a line, because most lines are in every letter of a breach. Callers must not
    change the result."""
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


def _format_hour(local: datetime) -> str:
    if local.minute == 0 and local.hour in (0, 12):
        return "midday" if local.hour else "midnight (as that day began)"
    minutes = f":{local.minute:02d}" if local.minute else ""
    return f"{local.hour % 12 or 12}{minutes}{'am' if local.hour < 12 else 'pm'}"
