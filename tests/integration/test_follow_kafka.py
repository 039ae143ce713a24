"""`breachdesk follow` puts followed files into Kafka; a kill repeats at most the last append."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from services import unique_prefix

from breachdesk.bootstrap.settings import load_settings
from streams.event_logs.kafka import KafkaEventLog

pytestmark = [pytest.mark.kafka, pytest.mark.slow]
SOURCE = "web"
WAIT_SECONDS = 120


@pytest.fixture
def folder(tmp_path: Path, kafka_servers: str) -> Path:
    (tmp_path / "logs").mkdir()
    (tmp_path / "breachdesk.toml").write_text(
        f"""
[kafka]
servers = "{kafka_servers}"
prefix = "{unique_prefix()}"
partitions = 1

[[files]]
source = "{SOURCE}"
paths = ["{tmp_path}/logs/*.log"]
poll_seconds = 0.05
scan_seconds = 0.1

[[sources]]
name = "{SOURCE}"
"""
    )
    run(tmp_path, "topics", "create")
    return tmp_path


def command(folder: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "breachdesk.cli.main", *words, "--data-dir", str(folder)]


def run(folder: Path, *words: str) -> None:
    subprocess.run(command(folder, *words), check=True, capture_output=True, timeout=WAIT_SECONDS)


@contextmanager
def follow(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command(folder, "follow"), stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def read(folder: Path) -> Counter[bytes]:
    settings = load_settings(folder)
    log = KafkaEventLog(
        settings, lambda: datetime.now(UTC), reads=(f"{settings.kafka.prefix}raw.{SOURCE}", 0)
    )
    try:
        return Counter(record.raw for record in log.read(None, 100_000))
    finally:
        log.close()


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not true():
        assert time.monotonic() < deadline, "it did not happen in two minutes"
        time.sleep(0.2)


def test_files_are_followed_into_kafka_across_a_kill_and_a_rotation(folder: Path) -> None:
    path = folder / "logs" / "access.log"
    lines = [b"line %d" % number for number in range(300)]
    path.write_bytes(b"".join(line + b"\n" for line in lines[:100]))
    with follow(folder) as process:
        until(lambda: set(read(folder)) == set(lines[:100]))
        process.send_signal(signal.SIGKILL)
        process.wait()
    with path.open("ab") as file:
        file.write(b"".join(line + b"\n" for line in lines[100:200]))
    path.rename(path.with_name("access.log.1"))
    path.write_bytes(b"".join(line + b"\n" for line in lines[200:]))
    with follow(folder) as process:
        until(lambda: set(read(folder)) == set(lines))
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_SECONDS) == 0
    once = read(folder)
    with follow(folder):
        time.sleep(1)

    assert read(folder) == once
    assert set(once.values()) <= {1, 2}
    assert all(once[line] == 1 for line in lines[100:])
