"""Define what a batch counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class SourceCount:
    """What one batch did for one source."""

    source: str
    parser: str = ""
    received: int = 0
    parsed: int = 0
    ignored: int = 0
    dead_letters: int = 0
    not_understood: int = 0
    late: int = 0
    first_event: datetime | None = None
    last_event: datetime | None = None
    last_arrived: datetime | None = None


@dataclass(frozen=True, slots=True)
class UnattributedCount:
    """Events of one batch without a known owner, by what would have to be bound."""

    key: str
    events: int
    first: datetime
    last: datetime
    dataset: str
