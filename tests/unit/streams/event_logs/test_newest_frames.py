"""What the journal's writer keeps in memory is what its files say, and no more than allowed."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.pipeline.event import RawRecord, RecordPosition
from schemas.pipeline.source import IncomingRecord
from streams.event_logs.frames import to_columns
from streams.event_logs.newest_frames import FRAME_BYTES, RECORD_BYTES, NewestFrames
from streams.event_logs.sqlite import SqliteEventLog

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
NEXT = NOON + timedelta(days=1)

INCOMING = st.builds(
    IncomingRecord,
    source=st.sampled_from(["a", "b"]),
    raw=st.binary(max_size=40),
    arrived=st.sampled_from([NOON, NOON + timedelta(microseconds=7), NEXT]),
    transport=st.sampled_from(["udp", "file"]),
    sender=st.sampled_from(["", "192.0.2.7"]),
    backfill=st.booleans(),
    replay_of=st.sampled_from([None, RecordPosition("20261120-001-00000000", 3)]),
)


def everything(log: SqliteEventLog, limit: int) -> list[RawRecord]:
    records: list[RawRecord] = []
    while batch := log.read(records[-1].position if records else None, limit):
        assert len(batch) <= limit
        records += batch
    return records


def add(newest: NewestFrames, journal: str, first: int, count: int) -> None:
    rows = [IncomingRecord(source="a", raw=b"12345", arrived=NOON, transport="udp")] * count
    (columns,) = to_columns(rows)
    newest.add(journal, first, columns)


def offsets(newest: NewestFrames, journal: str, after: int, limit: int = 1_000) -> list[int]:
    return [record.position.offset for record in newest.list_records_after(journal, after, limit)]


@settings(max_examples=60, deadline=None)
@given(
    batches=st.lists(st.tuples(st.booleans(), st.lists(INCOMING, max_size=6)), max_size=8),
    limit=st.integers(1, 9),
)
def test_two_writers_and_a_process_that_only_reads_files_read_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    batches: list[tuple[bool, list[IncomingRecord]]],
    limit: int,
) -> None:
    folder = tmp_path_factory.mktemp("log")
    one, other = (SqliteEventLog(folder, lambda: NEXT) for _ in range(2))
    for is_first, rows in batches:
        (one if is_first else other).append(rows)
    reader = SqliteEventLog(folder, lambda: NEXT)

    from_files = everything(reader, limit)

    assert everything(one, limit) == everything(other, limit) == from_files
    assert len(from_files) == sum(len(rows) for _, rows in batches)
    for log in (one, other, reader):
        log.close()


def test_what_was_just_appended_is_read_without_its_file(tmp_path: Path) -> None:
    log = SqliteEventLog(tmp_path, lambda: NOON)
    rows = [
        IncomingRecord(source="a", raw=b"%d" % n, arrived=NOON, transport="udp") for n in range(5)
    ]
    positions = log.append(rows)
    with sqlite3.connect(tmp_path / f"{positions[0].journal}.db") as connection:
        connection.execute("UPDATE frame SET body = zeroblob(40)")
    connection.close()

    records = log.read(None, 5)

    assert [record.raw for record in records] == [row.raw for row in rows]
    assert [record.position for record in records] == positions
    log.close()


def test_reading_stops_where_another_process_has_written() -> None:
    newest = NewestFrames()
    add(newest, "j", 1, 3)
    add(newest, "j", 6, 2)

    assert offsets(newest, "j", 0) == [1, 2, 3]
    assert offsets(newest, "j", 3) == []
    assert offsets(newest, "j", 4) == []
    assert offsets(newest, "j", 5) == [6, 7]
    assert offsets(newest, "j", 7) == []
    assert offsets(newest, "another", 0) == []


def test_a_limit_cuts_a_frame_and_the_next_reading_goes_on_inside_it() -> None:
    newest = NewestFrames()
    add(newest, "j", 1, 3)
    add(newest, "j", 4, 3)

    assert offsets(newest, "j", 0, 2) == [1, 2]
    assert offsets(newest, "j", 2, 2) == [3, 4]
    assert offsets(newest, "j", 4, 2) == [5, 6]


def test_the_oldest_frames_make_space_for_new_ones() -> None:
    newest = NewestFrames(most_bytes=3 * (FRAME_BYTES + 5 + RECORD_BYTES))
    for number in range(1, 4):
        add(newest, "old", number, 1)
    add(newest, "new", 1, 1)

    assert offsets(newest, "old", 0) == []
    assert offsets(newest, "old", 1) == [2, 3]
    assert offsets(newest, "new", 0) == [1]

    newest.forget("old")
    add(newest, "new", 2, 1)
    add(newest, "new", 3, 1)

    assert offsets(newest, "old", 1) == []
    assert offsets(newest, "new", 0) == [1, 2, 3]
