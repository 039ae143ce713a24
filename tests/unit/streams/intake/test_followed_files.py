"""Files are followed through rotation, restarts and faults: every line is one record."""

from __future__ import annotations

import gzip
import os
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from rotated_logs import COPIED, DATED, RENAMED, RENAMED_PACKED, RotatedLog

from schemas.errors import RetryableError
from schemas.followed_files import FollowedFilesSettings
from schemas.pipeline.event import RecordPosition
from schemas.pipeline.source import IncomingRecord
from streams.event_logs.sqlite import SqliteEventLog
from streams.intake.files import file_looks, followed_file, source_follower
from streams.intake.files.follow_memory import FollowMemory
from streams.intake.files.source_follower import SourceFollower
from streams.intake.files.surroundings import FollowSurroundings
from streams.intake.trouble_reports import TroubleReports

SOURCE = "web"
LIMIT = 10_000


class Site:
    """One follower over a journal, which may be killed and started again."""

    def __init__(self, folder: Path, *patterns: str, **settings: Any) -> None:
        self.folder = folder
        self.logs = folder / "logs"
        self.logs.mkdir(exist_ok=True)
        self.log = SqliteEventLog(folder / "journal", self.now)
        self.said: list[str] = []
        self.time = datetime.now(UTC)
        self.seconds = 1_000.0
        self.settings = FollowedFilesSettings(
            source=SOURCE,
            paths=tuple(str(self.logs / pattern) for pattern in patterns),
            scan_seconds=0.0,
            **settings,
        )
        self.start()

    def now(self) -> datetime:
        return self.time

    def start(self, log: Any = None, memory: Any = None) -> None:
        self.memory = FollowMemory(self.folder / "followed.db")
        around = FollowSurroundings(
            log=log or self.log,
            memory=memory or self.memory,
            now=self.now,
            max_line_bytes=LIMIT,
            reports=TroubleReports(self.said.append),
            stop=Event(),
            settles=True,
            clock=lambda: self.seconds,
        )
        self.follower = SourceFollower(self.settings, around)

    def read(self, rounds: int = 2) -> list[bytes]:
        """Look at the files until nothing is left."""
        for _ in range(rounds):
            while self.follower.run_round():
                pass
        return self.raws()

    def raws(self) -> list[bytes]:
        return [record.raw for record in self.log.read(None, 1_000_000)]

    def kill(self) -> None:
        """Leave everything as `kill -9` does, and start again."""
        self.memory.close()
        self.follower._registry.close()
        self.start()

    def wait(self, seconds: float) -> None:
        self.seconds += seconds
        self.time += timedelta(seconds=seconds)

    def gaps(self) -> list[str]:
        return [gap.reason for gap in self.log.list_gaps()]

    def close(self) -> None:
        self.follower.close()
        self.memory.close()
        self.log.close()


@pytest.fixture
def open_site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    opened: list[Site] = []

    def build(*patterns: str, **settings: Any) -> Site:
        opened.append(Site(tmp_path, *(patterns or ("*.log",)), **settings))
        return opened[-1]

    yield build
    for site in opened:
        site.close()


@pytest.fixture
def site(open_site: Callable[..., Site]) -> Site:
    return open_site()


def write(path: Path, *lines: bytes) -> Path:
    with path.open("ab") as file:
        file.write(b"".join(line + b"\n" for line in lines))
    return path


def pack(path: Path) -> Path:
    status = path.stat()
    packed = path.with_name(path.name + ".gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    os.utime(packed, ns=(status.st_atime_ns, status.st_mtime_ns))
    path.unlink()
    return packed


def test_new_files_are_picked_up_at_any_depth(open_site: Callable[..., Site]) -> None:
    site = open_site("**/access.log", "*.txt", exclude=("*secret*",))
    assert site.read() == []

    (site.logs / "a" / "b").mkdir(parents=True)
    write(site.logs / "a" / "b" / "access.log", b"one")
    write(site.logs / "access.log", b"two")
    write(site.logs / "other.log", b"not named")
    write(site.logs / "x.txt", b"three")
    write(site.logs / "secret.txt", b"excluded")
    (site.logs / "a" / "loop").symlink_to(site.logs)

    assert sorted(site.read()) == [b"one", b"three", b"two"]


def test_half_a_last_line_waits_for_its_end(site: Site) -> None:
    path = site.logs / "a.log"
    path.write_bytes(b"one\ntw")
    assert site.read() == [b"one"]

    site.kill()
    with path.open("ab") as file:
        file.write(b"o\nthree")

    assert site.read() == [b"one", b"two"]
    site.wait(25 * 3600)
    assert site.read() == [b"one", b"two", b"three"]
    site.kill()
    assert site.read() == [b"one", b"two", b"three"]


def test_a_very_long_line_comes_in_pieces_once(site: Site) -> None:
    path = site.logs / "a.log"
    path.write_bytes(b"one\n" + b"y" * (2 * LIMIT + 10))
    assert [len(raw) for raw in site.read()] == [3, LIMIT, LIMIT]

    site.kill()
    write(path, b"z", b"end")

    assert [len(raw) for raw in site.read()] == [3, LIMIT, LIMIT, 11, 3]
    assert [bool(record.piece) for record in site.log.read(None, 10)] == [
        *(False, True, True, True, False)
    ]


@pytest.mark.parametrize("running", [True, False], ids=["running", "down"])
def test_a_renamed_file_is_read_to_its_end_and_the_new_one_from_its_start(
    site: Site, running: bool
) -> None:
    path = write(site.logs / "a.log", b"one")
    site.read()
    if not running:
        site.kill()
    write(path, b"two")
    path.rename(site.logs / "a.log.1")
    write(site.logs / "a.log.1", b"three")
    write(path, b"four")

    assert site.read() == [b"one", b"two", b"three", b"four"]
    site.kill()
    assert site.read() == [b"one", b"two", b"three", b"four"]
    assert site.gaps() == []


def test_files_rotated_and_packed_while_we_were_down_are_read_from_where_we_stopped(
    site: Site,
) -> None:
    path = write(site.logs / "a.log", b"one")
    site.read()
    site.kill()
    write(path, b"two")
    path.rename(site.logs / "a.log.2")
    pack(site.logs / "a.log.2")
    write(path, b"three").rename(site.logs / "a.log.1")
    write(path, b"four")

    assert sorted(site.read()) == [b"four", b"one", b"three", b"two"]
    site.kill()
    assert sorted(site.read()) == [b"four", b"one", b"three", b"two"]
    assert site.gaps() == []


def test_a_pattern_that_also_names_rotated_files_reads_none_twice(
    open_site: Callable[..., Site],
) -> None:
    site = open_site("a.log*")
    path = write(site.logs / "a.log", b"one")
    site.read()
    path.rename(site.logs / "a.log.1")
    write(path, b"two")
    site.read()
    shutil.copy2(site.logs / "a.log.1", site.logs / "a.log.1.gz")
    site.read()
    (site.logs / "a.log.1.gz").unlink()
    pack(site.logs / "a.log.1")
    site.read()
    site.kill()
    (site.logs / "a.log.1.gz").rename(site.logs / "a.log.2.gz")
    path.rename(site.logs / "a.log.1")
    pack(site.logs / "a.log.1")
    write(path, b"three")

    assert site.read() == [b"one", b"two", b"three"]


@pytest.mark.parametrize("running", [True, False], ids=["running", "down"])
def test_lines_before_a_truncation_are_read_from_the_copy(site: Site, running: bool) -> None:
    path = write(site.logs / "a.log", b"one")
    site.read()
    if not running:
        site.kill()
    write(path, b"two")
    shutil.copy2(path, site.logs / "a.log.1")
    os.truncate(path, 0)
    write(path, b"three, which is longer than what was there before")

    assert sorted(site.read()) == [
        b"one",
        b"three, which is longer than what was there before",
        b"two",
    ]
    assert site.gaps() == []


def test_a_copy_that_gets_the_number_of_an_empty_file_is_not_read_from_its_start(
    open_site: Callable[..., Site],
) -> None:
    site = open_site("*.log*")
    path = write(site.logs / "a.log", b"one")
    (site.logs / "a.log.1").touch()
    assert site.read() == [b"one"]
    site.kill()
    write(path, b"two")
    (site.logs / "a.log.1").write_bytes(path.read_bytes())
    os.truncate(path, 0)
    write(path, b"three, which is longer than what was there before")

    assert sorted(site.read()) == [
        b"one",
        b"three, which is longer than what was there before",
        b"two",
    ]
    assert site.gaps() == []


def test_a_file_that_is_cut_short_without_a_copy_leaves_a_blind_interval(site: Site) -> None:
    path = write(site.logs / "a.log", b"one", b"two")
    site.read()
    path.write_bytes(b"new\n")

    assert site.read() == [b"one", b"two", b"new"]
    assert site.gaps() == [file_looks.CUT_SHORT]


def test_a_writer_that_goes_on_behind_a_truncation_leaves_a_hole(site: Site) -> None:
    path = site.logs / "a.log"
    with path.open("wb") as file:
        file.write(b"one\n" * 5_000)
        file.flush()
        assert len(site.read()) == 5_000
        os.truncate(path, 0)
        file.write(b"two\n")
        file.flush()

        assert site.read()[5_000:] == [b"two"]
        file.write(b"three\n")
        file.flush()
        assert site.read()[5_000:] == [b"two", b"three"]


def test_zeroes_at_the_end_wait_until_they_are_written_over(site: Site) -> None:
    path = site.logs / "u_ex261130.log"
    path.write_bytes(b"one\ntwo\n" + b"\0" * 70_000)
    assert site.read() == [b"one", b"two"]

    with path.open("r+b") as file:
        file.seek(8)
        file.write(b"three\nfour")
    assert site.read() == [b"one", b"two", b"three"]
    site.kill()
    with path.open("r+b") as file:
        file.seek(18)
        file.write(b"!\n")
    assert site.read() == [b"one", b"two", b"three", b"four!"]


def test_a_link_that_leads_to_another_file_is_followed(open_site: Callable[..., Site]) -> None:
    site = open_site("current")
    link = site.logs / "current"
    first = write(site.logs / "app-1", b"one")
    link.symlink_to(first)
    site.read()
    write(first, b"two")
    second = write(site.logs / "app-2", b"three")
    link.unlink()
    link.symlink_to(second)

    assert sorted(site.read()) == [b"one", b"three", b"two"]
    write(first, b"late")
    assert site.read()[-1] == b"late"


def test_a_file_with_the_number_of_a_removed_one_is_another_file(site: Site) -> None:
    path = write(site.logs / "a.log", b"one", b"two")
    site.read()
    site.kill()
    path.write_bytes(b"something else that is longer\n")

    assert site.read() == [b"one", b"two", b"something else that is longer"]
    assert site.gaps() == [file_looks.CUT_SHORT]


def test_files_that_begin_alike_are_each_read(site: Site) -> None:
    banner = b"=== started ==="
    write(site.logs / "a-1.log", banner)
    site.read()
    write(site.logs / "a-2.log", banner, b"one")
    site.read()
    write(site.logs / "a-1.log", b"two")

    assert Counter(site.read())[banner] == 2
    assert {b"one", b"two"} <= set(site.raws())


def test_a_removed_file_is_read_to_its_end(site: Site) -> None:
    path = write(site.logs / "a.log", b"one")
    site.read()
    write(path, b"two")
    path.unlink()

    assert site.read() == [b"one", b"two"]
    assert site.gaps() == []


def test_a_file_that_vanished_while_we_were_down_leaves_a_blind_interval(site: Site) -> None:
    path = write(site.logs / "a.log", b"one")
    site.read()
    site.kill()
    site.wait(60)
    path.unlink()

    site.read()
    (gap,) = site.log.list_gaps()
    assert gap.reason == file_looks.VANISHED
    assert gap.end is not None
    assert gap.end - gap.begin >= timedelta(seconds=59)


def test_a_file_that_must_not_be_read_is_reported_and_read_later(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(site.logs / "a.log", b"one")
    site.read()
    path.rename(site.logs / "a.log.1")
    write(path, b"two")
    real = os.open

    def refuse(name: Any, flags: int, *others: int) -> int:
        if str(name) == str(path):
            raise PermissionError(13, "Permission denied")
        return real(name, flags, *others)

    with monkeypatch.context() as refusal:
        # Root, as whom containers run the tests, may read every file.
        refusal.setattr(os, "open", refuse)
        site.read()
        (gap,) = site.log.list_gaps()
        assert (gap.reason, gap.end) == ("a followed file could not be read", None)
        assert len([text for text in site.said if "Permission denied" in text]) == 1
        assert [state.trouble for state in site.follower.states if state.trouble] == [
            "cannot be read (Permission denied)"
        ]
        site.kill()
        site.read()
    assert site.read() == [b"one", b"two"]
    assert all(gap.end is not None for gap in site.log.list_gaps())
    assert not [state for state in site.follower.states if state.trouble]


def test_a_name_that_is_no_file_is_reported(open_site: Callable[..., Site]) -> None:
    site = open_site("folder")
    (site.logs / "folder").mkdir()
    site.read()

    assert site.said == [f"{SOURCE}: {site.logs}/folder cannot be read (it is not a file)"]


def test_a_folder_that_cannot_be_read_is_reported_and_read_later(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(site.logs / "a.log", b"one")
    site.read()
    real = Path.stat

    def fail(self: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if self == path:
            raise OSError(116, "Stale file handle")
        return real(self, follow_symlinks=follow_symlinks)

    with monkeypatch.context() as stale:
        stale.setattr(Path, "stat", fail)
        site.read()
    assert [gap.end for gap in site.log.list_gaps()] == [None]
    write(path, b"two")

    assert site.read() == [b"one", b"two"]
    assert [gap.end is None for gap in site.log.list_gaps()] == [False]


def test_packed_files_are_read_once_also_when_they_grow(site: Site) -> None:
    site.settings = site.settings.model_copy(update={"paths": (str(site.logs / "*.gz"),)})
    site.kill()
    path = site.logs / "a.gz"
    whole = gzip.compress(b"one\ntwo\n") + gzip.compress(b"three\n")
    path.write_bytes(whole[:22])
    site.read()
    path.write_bytes(whole[:40])
    site.read()
    path.write_bytes(whole)

    assert site.read() == [b"one", b"two", b"three"]
    site.kill()
    assert site.read() == [b"one", b"two", b"three"]
    assert site.gaps() == []


def test_a_packed_file_that_stays_broken_is_reported_with_a_blind_interval(
    open_site: Callable[..., Site],
) -> None:
    site = open_site("*.gz")
    (site.logs / "a.gz").write_bytes(gzip.compress(b"one\n" * 1000)[:-6])
    assert len(site.read()) == 1000
    site.wait(70)
    site.read()

    assert site.gaps() == [f"a packed file {source_follower.DAMAGED}"]
    assert "breaks off" in site.said[-1]


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_csv_and_json_documents_are_read_on_in_the_middle(site: Site, cut: int) -> None:
    csv = (
        b'CreationDate,UserIds,AuditData\n2026-11-30T10:00:00,a,"{""x"":\n1}"\n'
        b'2026-11-30T10:00:01,b,"{""x"": 2}"\n'
    )
    array = b'[{"a": 1},\n {"a": 2},\n {"a": [3]}]\n'
    (site.logs / "a.log").write_bytes(csv[:-cut])
    (site.logs / "b.log").write_bytes(array[: -(cut % len(array))])
    site.read()
    site.kill()
    (site.logs / "a.log").write_bytes(csv)
    (site.logs / "b.log").write_bytes(array)

    assert Counter(site.read()) == Counter(
        [
            b"CreationDate,UserIds,AuditData",
            b'2026-11-30T10:00:00,a,"{""x"":\n1}"',
            b'2026-11-30T10:00:01,b,"{""x"": 2}"',
            b'{"a": 1}',
            b'{"a": 2}',
            b'{"a": [3]}',
        ]
    )


def test_utf16_files_are_read_on_after_a_restart(site: Site) -> None:
    path = site.logs / "a.log"
    content = "one\r\ntwo é\r\nthree\r\n".encode("utf-16")
    path.write_bytes(content[:17])
    site.read()
    site.kill()
    path.write_bytes(content)

    assert site.read() == [b"one", "two é".encode(), b"three"]


def test_content_of_before_counts_as_a_backfill_and_new_lines_do_not(site: Site) -> None:
    path = write(site.logs / "a.log", b"old")
    site.read()
    write(path, b"new")
    site.read()
    site.kill()
    write(path, b"soon after a restart")
    site.read()
    site.kill()
    site.wait(7200)
    write(path, b"long after")
    site.read()

    assert [record.backfill for record in site.log.read(None, 10)] == [True, False, False, True]


@pytest.mark.parametrize("pattern", ["*.log", "*.log*"])
def test_the_successor_of_a_file_that_was_rotated_meanwhile_is_no_backfill(
    open_site: Callable[..., Site], pattern: str
) -> None:
    site = open_site(pattern)
    path = write(site.logs / "a.log", b"old")
    site.read()
    site.kill()
    path.rename(site.logs / "a.log.1")
    write(path, b"new")
    write(site.logs / "b.log", b"a new file")
    site.read()

    flags = {record.raw: record.backfill for record in site.log.read(None, 10)}
    assert flags == {b"old": True, b"new": False, b"a new file": False}


def test_a_copy_that_gets_the_number_of_an_empty_file_while_it_is_made_is_not_read_from_its_start(
    site: Site,
) -> None:
    path = write(site.logs / "a.log", b"one", b"two")
    site.read()
    copy = site.logs / "a.log.1"
    copy.touch()
    site.follower._registry.add(copy, (copy.stat().st_dev, copy.stat().st_ino))
    copy.write_bytes(b"one\n")
    site.read()
    write(copy, b"two", b"three")
    os.truncate(path, 0)

    assert site.read() == [b"one", b"two", b"three"]


def test_a_file_that_is_cut_short_while_it_is_opened_is_known_by_what_was_read(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = site.logs / "a.log"
    path.write_bytes(b"one\ntw")
    site.read()
    site.kill()
    write(path, b"o", b"three")
    shutil.copy2(path, site.logs / "a.log.1")
    real = followed_file.has_mark

    def cut_short(*values: Any) -> bool:
        is_known = real(*values)
        os.truncate(path, 0)
        return is_known

    monkeypatch.setattr(followed_file, "has_mark", cut_short)

    assert site.read() == [b"one", b"two", b"three"]


def test_an_empty_file_that_was_rotated_has_a_successor_also_when_that_comes_later(
    site: Site,
) -> None:
    path = site.logs / "a.log"
    path.touch()
    site.read()
    path.rename(site.logs / "a.log-20261101")
    site.read()
    site.kill()
    write(path, b"one").rename(site.logs / "a.log-20261102")
    path.touch()

    assert site.read() == [b"one"]


def test_a_file_that_is_cut_short_and_written_with_lines_that_end_alike_is_read_anew(
    site: Site,
) -> None:
    first, second = (b"%d" % number + b"x" * 300 for number in (1, 2))
    path = write(site.logs / "a.log", first)
    site.read()
    shutil.copy2(path, site.logs / "a.log.1")
    os.truncate(path, 0)
    write(path, second, b"third")

    assert site.read() == [first, second, b"third"]


def test_old_files_may_be_left_out(open_site: Callable[..., Site]) -> None:
    site = open_site("*.log", skip_older_days=2.0)
    old, new = write(site.logs / "old.log", b"old"), write(site.logs / "new.log", b"new")
    os.utime(old, (0, 0))
    assert new.exists()

    assert site.read() == [b"new"]
    write(old, b"written to again")
    assert site.read() == [b"new", b"old", b"written to again"]


def test_thousands_of_files_are_followed(open_site: Callable[..., Site]) -> None:
    site = open_site("*/*.log")
    for folder in range(20):
        (site.logs / str(folder)).mkdir()
        for number in range(100):
            write(site.logs / str(folder) / f"{number}.log", b"%d of %d" % (number, folder))
    assert len(site.read()) == 2_000

    write(site.logs / "7" / "7.log", b"more")
    site.kill()
    assert site.read()[2_000:] == [b"more"]


class Killed(BaseException):
    """The process is killed."""


class Mortal:
    """Forwards every call, and dies before or after one of them."""

    def __init__(self, real: Any, calls: set[str], chance: random.Random, odds: float) -> None:
        self._real = real
        self._calls = calls
        self._chance = chance
        self._odds = odds

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if name not in self._calls:
            return real

        def call(*values: Any, **named: Any) -> Any:
            if self._chance.random() < self._odds:
                raise Killed
            result = real(*values, **named)
            if self._chance.random() < self._odds:
                raise Killed
            return result

        return call


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("pattern", ["*.log", "*.log*"])
def test_kills_and_rotations_neither_lose_nor_double_a_line(
    open_site: Callable[..., Site], seed: int, pattern: str
) -> None:
    site = open_site(pattern)
    chance = random.Random(seed)
    logs = [RotatedLog(site.logs / name, chance) for name in ("a.log", "b.log")]

    def start() -> None:
        site.start()
        site.follower = SourceFollower(
            site.settings,
            FollowSurroundings(
                log=Mortal(site.log, {"append", "note_gap"}, chance, 0.05),
                memory=Mortal(site.memory, {"announce", "save", "settle"}, chance, 0.03),
                now=site.now,
                max_line_bytes=LIMIT,
                reports=TroubleReports(site.said.append),
                stop=Event(),
                settles=True,
                clock=lambda: site.seconds,
            ),
        )

    site.read()
    site.memory.close()
    start()
    for _ in range(60):
        log = chance.choice(logs)
        act = chance.random()
        if act < 0.5:
            log.write_lines()
        elif act < 0.6:
            log.rotate()
        elif act < 0.7:
            site.wait(chance.choice([1, 100, 1000]))
        else:
            try:
                site.follower.run_round()
            except Killed:
                site.memory.close()
                site.follower._registry.close()
                start()
    for log in logs:
        log.end_line()
    site.kill()

    expected = Counter(line for log in logs for line in log.written)
    assert Counter(site.read(3)) == expected
    assert site.gaps() == []


@pytest.mark.parametrize("way", [COPIED, RENAMED, RENAMED_PACKED, DATED])
def test_a_log_that_refuses_is_asked_again_with_the_same_records(site: Site, way: int) -> None:
    log = RotatedLog(site.logs / "a.log", random.Random(way))
    log.write_lines()
    site.memory.close()

    class Refusing:
        refusals = 0

        def __getattr__(self, name: str) -> Any:
            return getattr(site.log, name)

        def append(self, incoming: Sequence[IncomingRecord]) -> Sequence[RecordPosition]:
            if self.refusals < 3:
                self.refusals += 1
                raise RetryableError("the disk is full")
            return site.log.append(incoming)

    site.start(log=Refusing())
    site.read()
    log.rotate(way)
    log.write_lines()
    log.end_line()

    assert Counter(site.read()) == Counter(log.written)
