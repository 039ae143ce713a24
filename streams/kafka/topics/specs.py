"""Define which topics there are, and their settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from schemas.errors import ConfigurationError
from schemas.settings import KafkaSettings, Settings
from streams.kafka.topics.names import build_source_topic, build_topic_name

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
DEAD_LETTER_DAYS = 365
COMMAND_DAYS = 30
TOMBSTONE_DAYS = 7
"""How long a reader of a compacted topic may be away and still see what was withdrawn."""
HEADROOM_BYTES = 64 * 1024
"""For headers, key and batch around the largest line."""
ARRIVAL = "message.timestamp.type"


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """One topic as it must be on the broker."""

    name: str
    """Whole, with the prefix."""
    partitions: int
    """At least; more is an operator's right."""
    config: Mapping[str, str]
    """Topic settings, as Kafka's own names and texts."""
    why: str


def build_topic_specs(settings: Settings) -> tuple[TopicSpec, ...]:
    """Build the specification of every topic: the catch-all, one raw topic a source, then the rest.

    Raises ConfigurationError for names that Kafka refuses or cannot distinguish, and for more
    in-sync replicas than there are replicas."""
    kafka = settings.kafka
    if kafka.min_insync_replicas > kafka.replication:
        raise ConfigurationError(
            f"{kafka.min_insync_replicas} in-sync replicas of {kafka.replication}",
            place="kafka.min_insync_replicas",
            remedy="It must not exceed kafka.replication.",
        )
    specs = (
        *_build_raw_specs(settings),
        *_build_export_specs(settings),
        *_build_internal_specs(kafka),
    )
    _refuse_twins(specs)
    return specs


def _build_raw_specs(settings: Settings) -> Iterator[TopicSpec]:
    kafka = settings.kafka
    retention = max(1, int(kafka.raw_retention_hours * HOUR_MS))
    config = _build_config(
        kafka,
        **{
            "cleanup.policy": "delete",
            "retention.ms": str(retention),
            "segment.ms": str(min(DAY_MS, retention)),
            "max.message.bytes": str(settings.intake.max_line_bytes + HEADROOM_BYTES),
        },
    )
    yield TopicSpec(
        build_topic_name(kafka, "raw"),
        kafka.partitions,
        config,
        "records of any source, named in a header",
    )
    for name in dict.fromkeys(source.name for source in settings.sources):
        yield TopicSpec(
            build_source_topic(kafka, name), kafka.partitions, config, f"records of {name}"
        )


def _build_export_specs(settings: Settings) -> Iterator[TopicSpec]:
    kafka = settings.kafka
    # A record travels inside JSON there, so it may take twice its own size.
    message_limit = {"max.message.bytes": str(2 * settings.intake.max_line_bytes + HEADROOM_BYTES)}
    yield TopicSpec(
        build_topic_name(kafka, "alerts"),
        1,
        _build_config(kafka, **_build_compaction(), **message_limit),
        "alerts as they are",
    )
    yield TopicSpec(
        build_topic_name(kafka, "breaches"),
        1,
        _build_config(kafka, **_build_compaction(), **message_limit),
        "breach facts",
    )
    yield TopicSpec(
        build_topic_name(kafka, "dead-letters"),
        1,
        _build_config(kafka, **_build_retention(DEAD_LETTER_DAYS), **message_limit),
        "records that became no event, and why",
    )
    if settings.kafka.export_events:
        days = kafka.raw_retention_hours / 24
        config = _build_config(kafka, **_build_retention(days), **message_limit)
        yield TopicSpec(
            build_topic_name(kafka, "events"), kafka.partitions, config, "normalised events"
        )


def _build_internal_specs(kafka: KafkaSettings) -> Iterator[TopicSpec]:
    yield TopicSpec(
        build_topic_name(kafka, "commands"),
        1,
        _build_config(kafka, **_build_retention(COMMAND_DAYS)),
        "orders to workers",
    )
    yield TopicSpec(
        build_topic_name(kafka, "gaps"),
        1,
        _build_config(kafka, **_build_compaction()),
        "what a shipper lost",
    )


def _build_config(kafka: KafkaSettings, **own: str) -> dict[str, str]:
    return {
        ARRIVAL: "LogAppendTime",
        "min.insync.replicas": str(kafka.min_insync_replicas),
        **own,
    }


def _build_retention(days: float) -> dict[str, str]:
    return {"cleanup.policy": "delete", "retention.ms": str(max(1, int(days * DAY_MS)))}


def _build_compaction() -> dict[str, str]:
    return {"cleanup.policy": "compact", "delete.retention.ms": str(TOMBSTONE_DAYS * DAY_MS)}


def _refuse_twins(specs: tuple[TopicSpec, ...]) -> None:
    """Refuse names that differ only in `.` and `_`: Kafka's metrics do not distinguish them, and
    Kafka therefore refuses both."""
    seen: dict[str, str] = {}
    for spec in specs:
        twin = seen.setdefault(spec.name.replace("_", "."), spec.name)
        if twin != spec.name:
            raise ConfigurationError(
                f"Kafka cannot tell the topics {twin} and {spec.name} apart",
                place="sources.name",
                remedy="Rename one of the two sources.",
            )
