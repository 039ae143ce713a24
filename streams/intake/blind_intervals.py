"""Merge single losses into one interval, reported when they stop or have gone on for long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas.pipeline.source import BlindInterval

QUIET = timedelta(seconds=1)
LONGEST = timedelta(seconds=10)
MOST_SOURCES = 500
"""Strangers choose addresses freely, and an address is a source: more are told of together."""


@dataclass(slots=True)
class LossSpan:
    """What was lost from when to when."""

    begin: datetime
    end: datetime
    count: int = 0


def extend_span(span: LossSpan | None, begin: datetime, end: datetime, count: int) -> LossSpan:
    """Extend the span by a new loss."""
    if span is None:
        return LossSpan(begin, end, count)
    return LossSpan(span.begin, end, span.count + count)


def is_over(span: LossSpan, now: datetime) -> bool:
    """Whether nothing was lost for a second, or losses have gone on for ten."""
    return now - span.end >= QUIET or now - span.begin >= LONGEST


def build_interval(source: str, span: LossSpan, reason: str, lost: int | None) -> BlindInterval:
    """Build the interval for the event log."""
    return BlindInterval(source=source, begin=span.begin, end=span.end, reason=reason, lost=lost)
