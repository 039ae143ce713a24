"""Protocol of a unit of work for what watches the sources."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

from schemas.customer import AssetKind
from schemas.paging import Page, PageRequest
from schemas.pipeline.operations import OperationsAlert
from streams.ports import HourCount, SourceSighting, SubjectKind


class WaitingCounts(NamedTuple):
    """How much waits for a person."""

    operations_alerts: int
    """Open ones."""
    held_changes: int
    """Of the register."""


@dataclass(frozen=True, slots=True)
class HourPeak:
    """The most records of an hour, and of how many hours."""

    received: int
    hours: int


class CoverageGap(StrEnum):
    """Which customers a list is narrowed to."""

    NOTHING = "nothing"
    """No source tells of the customer."""
    SOME = "some"
    """Some asset of the customer is not watched."""


class ServiceCoverage(NamedTuple):
    """Assets of one kind and service, and how many of them a source told of."""

    kind: AssetKind
    service: str
    assets: int
    watched: int


class CoverageBook(Protocol):
    """Which assets of the register sources told of. `since`: the hour from which it counts."""

    def count_services(self, since: int, at: datetime) -> Sequence[ServiceCoverage]:
        """Count current assets of customers, by kind and service."""
        ...

    def count_customers(self, since: int) -> tuple[int, int]:
        """Count all customers, and those of which no source told."""
        ...

    def list_customers_page(
        self,
        request: PageRequest,
        since: int,
        at: datetime,
        gap: CoverageGap | None = None,
        words: str | None = None,
    ) -> Page[str]:
        """List a page of ids of customers, by name; `words` must occur in the name or id. Raises
        BadInput for an invalid cursor."""
        ...


class WatchBook(Protocol):
    """Hours of sources and customers, sightings of assets, operations alerts."""

    def list_hours(
        self,
        kind: SubjectKind,
        begin: int,
        end: int,
        names: Collection[str] | None = None,
    ) -> Sequence[HourCount]:
        """List hours from `begin` up to and without `end`, of these names (None: of all), by name
        and hour."""
        ...

    def list_chosen_hours(
        self, kind: SubjectKind, hours: Collection[int], names: Collection[str]
    ) -> Sequence[HourCount]:
        """List exactly these hours of these names."""
        ...

    def sum_hours(
        self,
        kind: SubjectKind,
        begin: int,
        end: int,
        names: Collection[str] | None = None,
    ) -> Mapping[str, HourCount]:
        """Sum these hours by name; each sum has the first hour of its name. Minutes are not
        summed."""
        ...

    def get_peaks(self, begin: int, end: int) -> Mapping[str, HourPeak]:
        """Return the peak of each source in these hours."""
        ...

    def find_oldest_kept(self) -> int:
        """Find the hour before which hours are too many to be kept; 0: they are not too many."""
        ...

    def drop_hours(self, before: int) -> int:
        """Drop hours and sightings before this hour; returns how many hours."""
        ...

    def find_processed_until(self, journals: Collection[str] | None = None) -> datetime | None:
        """Find the moment before which every record that arrived is processed, over the partitions
        of these journals (None: over all there are). None: nothing was ever processed."""
        ...

    def list_open(self, sources: Collection[str] | None = None) -> Sequence[OperationsAlert]:
        """List open operations alerts of these sources (None: of all), by source and kind."""
        ...

    def list_page(self, request: PageRequest) -> Page[OperationsAlert]:
        """List a page of all operations alerts, newest first. Raises BadInput for an invalid
        cursor."""
        ...

    def count_waiting(self) -> WaitingCounts:
        """Count in one statement what waits for whoever runs the installation."""
        ...

    def save(self, alert: OperationsAlert) -> None:
        """Add an alert without an id, unless one of its kind is open for its source; else store the
        end of the one with this id."""
        ...

    def list_spans(self, source: str, kind: str, since: datetime) -> Sequence[OperationsAlert]:
        """List closed alerts of this kind that ended since then, oldest first."""
        ...

    def find_unheard_customers(
        self, silent: Collection[str], since: int
    ) -> Mapping[str, Sequence[str]]:
        """Find customers of whom one of these sources told, and since this hour no other; with the
        names of those that did, in order."""
        ...

    def list_sightings(self, customers: Collection[str]) -> Sequence[SourceSighting]:
        """List which source told of which asset of these customers, by customer, asset, source."""
        ...
