"""Names of topics and what each must be, without a broker."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import ConfigurationError
from schemas.settings import IntakeSettings, KafkaSettings, Settings, SourceSettings
from streams.kafka.topics import TopicSpec, build_source_topic, build_topic_specs, find_source
from streams.kafka.topics.findings import _is_blocking
from streams.kafka.topics.specs import HEADROOM_BYTES

KAFKA = KafkaSettings(servers="127.0.0.1:9092")


def settings(*sources: str, kafka: KafkaSettings = KAFKA) -> Settings:
    return Settings(
        data_dir=Path("data"),
        kafka=kafka,
        sources=tuple(SourceSettings(name=name) for name in sources),
        intake=IntakeSettings(max_line_bytes=100_000),
    )


def named(specs: tuple[TopicSpec, ...]) -> dict[str, TopicSpec]:
    return {spec.name: spec for spec in specs}


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_every_source_name_can_be_read_back_from_its_topic(source: str) -> None:
    topic = build_source_topic(KAFKA, source)

    assert find_source(KAFKA, topic) == source
    assert set(topic) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


def test_what_kafka_refuses_becomes_hexadecimal() -> None:
    assert build_source_topic(KAFKA, "mail_gw/2 é") == "breachdesk.raw.mail_5fgw_2f2_20_c3_a9"


@pytest.mark.parametrize(
    "topic",
    ["breachdesk.raw", "breachdesk.alerts", "other.raw.x", "breachdesk.raw.",
     "breachdesk.raw.a_b", "breachdesk.raw._FF", "breachdesk.raw._ff"],
)  # fmt: skip
def test_a_topic_that_is_no_source_s_has_no_source(topic: str) -> None:
    assert find_source(KAFKA, topic) is None


def test_a_name_longer_than_kafka_takes_names_the_source_and_the_limit() -> None:
    with pytest.raises(ConfigurationError, match=r"source 'x+'.*315 characters; Kafka takes 249"):
        build_source_topic(KAFKA, "x" * 300)


def test_a_source_without_a_name_and_a_prefix_with_a_space_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"sources\.name"):
        build_topic_specs(settings(""))
    with pytest.raises(ConfigurationError, match=r"kafka\.prefix"):
        build_topic_specs(settings(kafka=KAFKA.model_copy(update={"prefix": "breach desk."})))


def test_two_sources_that_kafka_cannot_tell_apart_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="cannot tell the topics"):
        build_topic_specs(settings("a.5fb", "a_b"))


def test_more_replicas_in_sync_than_replicas_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="2 in-sync replicas of 1"):
        build_topic_specs(settings(kafka=KAFKA.model_copy(update={"min_insync_replicas": 2})))


def test_arrival_is_the_brokers_on_every_topic_and_raw_takes_the_longest_line() -> None:
    kafka = KAFKA.model_copy(update={"partitions": 7, "raw_retention_hours": 2})
    specs = named(build_topic_specs(settings("fw", "fw", "m365", kafka=kafka)))
    raw = specs["breachdesk.raw.fw"]

    assert set(specs) == {
        *("breachdesk.raw", "breachdesk.raw.fw", "breachdesk.raw.m365"),
        *("breachdesk.alerts", "breachdesk.breaches", "breachdesk.dead-letters"),
        *("breachdesk.commands", "breachdesk.gaps"),
    }
    assert {s.config["message.timestamp.type"] for s in specs.values()} == {"LogAppendTime"}
    assert raw.partitions == 7
    assert raw.config["retention.ms"] == raw.config["segment.ms"] == "7200000"
    assert raw.config["max.message.bytes"] == str(100_000 + HEADROOM_BYTES)
    assert specs["breachdesk.breaches"].config["cleanup.policy"] == "compact"
    assert specs["breachdesk.gaps"].config["cleanup.policy"] == "compact"
    assert raw.config["cleanup.policy"] == "delete"


def test_events_have_a_topic_only_when_they_are_exported() -> None:
    exporting = settings(kafka=KAFKA.model_copy(update={"export_events": True}))

    assert "breachdesk.events" in named(build_topic_specs(exporting))
    assert "breachdesk.events" not in named(build_topic_specs(settings()))


@pytest.mark.parametrize(
    ("key", "present", "stops"),
    [
        ("message.timestamp.type", "CreateTime", True),
        ("cleanup.policy", "compact", True),
        ("retention.ms", "1000", True),
        ("retention.ms", "9000", False),
        ("retention.ms", "-1", False),
        ("max.message.bytes", "100", True),
        ("segment.ms", "1", False),
    ],
)
def test_only_what_loses_records_stops_a_worker(key: str, present: str, stops: bool) -> None:
    fields = {"message.timestamp.type": "LogAppendTime", "cleanup.policy": "delete"}

    assert _is_blocking(key, present, fields.get(key, "5000")) is stops
