"""`breachdesk topics check`: what the broker holds beside what it must hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.errors import Misconfigured
from schemas.settings import KafkaSettings, Settings
from streams.topics.acls import permissions
from streams.topics.broker import Observed, administration, observe
from streams.topics.making import differences
from streams.topics.names import topic_name
from streams.topics.specs import ARRIVAL, TopicSpec, topic_specs

CREATE = "breachdesk topics create"
_MORE_IS_FINE = {"max.message.bytes", "retention.ms", "delete.retention.ms", "min.insync.replicas"}
"""A worker works with more of these: only less loses records, early or unseen."""
_INDIFFERENT = {"segment.ms"}


@dataclass(frozen=True, slots=True)
class Finding:
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


def check(settings: Settings) -> list[Finding]:
    """Everything that differs, then who may do what. Raises Retryable when the broker is away,
    Misconfigured when it refuses us."""
    kafka, specs = settings.kafka, topic_specs(settings)
    names = [spec.name for spec in specs]
    with administration(kafka) as client:
        seen = observe(client, names)
        found = [f for spec in specs for f in _about(spec, seen.get(spec.name), kafka)]
        unknown = _unknown(client, kafka, names)
        acls = [
            Finding("", "acl", text, remedy, wrong=False)
            for text, remedy in permissions(client, kafka, names)
        ]
    return [*found, *unknown, *acls]


def require(settings: Settings) -> None:
    """At a worker's start: raises Misconfigured naming the command when a topic is missing or is
    set so that records would be lost; Retryable when the broker is away."""
    kafka, specs = settings.kafka, topic_specs(settings)
    with administration(kafka) as client:
        seen = observe(client, [spec.name for spec in specs])
    found = [f for s in specs for f in _about(s, seen.get(s.name), kafka) if f.stops]
    if found:
        raise Misconfigured(
            "; ".join(f"{f.topic}: {f.problem}" for f in found),
            place="Kafka topics",
            remedy=f"Run {CREATE}.",
        )


def _about(spec: TopicSpec, seen: Observed | None, kafka: KafkaSettings) -> Iterator[Finding]:
    if seen is None:
        problem = "is missing, or this principal may not see it"
        yield Finding(spec.name, "missing", problem, f"Run {CREATE}.", stops=True)
        return
    if seen.partitions < spec.partitions:
        problem = f"has {seen.partitions} partitions; {spec.partitions} are configured"
        yield Finding(spec.name, "partitions", problem, f"Run {CREATE}.", stops=True)
    yield from _settings(spec, seen)
    yield from _replicas(spec, seen, kafka)


def _settings(spec: TopicSpec, seen: Observed) -> Iterator[Finding]:
    for key, present, wanted in differences(spec, seen):
        problem = f"{key} is {present}; it must be {wanted}"
        if key == ARRIVAL:
            problem += ", else a sender decides when a record arrived"
        stops = _stops(key, present, wanted)
        yield Finding(spec.name, "setting", problem, f"Run {CREATE}.", stops=stops)


def _stops(key: str, present: str, wanted: str) -> bool:
    if key in _INDIFFERENT:
        return False
    if key not in _MORE_IS_FINE:
        return True
    for_ever = key == "retention.ms" and present == "-1"
    return not for_ever and int(present or 0) < int(wanted)


def _replicas(spec: TopicSpec, seen: Observed, kafka: KafkaSettings) -> Iterator[Finding]:
    if seen.replicas < kafka.replication:
        yield Finding(
            spec.name,
            "replication",
            f"has {seen.replicas} replicas; {kafka.replication} are configured",
            "Move it with kafka-reassign-partitions.sh: breachdesk topics create moves no data.",
        )
    if seen.in_sync < kafka.min_insync_replicas:
        yield Finding(
            spec.name,
            "in-sync",
            f"{seen.in_sync} replicas are in sync; {kafka.min_insync_replicas} must be, "
            "so nothing can be written",
            "Start the missing brokers; then run breachdesk topics check.",
        )


def _unknown(client: Any, kafka: KafkaSettings, names: Sequence[str]) -> list[Finding]:
    start = f"{topic_name(kafka, 'raw')}."
    extra = sorted(n for n in client.list_topics() if n.startswith(start) and n not in names)
    return [
        Finding(
            name,
            "unknown-topic",
            "is a raw topic of a source that is not configured: nobody reads it",
            "Add its [[sources]] to breachdesk.toml and run breachdesk topics create; "
            "or delete it with kafka-topics.sh --delete.",
        )
        for name in extra
    ]
