"""Compare the broker's topics with their specifications for `breachdesk topics check`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.errors import ConfigurationError
from schemas.settings import KafkaSettings, Settings
from streams.kafka.topics.acls import describe_permissions
from streams.kafka.topics.broker import ObservedTopic, observe, open_admin_client
from streams.kafka.topics.making import list_differences
from streams.kafka.topics.names import build_topic_name
from streams.kafka.topics.specs import ARRIVAL, TopicSpec, build_topic_specs

CREATE = "breachdesk topics create"
_MORE_IS_FINE = {"max.message.bytes", "retention.ms", "delete.retention.ms", "min.insync.replicas"}
"""A worker works with more of these: only less loses records, early or unseen."""
_INDIFFERENT = {"segment.ms"}


@dataclass(frozen=True, slots=True)
class TopicCheck:
    """One thing seen about a topic."""

    topic: str
    """Empty: about the cluster."""
    what: str
    """missing | partitions | setting | replication | in-sync | unknown-topic | acl."""
    problem: str
    remedy: str = ""
    wrong: bool = True
    """False: only reported."""
    stops: bool = False
    """A worker does not start with it: records would be lost or their arrival not be believed."""


def check_topics(settings: Settings) -> list[TopicCheck]:
    """List all differences, then who may do what. Raises RetryableError if the broker is away,
    ConfigurationError if it refuses us."""
    kafka, specs = settings.kafka, build_topic_specs(settings)
    names = [spec.name for spec in specs]
    with open_admin_client(kafka) as client:
        seen = observe(client, names)
        findings = [f for spec in specs for f in _check_topic(spec, seen.get(spec.name), kafka)]
        unknown = _check_unknown(client, kafka, names)
        acls = [
            TopicCheck("", "acl", text, remedy, wrong=False)
            for text, remedy in describe_permissions(client, kafka, names)
        ]
    return [*findings, *unknown, *acls]


def require_topics(settings: Settings) -> None:
    """Check the topics at a worker's start: raises ConfigurationError naming the command if a topic
    is missing or its settings would lose records; RetryableError if the broker is away."""
    kafka, specs = settings.kafka, build_topic_specs(settings)
    with open_admin_client(kafka) as client:
        seen = observe(client, [spec.name for spec in specs])
    findings = [f for s in specs for f in _check_topic(s, seen.get(s.name), kafka) if f.stops]
    if findings:
        raise ConfigurationError(
            "; ".join(f"{f.topic}: {f.problem}" for f in findings),
            place="Kafka topics",
            remedy=f"Run {CREATE}.",
        )


def _check_topic(
    spec: TopicSpec, seen: ObservedTopic | None, kafka: KafkaSettings
) -> Iterator[TopicCheck]:
    if seen is None:
        problem = "is missing, or this principal may not see it"
        yield TopicCheck(spec.name, "missing", problem, f"Run {CREATE}.", stops=True)
        return
    if seen.partitions < spec.partitions:
        problem = f"has {seen.partitions} partitions; {spec.partitions} are configured"
        yield TopicCheck(spec.name, "partitions", problem, f"Run {CREATE}.", stops=True)
    yield from _check_settings(spec, seen)
    yield from _check_replicas(spec, seen, kafka)


def _check_settings(spec: TopicSpec, seen: ObservedTopic) -> Iterator[TopicCheck]:
    for key, present, required in list_differences(spec, seen):
        problem = f"{key} is {present}; it must be {required}"
        if key == ARRIVAL:
            problem += ", else a sender decides when a record arrived"
        stops = _is_blocking(key, present, required)
        yield TopicCheck(spec.name, "setting", problem, f"Run {CREATE}.", stops=stops)


def _is_blocking(key: str, present: str, required: str) -> bool:
    if key in _INDIFFERENT:
        return False
    if key not in _MORE_IS_FINE:
        return True
    for_ever = key == "retention.ms" and present == "-1"
    return not for_ever and int(present or 0) < int(required)


def _check_replicas(
    spec: TopicSpec, seen: ObservedTopic, kafka: KafkaSettings
) -> Iterator[TopicCheck]:
    if seen.replicas < kafka.replication:
        yield TopicCheck(
            spec.name,
            "replication",
            f"has {seen.replicas} replicas; {kafka.replication} are configured",
            "Move it with kafka-reassign-partitions.sh: breachdesk topics create moves no data.",
        )
    if seen.in_sync < kafka.min_insync_replicas:
        yield TopicCheck(
            spec.name,
            "in-sync",
            f"{seen.in_sync} replicas are in sync; {kafka.min_insync_replicas} must be, "
            "so nothing can be written",
            "Start the missing brokers; then run breachdesk topics check.",
        )


def _check_unknown(client: Any, kafka: KafkaSettings, names: Sequence[str]) -> list[TopicCheck]:
    start = f"{build_topic_name(kafka, 'raw')}."
    extra = sorted(n for n in client.list_topics() if n.startswith(start) and n not in names)
    return [
        TopicCheck(
            name,
            "unknown-topic",
            "is a raw topic of a source that is not configured: nobody reads it",
            "Add its [[sources]] to breachdesk.toml and run breachdesk topics create; "
            "or delete it with kafka-topics.sh --delete.",
        )
        for name in extra
    ]
