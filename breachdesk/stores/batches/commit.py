"""What a batch writes whoever owns its partitions: the fence first, the audit last."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.engine import Connection

from breachdesk.stores import exports
from breachdesk.stores.batches import counts, position_rows, watermarks
from breachdesk.stores.batches.alert_evidence import EvidenceCopies
from breachdesk.stores.batches.reconcile import GroupColumns, Reconciler
from breachdesk.stores.unit_of_work import SqlUnitOfWork
from streams.normalise.source_counts import sum_counts
from streams.ports import Eviction, RecordBatch


def begin(connection: Connection, batch: RecordBatch) -> None:
    """Move the positions. Raises Conflict when one is not where the batch began."""
    position_rows.advance(connection, batch.advances)
    watermarks.hold(connection, batch.held_until)


def finish(
    connection: Connection,
    batch: RecordBatch,
    groups: Sequence[GroupColumns],
    copies: EvidenceCopies,
    now: datetime,
) -> None:
    """Write alerts, dead letters, counts, exports and the audit, once the groups are written."""
    books = SqlUnitOfWork(connection)
    Reconciler(connection, books, now, copies).reconcile(groups)
    counts.add_letters(connection, batch.dead_letters)
    undone = counts.settle_letters(connection, batch.repeated)
    counts.add_sources(connection, sum_counts([*batch.sources, *undone]))
    counts.add_unattributed(connection, batch.unattributed)
    exports.add(connection, batch.exports)
    books.finish(now)


def close_alerts(
    connection: Connection, evictions: Sequence[Eviction], copies: EvidenceCopies, now: datetime
) -> None:
    """Close the alerts whose signals are let go."""
    alerting = [eviction for eviction in evictions if eviction.alerts]
    if alerting:
        Reconciler(connection, SqlUnitOfWork(connection), now, copies).close(alerting)
