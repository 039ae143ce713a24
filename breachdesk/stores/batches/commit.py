"""Commit a batch for any kind of owner: the fence first, the audit last."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.engine import Connection

from breachdesk.stores.batches import (
    counts,
    intake_hours,
    position_rows,
    rebound_alerts,
    watermarks,
)
from breachdesk.stores.batches.alert_evidence import EvidenceCopies
from breachdesk.stores.batches.reconcile import AlertReconciler, GroupColumns
from breachdesk.stores.books import exports
from breachdesk.stores.books.unit_of_work import SqlUnitOfWork
from streams.normalise.hour_counts import sum_hours
from streams.normalise.source_counts import sum_counts
from streams.ports import EvictedInterval, RecordBatch


def start_batch(connection: Connection, batch: RecordBatch) -> None:
    """Move the positions. Raises EditConflict when one is not where the batch began."""
    position_rows.advance_positions(connection, batch.advances)
    watermarks.raise_held_until(connection, batch.hold_until)


def finish_batch(
    connection: Connection,
    batch: RecordBatch,
    groups: Sequence[GroupColumns],
    copies: EvidenceCopies,
    now: datetime,
) -> None:
    """Write alerts, dead letters, counts, exports and the audit, once the groups are written."""
    books = SqlUnitOfWork(connection)
    if batch.rebound:
        rebound_alerts.move_alerts(connection, batch.rebound, groups)
    AlertReconciler(connection, books, now, copies).reconcile(groups)
    counts.add_dead_letters(connection, batch.dead_letters)
    undone = counts.mark_letters_replayed(connection, batch.repeated)
    counts.add_source_counts(connection, sum_counts([*batch.sources, *undone.sources]))
    intake_hours.add_hours(
        connection, sum_hours([*batch.hours, *undone.hours]) if undone.hours else batch.hours
    )
    intake_hours.add_sightings(connection, batch.sightings)
    counts.add_unattributed(connection, batch.unattributed)
    exports.add_messages(connection, batch.exports)
    books.finish(now)


def close_alerts(
    connection: Connection,
    evictions: Sequence[EvictedInterval],
    copies: EvidenceCopies,
    now: datetime,
) -> None:
    """Close the alerts whose signals are let go."""
    alerting = [eviction for eviction in evictions if eviction.alerts]
    if alerting:
        AlertReconciler(connection, SqlUnitOfWork(connection), now, copies).close(alerting)
