"""A batch and a sweep beside other workers: everything under the locks of the groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from sqlalchemy.engine import Connection

from breachdesk.stores.batches import bucket_rows, groups, position_rows, watermarks
from breachdesk.stores.batches import commit as batch_writes
from breachdesk.stores.batches.alert_evidence import EvidenceCopies
from breachdesk.stores.batches.reconcile import group_columns
from schemas.alert import GroupKey
from streams.ports import CommitResult, GroupRows, GroupUpdates, RecordBatch, SweepResult


def commit(
    connection: Connection,
    batch: RecordBatch,
    known: Mapping[GroupKey, int],
    apply_signals: Callable[[Sequence[GroupRows], float | None], GroupUpdates],
    copies: EvidenceCopies,
    now: datetime,
) -> CommitResult:
    """Lock, read, apply, write."""
    batch_writes.begin(connection, batch)
    locked = groups.lock(connection, batch.keys)
    rows = groups.rows(connection, locked, known)
    updates = apply_signals(rows, watermarks.low(connection))
    versions = groups.write(connection, locked, updates)
    batch_writes.finish(connection, batch, group_columns(updates.groups), copies, now)
    return CommitResult(versions)


def sweep(
    connection: Connection,
    partitions: Sequence[str],
    let_go: Callable[[Sequence[GroupRows], float], SweepResult],
    copies: EvidenceCopies,
    now: datetime,
    limit: int,
) -> int:
    """Lock what is due, read it, let go of it; how many groups were looked at."""
    low = position_rows.least_arrival(connection, partitions)
    if low is None or not watermarks.lock(connection) or low < watermarks.held_until(connection):
        return 0
    # A watermark that a wrong clock has raised counts as now.
    low = min(watermarks.raise_low(connection, min(low, now.timestamp())), now.timestamp())
    locked = groups.lock(connection, bucket_rows.due_keys(connection, low, limit))
    if not locked:
        return 0
    swept = let_go(groups.rows(connection, locked, {}), low)
    batch_writes.close_alerts(connection, swept.evictions, copies, now)
    groups.let_go(connection, locked, swept, low)
    return len(locked)
