"""Format figures as an analyst would write them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from schemas.pipeline.plugin import DetectorSignal


def format_duration(seconds: float) -> str:
    """Format `16 minutes`, `40 seconds`, `2 hours`, rounded up."""
    for size, word in ((3600, "hour"), (60, "minute")):
        if seconds >= 2 * size or seconds == size:
            count = -int(-seconds // size)
            return f"{count} {word}{'s' if count != 1 else ''}"
    count = -int(-seconds // 1)
    return f"{count} second{'s' if count != 1 else ''}"


def format_interval(members: Sequence[DetectorSignal]) -> str:
    """Format `between 2026-11-22 10:00:00 and 10:15:30 UTC`."""
    first, last = (datetime.fromtimestamp(members[i].time, UTC) for i in (0, -1))
    if first == last:
        return f"at {first:%Y-%m-%d %H:%M:%S} UTC"
    form = "%H:%M:%S" if first.date() == last.date() else "%Y-%m-%d %H:%M:%S"
    return f"between {first:%Y-%m-%d %H:%M:%S} and {last:{form}} UTC"


def format_count(count: int, noun: str) -> str:
    """Format `1 account`, `41 accounts`."""
    return f"{count} {noun}{'s' if count != 1 else ''}"
