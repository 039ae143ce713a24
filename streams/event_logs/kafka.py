"""The event log on Kafka: listeners append here, one record is fetched, one partition is read.

Workers do not read through this but through a consumer group (streams.worker_app): that is where the
speed is. What both make of a record is the same (kafka_records).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from schemas.errors import BadInput, Corrupt, Misconfigured, NotFound, Retryable
from schemas.event import Position, RawRecord
from schemas.settings import Settings
from schemas.source import BlindInterval, Incoming
from streams.event_logs.kafka_records import Decoder, headers_of, journal_id
from streams.kafka_access import extra, kafka_python_options
from streams.topics import source_of, source_topic, topic_ids, topic_name, topic_specs

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
        """`reads`: the topic and partition that `read` and `end` are about (default: the catch-all's
        first). `wait`: seconds until a broker that does not answer is Retryable."""
        self._settings = settings
        self._now = now
        self._wait = wait
        self._reads = reads or (topic_name(settings.kafka, "raw"), 0)
        self._lock = threading.RLock()
        self._made: dict[str, Any] = {}
        self._errors = extra("kafka.errors")
        self._ids: dict[str, str] = {}
        self._closed = False

    def append(self, incoming: Sequence[Incoming]) -> Sequence[Position]:
        """Durable in as many replicas as the topic demands, once each."""
        for each in incoming:
            if each.arrived.tzinfo is None:
                raise BadInput("an arrival has no zone", place=f"source {each.source}")
        with self._reaching():
            self._must_exist({self._topic_of(each.source) for each in incoming})
            producer = self._producer()
            sent = [
                producer.send(self._topic_of(each.source), each.raw, headers=headers_of(each))
                for each in incoming
            ]
            producer.flush(timeout=self._wait)
            return [self._place(each.get(timeout=self._wait)) for each in sent]

    def exported(self, topic: str) -> Mapping[str, bytes]:
        """The newest message of each key of an export topic, all that Kafka still holds."""
        with self._reaching():
            name = topic_name(self._settings.kafka, topic)
            begin, end = self._span(name, 0)
            return {
                each.key.decode(): each.value
                for each in self._fetch(begin, end, end - begin, (name, 0))
                if each.key and each.value
            }

    def read(self, after: Position | None, limit: int) -> Sequence[RawRecord]:
        """At most `limit` records of the partition read. Raises as the port says."""
        with self._reaching():
            topic, partition = self._reads
            begin, end = self._span(topic, partition)
            start = begin if after is None else self._next(after, begin, end)
            if start >= end:
                return []
            return [self._decoder().record(each) for each in self._fetch(start, end, limit)]

    def get(self, position: Position) -> RawRecord | None:
        """One record, wherever it stands; None when retention has dropped it or the topic is
        gone."""
        with self._reaching():
            found = self._find(position.journal)
            if found is None:
                return None
            begin, end = self._span(*found)
            if not begin <= position.offset < end:
                return None
            return next(
                (
                    self._decoder().record(each)
                    for each in self._fetch(position.offset, end, 1, found)
                    if each.offset == position.offset
                ),
                None,
            )

    def get_many(self, positions: Sequence[Position]) -> Mapping[Position, RawRecord]:
        """Those of these records that retention has not dropped, wherever they stand; read in few
        fetches. Raises as `get`."""
        wanted: dict[tuple[str, int], list[int]] = {}
        with self._reaching():
            for position in positions:
                place = self._find(position.journal)
                if place is not None:
                    wanted.setdefault(place, []).append(position.offset)
            decoder = self._decoder()
        if not wanted:
            return {}
        fetched = extra("streams.event_logs.kafka_positions").fetch_positions
        records = map(decoder.record, fetched(self._settings.kafka, wanted, self._wait))
        return {record.position: record for record in records}

    def end(self) -> Position | None:
        """Of the partition read."""
        with self._reaching():
            topic, partition = self._reads
            _, end = self._span(topic, partition)
            return Position(self._journal(topic, partition), end - 1) if end else None

    def note_gap(self, gap: BlindInterval) -> None:
        """A record of the compacted topic of gaps; a later word on the same gap replaces it."""
        key = f"{gap.source}|{gap.begin.isoformat()}"
        with self._reaching():
            self._producer().send(
                topic_name(self._settings.kafka, "gaps"),
                gap.model_dump_json().encode(),
                key=key.encode(),
            ).get(timeout=self._wait)

    def gaps(self) -> Sequence[BlindInterval]:
        """All recorded blind intervals, oldest first."""
        with self._reaching():
            topic = topic_name(self._settings.kafka, "gaps")
            begin, end = self._span(topic, 0)
            newest = {
                each.key: each.value
                for each in self._fetch(begin, end, end - begin, (topic, 0))
                if each.value
            }
        found = [BlindInterval.model_validate_json(value) for value in newest.values()]
        return sorted(found, key=lambda gap: (gap.begin, gap.source))

    def arrived_before(self, moments: Sequence[datetime]) -> Sequence[int]:
        """How many records of all raw topics had arrived before each moment, ever; by the broker's
        own index of times, so nothing is read."""
        with self._reaching():
            consumer = self._consumer()
            kind = extra("kafka").TopicPartition
            places = [
                kind(topic, number)
                for topic in self._known_ids()
                for number in sorted(consumer.partitions_for_topic(topic) or ())
            ]
            ends = consumer.end_offsets(places, timeout_ms=int(self._wait * 1000))
            return [sum(self._offsets_at(places, ends, moment)) for moment in moments]

    def _offsets_at(
        self, places: Sequence[Any], ends: Mapping[Any, int], moment: datetime
    ) -> list[int]:
        """Of each partition, the first offset that arrived at that moment or later."""
        stamp = int(moment.timestamp() * 1000)
        found = self._consumer().offsets_for_times(dict.fromkeys(places, stamp))
        return [found[p].offset if found.get(p) else ends[p] for p in places]

    def journals(self) -> Sequence[str]:
        """Every partition of every raw topic, by its journal id."""
        with self._reaching():
            consumer = self._consumer()
            return [
                journal_id(topic_id, number)
                for topic, topic_id in self._known_ids().items()
                for number in sorted(consumer.partitions_for_topic(topic) or ())
            ]

    def close(self) -> None:
        """Let go of the connections. What was refused before and waits in the client is not
        waited for: whoever appended it was told so."""
        with self._lock:
            self._closed = True
            producer = self._made.pop("producer", None)
            if producer is not None:
                self._end(producer)
            for client in self._made.values():
                client.close()
            self._made.clear()

    def _end(self, producer: Any) -> None:
        """Without a limit the client waits for a dead broker for ever; and with one kafka-python
        3.0 gives up before it has ended its own thread."""
        try:
            producer.close(timeout=CLOSE_SECONDS)
        except self._errors.KafkaTimeoutError:
            producer._sender.force_close()  # noqa: SLF001 - there is no other way
            producer.close(timeout=CLOSE_SECONDS)

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """One call at a time; what the client raises becomes an error of our own tree."""
        with self._lock:
            if self._closed:
                raise Retryable("the event log is closed", remedy="Open it again.")
            try:
                yield
            except self._errors.KafkaError as error:
                raise self._translated(error) from error

    def _translated(self, error: Any) -> Exception:
        place = self._settings.kafka.servers
        if isinstance(error, self._errors.MessageSizeTooLargeError):
            return BadInput(
                "a record is larger than its topic takes",
                place=place,
                remedy="Raise max.message.bytes: breachdesk topics create follows"
                " intake.max_line_bytes.",
            )
        if isinstance(error, self._errors.UnknownTopicOrPartitionError):
            return Misconfigured(
                "a topic is missing", place=place, remedy="Run breachdesk topics create."
            )
        return Retryable(
            f"Kafka refuses for now ({type(error).__name__})",
            place=place,
            remedy="Check the broker, then try again.",
        )

    def _producer(self) -> Any:
        """Idempotent, acknowledged by all in-sync replicas."""
        kafka = extra("kafka")
        return self._client(
            "producer",
            lambda: kafka.KafkaProducer(
                **kafka_python_options(self._settings.kafka),
                enable_idempotence=True,
                acks="all",
                max_request_size=self._settings.intake.max_line_bytes * 2 + 65_536,
                delivery_timeout_ms=int(self._wait * 1000),
                request_timeout_ms=int(self._wait * 900),
                max_block_ms=int(self._wait * 1000),
            ),
        )

    def _consumer(self) -> Any:
        kafka = extra("kafka")
        return self._client(
            "consumer",
            lambda: kafka.KafkaConsumer(
                **kafka_python_options(self._settings.kafka),
                group_id=None,
                enable_auto_commit=False,
                isolation_level="read_committed",
            ),
        )

    def _client(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]

    def _topic_of(self, source: str) -> str:
        kafka = self._settings.kafka
        if any(each.name == source for each in self._settings.sources):
            return source_topic(kafka, source)
        return topic_name(kafka, "raw")

    def _raw_topics(self) -> list[str]:
        start = topic_name(self._settings.kafka, "raw")
        return [spec.name for spec in topic_specs(self._settings) if spec.name.startswith(start)]

    def _known_ids(self) -> dict[str, str]:
        if not self._ids:
            self._ids = dict(topic_ids(self._settings, self._raw_topics()))
        return self._ids

    def _must_exist(self, names: set[str]) -> None:
        """A producer would look for a missing topic until its time is out."""
        if not names <= self._known_ids().keys():
            self._ids = {}
        for name in sorted(names - self._known_ids().keys()):
            raise Misconfigured(
                "the topic is missing", place=name, remedy="Run breachdesk topics create."
            )

    def _decoder(self) -> Decoder:
        ids = self._known_ids()
        sources = {topic: source_of(self._settings.kafka, topic) for topic in ids}
        return Decoder(ids, sources, drill=self._settings.demo)

    def _journal(self, topic: str, partition: int) -> str:
        return journal_id(self._known_ids()[topic], partition)

    def _place(self, sent: Any) -> Position:
        return Position(self._journal(sent.topic, sent.partition), sent.offset)

    def _find(self, journal: str) -> tuple[str, int] | None:
        """The topic and partition of a journal id."""
        topic_id, _, number = journal.rpartition("-")
        for topic, known in self._known_ids().items():
            if known == topic_id and number.isdigit():
                return topic, int(number)
        return None

    def _next(self, after: Position, begin: int, end: int) -> int:
        """Where to read on. Raises Corrupt when what lies between was lost."""
        topic, partition = self._reads
        place = f"{topic}/{partition}"
        if after.journal != self._journal(topic, partition):
            raise Corrupt(
                "the position stands in another making of this topic",
                place=place,
                remedy="The topic was deleted and made anew: what was not processed is lost. Record"
                " a blind interval, then breachdesk replay --from-beginning.",
            )
        if after.offset >= end or after.offset + 1 < begin:
            raise Corrupt(
                f"position {after.offset} lies outside what the topic holds ({begin} to {end - 1})",
                place=place,
                remedy="Records were lost or dropped before they were processed. Record a blind"
                " interval, then breachdesk replay --from-beginning.",
            )
        return after.offset + 1

    def _span(self, topic: str, partition: int) -> tuple[int, int]:
        """First offset held, and the one after the last."""
        place = extra("kafka").TopicPartition(topic, partition)
        consumer = self._consumer()
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
        """Records from `start`, at most `limit`, before `end`."""
        place = extra("kafka").TopicPartition(*(where or self._reads))
        consumer = self._consumer()
        consumer.assign([place])
        consumer.seek(place, start)
        found = 0
        while found < limit and consumer.position(place) < end:
            for each in consumer.poll(POLL_MS, max_records=limit - found).get(place, ()):
                found += 1
                yield each
