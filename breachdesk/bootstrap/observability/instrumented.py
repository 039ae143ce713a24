"""Instrument what a process works with: each batch, act and send attempt has an id for the log, a
span for the traces and, where nothing else counts it, its numbers for the metrics."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from breachdesk.bootstrap.observability.trace_ids import bind_trace_id
from breachdesk.bootstrap.observability.traces import Fact, SpanTracer
from breachdesk.ports import Store, UnitOfWork
from notifiers.ports import MailChannel
from schemas.casework.notice import OutgoingMessage, SendResult
from schemas.law import LawBook
from schemas.pipeline.alert import GroupKey
from schemas.pipeline.event import RecordPosition
from streams.ports import (
    BatchSink,
    CommitResult,
    GroupRows,
    GroupUpdates,
    KnownLetter,
    LogRow,
    RecordBatch,
    StoredPosition,
    SweepResult,
)
from streams.ports.metrics import WorkerMetrics

T = TypeVar("T")


class InstrumentedSink:
    """Wraps streams.ports.BatchSink: the worker counts, and this reports the low watermark, which
    only the store knows."""

    def __init__(self, sink: BatchSink, meter: WorkerMetrics, tracer: SpanTracer) -> None:
        self._sink = sink
        self._meter = meter
        self._tracer = tracer

    @property
    def sole_owner(self) -> bool:
        return self._sink.sole_owner

    def list_log_rows(self, partition: str) -> Sequence[LogRow]:
        return self._sink.list_log_rows(partition)

    def estimate_state_bytes(self) -> int:
        return self._sink.estimate_state_bytes()

    def load_positions(self, partitions: Sequence[str]) -> Mapping[str, StoredPosition]:
        return self._sink.load_positions(partitions)

    def commit(
        self,
        batch: RecordBatch,
        known: Mapping[GroupKey, int],
        apply_signals: Callable[[Sequence[GroupRows], float | None], GroupUpdates],
        now: datetime,
    ) -> CommitResult:
        def apply_and_report(rows: Sequence[GroupRows], low: float | None) -> GroupUpdates:
            if low is not None:
                self._meter.set_low_watermark(low)
            return apply_signals(rows, low)

        facts = {"partitions": len(batch.advances), "groups": len(batch.keys)}
        with bind_trace_id("batch"), self._tracer.open_span("batch", **facts):
            return self._sink.commit(batch, known, apply_and_report, now)

    def find_dead_letters(
        self, positions: Sequence[RecordPosition]
    ) -> Mapping[RecordPosition, KnownLetter]:
        return self._sink.find_dead_letters(positions)

    def record_drained(self, partition: str, before: StoredPosition, arrived: float) -> None:
        self._sink.record_drained(partition, before, arrived)

    def sweep(
        self,
        partitions: Sequence[str],
        owned: Mapping[str, StoredPosition],
        let_go: Callable[[Sequence[GroupRows], float], SweepResult],
        now: datetime,
        limit: int = 200,
        known: Container[GroupKey] = (),
    ) -> int:
        def remove_and_report(rows: Sequence[GroupRows], low: float) -> SweepResult:
            self._meter.set_low_watermark(low)
            return let_go(rows, low)

        return self._sink.sweep(partitions, owned, remove_and_report, now, limit, known)


class InstrumentedStore:
    """breachdesk.ports.Store under the console: each act of a person is a span."""

    def __init__(self, store: Store, tracer: SpanTracer) -> None:
        self._store = store
        self._tracer = tracer

    def write(self, work: Callable[[UnitOfWork], T]) -> T:
        with self._tracer.open_span("act"):
            return self._store.write(work)

    def read(self, work: Callable[[UnitOfWork], T]) -> T:
        return self._store.read(work)

    @property
    def law(self) -> LawBook:
        return self._store.law

    def get_server_identity(self) -> str:
        return self._store.get_server_identity()

    def close(self) -> None:
        self._store.close()


class InstrumentedChannel:
    """notifiers.ports.MailChannel: each try is a span, under the attempt's own id."""

    def __init__(self, channel: MailChannel, tracer: SpanTracer) -> None:
        self._channel = channel
        self._tracer = tracer

    async def send(self, outgoing: OutgoingMessage) -> SendResult:
        facts: dict[str, Fact] = {"attempt": outgoing.attempt_id, "row": outgoing.row_id}
        with bind_trace_id("attempt", outgoing.attempt_id), self._tracer.open_span("send", **facts):
            return await self._channel.send(outgoing)

    async def close(self) -> None:
        await self._channel.close()
