"""Commit fences, groups, alerts, counts, exports and audit in one transaction.

The rules are in docs/reference/streaming.md. Every transaction takes its locks in one
order: positions by name, groups by key digest, sources by name, unattributed by key, audit head
last."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol, TypeVar

from sqlalchemy.engine import Connection

from breachdesk.stores.batches import (
    bucket_rows,
    counts,
    many_owners,
    position_rows,
    signal_log,
    sole_owner,
)
from breachdesk.stores.batches.alert_evidence import EvidenceCopies
from breachdesk.stores.batches.intake_hours import SightingMemory
from schemas.pipeline.alert import GroupKey
from schemas.pipeline.event import RecordPosition
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


class TransactionRunner(Protocol):
    """Runs work in one transaction and returns what it returned."""

    def __call__(self, work: Callable[[Connection], T], /) -> T: ...


class SqlBatchSink:
    """streams.ports.BatchSink over the store's transactions."""

    def __init__(
        self, write: TransactionRunner, read: TransactionRunner, *, sole_owner: bool
    ) -> None:
        """Bind the sink to a writer and a reader. `sole_owner`: one process owns all partitions;
        the write transaction then only writes, groups are read from a snapshot before it, and the
        fence makes that safe."""
        self._write = write
        self._read = read
        self._sole_owner = sole_owner
        self._copies = EvidenceCopies()
        self._sighted = SightingMemory()

    @property
    def sole_owner(self) -> bool:
        return self._sole_owner

    def load_positions(self, partitions: Sequence[str]) -> Mapping[str, StoredPosition]:
        return self._write(lambda connection: position_rows.load_positions(connection, partitions))

    def list_log_rows(self, partition: str) -> Sequence[LogRow]:
        return self._read(lambda connection: signal_log.list_rows(connection, partition))

    def commit(
        self,
        batch: RecordBatch,
        known: Mapping[GroupKey, int],
        apply_signals: Callable[[Sequence[GroupRows], float | None], GroupUpdates],
        now: datetime,
    ) -> CommitResult:
        batch = replace(batch, sightings=self._sighted.filter_new(batch.sightings))
        result = self._commit(batch, known, apply_signals, now)
        self._sighted.add(batch.sightings)
        return result

    def _commit(
        self,
        batch: RecordBatch,
        known: Mapping[GroupKey, int],
        apply_signals: Callable[[Sequence[GroupRows], float | None], GroupUpdates],
        now: datetime,
    ) -> CommitResult:
        if not self._sole_owner:
            return self._write(
                lambda connection: many_owners.commit_batch(
                    connection, batch, known, apply_signals, self._copies, now
                )
            )
        rows, low = self._read(
            lambda connection: sole_owner.read_groups(connection, batch.keys, known)
        )
        prepared = sole_owner.prepare_batch(apply_signals(rows, low))
        return self._write(
            lambda connection: sole_owner.commit_batch(
                connection, batch, prepared, self._copies, now
            )
        )

    def find_dead_letters(
        self, positions: Sequence[RecordPosition]
    ) -> Mapping[RecordPosition, KnownLetter]:
        return self._read(lambda connection: counts.find_dead_letters(connection, positions))

    def record_drained(self, partition: str, before: StoredPosition, arrived: float) -> None:
        self._write(
            lambda connection: position_rows.record_arrival(connection, partition, before, arrived)
        )

    def sweep(
        self,
        partitions: Sequence[str],
        owned: Mapping[str, StoredPosition],
        let_go: Callable[[Sequence[GroupRows], float], SweepResult],
        now: datetime,
        limit: int = 200,
        known: Container[GroupKey] = (),
    ) -> int:
        if not self._sole_owner:
            return self._write(
                lambda connection: many_owners.sweep_groups(
                    connection, partitions, let_go, self._copies, now, limit
                )
            )
        due = self._read(
            lambda connection: sole_owner.read_due_groups(connection, partitions, now, limit, known)
        )
        low = due.low
        if low is None:
            return 0
        swept = let_go(due.rows, low)
        rows = due.rows
        if rows or swept.in_log or due.rises:
            self._write(
                lambda connection: sole_owner.evict_groups(
                    connection, owned, rows, swept, low, self._copies, now
                )
            )
        return len(rows) + swept.in_log

    def estimate_state_bytes(self) -> int:
        return self._read(
            lambda connection: (
                bucket_rows.estimate_stored_bytes(connection)
                + signal_log.compute_stored_bytes(connection)
            )
        )
