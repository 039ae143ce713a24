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
def play(
    tmp_path_factory: pytest.TempPathFactory, kafka_servers: str, postgres_url: str
) -> Iterator[fleet.Fleet]:
    """The demo's lines through one worker, which exports events too."""
    folder = tmp_path_factory.mktemp("exports")
    with fleet.a_fleet(folder, kafka_servers, postgres_url, export_events=True) as ships:
        ships.start(1)
        ships.produce(fleet.demo_rows())
        ships.drained()
        yield ships


def exported(play: fleet.Fleet, topic: str) -> list[tuple[str, Any]]:
    """(key, document) of every message of an export topic that is there now."""
    name = topics.build_topic_name(play.settings.kafka, topic)
    consumer = KafkaConsumer(bootstrap_servers=play.settings.kafka.servers)
    parts = [TopicPartition(name, n) for n in sorted(consumer.partitions_for_topic(name) or ())]
    consumer.assign(parts)
    ends = consumer.end_offsets(parts)
    consumer.seek_to_beginning(*parts)
    found: list[tuple[str, Any]] = []
    while any(consumer.position(part) < end for part, end in ends.items()):
        for rows in consumer.poll(timeout_ms=500).values():
            found += [(row.key.decode(), orjson.loads(row.value or b"null")) for row in rows]
    consumer.close()
    return found


def all_sent(play: fleet.Fleet) -> None:
    outbox = play.store.make_export_outbox()
    fleet.until(lambda: not outbox.list_waiting(1), fleet.WAIT_SECONDS, play.tell)


def order(play: fleet.Fleet, *orders: bytes) -> None:
    name = topics.build_topic_name(play.settings.kafka, "commands")
    for each in orders:
        play.producer.send(name, each)
    play.producer.flush(timeout=30)


def test_every_alert_every_dead_letter_and_every_event_reaches_its_topic(play: fleet.Fleet) -> None:
    all_sent(play)
    outcome = play.outcome()
    alerts = dict(exported(play, "alerts"))
    letters = exported(play, "dead-letters")
    events = exported(play, "events")

    assert {a["id"]: a["customers"] for a in outcome.alerts} == {
        key: alert["customers"] for key, alert in alerts.items() if alert is not None
    }
    dead = {f"{x.position.journal}:{x.position.offset}" for x in play.dead_letters()}
    assert {key for key, _ in letters} == dead
    raw = {line.raw for line in fleet.demo_rows()}
    assert all(base64.b64decode(document["raw"]) in raw for _, document in letters)
    parsed = sum(each["parsed"] for each in outcome.sources.values())
    assert len(events) == parsed
    assert all(document["event"]["id"] == key for key, document in events)


def test_orders_are_followed_once_and_what_is_none_goes_to_the_dead_letters(
    play: fleet.Fleet,
) -> None:
    alert = play.outcome().alerts[0]["id"]
    note = orjson.dumps({"order": "comment", "alert": alert, "text": "the playbook was here"})
    gap = (
        b'{"order": "note-gap", "source": "fw", "begin": "2026-11-22T01:00:00Z",'
        b' "reason": "the shipper lost its disk"}'
    )
    order(play, b"\xff not json", note, gap, note, b'{"order": "release", "breach": "BR-0001"}')
    fleet.until(lambda: len(refused(play)) == 2, fleet.WAIT_SECONDS, play.tell)

    comments = play.store.read(lambda uow: uow.alerts.list_comments(uow.alerts.get(alert).pk))
    gaps = play.store.read(lambda uow: uow.sources.list_gaps())
    assert [each.text for each in comments] == ["the playbook was here"]
    assert [each.reason for each in gaps if each.source == "fw"] == ["the shipper lost its disk"]
    assert all("topics.md" in reason for reason in refused(play).values())
    fleet.until(lambda: sum(acknowledged(play).values()) == 5, fleet.WAIT_SECONDS, play.tell)


def acknowledged(play: fleet.Fleet) -> dict[TopicPartition, int]:
    """Where the agents' group goes on in the topic of orders."""
    kafka = play.settings.kafka
    name = topics.build_topic_name(kafka, "commands")
    with fleet.admin(kafka.servers) as client:
        places = client.list_group_offsets(f"{kafka.group}.agents")[f"{kafka.group}.agents"]
    return {tp: place.offset for tp, place in places.items() if tp.topic == name}


def refused(play: fleet.Fleet) -> dict[str, str]:
    """Orders in the dead letters, by their place."""
    return {
        key: document["reason"]
        for key, document in exported(play, "dead-letters")
        if "order" in document
    }


def test_dead_letters_fed_again_by_command_are_dead_once(play: fleet.Fleet) -> None:
    before, received = play.dead_letters(), play.outcome().received
    result = play.run("dead-letters", "replay", "--json")
    play.drained()

    assert result.returncode == 0, result.stderr
    assert fleet.facts(result) == {"letters": len(before), "fed": len(before), "gone": 0}
    after = play.dead_letters()
    assert sorted(letter.sha256 for letter in after) == sorted(each.sha256 for each in before)
    assert {each.position for each in after}.isdisjoint(each.position for each in before)
    assert play.outcome().received == received
