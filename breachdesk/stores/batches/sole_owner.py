"""Commit a batch or a sweep for the one owner of all partitions: read first, then write.

Only this owner writes groups between the snapshot and the transaction. If another process has taken
over, the fence of the positions, which every commit and sweep moves, refuses the writes."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.engine import Connection

from breachdesk.stores.batches import bucket_rows, position_rows, signal_log, watermarks
from breachdesk.stores.batches import commit as batch_writes
from breachdesk.stores.batches.alert_evidence import EvidenceCopies
from breachdesk.stores.batches.group_keys import sort_by_digest
from breachdesk.stores.batches.reconcile import GroupColumns, build_group_columns
from schemas.pipeline.alert import GroupKey
from streams.ports import (
    BucketRow,
    CommitResult,
    EvictedInterval,
    GroupRows,
    GroupUpdates,
    RecordBatch,
    StoredPosition,
    SweepResult,
)

STORED = 1
"""The version of every group that has a bucket row: a sole owner's copies need none."""


def read_groups(
    connection: Connection, keys: Iterable[GroupKey], known: Mapping[GroupKey, int]
) -> tuple[Sequence[GroupRows], float | None]:
    """Read the groups that the caller does not know, and the low watermark."""
    digests = sort_by_digest(keys)
    fresh = {digest: key for digest, key in digests.items() if key not in known}
    buckets = bucket_rows.read_buckets(connection, fresh)
    rows = [_build_group_rows(key, buckets.get(key)) for key in digests.values()]
    return rows, watermarks.find_low(connection)


def _build_group_rows(key: GroupKey, buckets: Sequence[BucketRow] | None) -> GroupRows:
    """Build the group's rows; `buckets` None means that the caller knows the group."""
    return GroupRows(key, 0 if buckets is not None and not buckets else STORED, buckets)


class DueRows(NamedTuple):
    """What a sweep may look at."""

    rows: Sequence[GroupRows] = ()
    low: float | None = None
    """The low watermark to sweep to; None: no sweep may run."""
    rises: bool = False
    """It is higher than the stored one."""


class PreparedBatch(NamedTuple):
    """Rows of a batch, worked out before the transaction."""

    groups: Sequence[GroupColumns]
    buckets: Sequence[bucket_rows.Row]
    log: bytes | None
    log_kept_from: int | None
    emptied: Sequence[EvictedInterval] = ()


def prepare_batch(updates: GroupUpdates) -> PreparedBatch:
    """Prepare what does not need the store's writer, which people wait for."""
    return PreparedBatch(
        build_group_columns(updates.groups),
        bucket_rows.prepare_rows(updates.buckets),
        updates.log,
        updates.log_first_needed,
        updates.emptied,
    )


def commit_batch(
    connection: Connection,
    batch: RecordBatch,
    prepared: PreparedBatch,
    copies: EvidenceCopies,
    now: datetime,
) -> CommitResult:
    """Write a prepared batch in one transaction."""
    batch_writes.start_batch(connection, batch)
    partition = min(advance.partition for advance in batch.advances)
    number = signal_log.append_row(connection, partition, prepared.log)
    signal_log.delete_rows(connection, prepared.log_kept_from)
    bucket_rows.delete_buckets(connection, prepared.emptied)
    bucket_rows.write_rows(connection, prepared.buckets)
    batch_writes.finish_batch(connection, batch, prepared.groups, copies, now)
    return CommitResult(dict.fromkeys(batch.keys, STORED), number)


def read_due_groups(
    connection: Connection,
    partitions: Sequence[str],
    now: datetime,
    limit: int,
    known: Container[GroupKey],
) -> DueRows:
    """Read groups that are due, without the rows of known groups that are not. A watermark that a
    wrong clock has raised counts as now."""
    low = position_rows.compute_least_arrival(connection, partitions)
    if low is None or low < watermarks.get_held_until(connection):
        return DueRows()
    stored = watermarks.find_low(connection)
    low = min(low if stored is None else max(low, stored), now.timestamp())
    due = bucket_rows.read_due_buckets(connection, low, limit, known)
    rows = [_build_group_rows(key, of_group) for key, of_group in due.items()]
    return DueRows(rows, low, rises=stored is None or low > stored)


def evict_groups(
    connection: Connection,
    owned: Mapping[str, StoredPosition],
    rows: Sequence[GroupRows],
    swept: SweepResult,
    low: float,
    copies: EvidenceCopies,
    now: datetime,
) -> None:
    """Write what a sweep decided. Raises EditConflict unless `owned` are the stored positions."""
    if rows or swept.in_log:
        position_rows.hold_positions(connection, owned)
        signal_log.append_row(connection, min(owned), swept.log)
        signal_log.delete_rows(connection, swept.log_first_needed)
    watermarks.raise_low(connection, low)
    batch_writes.close_alerts(connection, swept.evictions, copies, now)
    bucket_rows.delete_buckets(connection, swept.evictions)
    bucket_rows.defer_groups(
        connection, _list_remaining_keys(rows, swept.evictions), low, swept.again
    )


def _list_remaining_keys(
    rows: Sequence[GroupRows], evictions: Sequence[EvictedInterval]
) -> list[GroupKey]:
    """List those groups that have a row left: of a thousand, usually few."""
    spans: dict[GroupKey, list[EvictedInterval]] = {}
    for eviction in evictions:
        spans.setdefault(eviction.key, []).append(eviction)

    def is_emptied(row: GroupRows) -> bool:
        gone = spans.get(row.key, ())
        return all(
            any(
                bucket.bucket * bucket.timespan <= each.end
                and (bucket.bucket + 1) * bucket.timespan > each.begin
                for each in gone
            )
            for bucket in row.buckets or ()
        )

    return [row.key for row in rows if not is_emptied(row)]
