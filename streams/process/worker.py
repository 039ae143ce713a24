"""Run the worker of both deployments: records of the partitions it owns, one transaction a batch.

The owner of a partition may change at any moment, and two workers may both believe that they own
it: the position row in the store decides. This module depends on neither Kafka nor the journal; the
host passes in records and is told what to read again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from time import perf_counter, thread_time
from typing import NamedTuple

from schemas.errors import ConfigurationError, CorruptData, EditConflict, RetryableError
from schemas.pipeline.event import RawRecord, RecordPosition
from schemas.pipeline.source import DeadLetter
from streams.correlate.in_time import HOLD_SECONDS
from streams.ports import (
    AssetRegister,
    BatchSink,
    ExportMessage,
    GroupRows,
    GroupUpdates,
    PartitionAdvance,
    RecordBatch,
    RegisterView,
    StoredPosition,
)
from streams.ports.metrics import WorkerMetrics
from streams.process.batch_collector import BatchCollector
from streams.process.batch_size import BatchSize
from streams.process.dead_letters import (
    build_piece_letter,
    build_poison_letter,
    count_letter_hours,
    count_letters,
    restore_first_arrivals,
)
from streams.process.exports import build_dead_letter_export
from streams.process.pipeline import (
    BatchResult,
    GroupSignals,
    RecordPipeline,
    merge_results,
    remove_counts,
    remove_received,
)
from streams.process.state_bound import MIB, StateBound
from streams.process.watermark_clock import WatermarkClock

SWEPT_ALONE = 1_000
"""Groups of one sweep: as many as may come new in a batch."""
SWEPT_TOGETHER = 200
"""Of many owners, who wait for each other's locks."""


class ArrivedRecord(NamedTuple):
    """A record and its partition."""

    partition: str
    record: RawRecord


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """What a worker keeps to."""

    batch_records: int = 4000
    """Of any batch."""
    batch_seconds: float = 0.25
    """Batches shrink so that one takes no longer."""
    state_bytes: int = 20_000 * MIB
    """Of groups in the store; beyond it no record is processed."""
    dead_letters: int = 100
    """Records on which the program itself failed before `trouble` says so."""


class StreamWorker:
    """Not thread-safe: one call at a time, from any thread."""

    def __init__(
        self,
        sink: BatchSink,
        pipeline: RecordPipeline,
        register: AssetRegister,
        now: Callable[[Sequence[RawRecord]], datetime],
        meter: WorkerMetrics,
        limits: WorkerLimits = WorkerLimits(),
        *,
        exporting: bool = True,
    ) -> None:
        """Create the worker. `now`: the moment of a batch (a drill's clock follows its records).
        `exporting`: whether exports are sent."""
        self._sink = sink
        self._pipeline = pipeline
        self._register = register
        self._now = now
        self._meter = meter
        self._exporting = exporting
        self._windows = pipeline.create_windows(sole_owner=sink.sole_owner)
        self._batch_size = BatchSize(
            limits.batch_records, limits.batch_seconds, shared_store=not sink.sole_owner
        )
        self.bound = StateBound(sink.estimate_state_bytes, limits.state_bytes)
        self._letter_limit = limits.dead_letters
        self._poisoned = 0
        self._further_copies: set[RecordPosition] = set()
        self._clock = WatermarkClock()
        self._owned: dict[str, StoredPosition] = {}
        self._collector = BatchCollector()
        self._in_store = 0.0
        """Seconds that the batch in hand waited for the store."""

    @property
    def owned(self) -> Mapping[str, StoredPosition]:
        """The committed position of each owned partition."""
        return self._owned

    @property
    def trouble(self) -> str:
        """What a person should look at, though the partitions go on; empty: nothing."""
        failed = (
            f"the program itself failed on {self._poisoned} records since it started: they are kept"
            " as dead letters; mend the cause and replay them"
        )
        problems = [
            failed if self._poisoned > self._letter_limit else None,
            self._clock.trouble,
            self.bound.trouble,
        ]
        return "; ".join(each for each in problems if each)

    @property
    def batch_records(self) -> int:
        """How many records the next batch should hold at most, so that it does not take too
        long."""
        return self._batch_size.records

    @property
    def unwritten(self) -> int:
        """Signals that only the signal log holds."""
        return self._windows.unwritten

    def take_ownership(self, partitions: Sequence[str]) -> Mapping[str, StoredPosition]:
        """Take ownership of these partitions and drop all others; returns where to read on."""
        self._owned = {}
        owned = dict(self._sink.load_positions(partitions))
        if self._sink.sole_owner:
            # After the positions: should another commit between, our next commit is fenced.
            rows = [row for name in sorted(owned) for row in self._sink.list_log_rows(name)]
            self._windows.restore(sorted(rows, key=lambda row: row.number))
        self._owned = owned
        return self._owned

    def reload(self) -> Mapping[str, StoredPosition]:
        """Drop every copy and load the positions again: after a EditConflict, or any failure."""
        self._windows.clear()
        return self.take_ownership(list(self._owned))

    def process(self, records: Sequence[ArrivedRecord]) -> int:
        """Process records of owned partitions, each partition's in order and following its
        committed position. Durable on return; returns their number.

        Raises EditConflict (another owner: reload, seek, read again; never skip), RetryableError
        (the same records may be passed again after `reload`), CorruptData and ConfigurationError (a
        person must look)."""
        if records:
            self._check_bound()
            self._in_store = 0.0
            begun, computed = perf_counter(), thread_time()
            with self._clear_copies_on_failure(), self._collector.pause():
                self._commit_or_halve(self._check_replays(records), self._register.get_view())
            took = thread_time() - computed
            self._batch_size.record_times(
                len(records), took, self._in_store, perf_counter() - begun
            )
        return len(records)

    def replay(
        self,
        partition: str,
        records: Sequence[RawRecord],
        assets: Collection[str],
        known_at: datetime,
    ) -> int:
        """Process again those of these records whose events nobody owned because of `assets`, bound
        at `known_at`; durable on return, idempotent. Returns how many that were. Positions and counts
        stay. Nothing from before the binding may be unwritten. Raises as `process`."""
        with self._clear_copies_on_failure(), self._collector.pause():
            former = self._register.get_former_view(known_at)
            arrived = [ArrivedRecord(partition, record) for record in records]
            restored = [record for _, record in self._check_replays(arrived)]
            view = self._register.get_view()
            rebinding = self._pipeline.rebind(restored, former, view, assets)
            stored = self._owned[partition]
            if rebinding is None or stored.position is None:
                return 0
            now = self._now([])
            batch = RecordBatch(
                advances=[PartitionAdvance(partition, stored, stored.position)],
                keys=self._windows.list_keys(rebinding.signals, rebinding.removed),
                hold_until=now.timestamp() + HOLD_SECONDS,
                rebound=rebinding.groups,
            )
            self._commit(batch, rebinding.signals, now, rebinding.removed)
        return rebinding.events

    def write_out(self) -> bool:
        """Write some of what only the signal log holds, while no record waits; whether there is
        more of it. Raises as `process`."""
        owned = self._owned.items()
        steps = [
            PartitionAdvance(name, stored, stored.position)
            for name, stored in owned
            if stored.position
        ]
        if not self._windows.unwritten or not steps:
            return False
        batch = RecordBatch(advances=steps, keys=self._windows.list_keys({}))
        with self._clear_copies_on_failure():
            self._commit(batch, {}, self._now([]))
        return self._windows.unwritten > 0

    def record_drained(self, partition: str, moment: float) -> None:
        """Record that an owned partition was caught up at that moment; skips one that another
        worker owns by now. Raises like `process`."""
        position = self._owned.get(partition)
        if position is None:
            return
        self._sink.record_drained(partition, position, moment)
        self._owned[partition] = replace(position, arrived=max(moment, position.arrived or moment))

    def sweep(self, partitions: Sequence[str], now: datetime) -> int:
        """Let go of what nothing in time can reach, over all partitions there are; how many groups
        were looked at. Raises as `process`."""
        self.bound.refresh()
        self._meter.set_state_size(self.bound.used, self.bound.most)
        with self._clear_copies_on_failure():
            looked_at = self._sink.sweep(
                partitions,
                self._owned,
                self._windows.sweep,
                now,
                SWEPT_ALONE if self._sink.sole_owner else SWEPT_TOGETHER,
                self._windows.in_memory,
            )
        if looked_at and self._sink.sole_owner:
            self._owned = {
                name: replace(stored, revision=stored.revision + 1)
                for name, stored in self._owned.items()
            }
        return looked_at

    @contextmanager
    def _clear_copies_on_failure(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._windows.clear()
            raise

    def _check_bound(self) -> None:
        """Raises RetryableError while the groups take all the space that they may."""
        try:
            self.bound.check()
        finally:
            self._meter.set_state_size(self.bound.used, self.bound.most)

    def _commit_or_halve(self, records: Sequence[ArrivedRecord], view: RegisterView) -> None:
        """Commit, or halve the batch to find a record that cannot be processed, which becomes a
        dead letter."""
        problem = self._try_commit(records, view)
        if problem is None:
            return
        self._require_same_positions()
        if len(records) == 1:
            self._store_poison(records, problem)
            return
        middle = len(records) // 2
        self._commit_or_halve(records[:middle], view)
        self._commit_or_halve(records[middle:], view)

    def _try_commit(self, records: Sequence[ArrivedRecord], view: RegisterView) -> Exception | None:
        try:
            result = self._evaluate(records, view)
        except (EditConflict, RetryableError, CorruptData, ConfigurationError):
            raise
        except Exception as problem:  # noqa: BLE001 - one record must not stop the stream
            return problem
        try:
            self._store(records, result)
        except (ValueError, TypeError, ArithmeticError, LookupError, AttributeError) as problem:
            return problem  # a value that we or the database cannot hold; nothing was written
        return None

    def _check_replays(self, records: Sequence[ArrivedRecord]) -> Sequence[ArrivedRecord]:
        """Check records that claim to repeat a dead letter."""
        self._further_copies = set()
        claimed = {r.replay_of for _, r in records if r.replay_of is not None}
        if not claimed:
            return records
        letters = self._sink.find_dead_letters(sorted(claimed))
        restored, self._further_copies = restore_first_arrivals([r for _, r in records], letters)
        return [ArrivedRecord(name, r) for (name, _), r in zip(records, restored, strict=True)]

    def _evaluate(self, records: Sequence[ArrivedRecord], view: RegisterView) -> BatchResult:
        """Evaluate; replayed records (up to what was ever processed) change no count."""
        fresh: list[RawRecord] = []
        again: list[RawRecord] = []
        repeated: list[RawRecord] = []
        for arrived in records:
            if self._is_replayed(arrived):
                again.append(arrived.record)
            elif arrived.record.position not in self._further_copies:
                (repeated if arrived.record.replay_of else fresh).append(arrived.record)
        result = self._read(fresh, view)
        if again:
            result = merge_results(result, remove_counts(self._read(again, view)))
        if repeated:
            result = merge_results(result, remove_received(self._read(repeated, view)))
        return result

    def _read(self, records: Sequence[RawRecord], view: RegisterView) -> BatchResult:
        whole = [record for record in records if not record.piece]
        result = self._pipeline.evaluate(whole, view)
        if len(whole) == len(records):
            return result
        return merge_results(
            result, _build_letters_result([build_piece_letter(r) for r in records if r.piece])
        )

    def _store(self, records: Sequence[ArrivedRecord], result: BatchResult) -> None:
        begun = perf_counter()
        now = self._now([record for _, record in records])
        batch = RecordBatch(
            advances=_build_advances(records, self._owned),
            keys=self._windows.list_keys(result.signals),
            dead_letters=result.dead_letters,
            sources=result.sources,
            hours=result.hours,
            sightings=result.sightings,
            unattributed=result.unattributed,
            exports=_build_exports(records, result) if self._exporting else (),
            hold_until=result.hold_until,
            repeated=[r.replay_of for _, r in records if r.replay_of is not None],
        )
        self._commit(batch, result.signals, now)
        self._collector.count(result.signal_count)
        self._meter.record_batch(
            len(records), perf_counter() - begun, result.sources, result.signal_count
        )
        newest = max(record.arrived for _, record in records)
        self._meter.record_lateness((self._now([]) - newest).total_seconds())

    def _commit(
        self,
        batch: RecordBatch,
        signals: GroupSignals,
        now: datetime,
        removed: GroupSignals | None = None,
    ) -> None:
        windows = self._windows

        def apply_signals(rows: Sequence[GroupRows], low: float | None) -> GroupUpdates:
            low = self._clock.check_plausible(low, now)
            return windows.apply(signals, rows, low, removed)

        begun, computed = perf_counter(), thread_time()
        result = self._sink.commit(batch, windows.get_versions(batch.keys), apply_signals, now)
        self._in_store += perf_counter() - begun - (thread_time() - computed)
        windows.confirm_commit(result)
        self._owned |= {step.partition: _compute_position(step) for step in batch.advances}
        self._meter.set_groups(len(windows), windows.memory_bytes)

    def _require_same_positions(self) -> None:
        """Require unchanged positions after a failure, when the copies are void."""
        before = self._owned
        if self.reload() != before:
            raise EditConflict("a stored position moved while a batch was being repeated.")

    def _store_poison(self, records: Sequence[ArrivedRecord], problem: Exception) -> None:
        letter = build_poison_letter(records[0].record, problem)
        result = _build_letters_result([letter])
        if self._is_replayed(records[0]):
            result = remove_counts(result)
        elif records[0].record.replay_of is not None:
            result = remove_received(result)
        self._store(records, result)
        # Never a reason to stop: whoever may send a line could stop the partition with a hundred.
        self._poisoned += 1
        self._meter.record_failure()

    def _is_replayed(self, arrived: ArrivedRecord) -> bool:
        stored, place = self._owned[arrived.partition], arrived.record.position
        if stored.counted is None or stored.counted_in != place.journal:
            return False
        return place.offset <= stored.counted


def _build_letters_result(letters: Sequence[DeadLetter]) -> BatchResult:
    return replace(
        BatchResult(),
        dead_letters=letters,
        sources=count_letters(letters),
        hours=count_letter_hours(letters),
    )


def _build_exports(records: Sequence[ArrivedRecord], result: BatchResult) -> list[ExportMessage]:
    """Build messages of the batch's events, and of its dead letters with their bytes."""
    if not result.dead_letters:
        return list(result.exports)
    raw = {record.position: record.raw for _, record in records}
    letters = [build_dead_letter_export(each, raw[each.position]) for each in result.dead_letters]
    return [*result.exports, *letters]


def _build_advances(
    records: Sequence[ArrivedRecord], owned: Mapping[str, StoredPosition]
) -> list[PartitionAdvance]:
    """Build one step a partition: from its position to its last record of this batch."""
    last: dict[str, RawRecord] = {}
    newest: dict[str, datetime] = {}
    for partition, record in records:
        last[partition] = record
        known = newest.get(partition)
        if known is None or record.arrived > known:
            newest[partition] = record.arrived
    return [
        PartitionAdvance(name, owned[name], record.position, newest[name].timestamp())
        for name, record in last.items()
    ]


def _compute_position(step: PartitionAdvance) -> StoredPosition:
    """Compute what the store holds once the step is durable."""
    before, (journal, offset) = step.before, step.after
    goes_on = before.counted is not None and before.counted_in == journal
    return replace(
        before,
        position=step.after,
        revision=before.revision + 1,
        counted=max(before.counted or 0, offset) if goes_on else offset,
        counted_in=journal,
        arrived=max(step.arrived or 0.0, before.arrived or 0.0) or None,
    )
