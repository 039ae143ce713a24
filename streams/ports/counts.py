"""Define what a batch counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from schemas.pipeline.slotted import slotted

LATENESS_SECONDS = (5, 30, 120, 600, 3_600, 21_600, 86_400)
"""Upper bounds of the classes of lateness; the last class has none."""
NO_LATENESS = (0,) * (len(LATENESS_SECONDS) + 1)


class SubjectKind(StrEnum):
    """What an hour's count is of."""

    SOURCE = "source"
    CUSTOMER = "customer"


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


@slotted
class HourCount:
    """What one batch did for one source or customer in one hour of arrival. Records of a backfill
    are in none: they arrive when a person feeds them. Times are epoch seconds."""

    kind: SubjectKind
    name: str
    hour: int
    """Hours since the epoch, of arrival."""
    received: int = 0
    """Of a customer: its events."""
    parsed: int = 0
    ignored: int = 0
    dead_letters: int = 0
    not_understood: int = 0
    late: int = 0
    copies: int = 0
    """Records with the bytes of another recent record of the source."""
    unattributed: int = 0
    suspect: int = 0
    """Events whose stamp lay too far ahead of their arrival."""
    minutes: int = 0
    """Bit n: a record arrived in minute n of the hour."""
    lateness: tuple[int, ...] = NO_LATENESS
    """Events by class of arrival minus event time (LATENESS_SECONDS)."""
    least_late: float | None = None
    most_late: float | None = None
    first_failure: float | None = None
    """Arrival of the first record that became a dead letter."""
    last_failure: float | None = None
    last_event: float | None = None
    last_arrived: float | None = None

    @property
    def failures(self) -> int:
        """Records that became no event for want of a parser that reads them."""
        return self.dead_letters + self.not_understood


class SourceSighting(NamedTuple):
    """In this hour of arrival a source told of an asset of the register."""

    customer: str
    asset: str
    """`kind:value`; empty: the event names the customer and no asset with data categories."""
    source: str
    hour: int


@dataclass(frozen=True, slots=True)
class UnattributedCount:
    """Events of one batch without a known owner, by what would have to be bound."""

    key: str
    events: int
    first: datetime
    last: datetime
    dataset: str
