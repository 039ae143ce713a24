"""No flood hides an alert, on any store and whoever owns the partitions: order, batches, kills and
rivals change nothing in it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from engines import ENGINES, NOON, Engine, fresh_engine, raw

from schemas.pipeline.event import RawRecord

SOON = NOON + timedelta(hours=6)
T = 7_200

Line = dict[str, Any]


@pytest.fixture(params=ENGINES)
def new_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Any]:
    return lambda: fresh_engine(request.param, tmp_path, SOON)


def sign_in(at: float, outcome: str, address: str, user: str = "jo") -> Line:
    return {
        "at": at,
        "event.category": "authentication",
        "event.outcome": outcome,
        "user.name": user,
        "source.ip": address,
        "host.name": "contoso.example",
    }


def downloads(begin: float) -> list[Line]:
    return [
        {
            "at": begin + n,
            "event.action": "FileDownloaded",
            "event.dataset": "microsoft365.audit",
            "user.name": "jo",
            "file.path": f"/hr/{n}",
            "host.name": "contoso.example",
        }
        for n in range(20)
    ]


def spraying() -> list[Line]:
    return [sign_in(1_500 + n, "failure", "203.0.113.66", f"user{n}") for n in range(8)]


def entry() -> list[Line]:
    """Two failures and a sign-in from one address, and files."""
    opened = [(1_000, "failure"), (1_010, "failure"), (1_020, "success")]
    return [*(sign_in(at, what, "203.0.113.66") for at, what in opened), *downloads(T + 600)]


def typing_errors(chance: random.Random) -> Iterator[Line]:
    """Users who fail once and go in, each at an address of its own."""
    for n in range(160):
        at = chance.choice([chance.uniform(0, 900), chance.uniform(2_000, T)])
        yield sign_in(at, "failure", f"2001:db8:1::{n:x}")
        yield sign_in(at + 20, "success", f"2001:db8:1::{n:x}")


def slow_botnet(chance: random.Random) -> Iterator[Line]:
    for n in range(140):
        at = chance.uniform(-T, 0)
        yield sign_in(at, "failure", f"2001:db8:2::{n:x}")
        yield sign_in(at + 1, "failure", f"2001:db8:2::{n:x}")
        yield sign_in(at + T - chance.uniform(0, 30), "success", f"2001:db8:2::{n:x}")


def other_users(chance: random.Random) -> Iterator[Line]:
    for n in range(300):
        yield sign_in(chance.uniform(0, 3_000), "failure", "203.0.113.66", f"user{n % 5}")


def run_engine(
    new_engine: Callable[[], Any], records: list[RawRecord], chance: random.Random
) -> Any:
    with new_engine() as engine:
        assert isinstance(engine, Engine)
        engine.feed_in_batches(records, chance)
        return engine.alerts()


@pytest.mark.slow
@pytest.mark.parametrize("flood", [typing_errors, slow_botnet, other_users])
def test_an_entry_and_a_spray_among_a_flood_make_the_same_alerts_however_they_come(
    new_engine: Callable[[], Any], flood: Callable[[random.Random], Iterator[Line]]
) -> None:
    chance = random.Random(flood.__name__)
    records = [raw(line) for line in (*entry(), *spraying(), *flood(chance))]
    runs = []
    for _ in range(2):
        several = records + chance.sample(records, len(records) // 4)
        chance.shuffle(several)
        runs.append(run_engine(new_engine, several, chance))

    assert runs[0] == runs[1]
    assert {"login_then_exfiltration", "password_spraying"} <= {a["rule"] for a in runs[0]}
