"""Run the hot path inside the Faust app: a member of the consumer group polls, commits each batch
to the store, and only then commits the position to Kafka.

The position row in the store is authoritative. Kafka's committed offset is a copy of it for lag
monitors and is never read back: after every assignment each partition is sought to the store's
position, and what does not fit stops the worker with an error."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from schemas.settings import Settings
from streams.event_logs.kafka_records import RecordDecoder
from streams.kafka.client_options import build_aiokafka_options
from streams.kafka.topics import build_source_topic, build_topic_name, find_source, load_topic_ids
from streams.ports import StoredPosition
from streams.ports.metrics import WorkerMetrics
from streams.process.worker import ArrivedRecord, StreamWorker
from streams.worker_app.partition_starts import PartitionStart

POLL_MS = 250
COMMIT_SECONDS = 2.0
FETCH_BYTES = 2 * 1024 * 1024
"""Of one partition: a few batches. What is fetched lies in memory until it is read."""
FETCH_WAIT_MS = 100
"""The client has one fetch on its way to each broker: for so long does a record wait whose
partition was read empty while the broker waits for records of the others."""
METADATA_MS = 10_000
"""A partition that is added is found after so long."""
HANDOVER_SECONDS = 20.0
"""How long a rebalance waits for the batch in hand; after that the fence decides."""

InThread = Callable[..., Awaitable[Any]]
PolledRecords = Mapping[TopicPartition, Sequence[Any]]


class PartitionConsumer(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """One member of the workers' group: `poll_and_commit` again and again."""

    def __init__(
        self,
        settings: Settings,
        worker: StreamWorker,
        meter: WorkerMetrics,
        in_thread: InThread,
    ) -> None:
        """Create the member. `in_thread`: awaits a blocking call in the one thread that owns
        `worker`."""
        self._settings = settings
        self._worker = worker
        self._meter = meter
        self._in_thread = in_thread
        self._generation = 0
        self._positioned = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._decoder = RecordDecoder({}, {})
        self._starts: dict[TopicPartition, int] = {}
        self._gaps: dict[TopicPartition, tuple[int, int]] = {}
        self._marked: set[TopicPartition] = set()
        """Partitions in which some offsets hold no records."""
        self._uncommitted: dict[TopicPartition, int] = {}
        self._committed_at = 0.0
        self.processed = 0
        """Records made durable since it started."""
        self._client = AIOKafkaConsumer(
            **build_aiokafka_options(settings.kafka),
            group_id=settings.kafka.group,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_wait_ms=FETCH_WAIT_MS,
            metadata_max_age_ms=METADATA_MS,
            session_timeout_ms=int(settings.kafka.session_seconds * 1000),
            heartbeat_interval_ms=int(settings.kafka.session_seconds * 200),
            max_poll_interval_ms=600_000,
        )

    @property
    def raw_topics(self) -> list[str]:
        """What the group reads: the catch-all and each configured source's topic."""
        kafka = self._settings.kafka
        named = [build_source_topic(kafka, each.name) for each in self._settings.sources]
        return sorted({build_topic_name(kafka, "raw"), *named})

    @property
    def has_taken_over(self) -> bool:
        """Whether this member has loaded the positions of its partitions."""
        return self._generation > 0 and self._positioned == self._generation

    def list_partitions(self) -> list[str]:
        """List every partition of every raw topic, whoever owns it; empty while any is not
        known."""
        partitions: list[str] = []
        for topic in self.raw_topics:
            numbers = self._client.partitions_for_topic(topic)
            if not numbers:
                return []
            partitions += [f"{topic}/{number}" for number in sorted(numbers)]
        return partitions

    async def start(self) -> None:
        """Join the group. Raises KafkaError when no broker answers."""
        self._client.subscribe(self.raw_topics, listener=self)
        await self._client.start()

    async def stop(self) -> None:
        """Tell Kafka what is durable and leave the group."""
        await self._commit()
        await self._client.stop()

    async def on_partitions_revoked(self, revoked: Any) -> None:
        """Let the batch in hand end, so that the heir need not repeat it."""
        self._generation += 1
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), HANDOVER_SECONDS)
            await self._commit()
        for tp in revoked:
            self._meter.clear_partition(tp.topic, tp.partition)

    async def on_partitions_assigned(self, assigned: Any) -> None:
        """Note the assignment; nothing is read before `poll_and_commit` has sought the store's
        positions."""
        self._generation += 1
        self._client.pause(*assigned)

    def invalidate_positions(self) -> None:
        """Invalidate the positions after a conflict or a failure, so that they are loaded again
        before anything is read."""
        self._positioned = -1

    async def poll_paused(self, seconds: float) -> None:
        """Stay a member of the group for so long without reading: the store refuses for now."""
        self._client.pause(*self._client.assignment())
        self.invalidate_positions()
        await asyncio.sleep(seconds)
        await self._client.getmany(timeout_ms=0)

    async def poll_and_commit(self) -> int:
        """Run one poll and at most one batch; returns how many records were made durable.

        Raises EditConflict and RetryableError (then call `invalidate_positions` or `poll_paused`),
        CorruptData and ConfigurationError (a person must look)."""
        if self._positioned != self._generation:
            await self._take_over()
        polled = await self._poll()
        if not polled:
            return 0
        self._idle.clear()
        try:
            processed: int = await self._in_thread(self._process, polled)
        finally:
            self._idle.set()
        self.processed += processed
        self._uncommitted.update({tp: rows[-1].offset + 1 for tp, rows in polled.items()})
        if asyncio.get_running_loop().time() - self._committed_at > COMMIT_SECONDS:
            await self._commit()
        return processed

    async def list_drained(self) -> list[str]:
        """List owned partitions with nothing left to process: what was polled is durable (the loop
        is idle) and the client is at the end, past any transaction's markers. Raises KafkaError."""
        partitions: list[str] = []
        ours = sorted(self._client.assignment())
        # Asked for every time: the client's own high watermark is as old as its last fetch.
        ends = await self._client.end_offsets(ours) if ours else {}
        for tp in ours:
            if self.has_taken_over and self._idle.is_set():
                place = await self._client.position(tp)
                at_end = place == ends[tp] == self._client.highwater(tp)
                # Asked again: a batch may have been polled while we waited.
                if at_end and self._idle.is_set() and self.has_taken_over:
                    partitions.append(_format_partition(tp))
        return partitions

    async def observe(self) -> None:
        """Report each owned partition to the meter: our own position and Kafka's copy, because lag
        alone does not show skipped records. Raises KafkaError."""
        ours = sorted(self._client.assignment())
        ends = await self._client.end_offsets(ours) if ours else {}
        for tp in ours:
            committed = await self._client.committed(tp) or 0
            # None while the batch's thread loads the positions again.
            stored = self._worker.owned.get(_format_partition(tp))
            if stored is not None and tp in self._starts and self.has_taken_over:
                next_ = self._find_next_offset(tp, stored)
                self._meter.set_position(tp.topic, tp.partition, next_, committed, ends[tp])

    async def _poll(self) -> PolledRecords:
        """Poll records that follow the stored positions; returns nothing while the positions are
        invalid."""
        generation, most = self._generation, self._worker.batch_records
        try:
            polled: PolledRecords = await self._client.getmany(timeout_ms=POLL_MS, max_records=most)
        except (NoOffsetForPartitionError, OffsetOutOfRangeError):
            # It fetched before it was told where to begin, or what is there is not what it was.
            self.invalidate_positions()
            return {}
        if generation != self._generation:
            return {}
        return {tp: rows for tp, rows in polled.items() if rows and self._is_contiguous(tp, rows)}

    def _is_contiguous(self, tp: TopicPartition, rows: Sequence[Any]) -> bool:
        """Whether the partition continues at the store's position. A gap is read once more. If it
        is still there it holds no records (a transaction's marker), because offsets never come
        back; where shippers use transactions there will be more of them."""
        expected, first = self._get_expected_offset(tp), rows[0].offset
        if expected == first or (expected < first and tp in self._marked):
            return True
        if expected < first and self._gaps.get(tp) == (expected, first):
            self._marked.add(tp)
            return True
        self._gaps[tp] = (expected, first)
        self._client.seek(tp, expected)
        return False

    def _get_expected_offset(self, tp: TopicPartition) -> int:
        """Return the offset that must come next."""
        return self._find_next_offset(tp, self._worker.owned[_format_partition(tp)])

    def _find_next_offset(self, tp: TopicPartition, stored: StoredPosition) -> int:
        return self._starts[tp] if stored.position is None else stored.position.offset + 1

    def _process(self, polled: PolledRecords) -> int:
        """Decode, evaluate and commit in the worker's thread, in one transaction."""
        decode = self._decoder.decode_record
        records: list[ArrivedRecord] = []
        for tp, rows in polled.items():
            name = _format_partition(tp)
            records += [ArrivedRecord(name, decode(row)) for row in rows]
        return self._worker.process(records)

    async def _take_over(self) -> None:
        """Load the position of each of our partitions from the store, and seek there."""
        generation = self._generation
        ours = sorted(self._client.assignment())
        ids = await self._in_thread(load_topic_ids, self._settings, self.raw_topics)
        # In this order: a former owner may commit, and retention drop what it committed, meanwhile.
        begins = await self._client.beginning_offsets(ours) if ours else {}
        positions = await self._in_thread(
            self._worker.take_ownership, [_format_partition(tp) for tp in ours]
        )
        ends = await self._client.end_offsets(ours) if ours else {}
        if generation != self._generation:
            return
        sources = {topic: find_source(self._settings.kafka, topic) for topic in ids}
        self._decoder = RecordDecoder(ids, sources, drill=self._settings.demo)
        for tp in ours:
            journal = self._decoder.get_journal_id(tp.topic, tp.partition)
            start = PartitionStart(
                _format_partition(tp), journal, begins[tp], ends[tp]
            ).find_next_offset(positions[_format_partition(tp)])
            self._starts[tp] = start
            self._client.seek(tp, start)
        self._client.resume(*ours)
        self._positioned = generation

    async def _commit(self) -> None:
        """Commit Kafka's copy of the positions: losing it costs nothing."""
        ours = self._client.assignment()
        offsets = {tp: at for tp, at in self._uncommitted.items() if tp in ours}
        self._uncommitted = {}
        self._committed_at = asyncio.get_running_loop().time()
        if offsets:
            with suppress(KafkaError):
                await self._client.commit(offsets)


def _format_partition(tp: TopicPartition) -> str:
    return f"{tp.topic}/{tp.partition}"
