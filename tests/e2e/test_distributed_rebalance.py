"""Workers that come and go, partitions that are added, and a worker that slept too long."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from fleet import Fleet, Line, Worker, a_fleet, demo_rows, embedded, until

pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.postgres]
SPRAYER = b"203.0.113.55"


@pytest.fixture
def fleet(tmp_path: Path, kafka_servers: str, postgres_url: str) -> Iterator[Fleet]:
    result = a_fleet(tmp_path / "fleet", kafka_servers, postgres_url, batch_records=20)
    with result as fleet:
        yield fleet


def around_the_spray() -> tuple[list[Line], list[Line], list[Line]]:
    """The demo's lines before, while and after one address tries many accounts."""
    rows = demo_rows()
    sprayed = [
        number
        for number, row in enumerate(rows)
        if row.raw and SPRAYER in row.raw and b"UserLoginFailed" in row.raw
    ]
    begin, end = sprayed[0], sprayed[-1] + 1
    assert len(sprayed) > 20
    return rows[:begin], rows[begin:end], rows[end:]


def test_workers_that_join_and_leave_during_a_spray_change_nothing(fleet: Fleet) -> None:
    before, during, after = around_the_spray()
    (first,) = fleet.start()
    fleet.produce(before)
    first.ready()
    size, codes = len(during) // 5, []
    for turn, begin in enumerate(range(0, len(during), size)):
        fleet.produce(during[begin : begin + size])
        if turn % 2:
            codes.append(fleet.stop(fleet.workers[0]))
        else:
            (joined,) = fleet.start()
            joined.ready()
    fleet.produce(after)
    fleet.drained()
    expected = embedded([*before, *during, *after], fleet.settings)

    assert fleet.outcome() == expected
    assert any(alert["rule"] == "password_spraying" for alert in expected.alerts)
    assert codes
    assert set(codes) == {0}


def test_partitions_added_while_workers_run_are_found_and_change_nothing(fleet: Fleet) -> None:
    before, during, after = around_the_spray()
    fleet.start(2)
    half = len(during) // 2
    fleet.produce([*before, *during[:half]])
    fleet.reached(len(before))
    fleet.add_partitions(4)
    fleet.produce([*during[half:], *after])
    fleet.drained()
    new = [name for name in fleet.ends() if name.endswith(("/2", "/3"))]

    assert fleet.outcome() == embedded([*before, *during, *after], fleet.settings)
    assert fleet.processed(new) > 500


def asleep(fleet: Fleet, sleeper: Worker, *, in_transaction: bool) -> None:
    """SIGSTOP in the middle of its work: beside a transaction, or inside one."""

    def fell_asleep() -> bool:
        sleeper.send(signal.SIGSTOP)
        if fleet.in_transaction() == in_transaction:
            return True
        sleeper.send(signal.SIGCONT)
        return False

    until(fell_asleep, 120, pause=0.005)


def sleeping(fleet: Fleet, *, in_transaction: bool) -> None:
    """An heir goes on; then SIGCONT. What the sleeper still had in hand must count for nothing."""
    rows = demo_rows()
    (sleeper,) = fleet.start()
    sleeper.ready()
    fleet.produce([*rows, *rows])
    names = list(fleet.ends())
    fleet.reached(200, names=names)
    asleep(fleet, sleeper, in_transaction=in_transaction)
    result = fleet.processed(names)
    fleet.start()
    fleet.drained()
    sleeper.send(signal.SIGCONT)
    sleeper.ready()
    fleet.produce(rows[::3])
    fleet.drained()

    assert 200 <= result < len(rows) * 2, "it slept in the middle of its work"
    assert fleet.outcome() == embedded([*rows, *rows, *rows[::3]], fleet.settings)
    assert sleeper.alive


def test_a_worker_that_slept_through_its_session_is_fenced(fleet: Fleet) -> None:
    sleeping(fleet, in_transaction=False)


@pytest.mark.soak
def test_a_worker_that_slept_inside_a_transaction_holds_the_others_up_but_loses_nothing(
    fleet: Fleet,
) -> None:
    """PostgreSQL ends its transaction after a minute (idle_in_transaction_session_timeout)."""
    sleeping(fleet, in_transaction=True)
