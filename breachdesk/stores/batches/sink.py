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

from breachdesk.stores import exports
from breachdesk.stores.batches import counts, groups, position_rows, watermarks
from breachdesk.stores.batches.reconcile import Reconciler
from breachdesk.stores.stream_tables import positions
from breachdesk.stores.unit_of_work import SqlUnitOfWork
from schemas.alert import GroupKey
from schemas.event import Position
from streams.normalise.source_counts import sum_counts
from streams.ports import (
    CommitResult,
    GroupRows,
    GroupUpdates,
    KnownLetter,
    LogRow,
    RecordBatch,
    StoredPosition,
    SweepResult,
)

T = TypeVar("T")
ApplySignals = Callable[[Sequence[GroupRows], float | None], GroupUpdates]


class Run(Protocol):
    """Runs work in one transaction and returns what it returned."""

    def __call__(self, work: Callable[[Connection], T], /) -> T: ...


class SqlBatchSink:
    """streams.ports.BatchSink over the store's transactions."""

    def __init__(self, write: Run, read: Run) -> None:
        self._write = write
        self._read = read

    @property
    def sole_owner(self) -> bool:
        """As the port."""
        return False

    def log_rows(self, partition: str) -> Sequence[LogRow]:
        """As the port."""
        del partition
        return ()

    def state_bytes(self) -> int:
        """As the port."""
        return 0

    def positions(self, partitions: Sequence[str]) -> Mapping[str, StoredPosition]:
        """What is stored of each; every asked partition has a row from now on."""
        return self._write(
            lambda connection: position_rows.stored_positions(connection, partitions)
        )

    def commit(
        self,
        batch: RecordBatch,
        known: Mapping[GroupKey, int],
        apply_signals: ApplySignals,
        now: datetime,
    ) -> CommitResult:
        """All of it or nothing, durable on return; the new versions of the locked groups."""
        return self._write(lambda connection: _commit(connection, batch, known, apply_signals, now))

    def dead(self, positions: Sequence[Position]) -> Mapping[Position, KnownLetter]:
        """Those of these dead letters that are stored."""
        return self._read(lambda connection: counts.known_letters(connection, positions))

    def drained(self, partition: str, before: StoredPosition, arrived: float) -> None:
        """The partition was caught up at that moment."""
        self._write(lambda connection: position_rows.touch(connection, partition, before, arrived))

    def sweep(
        self,
        partitions: Sequence[str],
        owned: Mapping[str, StoredPosition],
        let_go: Callable[[Sequence[GroupRows], float], SweepResult],
        now: datetime,
        limit: int = 200,
    ) -> int:
        """Raise the watermark and let go of what nothing in time can reach."""
        del owned
        return self._write(lambda connection: _sweep(connection, partitions, let_go, now, limit))


def _commit(
    connection: Connection,
    batch: RecordBatch,
    known: Mapping[GroupKey, int],
    apply_signals: ApplySignals,
    now: datetime,
) -> CommitResult:
    for advance in sorted(batch.advances, key=lambda advance: advance.partition):
        position_rows.advance(connection, advance)
    watermarks.hold(connection, batch.held_until)
    locked = groups.lock(connection, batch.keys)
    rows = groups.rows(connection, locked, known)
    updates = apply_signals(rows, watermarks.low(connection))
    books = SqlUnitOfWork(connection)
    Reconciler(connection, books, now).reconcile(updates.groups, ())
    versions = groups.write(connection, locked, updates)
    counts.add_letters(connection, batch.dead_letters)
    undone = counts.settle_letters(connection, batch.repeated)
    counts.add_sources(connection, sum_counts([*batch.sources, *undone]))
    counts.add_unattributed(connection, batch.unattributed)
    exports.add(connection, batch.exports)
    books.finish(now)
    return CommitResult(versions)


def _sweep(
    connection: Connection,
    partitions: Sequence[str],
    let_go: Callable[[Sequence[GroupRows], float], SweepResult],
    now: datetime,
    limit: int,
) -> int:
    low = _least_arrival(connection, partitions)
    if low is None or not watermarks.lock(connection) or low < watermarks.held_until(connection):
        return 0
    low = watermarks.raise_low(connection, low)
    locked = groups.lock_due(connection, low, limit)
    if not locked:
        return 0
    swept = let_go(groups.rows(connection, locked, {}), low)
    books = SqlUnitOfWork(connection)
    Reconciler(connection, books, now).reconcile((), swept.evictions)
    groups.let_go(connection, locked, swept)
    books.finish(now)
    return len(locked)


def _least_arrival(connection: Connection, partitions: Sequence[str]) -> float | None:
    """None while any partition was never processed: what it holds may be older than all."""
    query = select(func.min(positions.c.arrived), func.count(positions.c.arrived)).where(
        positions.c.partition.in_(partitions)
    )
    least, counted = connection.execute(query).one()
    return None if counted < len(set(partitions)) else float(least)
