"""A record that takes its parser too long, through Kafka and PostgreSQL: a worker killed on it, and
its heir, which meets the same record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fleet import Fleet, Line, a_fleet, demo_rows
from slow_children import computing, readers, until

from breachdesk.demo.setup import write_settings
from schemas.settings import ReadingSettings

pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.postgres]
MATCH = b"SLOW match " + b"a" * 60 + b"!"


@pytest.fixture
def fleet(
    tmp_path: Path, kafka_servers: str, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Fleet]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    with a_fleet(tmp_path / "fleet", kafka_servers, postgres_url, partitions=1) as fleet:
        yield fleet


def allow(fleet: Fleet, seconds: float) -> None:
    """The budget of the workers that start from now on."""
    reading = ReadingSettings(seconds=seconds, parsers=("slow_parsers:PARSER",))
    write_settings(fleet.settings.model_copy(update={"reading": reading}))


def lines(*raws: bytes) -> list[Line]:
    arrived = demo_rows()[2000].arrived
    return [Line("stranger", raw, arrived) for raw in raws]


def test_a_worker_killed_on_a_slow_record_leaves_no_child_and_its_heir_goes_on(
    fleet: Fleet,
) -> None:
    allow(fleet, 600.0)
    (first,) = fleet.start()
    fleet.produce(lines(b"SLOW quick", MATCH, b"SLOW busy_in_c", b"SLOW last"), scatter=False)
    child = until(lambda: computing(first.process.pid, 1.0), fleet.tell)
    assert first.asked("/healthz")[0] == 200
    fleet.kill(first)
    until(lambda: child not in readers())
    allow(fleet, 0.3)
    (heir,) = fleet.start()
    fleet.drained()
    letters = fleet.dead_letters()

    assert sorted(letter.parser for letter in letters) == ["slow_test", "slow_test"]
    assert fleet.outcome().sources["stranger"]["parsed"] == 2
    assert heir.metric("breachdesk_reading_ended_total") == 2
    assert heir.asked("/readyz")[0] == 200


def test_more_slow_records_than_the_limit_of_dead_letters_stop_no_worker(fleet: Fleet) -> None:
    allow(fleet, 0.1)
    (worker,) = fleet.start()
    fleet.produce(lines(*[MATCH] * 150, b"SLOW quick"), scatter=False)
    fleet.drained()

    assert worker.alive
    assert len(fleet.dead_letters()) == 150
    assert fleet.outcome().sources["stranger"]["parsed"] == 1
    assert worker.metric("breachdesk_program_failures_total") == 0


def test_a_worker_told_to_stop_does_not_wait_for_a_slow_record(fleet: Fleet) -> None:
    allow(fleet, 600.0)
    (worker,) = fleet.start()
    fleet.produce(lines(MATCH), scatter=False)
    child = until(lambda: computing(worker.process.pid, 1.0), fleet.tell)
    fleet.workers.remove(worker)

    assert worker.stop(90.0) == 0
    assert child not in readers()
