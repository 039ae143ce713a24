"""kill -9 of a process that follows files while they are written to and rotated: every line is in
the journal once, whole."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from follow_child import open_follower, open_log
from rotated_logs import RotatedLog

TESTS = Path(__file__).parents[1]
WAIT_SECONDS = 120


def start(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "follow_child", str(folder)],
        stdout=subprocess.PIPE,
        cwd=TESTS,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def read_rest(folder: Path, lines: set[bytes]) -> Counter[bytes]:
    """Follow until the files were looked at, and all of these lines are in the journal."""
    log = open_log(folder)
    follower = open_follower(folder, log)
    follower.start()
    deadline = time.monotonic() + WAIT_SECONDS
    missing = lines
    while (missing or not follower.list_states()) and time.monotonic() < deadline:
        time.sleep(0.05)
        missing = lines - {record.raw for record in log.read(None, 1_000_000)}
    follower.stop()
    raws = Counter(record.raw for record in log.read(None, 1_000_000))
    log.close()
    return raws


@pytest.mark.parametrize("seed", [1, 2])
def test_kills_and_rotations_neither_lose_nor_double_a_line(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    (tmp_path / "logs").mkdir()
    logs = [RotatedLog(tmp_path / "logs" / name, chance) for name in ("a.log", "b.log")]
    # Files that were rotated before the first look are not named by the pattern.
    assert read_rest(tmp_path, set()) == Counter()

    for _ in range(6):
        process = start(tmp_path)
        for _ in range(chance.randint(5, 25)):
            log = chance.choice(logs)
            if chance.random() < 0.15:
                log.rotate()
            else:
                log.write_lines()
            time.sleep(chance.uniform(0, 0.02))
        kill(process)
        for log in logs:
            log.write_lines()
            log.rotate()
    for log in logs:
        log.end_line()

    expected = Counter(line for log in logs for line in log.written)
    assert read_rest(tmp_path, set(expected)) == expected
