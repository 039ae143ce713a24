"""Write what a batch counts by hour of arrival, and which source told of which asset."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Table
from sqlalchemy.engine import Connection

from breachdesk.stores.tables.watch_tables import (
    LATENESS,
    LEAST,
    MOST,
    SUMS,
    intake_hours,
    sightings,
)
from streams.ports import HourCount, SourceSighting

REMEMBERED = 100_000
"""Sightings that a process remembers as written."""


class SightingMemory:
    """The newest hour that was written of each pair of asset and source: most batches tell of what
    was written before."""

    def __init__(self) -> None:
        self._hours: dict[tuple[str, str, str], int] = {}

    def filter_new(self, batch: Iterable[SourceSighting]) -> Sequence[SourceSighting]:
        """Filter to the newest of each pair, if it is newer than what was written."""
        newest: dict[tuple[str, str, str], SourceSighting] = {}
        for sighting in batch:
            key = (sighting.customer, sighting.asset, sighting.source)
            known = newest.get(key)
            hour = self._hours.get(key, -1) if known is None else known.hour
            if sighting.hour > hour:
                newest[key] = sighting
        return sorted(newest.values())

    def add(self, written: Iterable[SourceSighting]) -> None:
        """Remember what is durable."""
        if len(self._hours) > REMEMBERED:
            self._hours.clear()
        for sighting in written:
            self._hours[sighting.customer, sighting.asset, sighting.source] = sighting.hour


def add_hours(connection: Connection, counts: Sequence[HourCount]) -> None:
    """Add to the hours, in the order of their keys: many workers add to one hour at once."""
    if counts:
        rows = [_build_row(count) for count in counts]
        connection.exec_driver_sql(_build_hours_statement(connection.dialect.name), rows)


def add_sightings(connection: Connection, seen: Sequence[SourceSighting]) -> None:
    """Raise the hour of each sighting, sorted; an hour never goes back."""
    if seen:
        rows = [(each.customer, each.asset[:500], each.source[:200], each.hour) for each in seen]
        connection.exec_driver_sql(_build_sightings_statement(connection.dialect.name), rows)


def _build_row(count: HourCount) -> tuple[Any, ...]:
    return (
        count.kind.value, count.name, count.hour,
        count.received, count.parsed, count.ignored, count.dead_letters, count.not_understood,
        count.late, count.copies, count.unattributed, count.suspect,
        count.minutes, *count.lateness,
        count.least_late, count.first_failure,
        count.most_late, count.last_failure, count.last_event, count.last_arrived,
    )  # fmt: skip


@cache
def _build_hours_statement(dialect: str) -> str:
    names = ("kind", "name", "hour", *SUMS, "minutes", *LATENESS, *LEAST, *MOST)
    least, most = ("LEAST", "GREATEST") if dialect == "postgresql" else ("min", "max")
    changes = [f"{n} = h.{n} + excluded.{n}" for n in (*SUMS, *LATENESS)]
    changes.append("minutes = h.minutes | excluded.minutes")
    # SQLite's min() and max() are NULL as soon as one value is.
    changes += [
        f"{n} = {choose}(coalesce(h.{n}, excluded.{n}), coalesce(excluded.{n}, h.{n}))"
        for choose, several in ((least, LEAST), (most, MOST))
        for n in several
    ]
    return _build_upsert(dialect, intake_hours, names, ", ".join(changes))


@cache
def _build_sightings_statement(dialect: str) -> str:
    most = "GREATEST" if dialect == "postgresql" else "max"
    names = ("customer", "asset", "source", "hour")
    return _build_upsert(dialect, sightings, names, f"hour = {most}(h.hour, excluded.hour)")


def _build_upsert(dialect: str, table: Table, names: Sequence[str], changes: str) -> str:
    mark = "%s" if dialect == "postgresql" else "?"
    keys = ", ".join(column.name for column in table.primary_key.columns)
    return (
        f"INSERT INTO {table.name} AS h ({', '.join(names)})"  # noqa: S608 - our own names
        f" VALUES ({', '.join([mark] * len(names))})"
        f" ON CONFLICT ({keys}) DO UPDATE SET {changes}"
    )
