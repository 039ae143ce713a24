"""Our topics on a real Kafka: made, checked, mended, measured, and the command line over it."""

from __future__ import annotations

import base64
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.structs import OffsetAndMetadata
from services import private_kafka
from typer.testing import CliRunner, Result

from breachdesk.cli.main import app
from schemas.errors import ConfigurationError, RetryableError
from schemas.settings import KafkaSettings, Settings, SourceSettings
from streams.kafka.topics import (
    build_source_topic,
    build_topic_specs,
    check_topics,
    create_topics,
    list_lags,
    load_topic_ids,
    require_topics,
)

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


@pytest.fixture
def settings(kafka_servers: str, prefix: str, tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path,
        kafka=KafkaSettings(servers=kafka_servers, prefix=prefix, group=prefix, partitions=2),
        sources=(SourceSettings(name="mail_gw/2"), SourceSettings(name="m365")),
    )


@pytest.fixture
def admin(kafka_servers: str) -> Iterator[KafkaAdminClient]:
    with KafkaAdminClient(bootstrap_servers=kafka_servers) as client:
        yield client


def with_kafka(settings: Settings, **changes: object) -> Settings:
    return settings.model_copy(update={"kafka": settings.kafka.model_copy(update=changes)})


def wrong(settings: Settings) -> list[tuple[str, str]]:
    return [
        (f.topic.removeprefix(settings.kafka.prefix), f.what)
        for f in check_topics(settings)
        if f.wrong
    ]


def alter(admin: KafkaAdminClient, topic: str, **config: str) -> None:
    changed = {key.replace("_", "."): value for key, value in config.items()}
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, changed)])
    until(lambda: changed.items() <= config_of(admin, topic).items())


def config_of(admin: KafkaAdminClient, topic: str) -> dict[str, str]:
    described = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    return {key: text["value"] for key, text in described["topic"][topic].items()}


def until(so: Callable[[], bool]) -> None:
    for _ in range(200):
        if so():
            return
        time.sleep(0.05)
    pytest.fail("ten seconds were not enough")


def test_a_second_create_changes_nothing_and_the_check_is_clean(settings: Settings) -> None:
    topics = create_topics(settings)
    again = create_topics(settings)

    assert [c.topic for c in topics] == [spec.name for spec in build_topic_specs(settings)]
    assert {c.what for c in topics} == {"created"}
    assert again == []
    assert wrong(settings) == []
    require_topics(settings)


def test_missing_topics_are_each_found_and_stop_a_worker_with_the_command(
    settings: Settings,
) -> None:
    with pytest.raises(ConfigurationError, match="breachdesk topics create") as refused:
        require_topics(settings)

    assert wrong(settings) == [
        (spec.name.removeprefix(settings.kafka.prefix), "missing")
        for spec in build_topic_specs(settings)
    ]
    assert build_source_topic(settings.kafka, "m365") in str(refused.value)


def test_checking_makes_no_topic(settings: Settings, admin: KafkaAdminClient) -> None:
    check_topics(settings)

    assert [t for t in admin.list_topics() if t.startswith(settings.kafka.prefix)] == []


def test_senders_deciding_the_arrival_is_found_stops_a_worker_and_is_mended(
    settings: Settings, admin: KafkaAdminClient
) -> None:
    create_topics(settings)
    topic = build_source_topic(settings.kafka, "m365")
    alter(admin, topic, message_timestamp_type="CreateTime")
    values = [f for f in check_topics(settings) if f.wrong]
    with pytest.raises(ConfigurationError, match=r"message\.timestamp\.type is CreateTime"):
        require_topics(settings)
    changes = create_topics(settings)

    assert [(f.topic, f.what, f.remedy) for f in values] == [
        (topic, "setting", "Run breachdesk topics create.")
    ]
    assert "a sender decides when a record arrived" in values[0].problem
    assert [(c.topic, c.what, c.before, c.after) for c in changes] == [
        (topic, "message.timestamp.type", "CreateTime", "LogAppendTime")
    ]
    assert wrong(settings) == []
    require_topics(settings)


def test_mending_one_setting_leaves_an_operators_own_ones_alone(
    settings: Settings, admin: KafkaAdminClient
) -> None:
    create_topics(settings)
    topic = build_source_topic(settings.kafka, "m365")
    alter(admin, topic, retention_ms="60000", compression_type="zstd")
    create_topics(settings)
    config = config_of(admin, topic)

    assert config["compression.type"] == "zstd"
    assert config["retention.ms"] == str(30 * 24 * 3_600_000)


def test_longer_retention_is_told_but_stops_no_worker(
    settings: Settings, admin: KafkaAdminClient
) -> None:
    create_topics(settings)
    alter(admin, build_source_topic(settings.kafka, "m365"), retention_ms="-1")
    require_topics(settings)

    assert wrong(settings) == [("raw.m365", "setting")]


def test_partitions_are_raised_and_never_lowered(settings: Settings) -> None:
    create_topics(settings)
    more, fewer = with_kafka(settings, partitions=3), with_kafka(settings, partitions=1)
    before = wrong(more)
    raised = [(c.what, c.before, c.after) for c in create_topics(more)]

    assert before == [(f"raw{source}", "partitions") for source in ("", ".mail_5fgw_2f2", ".m365")]
    assert raised == [("partitions", "2", "3")] * 3
    assert wrong(more) == []
    assert create_topics(fewer) == []
    assert wrong(fewer) == []


def test_a_raw_topic_that_no_source_is_configured_for_is_told(settings: Settings) -> None:
    create_topics(settings)
    fewer = settings.model_copy(update={"sources": settings.sources[:1]})

    assert wrong(fewer) == [("raw.m365", "unknown-topic")]
    require_topics(fewer)


def test_fewer_replicas_than_configured_are_told_with_the_tool_that_moves_data(
    settings: Settings,
) -> None:
    create_topics(settings)
    values = [f for f in check_topics(with_kafka(settings, replication=3)) if f.wrong]

    assert {f.what for f in values} == {"replication"}
    assert "kafka-reassign-partitions.sh" in values[0].remedy


def test_more_replicas_than_brokers_names_the_key(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match=r"kafka\.replication: .*only 1 broker"):
        create_topics(with_kafka(settings, replication=3))


def test_more_in_sync_replicas_than_there_are_means_nothing_can_be_written(
    settings: Settings,
) -> None:
    create_topics(settings)
    question = with_kafka(settings, replication=2, min_insync_replicas=2)

    assert {what for _, what in wrong(question)} == {"replication", "in-sync", "setting"}


def test_without_an_authoriser_the_check_says_so_and_stays_clean(settings: Settings) -> None:
    create_topics(settings)
    values = [f for f in check_topics(settings) if not f.wrong]

    assert [f.what for f in values] == ["acl"]
    assert values[0].problem.startswith("no authoriser on this broker")


def test_lag_counts_what_the_group_has_not_committed(
    settings: Settings, admin: KafkaAdminClient
) -> None:
    create_topics(settings)
    topic = build_source_topic(settings.kafka, "m365")
    with KafkaProducer(bootstrap_servers=settings.kafka.servers) as producer:
        for n in range(10):
            producer.send(topic, b"line", partition=0, headers=[("source", str(n).encode())])
        producer.flush()
    never = {(row.topic, row.partition): row for row in list_lags(settings)}
    fields = {TopicPartition(topic, 0): OffsetAndMetadata(4, "", -1)}
    admin.alter_group_offsets(settings.kafka.group, fields)
    then = {(row.topic, row.partition): row for row in list_lags(settings)}

    assert len(never) == 6
    assert (never[topic, 0].begin, never[topic, 0].end) == (0, 10)
    assert (never[topic, 0].committed, never[topic, 0].lag) == (None, 10)
    assert (then[topic, 0].committed, then[topic, 0].lag) == (4, 6)
    assert then[topic, 1].lag == 0


def test_records_arrive_when_the_broker_says_so(settings: Settings) -> None:
    create_topics(settings)
    topic = build_source_topic(settings.kafka, "m365")
    with KafkaProducer(bootstrap_servers=settings.kafka.servers) as producer:
        sent = producer.send(topic, b"line", timestamp_ms=1).get(timeout=60)

    assert sent.timestamp > 1_600_000_000_000


def test_a_line_of_the_greatest_length_is_taken(settings: Settings) -> None:
    create_topics(settings)
    line = b"x" * settings.intake.max_line_bytes
    options: dict[str, Any] = {"max_request_size": 2 * len(line)}
    with KafkaProducer(bootstrap_servers=settings.kafka.servers, **options) as producer:
        sent = producer.send(build_source_topic(settings.kafka, "m365"), line).get(timeout=60)

    assert sent.offset == 0


def test_a_topic_created_again_has_another_id_in_the_text_that_kafkas_tools_print(
    settings: Settings, admin: KafkaAdminClient
) -> None:
    create_topics(settings)
    topic = build_source_topic(settings.kafka, "m365")
    first = load_topic_ids(settings, [topic, "nosuch"])
    result = admin.describe_topics([topic])[0]["topic_id"]
    admin.delete_topics([topic])
    until(lambda: topic not in admin.list_topics())
    create_topics(settings)
    second = load_topic_ids(settings, [topic])

    assert list(first) == [topic]
    assert len(first[topic]) == 22
    assert uuid.UUID(bytes=base64.urlsafe_b64decode(first[topic] + "==")) == uuid.UUID(str(result))
    assert second[topic] != first[topic]


def test_a_broker_that_is_down_is_worth_another_try_and_leaves_no_thread(
    settings: Settings,
) -> None:
    before = threading.active_count()
    for act in (check_topics, create_topics, list_lags, require_topics):
        with pytest.raises(RetryableError, match=r"127\.0\.0\.1:1: nobody answers there"):
            act(with_kafka(settings, servers="127.0.0.1:1"))

    assert threading.active_count() == before


def test_a_broker_that_stops_is_answered_again_once_it_is_back(
    settings: Settings,
) -> None:
    with private_kafka() as kafka:
        own = with_kafka(settings, servers=kafka.address)
        create_topics(own)
        kafka.kill()
        with pytest.raises(RetryableError):
            check_topics(own)
        kafka.start()

        assert wrong(own) == []


def run(settings: Settings, *words: str) -> Result:
    environment = {
        "BREACHDESK_KAFKA__SERVERS": settings.kafka.servers,
        "BREACHDESK_KAFKA__PREFIX": settings.kafka.prefix,
        "BREACHDESK_KAFKA__GROUP": settings.kafka.group,
    }
    command = ["topics", *words, "--json", "--data-dir", str(settings.data_dir)]
    return CliRunner().invoke(app, command, env=environment)


def test_the_command_line_checks_makes_and_measures(settings: Settings) -> None:
    before = run(settings, "check")
    result = run(settings, "create")
    after = run(settings, "check")
    behind = run(settings, "lag")

    assert (before.exit_code, result.exit_code, after.exit_code) == (1, 0, 0)
    assert '"what":"missing"' in before.stdout
    assert result.stdout.count('"created"') == 6
    assert '"lag":0' in behind.stdout
