"""Where many workers commit: fences, locked groups, alerts, counts, exports and audit together.

The rules are section 3 of docs/reference/streaming.md. Every transaction takes its locks in one
order: positions by name, groups by key hash, sources by name, unattributed by key, audit head last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from breachdesk.stores import batch_counts, exports, fences, shared_groups, watermarks
from breachdesk.stores.reconcile import Reconciler
from breachdesk.stores.stream_tables import positions
from breachdesk.stores.unit_of_work import SqlUnitOfWork
from schemas.alert import GroupKey
from schemas.event import Position
from streams.ports import (
    GroupRows,
    Held,
    KnownLetter,
    Settled,
    SharedBatch,
    Swept,
)
from streams.tally import sum_counts

T = TypeVar("T")
Settle = Callable[[Sequence[GroupRows], float | None], Settled]


class Run(Protocol):
    """Runs work in one transaction and returns what it returned."""

    def __call__(self, work: Callable[[Connection], T], /) -> T: ...


class SharedSqlSink:
    """streams.ports.SharedSink over the store's transactions."""

    def __init__(self, write: Run, read: Run) -> None:
        self._write = write
        self._read = read

    def held(self, partitions: Sequence[str]) -> Mapping[str, Held]:
        """What is stored of each; every asked partition has a row from now on."""
        return self._write(lambda connection: fences.held(connection, partitions))

    def commit(
        self,
        batch: SharedBatch,
        known: Mapping[GroupKey, int],
        settle: Settle,
        now: datetime,
    ) -> Mapping[GroupKey, int]:
        """All of it or nothing, durable on return; the new versions of the locked groups."""
        return self._write(lambda connection: _commit(connection, batch, known, settle, now))

    def dead(self, positions: Sequence[Position]) -> Mapping[Position, KnownLetter]:
        """Those of these dead letters that are stored."""
        return self._read(lambda connection: batch_counts.known_letters(connection, positions))

    def drained(self, partition: str, before: Held, arrived: float) -> None:
        """The partition was caught up at that moment."""
        self._write(lambda connection: fences.touch(connection, partition, before, arrived))

    def sweep(
        self,
        partitions: Sequence[str],
        settle: Callable[[Sequence[GroupRows], float], Swept],
        now: datetime,
        limit: int = 200,
    ) -> int:
        """Raise the watermark and let go of what nothing in time can reach."""
        return self._write(lambda connection: _sweep(connection, partitions, settle, now, limit))


def _commit(
    connection: Connection,
    batch: SharedBatch,
    known: Mapping[GroupKey, int],
    settle: Settle,
    now: datetime,
) -> Mapping[GroupKey, int]:
    for advance in sorted(batch.advances, key=lambda advance: advance.partition):
        fences.advance(connection, advance)
    watermarks.hold(connection, batch.held_until)
    locked = shared_groups.lock(connection, batch.keys)
    rows = shared_groups.rows(connection, locked, known)
    settled = settle(rows, watermarks.low(connection))
    books = SqlUnitOfWork(connection)
    Reconciler(connection, books, now).reconcile(settled.groups, ())
    versions = shared_groups.write(connection, locked, settled)
    batch_counts.add_letters(connection, batch.dead_letters)
    undone = batch_counts.settle_letters(connection, batch.repeated)
    batch_counts.add_sources(connection, sum_counts([*batch.sources, *undone]))
    batch_counts.add_unattributed(connection, batch.unattributed)
    exports.add(connection, batch.exports)
    books.finish(now)
    return versions


def _sweep(
    connection: Connection,
    partitions: Sequence[str],
    settle: Callable[[Sequence[GroupRows], float], Swept],
    now: datetime,
    limit: int,
) -> int:
    low = _least_arrival(connection, partitions)
    if low is None or not watermarks.lock(connection) or low < watermarks.held_until(connection):
        return 0
    low = watermarks.raise_low(connection, low)
    locked = shared_groups.lock_due(connection, low, limit)
    if not locked:
        return 0
    swept = settle(shared_groups.rows(connection, locked, {}), low)
    books = SqlUnitOfWork(connection)
    Reconciler(connection, books, now).reconcile((), swept.evictions)
    shared_groups.let_go(connection, locked, swept)
    books.finish(now)
    return len(locked)


def _least_arrival(connection: Connection, partitions: Sequence[str]) -> float | None:
    """None while any partition was never processed: what it holds may be older than all."""
    query = select(func.min(positions.c.arrived), func.count(positions.c.arrived)).where(
        positions.c.partition.in_(partitions)
    )
    least, counted = connection.execute(query).one()
    return None if counted < len(set(partitions)) else float(least)
