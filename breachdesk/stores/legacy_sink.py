"""Where a batch commits: fence, signal log, buckets, alerts, counts and audit in ONE transaction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, and_, case, select, update
from sqlalchemy.engine import Connection

from breachdesk.stores import signals
from breachdesk.stores.batches import counts, watermarks
from breachdesk.stores.batches.alert_evidence import EvidenceCopies
from breachdesk.stores.batches.reconcile import Reconciler, group_columns
from breachdesk.stores.each_dialect import insert_or_ignore
from breachdesk.stores.stream_tables import positions
from breachdesk.stores.unit_of_work import SqlUnitOfWork
from schemas.errors import Conflict
from schemas.event import Position
from streams.ports import LegacyBatch, Resume

T = TypeVar("T")


class LegacySqlSink:
    """streams.ports.LegacySink over the store's writer and readers."""

    def __init__(
        self,
        write: Callable[[Callable[[Connection], None]], None],
        read: Callable[[Callable[[Connection], Resume]], Resume],
    ) -> None:
        self._write = write
        self._read = read

    def resume(self, partition: str) -> Resume:
        """State as of the last commit."""
        return self._read(lambda connection: _resume(connection, partition))

    def commit(self, partition: str, batch: LegacyBatch, now: datetime) -> None:
        """All of it or nothing, durable on return. Raises Conflict when another owner, or this
        one before a crash, has moved the position; Retryable when the database refuses."""
        self._write(lambda connection: _commit(connection, partition, batch, now))


def _resume(connection: Connection, partition: str) -> Resume:
    row = connection.execute(
        select(positions).where(positions.c.partition == partition)
    ).one_or_none()
    return Resume(
        position=None if row is None or row.journal is None else Position(row.journal, row.offset),
        low_watermark=watermarks.low(connection),
        arrived=None if row is None else row.arrived,
        buckets=signals.buckets(connection),
        tail=signals.tail(connection),
    )


def _commit(connection: Connection, partition: str, batch: LegacyBatch, now: datetime) -> None:
    _fence(connection, partition, batch)
    if batch.low_watermark is not None:
        watermarks.raise_low(connection, batch.low_watermark)
    signals.append(connection, partition, batch.signals)
    books = SqlUnitOfWork(connection)
    reconciler = Reconciler(connection, books, now, EvidenceCopies())
    reconciler.close(batch.evictions)
    reconciler.reconcile(group_columns(batch.groups))
    signals.fold(connection, partition, batch.buckets)
    signals.evict(connection, batch.evictions)
    counts.add_letters(connection, batch.dead_letters)
    counts.add_sources(connection, batch.sources)
    counts.add_unattributed(connection, batch.unattributed)
    books.finish(now)


def _fence(connection: Connection, partition: str, batch: LegacyBatch) -> None:
    """Move the position from where the worker loaded it. The transaction's first statement."""
    after: dict[str, Any] = {"journal": batch.after.journal, "offset": batch.after.offset}
    if batch.arrived is not None:
        after["arrived"] = _higher(positions.c.arrived, batch.arrived)
    if batch.before is None:
        connection.execute(insert_or_ignore(connection, positions), {"partition": partition})
        here = and_(positions.c.journal.is_(None), positions.c.offset.is_(None))
    else:
        here = and_(
            positions.c.journal == batch.before.journal,
            positions.c.offset == batch.before.offset,
        )
    moved = connection.execute(
        update(positions).where(positions.c.partition == partition, here).values(**after)
    )
    if not moved.rowcount:
        raise _fenced(partition)


def _higher(column: ColumnElement[float | None], value: float) -> ColumnElement[float]:
    """The greater of both: a watermark never goes back. (max() of two is spelt differently in each
    database.)"""
    return case((column > value, column), else_=value)


def _fenced(partition: str) -> Conflict:
    return Conflict(
        "the stored position is not where this batch began",
        place=f"partition {partition}",
        remedy="Drop cached state, resume and read again.",
    )
