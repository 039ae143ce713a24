"""A real OpenSSH server with known sign-ins: each attempt is counted once, and none is lost."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from engines import BOOK, TwoCustomers
from ssh_server import run_server

from schemas.pipeline.alert import Episode
from schemas.pipeline.event import RawRecord, RecordPosition
from schemas.settings import Settings, SourceSettings
from streams.correlate.in_memory import InMemoryWindows
from streams.normalise.recognise import FormatRecogniser
from streams.normalise.record_readers import InProcessReader
from streams.ports import SourceCount
from streams.process.pipeline import RecordPipeline

KEYS_ONLY = "UsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no"
PASSWORDS = "UsePAM no\nPasswordAuthentication yes\nKbdInteractiveAuthentication no"
PAM = "UsePAM yes\nPasswordAuthentication yes\nKbdInteractiveAuthentication no"
ALLOWED = f"{KEYS_ONLY}\nAllowUsers nobody"


@dataclass
class Found:
    count: SourceCount
    alerts: dict[str, Episode]


def detect(lines: list[bytes], folder: Path, chance: random.Random) -> Found:
    """In shuffled batches, some lines twice."""
    config = Settings(data_dir=folder, sources=(SourceSettings(name="hosts", zone="UTC"),))
    pipeline = RecordPipeline(BOOK, InProcessReader(config, FormatRecogniser()), config)
    arrived = datetime.now(UTC) + timedelta(minutes=5)
    records = [
        RawRecord(RecordPosition("j", number), "hosts", line, arrived)
        for number, line in enumerate(lines, start=1)
    ]
    whole = pipeline.evaluate(records, TwoCustomers())
    played = [*records, *chance.sample(records, len(records) // 3)]
    chance.shuffle(played)
    windows = InMemoryWindows(BOOK.specs)
    for begin in range(0, len(played), 7):
        result = pipeline.evaluate(played[begin : begin + 7], TwoCustomers())
        windows.absorb(s.signal for of_group in result.signals.values() for s in of_group)
    (count,) = whole.sources
    return Found(count, {episode.key.rule: episode for episode in windows.list_episodes()})


def attack(folder: Path, settings: str, attempts: int, prompts: int = 0) -> Found:
    with run_server(folder, settings) as server:
        if prompts:
            for _ in range(attempts // prompts):
                server.offer_passwords("root", prompts)
        else:
            for _ in range(attempts):
                server.offer_key("root")
        lines = server.read_lines()
    return detect(lines, folder, random.Random(attempts))


@pytest.mark.parametrize(
    ("settings", "attempts", "prompts"),
    [
        pytest.param(KEYS_ONLY, 50, 0, id="keys only"),
        pytest.param(PASSWORDS, 12, 3, id="passwords"),
        pytest.param(PAM, 12, 3, id="PAM"),
        pytest.param(ALLOWED, 12, 0, id="AllowUsers"),
    ],
)
def test_each_refused_attempt_is_counted_once_and_none_is_lost(
    tmp_path: Path, settings: str, attempts: int, prompts: int
) -> None:
    outcome = attack(tmp_path, settings, attempts, prompts)
    alert = outcome.alerts["sign_in_brute_force"]

    assert outcome.count.received == outcome.count.parsed + outcome.count.ignored
    assert outcome.count.dead_letters == outcome.count.not_understood == 0
    assert alert.key.group == ("root",)
    assert len(alert.members) == attempts
    assert {member.summary.get("source.ip") for member in alert.members} == {"127.0.0.1"}


def test_a_name_that_is_a_line_of_the_log_is_no_address(tmp_path: Path) -> None:
    name = "x from 192.0.2.9 port 5 ssh2"
    with run_server(tmp_path, PASSWORDS) as server:
        for _ in range(10):
            server.offer_passwords(name, 1)
        lines = server.read_lines()
    outcome = detect(lines, tmp_path, random.Random(1))
    alert = outcome.alerts["sign_in_brute_force"]

    assert alert.key.group == (name.casefold(),)
    assert len(alert.members) == 10
    assert {member.summary.get("source.ip") for member in alert.members} == {"127.0.0.1"}
