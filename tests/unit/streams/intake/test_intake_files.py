"""Files into the event log."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from schemas.errors import BadInput, NotFound
from schemas.pipeline.event import RawRecord
from streams.event_logs.sqlite import SqliteEventLog
from streams.intake.files.reader import IngestReport, ingest_file

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteEventLog]:
    opened = SqliteEventLog(tmp_path / "journal", lambda: NOON)
    yield opened
    opened.close()


def records(log: SqliteEventLog) -> list[RawRecord]:
    return list(log.read(None, 100_000))


def raws(log: SqliteEventLog) -> list[bytes]:
    return [record.raw for record in records(log)]


def test_every_line_of_a_file_becomes_a_durable_record(tmp_path: Path, log: SqliteEventLog) -> None:
    path = tmp_path / "auth.log"
    path.write_bytes(b"one\r\n\ntwo\ncaf\xe9")

    report = ingest_file(path, log, source="bastion", now=lambda: NOON)

    assert report == IngestReport(records=3, bytes=path.stat().st_size)
    assert [(r.source, r.raw, r.arrived, r.transport, r.backfill) for r in records(log)] == [
        ("bastion", raw, NOON, "file", True) for raw in (b"one", b"two", b"caf\xe9")
    ]


def test_a_large_packed_file_is_read_with_progress(tmp_path: Path, log: SqliteEventLog) -> None:
    path = tmp_path / "access.log.gz"
    sent = [b"%d %s" % (number, b"x" * 100) for number in range(20_000)]
    path.write_bytes(gzip.compress(b"\n".join(sent)))
    seen: list[tuple[int, int, int]] = []

    report = ingest_file(
        path, log, source="web", now=lambda: NOON, progress=lambda *now: seen.append(now)
    )

    size = path.stat().st_size
    assert report == IngestReport(20_000, size)
    assert raws(log) == sent
    assert seen == sorted(seen)
    assert len(seen) > 2
    assert seen[-1] == (size, size, 20_000)


def test_a_packed_file_that_breaks_off_keeps_what_came_before_and_says_so(
    tmp_path: Path, log: SqliteEventLog
) -> None:
    path = tmp_path / "access.log.gz"
    path.write_bytes(gzip.compress(b"one\ntwo\n")[:-6])

    with pytest.raises(BadInput, match=r"access\.log\.gz: .*breaks off.*2 records.*again"):
        ingest_file(path, log, source="web", now=lambda: NOON)

    assert raws(log) == [b"one", b"two"]


def test_what_is_no_readable_file_is_named(tmp_path: Path, log: SqliteEventLog) -> None:
    with pytest.raises(NotFound, match="missing"):
        ingest_file(tmp_path / "missing", log, source="s", now=lambda: NOON)
    with pytest.raises(BadInput, match="cannot be read"):
        ingest_file(tmp_path, log, source="s", now=lambda: NOON)
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"one\n"))
    with pytest.raises(BadInput, match="followed"):
        ingest_file(tmp_path / "a.gz", log, source="s", now=lambda: NOON, follow=True)


def test_an_over_long_line_is_kept_in_pieces_that_are_marked(
    tmp_path: Path, log: SqliteEventLog
) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"a\n" + b"b" * 25 + b"\nc\n")

    ingest_file(path, log, source="s", now=lambda: NOON, max_line_bytes=10)

    assert [(r.raw, bool(r.piece)) for r in records(log)] == [
        (b"a", False),
        (b"b" * 10, True),
        (b"b" * 10, True),
        (b"b" * 5, True),
        (b"c", False),
    ]


class Follower:
    """`ingest --follow` in a thread."""

    def __init__(self, path: Path, log: SqliteEventLog) -> None:
        self.stop = threading.Event()
        self.report: IngestReport | None = None
        self._log = log
        self._thread = threading.Thread(target=self._run, args=(path,))
        self._thread.start()

    def _run(self, path: Path) -> None:
        self.report = ingest_file(
            path,
            self._log,
            source="s",
            now=lambda: NOON,
            backfill=False,
            follow=True,
            stop=self.stop,
            poll_seconds=0.01,
        )

    def wait_for(self, expected: list[bytes]) -> None:
        until(lambda: sorted(raws(self._log)) == sorted(expected))

    def end(self) -> None:
        self.stop.set()
        self._thread.join(60)


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline, "it did not happen in two minutes"
        time.sleep(0.01)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.write_bytes(b"one\n")
    return path


@pytest.fixture
def follower(path: Path, log: SqliteEventLog) -> Iterator[Follower]:
    running = Follower(path, log)
    running.wait_for([b"one"])
    yield running
    running.end()


def test_following_waits_for_the_end_of_a_line(
    path: Path, follower: Follower, log: SqliteEventLog
) -> None:
    with path.open("ab") as grows:
        grows.write(b"two\nthr")
        grows.flush()
        follower.wait_for([b"one", b"two"])
        grows.write(b"ee\nunfinished")
        grows.flush()
        follower.wait_for([b"one", b"two", b"three"])

    follower.end()
    assert raws(log) == [b"one", b"two", b"three"]
    assert follower.report == IngestReport(records=3, bytes=path.stat().st_size)
    assert not records(log)[0].backfill


def test_following_survives_rotation_and_a_writer_that_lags(path: Path, follower: Follower) -> None:
    with path.open("ab") as old:
        path.rename(path.with_suffix(".1"))
        path.touch()
        time.sleep(0.05)
        old.write(b"two, written after the rename")
    path.write_bytes(b"three\n")

    follower.wait_for([b"one", b"two, written after the rename", b"three"])


def test_following_starts_again_when_the_file_is_cut_short_and_notes_the_gap(
    path: Path, follower: Follower, log: SqliteEventLog
) -> None:
    path.write_bytes(b"")
    until(lambda: len(log.list_gaps()) == 1)
    path.write_bytes(b"two\n")

    follower.wait_for([b"one", b"two"])
    assert log.list_gaps()[0].source == "s"
    assert "cut short" in log.list_gaps()[0].reason
