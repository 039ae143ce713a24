"""Workers killed -9 under load, lines shuffled over partitions and doubled: the same alerts."""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from fleet import (
    WAIT_SECONDS,
    Fleet,
    Line,
    Worker,
    a_fleet,
    demo_rows,
    embedded,
    shuffled_and_doubled,
)

pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.postgres]
CREW = 3
TICK = 0.25


@pytest.fixture
def fleet(tmp_path: Path, kafka_servers: str, postgres_url: str) -> Iterator[Fleet]:
    # Small batches: a life is many transactions, and a kill lands inside one.
    options = {"batch_records": 20, "session_seconds": 2.0}
    result = a_fleet(tmp_path / "fleet", kafka_servers, postgres_url, **options)
    with result as fleet:
        yield fleet


class Feeder(threading.Thread):
    """Produces the lines over the whole test, so that there is always work: at its own pace, and
    never more of them than the part of the kills that are done, and the next."""

    def __init__(
        self, fleet: Fleet, lines: Sequence[Line], seconds: float, part: Callable[[], float]
    ) -> None:
        super().__init__(daemon=True)
        self.fleet, self.lines, self.part = fleet, lines, part
        self.size = max(1, int(len(lines) * TICK / seconds))
        self.hurry = threading.Event()

    def run(self) -> None:
        for begin in range(0, len(self.lines), self.size):
            while begin >= self.part() * len(self.lines) and not self.hurry.is_set():
                self.hurry.wait(TICK)
            self.fleet.produce(self.lines[begin : begin + self.size])
            self.hurry.wait(TICK)


class Reaper:
    """Kills so many workers, one to all at a time, shortly after the group moved on."""

    def __init__(self, fleet: Fleet, kills: int, seed: int) -> None:
        self.fleet, self.kills = fleet, kills
        self.chance = random.Random(seed)
        self.killed = self.conflicts = self.rounds = 0
        self.partitions = list(fleet.ends())

    def reap(self) -> None:
        while self.killed < self.kills:
            self._wait_for_progress()
            time.sleep(self.chance.uniform(0, 0.5))
            count = min(self.chance.randint(1, CREW), self.kills - self.killed)
            for worker in self.chance.sample(self.fleet.workers, count):
                self._kill(worker)
            self.fleet.start(CREW - len(self.fleet.workers))
            self.rounds += 1

    def part(self) -> float:
        return (self.killed + 1) / self.kills

    def _kill(self, worker: Worker) -> None:
        self.conflicts += int(worker.metric("breachdesk_conflicts_total"))
        self.fleet.kill(worker)
        self.killed += 1

    def _wait_for_progress(self) -> None:
        before = self.fleet.processed(self.partitions)
        self.fleet.reached(before + self.chance.randint(1, 60), WAIT_SECONDS, self.partitions)


def run_with_kills(
    fleet: Fleet, lines: Sequence[Line], kills: int, seconds: float, seed: int
) -> str:
    """The run's summary."""
    begun = time.monotonic()
    fleet.start(CREW)
    reaper = Reaper(fleet, kills, seed)
    feeder = Feeder(fleet, lines, seconds, reaper.part)
    feeder.start()
    reaper.reap()
    feeder.hurry.set()
    feeder.join(WAIT_SECONDS)
    fleet.drained()
    return (
        f"{reaper.killed} workers killed -9 in {reaper.rounds} rounds,"
        f" {reaper.conflicts} conflicts counted by those killed, {len(lines)} records,"
        f" {time.monotonic() - begun:.0f} s"
    )


def test_fifty_kills_lose_and_repeat_nothing(
    fleet: Fleet, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = shuffled_and_doubled(demo_rows(), 5)
    summary = run_with_kills(fleet, lines, kills=50, seconds=150, seed=11)
    with capsys.disabled():
        sys.stdout.write(f"\n{summary}\n")
    expected = embedded(lines, fleet.settings)
    actual = fleet.outcome()
    audited = fleet.store.read(lambda uow: uow.audit.examine())

    assert actual.alerts == expected.alerts
    assert len(expected.alerts) == 9
    assert actual.sources == expected.sources
    assert actual.unattributed == expected.unattributed
    assert actual.received == len(lines)
    assert audited.head.seq > 0
    assert audited.discrepancies == ()


@pytest.mark.soak
def test_four_hundred_kills_lose_and_repeat_nothing(
    fleet: Fleet, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = shuffled_and_doubled(demo_rows(), 6) * 4
    summary = run_with_kills(fleet, lines, kills=400, seconds=1_200, seed=12)
    with capsys.disabled():
        sys.stdout.write(f"\n{summary}\n")
    expected = embedded(lines, fleet.settings)

    assert fleet.outcome() == expected
