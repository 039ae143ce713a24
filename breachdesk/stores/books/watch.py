"""Store what watches the sources: hours, sightings of assets, operations alerts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Label, delete, func, insert, select, update
from sqlalchemy.engine import Connection, Row

from breachdesk.stores.books.register_imports import WAITING
from breachdesk.stores.sql.bulk_rows import match_any
from breachdesk.stores.sql.dialects import sort_by_bytes
from breachdesk.stores.sql.keyset import KeysetPager, SortKey
from breachdesk.stores.tables.register_tables import held_changes
from breachdesk.stores.tables.stream_tables import positions
from breachdesk.stores.tables.watch_tables import (
    LATENESS,
    LEAST,
    MOST,
    SUMS,
    intake_hours,
    operations_alerts,
    sightings,
)
from breachdesk.watch_port import HourPeak, WaitingCounts
from schemas.paging import Page, PageRequest
from schemas.pipeline.operations import OperationsAlert, OperationsKind
from streams.ports import HourCount, SourceSighting, SubjectKind

MOST_HOURS = 1_500_000
"""Rows that are kept: 35 days of 1,700 names."""
MOST_UNHEARD = 2_000
NEWEST = KeysetPager(
    SortKey(operations_alerts.c.opened_at, descending=True),
    SortKey(operations_alerts.c.id, descending=True),
)
IS_OPEN = operations_alerts.c.closed_at.is_(None)


class SqlWatchBook:
    """breachdesk.ports.WatchBook."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list_hours(
        self,
        kind: SubjectKind,
        begin: int,
        end: int,
        names: Collection[str] | None = None,
    ) -> Sequence[HourCount]:
        """List hours by name and hour."""
        columns = intake_hours.c
        query = (
            select(intake_hours)
            .where(*self._match_hours(kind, begin, end, names))
            .order_by(sort_by_bytes(self._connection, columns.name), columns.hour)
        )
        return [_build_hour(row) for row in self._connection.execute(query)]

    def list_chosen_hours(
        self, kind: SubjectKind, hours: Collection[int], names: Collection[str]
    ) -> Sequence[HourCount]:
        """List these hours of these names."""
        columns = intake_hours.c
        query = select(intake_hours).where(
            columns.kind == kind.value,
            match_any(self._connection, columns.name, names),
            columns.hour.in_(sorted(hours)),
        )
        return [_build_hour(row) for row in self._connection.execute(query)]

    def sum_hours(
        self,
        kind: SubjectKind,
        begin: int,
        end: int,
        names: Collection[str] | None = None,
    ) -> Mapping[str, HourCount]:
        """Sum hours by name, in the database."""
        columns = intake_hours.c
        query = (
            select(columns.kind, columns.name, func.min(columns.hour).label("hour"), *_list_sums())
            .where(*self._match_hours(kind, begin, end, names))
            .group_by(columns.kind, columns.name)
        )
        return {row.name: _build_hour(row) for row in self._connection.execute(query)}

    def get_peaks(self, begin: int, end: int) -> Mapping[str, HourPeak]:
        """Return the greatest hour of each source, and the number of its hours."""
        columns = intake_hours.c
        query = (
            select(columns.name, func.max(columns.received).label("most"), func.count().label("n"))
            .where(*self._match_hours(SubjectKind.SOURCE, begin, end, None))
            .group_by(columns.name)
        )
        return {row.name: HourPeak(row.most, row.n) for row in self._connection.execute(query)}

    def _match_hours(
        self, kind: SubjectKind, begin: int, end: int, names: Collection[str] | None
    ) -> Sequence[ColumnElement[bool]]:
        columns = intake_hours.c
        where = [columns.kind == kind.value, columns.hour >= begin, columns.hour < end]
        if names is not None:
            where.append(match_any(self._connection, columns.name, names))
        return where

    def find_oldest_kept(self) -> int:
        """Find the hour by the rows of the newest hours, which are in an index."""
        hour = intake_hours.c.hour
        beyond = select(hour).order_by(hour.desc()).offset(MOST_HOURS).limit(1)
        oldest = self._connection.execute(beyond).scalar()
        return 0 if oldest is None else int(oldest) + 1

    def drop_hours(self, before: int) -> int:
        """Drop old hours and sightings."""
        self._connection.execute(delete(sightings).where(sightings.c.hour < before))
        dropped = self._connection.execute(delete(intake_hours).where(intake_hours.c.hour < before))
        return dropped.rowcount

    def find_processed_until(self, journals: Collection[str] | None = None) -> datetime | None:
        """Find the least arrival of the positions."""
        query = select(func.min(positions.c.arrived)).where(positions.c.arrived.is_not(None))
        if journals is not None:
            query = query.where(match_any(self._connection, positions.c.journal, journals))
        least = self._connection.execute(query).scalar()
        return None if least is None else datetime.fromtimestamp(least, UTC)

    def list_open(self, sources: Collection[str] | None = None) -> Sequence[OperationsAlert]:
        """List open alerts by source and kind."""
        query = select(operations_alerts).where(IS_OPEN)
        if sources is not None:
            query = query.where(match_any(self._connection, operations_alerts.c.source, sources))
        by_source = sort_by_bytes(self._connection, operations_alerts.c.source)
        rows = self._connection.execute(query.order_by(by_source, operations_alerts.c.kind))
        return [_build_alert(row) for row in rows]

    def list_page(self, request: PageRequest) -> Page[OperationsAlert]:
        """Return a page of alerts, newest first."""
        return NEWEST.read_page(self._connection, select(operations_alerts), request, _build_alert)

    def count_waiting(self) -> WaitingCounts:
        """Count open alerts and held changes."""
        open_alerts = select(func.count()).select_from(operations_alerts).where(IS_OPEN)
        changes = select(func.count()).select_from(held_changes).where(WAITING)
        query = select(open_alerts.scalar_subquery(), changes.scalar_subquery())
        return WaitingCounts(*self._connection.execute(query).one())

    def save(self, alert: OperationsAlert) -> None:
        """Add an alert, or end the one with its id."""
        columns = operations_alerts.c
        if alert.id:
            self._connection.execute(
                update(operations_alerts)
                .where(columns.id == alert.id)
                .values(end=alert.end, closed_at=alert.closed_at)
            )
            return
        is_known = IS_OPEN & (columns.source == alert.source) & (columns.kind == alert.kind.value)
        if self._connection.execute(select(columns.id).where(is_known)).first() is None:
            values = alert.model_dump(exclude={"id"})
            self._connection.execute(
                insert(operations_alerts).values(**values | {"kind": alert.kind.value})
            )

    def list_spans(self, source: str, kind: str, since: datetime) -> Sequence[OperationsAlert]:
        """List closed alerts, oldest first."""
        columns = operations_alerts.c
        query = (
            select(operations_alerts)
            .where(columns.source == source, columns.kind == kind, columns.end >= since)
            .order_by(columns.begin)
        )
        return [_build_alert(row) for row in self._connection.execute(query)]

    def find_unheard_customers(
        self, silent: Collection[str], since: int
    ) -> Mapping[str, Sequence[str]]:
        """Find at most MOST_UNHEARD rows, by customer."""
        if not silent:
            return {}
        columns = sightings.c
        is_silent = match_any(self._connection, columns.source, silent)
        heard = select(columns.customer).where(~is_silent, columns.hour >= since)
        query = (
            select(columns.customer, columns.source)
            .where(is_silent, columns.customer.not_in(heard))
            .group_by(columns.customer, columns.source)
            .order_by(
                sort_by_bytes(self._connection, columns.customer),
                sort_by_bytes(self._connection, columns.source),
            )
            .limit(MOST_UNHEARD)
        )
        sources: dict[str, list[str]] = {}
        for row in self._connection.execute(query):
            sources.setdefault(row.customer, []).append(row.source)
        return sources

    def list_sightings(self, customers: Collection[str]) -> Sequence[SourceSighting]:
        """List sightings of these customers' assets."""
        columns = sightings.c
        query = select(sightings).where(match_any(self._connection, columns.customer, customers))
        rows = self._connection.execute(query)
        return sorted(SourceSighting(r.customer, r.asset, r.source, r.hour) for r in rows)


def _list_sums() -> Sequence[Label[Any]]:
    columns = intake_hours.c
    return [
        *(func.sum(columns[name]).label(name) for name in (*SUMS, *LATENESS)),
        *(func.min(columns[name]).label(name) for name in LEAST),
        *(func.max(columns[name]).label(name) for name in MOST),
    ]


def _build_hour(row: Row[Any]) -> HourCount:
    values = row._mapping  # noqa: SLF001 - public name
    return HourCount(
        SubjectKind(row.kind),
        row.name,
        row.hour,
        minutes=values.get("minutes", 0),
        # PostgreSQL's sum of bigint is numeric.
        lateness=tuple(int(values[name]) for name in LATENESS),
        **{name: int(values[name]) for name in SUMS},
        **{name: values[name] for name in (*LEAST, *MOST)},
    )


def _build_alert(row: Row[Any]) -> OperationsAlert:
    return OperationsAlert(
        id=row.id,
        source=row.source,
        kind=OperationsKind(row.kind),
        begin=row.begin,
        opened_at=row.opened_at,
        end=row.end,
        closed_at=row.closed_at,
        reason=row.reason,
        usual=row.usual,
    )
