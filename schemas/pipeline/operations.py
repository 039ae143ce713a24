"""Model operations alerts: what is wrong with how the records of a source reach us."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from schemas.customer import FrozenModel


class OperationsKind(StrEnum):
    """What is wrong."""

    SILENT = "silent"
    NEVER_SEEN = "never_seen"
    UNREADABLE = "unreadable"
    """More of its records than usual become no event."""
    DELAYED = "delayed"
    CLOCK_WRONG = "clock_wrong"
    COLLAPSED = "collapsed"
    FLOODED = "flooded"
    UNREAD = "unread"
    """A poller or follower cannot read something of it."""
    CUSTOMER_SILENT = "customer_silent"
    """Every source that tells of a customer is silent."""


class OperationsAlert(FrozenModel):
    """Something is wrong with a source. At most one of a kind is open for a source."""

    id: int = 0
    source: str
    """Its name; of a silent customer the customer's id."""
    kind: OperationsKind
    begin: datetime
    """Since when, as the arrivals show it."""
    opened_at: datetime
    end: datetime | None = None
    closed_at: datetime | None = None
    reason: str
    """Names figures, never the content of a line."""
    usual: float | None = None
    """What was usual when it opened; it closes by comparison with this."""
