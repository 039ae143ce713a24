"""Losses that come one by one, told as one interval: when they stop, or when it has gone on long."""

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
    """The span, and what was lost just now."""
    if span is None:
        return LossSpan(begin, end, count)
    return LossSpan(span.begin, end, span.count + count)


def is_over(span: LossSpan, now: datetime) -> bool:
    """Nothing was lost for a second, or it has gone on for ten."""
    return now - span.end >= QUIET or now - span.begin >= LONGEST


def build_interval(source: str, span: LossSpan, reason: str, lost: int | None) -> BlindInterval:
    """As the event log keeps it."""
    return BlindInterval(source=source, begin=span.begin, end=span.end, reason=reason, lost=lost)
