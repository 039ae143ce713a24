"""Topics that are missing, set wrongly, re-created, cut at the front or at the end: `breachdesk
worker` stops and names the command that mends it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fleet import WAIT_SECONDS, Fleet, a_fleet, admin, demo_rows, embedded, partition, until
from kafka.admin import ConfigResource, ConfigResourceType

from streams.kafka import topics
from streams.ports import GroupUpdates, PartitionAdvance, RecordBatch

pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.postgres]
MISCONFIGURED, CORRUPT = 2, 1
"""Exit codes: settings or topics to mend; what is stored contradicts what Kafka holds."""
TOLD = 120
"""Lines of the demo that are read before the topics are spoilt."""


@pytest.fixture
def fleet(tmp_path: Path, kafka_servers: str, postgres_url: str) -> Iterator[Fleet]:
    with a_fleet(tmp_path / "fleet", kafka_servers, postgres_url, partitions=1) as fleet:
        yield fleet


def refusal(fleet: Fleet, code: int) -> str:
    """What a further worker says when it gives up."""
    (worker,) = fleet.start()
    fleet.workers.remove(worker)
    until(lambda: not worker.alive, WAIT_SECONDS, lambda: worker.said[-2000:])
    assert worker.process.returncode == code, worker.said
    return " ".join(worker.said.split())


def feed_all(fleet: Fleet) -> None:
    fleet.start()
    fleet.produce(demo_rows()[:TOLD], scatter=False)
    fleet.drained()
    fleet.stop_all()


def test_a_missing_topic_stops_the_worker_before_it_begins(fleet: Fleet) -> None:
    missing = fleet.topic("m365")
    with admin(fleet.settings.kafka.servers) as client:
        client.delete_topics([missing])
        until(lambda: missing not in client.list_topics(), WAIT_SECONDS)
    text = refusal(fleet, MISCONFIGURED)
    mended = fleet.run("topics", "create")
    feed_all(fleet)

    assert missing in text
    assert "breachdesk topics create" in text
    assert mended.returncode == 0
    assert fleet.outcome() == embedded(demo_rows()[:TOLD], fleet.settings)


def test_a_topic_that_believes_its_senders_times_stops_the_worker(fleet: Fleet) -> None:
    topic = fleet.topic("web")
    changed = {"message.timestamp.type": "CreateTime"}
    with admin(fleet.settings.kafka.servers) as client:
        client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, changed)])
    until(
        lambda: any(f.topic == topic and f.wrong for f in topics.check_topics(fleet.settings)),
        WAIT_SECONDS,
    )
    text = refusal(fleet, MISCONFIGURED)

    assert topic in text
    assert "breachdesk topics create" in text


def test_a_topic_created_again_stops_the_worker_until_a_replay_is_ordered(fleet: Fleet) -> None:
    feed_all(fleet)
    before = fleet.outcome()
    anew = fleet.topic("web")
    with admin(fleet.settings.kafka.servers) as client:
        client.delete_topics([anew])
        until(lambda: anew not in client.list_topics(), WAIT_SECONDS)
    topics.create_topics(fleet.settings)
    text = refusal(fleet, CORRUPT)
    ordered = fleet.run("replay", f"{anew}/0", "--from-beginning")
    fleet.start()
    fleet.produce(demo_rows()[TOLD : 2 * TOLD], scatter=False)
    fleet.drained()

    assert "an earlier creation of this topic" in text
    assert "breachdesk replay --from-beginning" in text
    assert ordered.returncode == 0, ordered.stderr
    assert fleet.outcome().alerts == embedded(demo_rows()[: 2 * TOLD], fleet.settings).alerts
    assert fleet.outcome().received > before.received


def test_records_that_were_dropped_before_they_were_processed_stop_the_worker(
    fleet: Fleet,
) -> None:
    feed_all(fleet)
    fleet.produce(demo_rows()[TOLD : 3 * TOLD], scatter=False)
    with admin(fleet.settings.kafka.servers) as client:
        client.delete_records(
            {partition(name): end for name, end in fleet.ends().items() if "web" in name}
        )
    text = refusal(fleet, CORRUPT)

    assert "Retention dropped records before they were processed" in text
    assert "breachdesk replay --from-beginning" in text


def test_a_position_beyond_the_end_stops_the_worker(fleet: Fleet) -> None:
    """As after a broker that lost what it had acknowledged."""
    feed_all(fleet)
    name = f"{fleet.topic('web')}/0"
    sink = fleet.store.make_batch_sink()
    positions = sink.load_positions([name])[name]
    assert positions.position is not None
    beyond = positions.position._replace(offset=1_000_000)
    step = PartitionAdvance(name, positions, beyond, positions.arrived)
    sink.commit(RecordBatch([step]), {}, lambda _rows, _low: GroupUpdates(), fleet.container.now())
    text = refusal(fleet, CORRUPT)

    assert "The broker lost records that it had acknowledged" in text
    assert "breachdesk replay --from-beginning" in text
