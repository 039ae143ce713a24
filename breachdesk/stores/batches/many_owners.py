"""Commit a batch or a sweep concurrently with other workers, under the locks of the groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from sqlalchemy.engine import Connection

from breachdesk.stores.batches import bucket_rows, groups, position_rows, watermarks
from breachdesk.stores.batches import commit as batch_writes
from breachdesk.stores.batches.alert_evidence import EvidenceCopies
from breachdesk.stores.batches.reconcile import build_group_columns
from schemas.pipeline.alert import GroupKey
from streams.ports import CommitResult, GroupRows, GroupUpdates, RecordBatch, SweepResult


def commit_batch(
    connection: Connection,
    batch: RecordBatch,
    known: Mapping[GroupKey, int],
    apply_signals: Callable[[Sequence[GroupRows], float | None], GroupUpdates],
    copies: EvidenceCopies,
    now: datetime,
) -> CommitResult:
    """Lock, read, apply and write the groups of a batch."""
    batch_writes.start_batch(connection, batch)
    locked = groups.lock_groups(connection, batch.keys)
    rows = groups.read_rows(connection, locked, known)
    updates = apply_signals(rows, watermarks.find_low(connection))
    bucket_rows.delete_buckets(connection, updates.emptied)
    versions = groups.write_groups(connection, locked, updates)
    batch_writes.finish_batch(connection, batch, build_group_columns(updates.groups), copies, now)
    return CommitResult(versions)


def sweep_groups(
    connection: Connection,
    partitions: Sequence[str],
    let_go: Callable[[Sequence[GroupRows], float], SweepResult],
    copies: EvidenceCopies,
    now: datetime,
    limit: int,
) -> int:
    """Lock what is due, read it, let go of it; how many groups were looked at."""
    low = position_rows.compute_least_arrival(connection, partitions)
    if (
        low is None
        or not watermarks.try_lock(connection)
        or low < watermarks.get_held_until(connection)
    ):
        return 0
    # A watermark that a wrong clock has raised counts as now.
    low = min(watermarks.raise_low(connection, min(low, now.timestamp())), now.timestamp())
    locked = groups.lock_groups(connection, bucket_rows.list_due_keys(connection, low, limit))
    if not locked:
        return 0
    swept = let_go(groups.read_rows(connection, locked, {}), low)
    batch_writes.close_alerts(connection, swept.evictions, copies, now)
    groups.evict_groups(connection, locked, swept, low)
    return len(locked)
