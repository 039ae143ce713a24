"""Files are followed while they are rotated: at any call of the file system another process may
have changed them, or the follower is killed. Every line is one record."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any, cast

import pytest
from rotated_logs import RotatedLog, count_stamps

from schemas.followed_files import FollowedFilesSettings
from schemas.pipeline.event import RawRecord, RecordPosition
from schemas.pipeline.source import BlindInterval, IncomingRecord
from streams.intake.files.follow_memory import FollowMemory
from streams.intake.files.source_follower import SourceFollower
from streams.intake.files.surroundings import FollowSurroundings
from streams.intake.trouble_reports import TroubleReports
from streams.ports import EventLog

CALLS = ("stat", "open", "pread", "scandir", "fstat")
STEP_ODDS = 0.3
KILL_ODDS = 0.01


class Killed(BaseException):
    """The process is killed."""


class FakeLog:
    """An event log in memory, which outlives the follower."""

    def __init__(self, interrupt: Callable[[], None]) -> None:
        self.records: list[RawRecord] = []
        self._interrupt = interrupt

    def append(self, incoming: Sequence[IncomingRecord]) -> list[RecordPosition]:
        self._interrupt()
        positions = [
            RecordPosition("journal", len(self.records) + number) for number in range(len(incoming))
        ]
        self.records += [
            RawRecord(position, each.source, each.raw, each.arrived, each.transport)
            for position, each in zip(positions, incoming, strict=True)
        ]
        self._interrupt()
        return positions

    def read(self, after: RecordPosition | None, limit: int) -> list[RawRecord]:
        begin = 0 if after is None else after.offset + 1
        return self.records[begin : begin + limit]

    def find_end(self) -> RecordPosition | None:
        return self.records[-1].position if self.records else None

    def note_gap(self, interval: BlindInterval) -> None:
        """Drop it: a search that lost a race may report a loss that is none."""

    def list_gaps(self) -> list[BlindInterval]:
        return []


class Interleaving:
    """One follower and its writers, in one thread."""

    def __init__(self, folder: Path, pattern: str, chance: random.Random) -> None:
        (folder / "logs").mkdir()
        self._folder = folder
        self._chance = chance
        self._seconds = 0.0
        self._begun = datetime.now(UTC)
        self._is_following = self._is_down = False
        self._steps: Iterator[None] = iter(())
        self._kill_odds = 0.0
        self.log = FakeLog(self.interrupt)
        stamps = count_stamps(time.time())
        self.writers = [
            RotatedLog(folder / "logs" / name, chance, stamps) for name in ("a.log", "b.log")
        ]
        self._settings = FollowedFilesSettings(
            source="web", paths=(str(folder / "logs" / pattern),), scan_seconds=0.0
        )
        self._start()

    def _start(self) -> None:
        self._memory = FollowMemory(self._folder / "followed.db")
        around = FollowSurroundings(
            log=cast(EventLog, self.log),
            memory=self._memory,
            now=lambda: self._begun + timedelta(seconds=self._seconds),
            max_line_bytes=100_000,
            reports=TroubleReports(lambda _text: None),
            stop=Event(),
            settles=True,
            clock=lambda: self._seconds,
        )
        self._follower = SourceFollower(self._settings, around)

    def interrupt(self) -> None:
        """Let the writers take a step, or die; only while the follower runs."""
        if not self._is_following:
            return
        self._is_following = False
        if self._chance.random() < STEP_ODDS:
            next(self._steps, None)
        self._is_following = True
        if self._chance.random() < self._kill_odds:
            raise Killed

    def follow(self) -> bool:
        """Make a round; a follower that is killed is started again."""
        self._is_following = True
        try:
            return self._follower.run_round()
        except Killed:
            self._is_following = False
            self.kill()
            return True
        finally:
            self._is_following = False

    def kill(self) -> None:
        self._memory.close()
        self._follower._registry.close()
        self._start()

    def run(self, acts: int) -> None:
        """Write, rotate, follow and kill by chance, and at last read the rest."""
        self.follow()
        self._kill_odds = KILL_ODDS
        for _ in range(acts):
            self._act(self._chance.random())
        self._finish_steps()
        for writer in self.writers:
            writer.end_line()
        self._kill_odds = 0.0
        self.kill()
        for _ in range(4):
            while self.follow():
                pass
            self._seconds += 2

    def _act(self, act: float) -> None:
        if act < 0.45:
            self._finish_steps()
        if act < 0.35:
            self._write(self._chance.choice(self.writers))
        elif 0.45 <= act < 0.5:
            self._seconds += self._chance.choice([1, 4, 100, 1000])
        elif 0.5 <= act < 0.55:
            self.kill()
            self._is_down = True
        elif act >= 0.55 and (not self._is_down or self._chance.random() < 0.15):
            self._is_down = False
            self._seconds += 0.1
            self.follow()

    def _write(self, writer: RotatedLog) -> None:
        if self._chance.random() < 0.7:
            writer.write_lines(6)
        else:
            self._steps = writer.rotate_in_steps()

    def _finish_steps(self) -> None:
        for _ in self._steps:
            pass

    def close(self) -> None:
        self._memory.close()
        self._follower._registry.close()


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("pattern", ["*.log", "*.log*"])
def test_rotations_at_any_moment_neither_lose_nor_double_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, pattern: str
) -> None:
    site = Interleaving(tmp_path, pattern, random.Random(seed))

    def interrupt(name: str) -> None:
        real = getattr(os, name)

        def call(*values: Any, **named: Any) -> Any:
            site.interrupt()
            return real(*values, **named)

        monkeypatch.setattr(os, name, call)

    for name in CALLS:
        interrupt(name)
    site.run(120)
    site.close()

    expected = Counter(line for writer in site.writers for line in writer.written)
    assert Counter(record.raw for record in site.log.records) == expected
