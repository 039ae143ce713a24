"""What the journal adds to the port (test_event_log_port.py): days, kills, disks, damage."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import ConfigurationError, CorruptData, NotAllowed, RetryableError
from schemas.pipeline.event import RawRecord, RecordPosition
from schemas.pipeline.source import IncomingRecord
from streams.event_logs.frames import RecordColumns
from streams.event_logs.group_commit import GroupCommit
from streams.event_logs.sqlite import READ_BYTES, SqliteEventLog

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
NEXT = NOON + timedelta(days=1)


def incoming(raw: bytes, arrived: datetime = NOON, **more: object) -> IncomingRecord:
    return IncomingRecord(source="firewall", raw=raw, arrived=arrived, **more)  # type: ignore[arg-type]


def lines(count: int, arrived: datetime = NOON, word: str = "line") -> list[IncomingRecord]:
    return [incoming(f"{word} {number}".encode(), arrived) for number in range(count)]


def everything(log: SqliteEventLog, limit: int = 7) -> list[RawRecord]:
    raw_records: list[RawRecord] = []
    while batch := log.read(raw_records[-1].position if raw_records else None, limit):
        raw_records += batch
    return raw_records


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def log(folder: Path) -> Iterator[SqliteEventLog]:
    opened = SqliteEventLog(folder, lambda: NEXT)
    yield opened
    opened.close()


def test_a_batch_of_long_records_ends_early_and_the_next_goes_on_where_it_ended(
    log: SqliteEventLog,
) -> None:
    long = b"x" * (READ_BYTES // 4)
    log.append([*lines(1), *(incoming(long) for _ in range(5))])
    log.append([incoming(long, NEXT), *lines(2, NEXT)])

    batches: list[list[int]] = []
    last: RecordPosition | None = None
    while batch := log.read(last, 1000):
        batches.append([len(record.raw) for record in batch])
        last = batch[-1].position

    assert [len(each) for each in batches] == [5, 4]
    assert [size for each in batches for size in each] == [6, *[len(long)] * 6, 6, 6]


def test_reading_goes_on_into_the_next_days_file(log: SqliteEventLog) -> None:
    log.append([*lines(3), *lines(2, NEXT, "tomorrow")])

    records = everything(log, 2)
    assert [r.raw for r in records][2:] == [b"line 2", b"tomorrow 0", b"tomorrow 1"]
    assert [r.position.journal[:8] for r in records] == ["20261121"] * 3 + ["20261122"] * 2
    assert log.list_days() == [date(2026, 11, 21), date(2026, 11, 22)]
    assert log.find_end() == records[-1].position


def test_what_is_added_while_days_pass_is_read_once_each_and_in_order(
    log: SqliteEventLog,
) -> None:
    def write() -> None:
        for day in range(60):
            for number in range(3):
                log.append([incoming(f"{day}.{number}".encode(), NOON + timedelta(days=day))])

    writing = threading.Thread(target=write)
    writing.start()
    records: list[RawRecord] = []
    more = True
    while more:
        over = not writing.is_alive()
        batch = log.read(records[-1].position if records else None, 1_000)
        records += batch
        more = bool(batch) or not over
    writing.join()

    assert [r.raw.decode() for r in records] == [f"{d}.{n}" for d in range(60) for n in range(3)]


def test_a_position_beyond_the_end_stops_loudly(log: SqliteEventLog) -> None:
    last = log.append(lines(3))[-1]

    with pytest.raises(CorruptData, match="tail is lost"):
        log.read(RecordPosition(last.journal, last.offset + 1), 10)


def test_a_position_in_a_journal_that_is_gone_stops_loudly(log: SqliteEventLog) -> None:
    log.append(lines(3))

    with pytest.raises(CorruptData, match="retention did not drop it"):
        log.read(RecordPosition("20261101-001-00000000", 1), 10)


def test_a_file_under_another_name_is_refused(folder: Path, log: SqliteEventLog) -> None:
    first = log.append(lines(1))[0]
    log.close()
    (folder / f"{first.journal}.db").rename(folder / "20261121-001-ffffffff.db")
    again = SqliteEventLog(folder, lambda: NOON)

    with pytest.raises(CorruptData, match="another journal"):
        again.read(None, 1)
    with pytest.raises(CorruptData, match="another journal"):
        again.append(lines(1))
    again.close()


def test_a_damaged_frame_is_named_and_not_passed_over(folder: Path, log: SqliteEventLog) -> None:
    journal = log.append(lines(3))[0].journal
    log.close()
    with sqlite3.connect(folder / f"{journal}.db") as connection:
        connection.execute("UPDATE frame SET body = zeroblob(40)")
    connection.close()
    again = SqliteEventLog(folder, lambda: NOON)

    with pytest.raises(CorruptData, match=f"journal {journal}, offset 1"):
        again.read(None, 1)
    again.close()


def test_a_dropped_day_is_gone_but_accounted_for(folder: Path, log: SqliteEventLog) -> None:
    old = log.append(lines(3))[-1]
    new = log.append(lines(2, NEXT))

    assert log.drop_day(NOON.date(), processed=new[0]) == 1

    assert not list(folder.glob(f"{old.journal}*"))
    assert log.get(old) is None
    assert [r.position for r in log.read(old, 10)] == new
    assert [r.position for r in log.read(None, 10)] == new


def test_a_day_is_not_dropped_before_it_was_processed(log: SqliteEventLog) -> None:
    positions = log.append(lines(3))

    with pytest.raises(NotAllowed, match="not been processed"):
        log.drop_day(NOON.date(), processed=positions[1])
    with pytest.raises(NotAllowed):
        log.drop_day(NOON.date(), processed=None)
    assert len(log.read(None, 10)) == 3


def test_a_day_made_again_after_its_drop_sorts_after_the_dropped_one(log: SqliteEventLog) -> None:
    for _ in range(20):
        last = log.append(lines(1))[-1]
        log.drop_day(NOON.date(), processed=last)
        again = log.append(lines(1, word="again"))[0]

        assert [r.position for r in log.read(last, 10)] == [again]
        log.drop_day(NOON.date(), processed=again)
        assert log.find_end() is None


def test_a_folder_that_cannot_be_made_is_a_matter_of_settings(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")

    with pytest.raises(ConfigurationError, match="folder"):
        SqliteEventLog(tmp_path / "taken", lambda: NOON)


def test_threads_and_a_second_writer_on_the_same_folder_lose_nothing(
    folder: Path, log: SqliteEventLog
) -> None:
    other = SqliteEventLog(folder, lambda: NOON)

    def write(into: SqliteEventLog, word: str) -> None:
        for number in range(40):
            into.append([incoming(f"{word} {number}".encode())])

    threads = [
        threading.Thread(target=write, args=(into, f"{name}{index}"))
        for name, into in (("own", log), ("other", other))
        for index in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()

    records = everything(log, 50)
    assert [r.position.offset for r in records] == list(range(1, 321))
    for word in {r.raw.split()[0] for r in records}:
        numbers = [int(r.raw.split()[1]) for r in records if r.raw.split()[0] == word]
        assert numbers == list(range(40))


def test_only_one_of_two_processes_checkpoints(folder: Path, log: SqliteEventLog) -> None:
    other = SqliteEventLog(folder, lambda: NOON)
    assert log._folder.acquire_checkpoints()
    assert not other._folder.acquire_checkpoints()

    log.close()

    assert other._folder.acquire_checkpoints()
    other.close()


WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from schemas.pipeline.source import IncomingRecord
from streams.event_logs.sqlite import READ_BYTES, SqliteEventLog

now = datetime(2026, 11, 21, 12, tzinfo=UTC)
log = SqliteEventLog(Path(sys.argv[1]), lambda: now)
read = log.find_end()
for batch in range(10**9):
    names = [f"{sys.argv[2]} {batch} {n}" for n in range(1 + batch % 5)]
    positions = log.append([IncomingRecord("s", name.encode(), now) for name in names])
    if sys.argv[3] == "appended":
        told = zip(positions, names, strict=True)
    else:
        records = log.read(read, 100)
        read = records[-1].position
        told = [(record.position, record.raw.decode()) for record in records]
    for position, name in told:
        sys.stdout.write(f"{position.offset} {name}\\n")
    sys.stdout.flush()
"""


def kill_in_the_middle(folder: Path, word: str, acknowledged: int, durability: str) -> list[str]:
    """Start a process that appends, kill it after so many answers; the answers it gave: what it
    `appended`, or what it `read` of that."""
    command = [sys.executable, "-c", textwrap.dedent(WRITER), str(folder), word, durability]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path.cwd()) as process:
        assert process.stdout
        answers = [process.stdout.readline().decode() for _ in range(acknowledged)]
        process.send_signal(signal.SIGKILL)
        return answers + [line.decode() for line in process.stdout]


@pytest.mark.parametrize("durability", ["appended", "read"])
def test_kill_9_loses_nothing_that_was_acknowledged_and_writes_nothing_twice(
    folder: Path, durability: str
) -> None:
    answers: list[str] = []
    for round_ in range(4):
        answers += kill_in_the_middle(folder, f"round{round_}", 20 + 17 * round_, durability)

    log = SqliteEventLog(folder, lambda: NOON)
    records = everything(log, 100)
    log.close()

    whole = [line.split(maxsplit=1) for line in answers if line.endswith("\n")]
    stored = {str(r.position.offset): r.raw.decode() for r in records}
    assert {offset: text.strip() for offset, text in whole}.items() <= stored.items()
    assert len({r.raw for r in records}) == len(records)
    assert [r.position.offset for r in records] == list(range(1, len(records) + 1))


FULL_DISK = """
import os, resource, sys
from datetime import UTC, datetime
from pathlib import Path
from schemas.errors import RetryableError
from schemas.pipeline.source import IncomingRecord
from streams.event_logs.sqlite import READ_BYTES, SqliteEventLog

now = datetime(2026, 11, 21, 12, tzinfo=UTC)
log = SqliteEventLog(Path(sys.argv[1]), lambda: now)
log.append([IncomingRecord("s", b"before", now)])
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (128 * 1024, most))
try:
    log.append([IncomingRecord("s", os.urandom(512 * 1024), now)])
except RetryableError as error:
    print("refused:", error)
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
log.append([IncomingRecord("s", b"after", now)])
print([record.raw for record in log.read(None, 10)])
log.close()
"""


def test_a_disk_that_refuses_is_retryable_and_the_log_goes_on_afterwards(folder: Path) -> None:
    command = [sys.executable, "-c", FULL_DISK, str(folder)]
    stdout = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert "refused: " in stdout
    assert "free space" in stdout
    assert stdout.endswith("[b'before', b'after']\n")


def test_a_drop_that_a_crash_interrupted_is_finished_at_the_next_start(
    folder: Path, log: SqliteEventLog
) -> None:
    last = log.append(lines(1))[-1]
    log._ledger.note_dropped(last, NEXT, "retention")
    log.close()

    again = SqliteEventLog(folder, lambda: NEXT)

    assert again.list_days() == []
    assert again.get(last) is None
    again.close()


def test_a_group_that_fails_fails_for_all_its_callers_and_the_next_one_succeeds() -> None:
    first_may_go = threading.Event()
    groups: list[int] = []

    def write(columns: Sequence[RecordColumns]) -> list[RecordPosition]:
        groups.append(len(columns))
        if len(groups) == 1:
            first_may_go.wait(60)
        if len(groups) == 2:
            raise RetryableError("the disk is full")
        return [RecordPosition("j", 1)] * len(columns)

    commits = GroupCommit(write)
    with ThreadPoolExecutor(5) as callers:
        answers = [callers.submit(commits.append, [RecordColumns("20261121")])]
        while not groups:
            time.sleep(0.001)
        answers += [callers.submit(commits.append, [RecordColumns("20261121")]) for _ in range(4)]
        while len(commits._waiting) < 4:
            time.sleep(0.001)
        first_may_go.set()
    commits.append([RecordColumns("20261121")])
    commits.close()

    assert groups == [1, 4, 1]
    assert answers[0].exception() is None
    assert all(isinstance(answer.exception(), RetryableError) for answer in answers[1:])


RECORDS = st.builds(
    IncomingRecord,
    source=st.sampled_from(["a", "b"]),
    raw=st.binary(max_size=40),
    arrived=st.sampled_from([NOON, NOON + timedelta(microseconds=7), NEXT]),
    sender=st.sampled_from(["", "192.0.2.7"]),
    backfill=st.booleans(),
)


@settings(max_examples=25, deadline=None)
@given(batches=st.lists(st.lists(RECORDS, max_size=6), max_size=6), limit=st.integers(1, 9))
def test_any_records_in_any_groups_come_back_once_each_in_order(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[IncomingRecord]], limit: int
) -> None:
    log = SqliteEventLog(tmp_path_factory.mktemp("log"), lambda: NEXT)
    positions = [position for batch in batches for position in log.append(batch)]

    records = everything(log, limit)

    log.close()
    assert [r.position for r in records] == positions
    assert sorted(positions) == positions
    assert [(r.source, r.raw, r.arrived, r.sender, r.backfill) for r in records] == [
        (i.source, i.raw, i.arrived, i.sender, i.backfill) for batch in batches for i in batch
    ]
