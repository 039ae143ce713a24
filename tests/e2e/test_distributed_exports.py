"""What leaves for integrators and what they may say, through a real Faust app."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import fleet
import orjson
import pytest
from kafka import KafkaConsumer, TopicPartition

from streams.kafka import topics

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.slow]


@pytest.fixture(scope="module")
def workers(
    tmp_path_factory: pytest.TempPathFactory, kafka_servers: str, postgres_url: str
) -> Iterator[fleet.Fleet]:
    """The demo's lines through one worker, which exports events too."""
    folder = tmp_path_factory.mktemp("exports")
    with fleet.a_fleet(folder, kafka_servers, postgres_url, export_events=True) as ships:
        ships.start(1)
        ships.produce(fleet.demo_rows())
        ships.drained()
        yield ships


def exported(workers: fleet.Fleet, topic: str) -> list[tuple[str, Any]]:
    """(key, document) of every message of an export topic that is there now."""
    name = topics.build_topic_name(workers.settings.kafka, topic)
    consumer = KafkaConsumer(bootstrap_servers=workers.settings.kafka.servers)
    parts = [TopicPartition(name, n) for n in sorted(consumer.partitions_for_topic(name) or ())]
    consumer.assign(parts)
    ends = consumer.end_offsets(parts)
    consumer.seek_to_beginning(*parts)
    values: list[tuple[str, Any]] = []
    while any(consumer.position(part) < end for part, end in ends.items()):
        for rows in consumer.poll(timeout_ms=500).values():
            values += [(row.key.decode(), orjson.loads(row.value or b"null")) for row in rows]
    consumer.close()
    return values


def all_sent(workers: fleet.Fleet) -> None:
    outbox = workers.store.make_export_outbox()
    fleet.until(lambda: not outbox.list_waiting(1), fleet.WAIT_SECONDS, workers.tell)


def order(workers: fleet.Fleet, *orders: bytes) -> None:
    name = topics.build_topic_name(workers.settings.kafka, "commands")
    for each in orders:
        workers.producer.send(name, each)
    workers.producer.flush(timeout=30)


def test_every_alert_every_dead_letter_and_every_event_reaches_its_topic(
    workers: fleet.Fleet,
) -> None:
    all_sent(workers)
    outcome = workers.outcome()
    alerts = dict(exported(workers, "alerts"))
    letters = exported(workers, "dead-letters")
    events = exported(workers, "events")

    assert {a["id"]: a["customers"] for a in outcome.alerts} == {
        key: alert["customers"] for key, alert in alerts.items() if alert is not None
    }
    dead = {f"{x.position.journal}:{x.position.offset}" for x in workers.dead_letters()}
    assert {key for key, _ in letters} == dead
    raw = {line.raw for line in fleet.demo_rows()}
    assert all(base64.b64decode(document["raw"]) in raw for _, document in letters)
    parsed = sum(each["parsed"] for each in outcome.sources.values())
    assert len(events) == parsed
    assert all(document["event"]["id"] == key for key, document in events)


def test_orders_are_followed_once_and_what_is_none_goes_to_the_dead_letters(
    workers: fleet.Fleet,
) -> None:
    alert = workers.outcome().alerts[0]["id"]
    note = orjson.dumps({"order": "comment", "alert": alert, "text": "the playbook was here"})
    gap = (
        b'{"order": "note-gap", "source": "fw", "begin": "2026-11-22T01:00:00Z",'
        b' "reason": "the shipper lost its disk"}'
    )
    order(workers, b"\xff not json", note, gap, note, b'{"order": "release", "breach": "BR-0001"}')
    fleet.until(lambda: len(refused(workers)) == 2, fleet.WAIT_SECONDS, workers.tell)

    comments = workers.store.read(lambda uow: uow.alerts.list_comments(uow.alerts.get(alert).pk))
    gaps = workers.store.read(lambda uow: uow.sources.list_gaps())
    assert [each.text for each in comments] == ["the playbook was here"]
    assert [each.reason for each in gaps if each.source == "fw"] == ["the shipper lost its disk"]
    assert all("topics.md" in reason for reason in refused(workers).values())
    fleet.until(lambda: sum(acknowledged(workers).values()) == 5, fleet.WAIT_SECONDS, workers.tell)


def acknowledged(workers: fleet.Fleet) -> dict[TopicPartition, int]:
    """Where the agents' group goes on in the topic of orders."""
    kafka = workers.settings.kafka
    name = topics.build_topic_name(kafka, "commands")
    with fleet.admin(kafka.servers) as client:
        places = client.list_group_offsets(f"{kafka.group}.agents")[f"{kafka.group}.agents"]
    return {tp: place.offset for tp, place in places.items() if tp.topic == name}


def refused(workers: fleet.Fleet) -> dict[str, str]:
    """Orders in the dead letters, by their place."""
    return {
        key: document["reason"]
        for key, document in exported(workers, "dead-letters")
        if "order" in document
    }


def test_dead_letters_fed_again_by_command_are_dead_once(workers: fleet.Fleet) -> None:
    before, received = workers.dead_letters(), workers.outcome().received
    result = workers.run("dead-letters", "replay", "--json")
    workers.drained()

    assert result.returncode == 0, result.stderr
    assert fleet.facts(result) == {"letters": len(before), "fed": len(before), "gone": 0}
    after = workers.dead_letters()
    assert sorted(letter.sha256 for letter in after) == sorted(each.sha256 for each in before)
    assert {each.position for each in after}.isdisjoint(each.position for each in before)
    assert workers.outcome().received == received
