"""A Kafka record as we read it: whose time, whose source, what a header may say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import ConfigurationError
from schemas.pipeline.event import RawRecord, RecordPosition
from schemas.pipeline.source import IncomingRecord
from streams.event_logs.kafka_records import RecordDecoder, build_headers

AT = datetime(2026, 11, 23, 8, tzinfo=UTC)


@dataclass
class Consumed:
    value: bytes | None = b"line"
    headers: Sequence[tuple[str, bytes]] = ()
    topic: str = "raw.fw"
    partition: int = 1
    offset: int = 9
    timestamp: int = int(AT.timestamp() * 1000)
    timestamp_type: int = 1


def read(record: Consumed, *, drill: bool = False) -> RawRecord:
    sources = {"raw.fw": "fw", "raw": None}
    return RecordDecoder({"raw.fw": "AAA", "raw": "BBB"}, sources, drill=drill).decode_record(
        record
    )


def test_a_bare_value_of_a_sources_topic_is_a_whole_record() -> None:
    assert read(Consumed()) == RawRecord(RecordPosition("AAA-1", 9), "fw", b"line", AT, "kafka")


def test_a_null_value_is_an_empty_record_and_keeps_its_place() -> None:
    assert read(Consumed(None)).raw == b""


def test_the_topic_says_the_source_and_a_header_cannot_contradict_it() -> None:
    forged = [("source", b"m365")]

    assert read(Consumed(headers=forged)).source == "fw"
    assert read(Consumed(headers=forged, topic="raw")).source == "m365"
    assert read(Consumed(topic="raw")).source == "unknown"


def test_a_producers_arrival_is_believed_in_a_drill_alone() -> None:
    values = [("arrived", b"1999-01-01T00:00:00+00:00")]

    assert read(Consumed(headers=values)).arrived == AT
    assert read(Consumed(headers=values), drill=True).arrived.year == 1999


def test_a_topic_that_keeps_producers_times_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match="topics create"):
        read(Consumed(timestamp_type=0))


def test_a_repeated_dead_letter_names_its_letter() -> None:
    letter = RecordPosition("x-y-3", 12)
    copy = IncomingRecord("fw", b"line", AT, backfill=True, piece="piece 1", replay_of=letter)

    record = read(Consumed(headers=build_headers(copy)))

    assert (record.replay_of, record.backfill, record.piece) == (letter, True, "piece 1")


def test_a_header_that_no_database_holds_is_shown_and_cut() -> None:
    wild = [("source", b"a\x00" + b"b" * 900), ("replay-of", "x:²".encode())]

    record = read(Consumed(headers=wild, topic="raw"))

    assert record.source == "a\N{SYMBOL FOR NULL}" + "b" * 198
    assert record.replay_of is None


@given(headers=st.lists(st.tuples(st.text(max_size=9), st.binary(max_size=30)), max_size=5))
def test_no_header_stops_a_record(headers: list[tuple[str, bytes]]) -> None:
    names = ("source", "arrived", "replay-of", "backfill", "piece", "sender", "transport")
    wild = [*headers, *((name, value) for name, (_, value) in zip(names, headers, strict=False))]

    assert read(Consumed(headers=wild), drill=True).raw == b"line"
