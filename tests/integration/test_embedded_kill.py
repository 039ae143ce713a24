"""kill -9 of embedded processes that take in lines: no line is lost or counted twice, and the
alerts are those of a process that nobody killed."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from embedded_child import lines, open_container, work
from fleet import Outcome, outcome
from warm_process import WarmProcess

from breachdesk.demo.feed import import_registers
from breachdesk.demo.lines import build_lines
from streams.normalise.record_readers import InProcessReader

WAIT_SECONDS = 600


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """All lines in one process, in the fewest batches."""
    folder = tmp_path_factory.mktemp("plain")
    with open_container(folder) as container:
        import_registers(container, build_lines())
        container.journal.append(lines())
        container.build_worker(reader=InProcessReader(container.settings)).process_all()
        return outcome(container.store)


@contextmanager
def child(folder: Path, part: str) -> Iterator[WarmProcess]:
    with WarmProcess(work, str(folder), part) as process:
        try:
            yield process
        finally:
            process.kill()


def heard(process: WarmProcess, batches: int) -> bool:
    """Wait for so many batches; False: the process ended before."""
    return all(process.stdout.readline() for _ in range(batches))


def kill(process: WarmProcess, chance: random.Random) -> None:
    """kill -9, somewhere within the batch that follows."""
    time.sleep(chance.uniform(0, 0.03))
    process.send_signal(signal.SIGKILL)
    process.wait()


def finish(folder: Path) -> Outcome:
    """Let one more process take in and process the rest."""
    with child(folder, "feed") as process:
        assert process.wait(WAIT_SECONDS) == 0
    with open_container(folder) as container:
        assert container.store.read(lambda uow: uow.audit.verify()) > 0
        return outcome(container.store)


def killed(folder: Path, kills: int, seed: int, batches: int) -> Outcome:
    chance = random.Random(seed)
    with open_container(folder) as container:
        import_registers(container, build_lines())
    for _ in range(kills):
        with child(folder, "feed") as process:
            if heard(process, chance.randint(0, batches)):
                kill(process, chance)
    return finish(folder)


def test_an_embedded_process_killed_again_and_again_raises_the_same_alerts(
    tmp_path: Path, expected: Outcome
) -> None:
    actual = killed(tmp_path, kills=4, seed=1, batches=30)

    assert actual == expected
    assert actual.received == len(lines())


@pytest.mark.slow
def test_fifty_kills_lose_nothing_and_double_nothing(tmp_path: Path, expected: Outcome) -> None:
    assert killed(tmp_path, kills=50, seed=50, batches=3) == expected


def test_two_processes_on_one_folder_quarrel_and_lose_and_double_nothing(
    tmp_path: Path, expected: Outcome
) -> None:
    """Both believe that they own the journal; one feeds it too, and each is killed once."""
    chance = random.Random(7)
    with open_container(tmp_path) as container:
        import_registers(container, build_lines())
    for victim in (0, 1):
        with child(tmp_path, "feed") as feeder, child(tmp_path, "work") as rival:
            both = (feeder, rival)
            if heard(both[victim], chance.randint(5, 20)):
                kill(both[victim], chance)
            heard(both[1 - victim], 3)

    assert finish(tmp_path) == expected
