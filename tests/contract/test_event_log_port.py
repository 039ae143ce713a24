"""What streams.ports.EventLog promises, on the journal and on Kafka."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kafka import TopicPartition
from log_adapters import ADAPTERS, ClosingLog, Open, fresh_log, kafka_settings

from schemas.errors import BadInput, ConfigurationError, CorruptData, RetryableError
from schemas.pipeline.event import RawRecord, RecordPosition
from schemas.pipeline.source import BlindInterval, IncomingRecord
from schemas.settings import Settings
from streams.event_logs.kafka import KafkaEventLog
from streams.event_logs.kafka_positions import fetch_positions
from streams.kafka.topics import build_topic_name, create_topics, remove_topics
from streams.kafka.topics.broker import open_admin_client

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
NEXT = NOON + timedelta(days=1)


def incoming(raw: bytes, arrived: datetime = NOON, **more: object) -> IncomingRecord:
    return IncomingRecord(source="firewall", raw=raw, arrived=arrived, **more)  # type: ignore[arg-type]


def lines(count: int, arrived: datetime = NOON, word: str = "line") -> list[IncomingRecord]:
    return [incoming(f"{word} {number}".encode(), arrived) for number in range(count)]


def everything(log: ClosingLog, limit: int = 700) -> list[RawRecord]:
    raw_records: list[RawRecord] = []
    while batch := log.read(raw_records[-1].position if raw_records else None, limit):
        raw_records += batch
    return raw_records


@pytest.fixture(params=ADAPTERS)
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    with fresh_log(request.param, tmp_path, lambda: NEXT) as opened:
        yield opened


@pytest.fixture
def log(reopen: Open) -> Iterator[ClosingLog]:
    opened = reopen()
    yield opened
    opened.close()


def test_a_record_that_repeats_a_dead_letter_names_the_letter(log: ClosingLog) -> None:
    letter = RecordPosition("before-0", 7)
    copy = incoming(b"the bytes", backfill=True, piece="piece 2", replay_of=letter)
    log.append([incoming(b"line"), copy, copy, incoming(b"line")])

    records = everything(log)

    assert [record.replay_of for record in records] == [None, letter, letter, None]
    assert (records[1].raw, records[1].backfill, records[1].piece) == (
        b"the bytes",
        True,
        "piece 2",
    )


def test_what_was_appended_is_read_back_whole_and_in_order(log: ClosingLog) -> None:
    sent = [
        IncomingRecord("m365", b'{"a": "\xe9\x00\n"}', NOON, "http", "192.0.2.1", backfill=True),
        IncomingRecord("fw", b"", NOON + timedelta(microseconds=1), piece="piece 1"),
        IncomingRecord("fw", "naïve “quotes”".encode(), NOON),
    ]

    positions = log.append(sent)

    read = log.read(None, 10)
    assert [record.position for record in read] == positions
    assert [
        IncomingRecord(r.source, r.raw, r.arrived, r.transport, r.sender, r.backfill, r.piece)
        for r in read
    ] == sent


def test_offsets_rise_over_appends_and_restarts(reopen: Open) -> None:
    seen: list[RecordPosition] = []
    for _ in range(3):
        log = reopen()
        seen += log.append(lines(5))
        log.close()

    assert seen == sorted(set(seen))
    assert len({position.journal for position in seen}) == 1


@pytest.mark.parametrize("limit", [1, 999, 1000, 5000])
def test_any_batch_size_reads_the_same_records(log: ClosingLog, limit: int) -> None:
    many = 40 if limit == 1 else 2500
    log.append(lines(many))
    log.append(lines(3, word="more"))

    assert [r.raw for r in everything(log, limit)] == [
        each.raw for each in [*lines(many), *lines(3, word="more")]
    ]


def test_a_record_that_arrived_earlier_but_comes_later_is_not_put_behind_the_reader(
    log: ClosingLog,
) -> None:
    log.append(lines(1, NEXT))
    at_the_end = log.find_end()

    log.append(lines(1, NOON, "late"))

    assert [r.raw for r in log.read(at_the_end, 10)] == [b"late 0"]


def test_an_empty_log_has_no_end_and_nothing_to_read(log: ClosingLog) -> None:
    assert log.find_end() is None
    assert log.read(None, 10) == []
    assert list(log.append([])) == []


def test_one_record_can_be_fetched_again(log: ClosingLog) -> None:
    positions = log.append(lines(1500))

    fetched = log.get(positions[1234])
    assert fetched is not None
    assert fetched.raw == b"line 1234"


def test_a_position_beyond_the_end_stops_loudly(log: ClosingLog) -> None:
    last = log.append(lines(3))[-1]

    with pytest.raises(CorruptData):
        log.read(RecordPosition(last.journal, last.offset + 1), 10)


def test_a_position_in_a_journal_that_is_gone_stops_loudly(log: ClosingLog) -> None:
    log.append(lines(3))

    with pytest.raises(CorruptData):
        log.read(RecordPosition("20261101-001-00000000", 1), 10)


def test_blind_intervals_outlive_restart_and_are_brought_up_to_date(reopen: Open) -> None:
    log = reopen()
    later = BlindInterval(source="b", begin=NEXT, reason="silent", lost=3, end=NEXT)
    log.note_gap(later)
    log.note_gap(BlindInterval(source="a", begin=NOON, reason="silent"))
    log.note_gap(BlindInterval(source="a", begin=NOON, reason="silent", end=NEXT))
    log.close()
    again = reopen()

    gaps = again.list_gaps()

    again.close()
    assert list(gaps) == [BlindInterval(source="a", begin=NOON, reason="silent", end=NEXT), later]


def test_an_arrival_without_a_zone_is_refused_alone(log: ClosingLog) -> None:
    with pytest.raises(BadInput, match="zone"):
        log.append([incoming(b"x", datetime(2026, 11, 21))])  # noqa: DTZ001

    assert log.find_end() is None


def test_a_closed_log_says_so(log: ClosingLog) -> None:
    log.close()

    with pytest.raises(RetryableError, match="closed"):
        log.append(lines(1))


RECORDS = st.builds(
    IncomingRecord,
    source=st.sampled_from(["a", "ü/weird name"]),
    raw=st.binary(max_size=40),
    arrived=st.sampled_from([NOON, NOON + timedelta(microseconds=7), NEXT]),
    sender=st.sampled_from(["", "192.0.2.7"]),
    backfill=st.booleans(),
)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(batches=st.lists(st.lists(RECORDS, max_size=6), max_size=6), limit=st.integers(1, 9))
def test_any_records_in_any_groups_come_back_once_each_in_order(
    log: ClosingLog, batches: list[list[IncomingRecord]], limit: int
) -> None:
    before = log.find_end()
    positions = [position for batch in batches for position in log.append(batch)]
    raw_records: list[RawRecord] = []
    while batch := log.read(raw_records[-1].position if raw_records else before, limit):
        raw_records += batch

    assert [r.position for r in raw_records] == positions
    assert sorted(positions) == positions
    assert [told(r) for r in raw_records] == [told(each) for batch in batches for each in batch]


def told(record: RawRecord | IncomingRecord) -> Sequence[object]:
    return (record.source, record.raw, record.arrived, record.sender, record.backfill)


@pytest.mark.kafka
def test_arrival_is_the_brokers_time_and_no_producers(tmp_path: Path) -> None:
    config = kafka_settings(tmp_path, demo=False)
    create_topics(config)
    log = KafkaEventLog(config, lambda: NEXT)
    begun = datetime.now(UTC)
    log.append([incoming(b"from 1970", datetime(1970, 1, 1, tzinfo=UTC))])

    (record,) = log.read(None, 10)

    log.close()
    remove_topics(config)
    assert abs((record.arrived - begun).total_seconds()) < 60


@pytest.mark.kafka
def test_many_records_are_fetched_by_their_positions_wherever_they_are(tmp_path: Path) -> None:
    config = kafka_settings(tmp_path)
    create_topics(config)
    log = KafkaEventLog(config, lambda: NEXT)
    positions = log.append(lines(9_000))
    values = [positions[number] for number in (8_999, 3, 4, 1_500, 5_200, 3)]
    absent = [RecordPosition(positions[0].journal, 9_000), RecordPosition("of another topic-0", 3)]

    records = log.get_many([*values, *absent])
    none = log.get_many([])

    log.close()
    remove_topics(config)
    assert {position: record.raw for position, record in records.items()} == {
        position: f"line {position.offset}".encode() for position in values
    }
    assert none == {}


@pytest.mark.kafka
def test_many_records_are_fetched_though_retention_has_dropped_some(tmp_path: Path) -> None:
    config = kafka_settings(tmp_path)
    create_topics(config)
    log = KafkaEventLog(config, lambda: NEXT)
    positions = log.append(lines(20))
    delete_before(config, 10)

    records = log.get_many(positions)

    log.close()
    remove_topics(config)
    assert sorted(records) == list(positions[10:])


@pytest.mark.kafka
def test_a_broker_that_does_not_answer_a_fetch_of_many_records_is_for_now(tmp_path: Path) -> None:
    nobody = kafka_settings(tmp_path).kafka.model_copy(update={"servers": "127.0.0.1:1"})

    with pytest.raises(RetryableError, match="Kafka refuses"):
        fetch_positions(nobody, {("raw", 0): [7]}, 2)


def delete_before(config: Settings, offset: int) -> None:
    """As retention would."""
    with open_admin_client(config.kafka) as client:
        client.delete_records({TopicPartition(build_topic_name(config.kafka, "raw"), 0): offset})


@pytest.mark.kafka
def test_missing_topics_are_a_matter_of_settings(tmp_path: Path) -> None:
    log = KafkaEventLog(kafka_settings(tmp_path), lambda: NEXT, wait=3)

    with pytest.raises(ConfigurationError, match="topics create"):
        log.append(lines(1))
    log.close()
