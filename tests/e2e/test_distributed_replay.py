"""All records read once more: by our own replay, by a reset group, by a group that is ahead."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fleet import Fleet, a_fleet, admin, demo_lines, demo_rows, embedded, partition
from kafka.structs import OffsetAndMetadata

from breachdesk.bootstrap.mail import send_due
from breachdesk.demo import drill
from breachdesk.demo.setup import DemoClock, list_in_arrival_order

pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.postgres]


@pytest.fixture
def fleet(tmp_path: Path, kafka_servers: str, postgres_url: str) -> Iterator[Fleet]:
    with a_fleet(tmp_path / "fleet", kafka_servers, postgres_url) as fleet:
        yield fleet


def notify_everybody(fleet: Fleet) -> None:
    """The people's part of the drill, up to letters that are approved and sent."""
    clock = DemoClock(list_in_arrival_order(demo_lines())[-1][0])
    fleet.container.now = clock
    case = drill.triage_alerts(fleet.container, clock)
    breach = drill.confirm_breach(fleet.container, clock, case)
    drill.freeze_and_decide(fleet.container, clock, breach)
    drill.approve_release(fleet.container, clock, breach)
    asyncio.run(send_due(fleet.container))


def notices(fleet: Fleet) -> list[dict[str, Any]]:
    return [row.model_dump() for row in fleet.store.read(lambda uow: uow.notices.list())]


def mails(fleet: Fleet) -> list[str]:
    folder = fleet.settings.data_dir / "mails"
    return sorted(str(each) for each in folder.rglob("*") if each.is_file())


def acts(fleet: Fleet) -> list[str]:
    return [each.act for each in fleet.store.read(lambda uow: uow.audit.list_entries())]


def test_a_replay_after_the_notices_changes_nothing_and_sends_nothing_twice(fleet: Fleet) -> None:
    fleet.start(2)
    fleet.produce(demo_rows())
    fleet.drained()
    notify_everybody(fleet)
    before, letters, sent, text = fleet.outcome(), notices(fleet), mails(fleet), acts(fleet)
    result = fleet.run("replay", "--from-beginning", "--json")
    positions = fleet.store.make_batch_sink().load_positions(list(fleet.ends()))
    fleet.drained()
    tried = asyncio.run(send_due(fleet.container))

    assert result.returncode == 0, result.stderr
    assert fleet.outcome() == before
    assert notices(fleet) == letters
    assert mails(fleet) == sent
    assert len(sent) > 3
    assert tried == 0
    assert acts(fleet) == [*text, "sources:partitions:replayed"]
    assert {stored.epoch for stored in positions.values()} == {1}
    assert {json.loads(line)["next"] for line in result.stdout.splitlines()} == {None}


def set_group(fleet: Fleet, *, ahead: bool) -> None:
    """As an administrator would, with the workers down: to the beginning, or to the end."""
    kafka = fleet.settings.kafka
    with admin(kafka.servers) as client:
        client.alter_group_offsets(
            kafka.group,
            {
                partition(name): OffsetAndMetadata(end if ahead else 0, "", -1)
                for name, end in fleet.ends().items()
            },
        )


def test_a_group_reset_to_the_beginning_changes_nothing(fleet: Fleet) -> None:
    rows = demo_rows()
    fleet.start(2)
    fleet.produce(rows[:4000])
    fleet.drained()
    fleet.stop_all()
    before = fleet.outcome()
    set_group(fleet, ahead=False)
    fleet.start(2)
    for worker in fleet.workers:
        worker.ready()
    unchanged = fleet.outcome()
    fleet.produce(rows[4000:])
    fleet.drained()
    read = sum(worker.metric("breachdesk_records_total") for worker in fleet.workers)

    assert unchanged == before
    assert fleet.outcome() == embedded(rows, fleet.settings)
    assert read == len(rows) - 4000, "nothing was read twice"


def test_a_group_that_is_ahead_of_the_store_skips_nothing(fleet: Fleet) -> None:
    rows = demo_rows()
    fleet.start(2)
    fleet.produce(rows[:2000])
    fleet.drained()
    fleet.stop_all()
    fleet.produce(rows[2000:])
    set_group(fleet, ahead=True)
    fleet.start(2)
    fleet.drained()

    assert fleet.outcome() == embedded(rows, fleet.settings)
