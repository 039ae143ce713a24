"""Decide whether a late record counts for correlation, from the record alone
(docs/reference/streaming.md, In time). One that does not still feeds rules of single events."""

from __future__ import annotations

from datetime import datetime

FUTURE_SECONDS = 60.0
"""How far an event's own clock may run ahead of its arrival."""
HOLD_SECONDS = 3_600.0
"""A backfill counts as running until none of its records has arrived for so long."""


def is_in_time(event: datetime, arrived: datetime, horizon: float, *, backfill: bool) -> bool:
    """Whether this record counts for correlation, from the record alone. `horizon`: H, seconds."""
    if backfill:
        return True
    delay = (arrived - event).total_seconds()
    return -FUTURE_SECONDS <= delay <= horizon
