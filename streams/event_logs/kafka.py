"""Implement the event log on Kafka: listeners append here, single records are fetched, one
partition is read.

Workers read through a consumer group instead (streams.worker_app), for speed. Both convert records
with the same code (kafka_records)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from schemas.errors import BadInput, ConfigurationError, CorruptData, NotFound, RetryableError
from schemas.pipeline.event import RawRecord, RecordPosition
from schemas.pipeline.source import BlindInterval, IncomingRecord
from schemas.settings import Settings
from streams.event_logs.kafka_records import RecordDecoder, build_headers, build_journal_id
from streams.kafka.client_options import build_kafka_python_options, import_extra
from streams.kafka.topics import (
    build_source_topic,
    build_topic_name,
    build_topic_specs,
    find_source,
    load_topic_ids,
)

WAIT_SECONDS = 30.0
CLOSE_SECONDS = 3.0
POLL_MS = 200


class KafkaEventLog:
    """streams.ports.EventLog over the raw topics. Thread-safe."""

    def __init__(
        self,
        settings: Settings,
        now: Callable[[], datetime],
        *,
        reads: tuple[str, int] | None = None,
        wait: float = WAIT_SECONDS,
    ) -> None:
        """Bind the log to a cluster. `reads`: the topic and partition of `read` and `find_end`
        (default: the catch-all's first). `wait`: seconds until a broker that does not answer raises
        RetryableError."""
        self._settings = settings
        self._now = now
        self._wait = wait
        self._reads = reads or (build_topic_name(settings.kafka, "raw"), 0)
        self._lock = threading.RLock()
        self._clients_by_name: dict[str, Any] = {}
        self._errors = import_extra("kafka.errors")
        self._ids: dict[str, str] = {}
        self._closed = False

    def append(self, incoming: Sequence[IncomingRecord]) -> Sequence[RecordPosition]:
        """Append records once each, durably in as many replicas as the topic demands."""
        for each in incoming:
            if each.arrived.tzinfo is None:
                raise BadInput("an arrival has no zone", place=f"source {each.source}")
        with self._translate_errors():
            self._must_exist({self._choose_topic(each.source) for each in incoming})
            producer = self._get_producer()
            sent = [
                producer.send(
                    self._choose_topic(each.source), each.raw, headers=build_headers(each)
                )
                for each in incoming
            ]
            producer.flush(timeout=self._wait)
            return [self._build_position(each.get(timeout=self._wait)) for each in sent]

    def read_export_topic(self, topic: str) -> Mapping[str, bytes]:
        """Read the newest message of each key of an export topic, as far as Kafka still holds
        it."""
        with self._translate_errors():
            name = build_topic_name(self._settings.kafka, topic)
            begin, end = self._get_offset_range(name, 0)
            return {
                each.key.decode(): each.value
                for each in self._fetch(begin, end, end - begin, (name, 0))
                if each.key and each.value
            }

    def read(self, after: RecordPosition | None, limit: int) -> Sequence[RawRecord]:
        """Read at most `limit` records of the partition. Raises as the port says."""
        with self._translate_errors():
            topic, partition = self._reads
            begin, end = self._get_offset_range(topic, partition)
            start = begin if after is None else self._find_next_offset(after, begin, end)
            if start >= end:
                return []
            return [
                self._build_decoder().decode_record(each) for each in self._fetch(start, end, limit)
            ]

    def get(self, position: RecordPosition) -> RawRecord | None:
        """Return one record of any partition; None if retention has dropped it or the topic is
        gone."""
        with self._translate_errors():
            partition = self._find(position.journal)
            if partition is None:
                return None
            begin, end = self._get_offset_range(*partition)
            if not begin <= position.offset < end:
                return None
            return next(
                (
                    self._build_decoder().decode_record(each)
                    for each in self._fetch(position.offset, end, 1, partition)
                    if each.offset == position.offset
                ),
                None,
            )

    def get_many(self, positions: Sequence[RecordPosition]) -> Mapping[RecordPosition, RawRecord]:
        """Return those of these records that retention has not dropped, from any partition, in few
        fetches. Raises like `get`."""
        offsets: dict[tuple[str, int], list[int]] = {}
        with self._translate_errors():
            for position in positions:
                place = self._find(position.journal)
                if place is not None:
                    offsets.setdefault(place, []).append(position.offset)
            decoder = self._build_decoder()
        if not offsets:
            return {}
        fetched = import_extra("streams.event_logs.kafka_positions").fetch_positions
        records = map(decoder.decode_record, fetched(self._settings.kafka, offsets, self._wait))
        return {record.position: record for record in records}

    def find_end(self) -> RecordPosition | None:
        """Return the end of the partition that `read` reads."""
        with self._translate_errors():
            topic, partition = self._reads
            _, end = self._get_offset_range(topic, partition)
            return RecordPosition(self._get_journal_id(topic, partition), end - 1) if end else None

    def note_gap(self, gap: BlindInterval) -> None:
        """Write a record to the compacted topic of gaps; a later report of the same gap replaces
        it."""
        key = f"{gap.source}|{gap.begin.isoformat()}"
        with self._translate_errors():
            self._get_producer().send(
                build_topic_name(self._settings.kafka, "gaps"),
                gap.model_dump_json().encode(),
                key=key.encode(),
            ).get(timeout=self._wait)

    def list_gaps(self) -> Sequence[BlindInterval]:
        """List all recorded blind intervals, oldest first."""
        with self._translate_errors():
            topic = build_topic_name(self._settings.kafka, "gaps")
            begin, end = self._get_offset_range(topic, 0)
            newest = {
                each.key: each.value
                for each in self._fetch(begin, end, end - begin, (topic, 0))
                if each.value
            }
        intervals = [BlindInterval.model_validate_json(value) for value in newest.values()]
        return sorted(intervals, key=lambda gap: (gap.begin, gap.source))

    def count_arrived_before(self, moments: Sequence[datetime]) -> Sequence[int]:
        """Count how many records of all raw topics had ever arrived before each moment, by the
        broker's index of times, so that nothing is read."""
        with self._translate_errors():
            consumer = self._get_consumer()
            kind = import_extra("kafka").TopicPartition
            places = [
                kind(topic, number)
                for topic in self._load_topic_ids()
                for number in sorted(consumer.partitions_for_topic(topic) or ())
            ]
            ends = consumer.end_offsets(places, timeout_ms=int(self._wait * 1000))
            return [sum(self._find_offsets_at(places, ends, moment)) for moment in moments]

    def _find_offsets_at(
        self, places: Sequence[Any], ends: Mapping[Any, int], moment: datetime
    ) -> list[int]:
        """Find, for each partition, the first offset that arrived at that moment or later."""
        stamp = int(moment.timestamp() * 1000)
        offsets = self._get_consumer().offsets_for_times(dict.fromkeys(places, stamp))
        return [offsets[p].offset if offsets.get(p) else ends[p] for p in places]

    def list_journals(self) -> Sequence[str]:
        """List every partition of every raw topic by its journal id."""
        with self._translate_errors():
            consumer = self._get_consumer()
            return [
                build_journal_id(topic_id, number)
                for topic, topic_id in self._load_topic_ids().items()
                for number in sorted(consumer.partitions_for_topic(topic) or ())
            ]

    def close(self) -> None:
        """Let go of the connections. What was refused before and waits in the client is not
        waited for: whoever appended it was told so."""
        with self._lock:
            self._closed = True
            producer = self._clients_by_name.pop("producer", None)
            if producer is not None:
                self._close_producer(producer)
            for client in self._clients_by_name.values():
                client.close()
            self._clients_by_name.clear()

    def _close_producer(self, producer: Any) -> None:
        """Close with a limit: without one the client waits for a dead broker for ever, and with one
        kafka-python 3.0 gives up before it has ended its own thread."""
        try:
            producer.close(timeout=CLOSE_SECONDS)
        except self._errors.KafkaTimeoutError:
            producer._sender.force_close()  # noqa: SLF001 - there is no other way
            producer.close(timeout=CLOSE_SECONDS)

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        """Run one call at a time and translate the client's errors to ours."""
        with self._lock:
            if self._closed:
                raise RetryableError("the event log is closed", remedy="Open it again.")
            try:
                yield
            except self._errors.KafkaError as error:
                raise self._translate_error(error) from error

    def _translate_error(self, error: Any) -> Exception:
        place = self._settings.kafka.servers
        if isinstance(error, self._errors.MessageSizeTooLargeError):
            return BadInput(
                "a record is larger than its topic takes",
                place=place,
                remedy="Raise max.message.bytes: breachdesk topics create follows"
                " intake.max_line_bytes.",
            )
        if isinstance(error, self._errors.UnknownTopicOrPartitionError):
            return ConfigurationError(
                "a topic is missing", place=place, remedy="Run breachdesk topics create."
            )
        return RetryableError(
            f"Kafka refuses for now ({type(error).__name__})",
            place=place,
            remedy="Check the broker, then try again.",
        )

    def _get_producer(self) -> Any:
        """Return the producer, which is idempotent and acknowledged by all in-sync replicas."""
        kafka = import_extra("kafka")
        return self._get_client(
            "producer",
            lambda: kafka.KafkaProducer(
                **build_kafka_python_options(self._settings.kafka),
                enable_idempotence=True,
                acks="all",
                max_request_size=self._settings.intake.max_line_bytes * 2 + 65_536,
                delivery_timeout_ms=int(self._wait * 1000),
                request_timeout_ms=int(self._wait * 900),
                max_block_ms=int(self._wait * 1000),
            ),
        )

    def _get_consumer(self) -> Any:
        kafka = import_extra("kafka")
        return self._get_client(
            "consumer",
            lambda: kafka.KafkaConsumer(
                **build_kafka_python_options(self._settings.kafka),
                group_id=None,
                enable_auto_commit=False,
                isolation_level="read_committed",
            ),
        )

    def _get_client(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self._clients_by_name:
            self._clients_by_name[name] = make()
        return self._clients_by_name[name]

    def _choose_topic(self, source: str) -> str:
        kafka = self._settings.kafka
        if any(each.name == source for each in self._settings.sources):
            return build_source_topic(kafka, source)
        return build_topic_name(kafka, "raw")

    def _list_raw_topics(self) -> list[str]:
        start = build_topic_name(self._settings.kafka, "raw")
        return [
            spec.name for spec in build_topic_specs(self._settings) if spec.name.startswith(start)
        ]

    def _load_topic_ids(self) -> dict[str, str]:
        if not self._ids:
            self._ids = dict(load_topic_ids(self._settings, self._list_raw_topics()))
        return self._ids

    def _must_exist(self, names: set[str]) -> None:
        """Check that the topics exist, because a producer would look for a missing topic until its
        time is out."""
        if not names <= self._load_topic_ids().keys():
            self._ids = {}
        for name in sorted(names - self._load_topic_ids().keys()):
            raise ConfigurationError(
                "the topic is missing", place=name, remedy="Run breachdesk topics create."
            )

    def _build_decoder(self) -> RecordDecoder:
        ids = self._load_topic_ids()
        sources = {topic: find_source(self._settings.kafka, topic) for topic in ids}
        return RecordDecoder(ids, sources, drill=self._settings.demo)

    def _get_journal_id(self, topic: str, partition: int) -> str:
        return build_journal_id(self._load_topic_ids()[topic], partition)

    def _build_position(self, sent: Any) -> RecordPosition:
        return RecordPosition(self._get_journal_id(sent.topic, sent.partition), sent.offset)

    def _find(self, journal: str) -> tuple[str, int] | None:
        """Find the topic and partition of a journal id."""
        topic_id, _, number = journal.rpartition("-")
        for topic, known in self._load_topic_ids().items():
            if known == topic_id and number.isdigit():
                return topic, int(number)
        return None

    def _find_next_offset(self, after: RecordPosition, begin: int, end: int) -> int:
        """Find the next offset to read. Raises CorruptData if records in between were lost."""
        topic, partition = self._reads
        place = f"{topic}/{partition}"
        if after.journal != self._get_journal_id(topic, partition):
            raise CorruptData(
                "the position belongs to an earlier creation of this topic",
                place=place,
                remedy="The topic was deleted and re-created: what was not processed is lost. Record"
                " a blind interval, then breachdesk replay --from-beginning.",
            )
        if after.offset >= end or after.offset + 1 < begin:
            raise CorruptData(
                f"position {after.offset} lies outside what the topic holds ({begin} to {end - 1})",
                place=place,
                remedy="Records were lost or dropped before they were processed. Record a blind"
                " interval, then breachdesk replay --from-beginning.",
            )
        return after.offset + 1

    def _get_offset_range(self, topic: str, partition: int) -> tuple[int, int]:
        """Return the first offset held, and the one after the last."""
        place = import_extra("kafka").TopicPartition(topic, partition)
        consumer = self._get_consumer()
        try:
            begin = consumer.beginning_offsets([place], timeout_ms=int(self._wait * 1000))[place]
            return begin, consumer.end_offsets([place], timeout_ms=int(self._wait * 1000))[place]
        except KeyError:
            raise NotFound(
                "no such partition",
                place=f"{topic}/{partition}",
                remedy="Run breachdesk topics create.",
            ) from None

    def _fetch(
        self, start: int, end: int, limit: int, where: tuple[str, int] | None = None
    ) -> Iterator[Any]:
        """Fetch at most `limit` records from `start` and before `end`."""
        place = import_extra("kafka").TopicPartition(*(where or self._reads))
        consumer = self._get_consumer()
        consumer.assign([place])
        consumer.seek(place, start)
        count = 0
        while count < limit and consumer.position(place) < end:
            for each in consumer.poll(POLL_MS, max_records=limit - count).get(place, ()):
                count += 1
                yield each
