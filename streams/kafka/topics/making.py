"""Create missing topics and correct differing settings for `breachdesk topics create`; never reduce
any."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.errors import ConfigurationError, RetryableError
from schemas.settings import Settings
from streams.kafka.client_options import import_extra
from streams.kafka.topics.broker import ObservedTopic, observe, open_admin_client
from streams.kafka.topics.specs import TopicSpec, build_topic_specs

SETTLE_SECONDS = 10.0
_ALREADY_THERE = 36
_TOO_FEW_BROKERS = 38


@dataclass(frozen=True, slots=True)
class TopicChange:
    """What was done to a topic."""

    topic: str
    what: str
    """`created`, `partitions`, or the name of a setting."""
    before: str
    """Empty: it did not exist."""
    after: str


def create_topics(settings: Settings) -> list[TopicChange]:
    """Make the broker hold what `build_topic_specs` says; a second call changes nothing.

    Partitions are raised, never lowered; replicas of an existing topic stay (moving data is the
    operator's act). Raises ConfigurationError when the broker refuses, RetryableError when it is
    away."""
    specs = build_topic_specs(settings)
    with open_admin_client(settings.kafka) as client:
        there = observe(client, [spec.name for spec in specs])
        created = _create_missing(
            client, [s for s in specs if s.name not in there], settings.kafka.replication
        )
        present = [spec for spec in specs if spec.name in there]
        raised = _raise_partitions(client, present, there)
        changes = [*created, *raised, *_change_settings(client, present, there)]
        if changes:
            _wait_until_settled(client, specs)
    return changes


def list_differences(spec: TopicSpec, seen: ObservedTopic) -> Iterator[tuple[str, str, str]]:
    """Yield (setting, present value, required value) of each that differs."""
    for key, required in spec.config.items():
        present = seen.config.get(key, "")
        if present != required:
            yield key, present, required


def _create_missing(client: Any, specs: Sequence[TopicSpec], replication: int) -> list[TopicChange]:
    if not specs:
        return []
    missing = {
        spec.name: {
            "num_partitions": spec.partitions,
            "replication_factor": replication,
            "configs": dict(spec.config),
        }
        for spec in specs
    }
    answer = client.create_topics(missing, raise_errors=False)
    created = [
        TopicChange(t["name"], "created", "", format_spec(missing[t["name"]]))
        for t in _iterate_new(answer)
    ]
    client.wait_for_topics(list(missing))
    return created


def _iterate_new(answer: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield topics that this call made; one that another process has just made is no fault."""
    for topic in answer["topics"]:
        code = topic["error_code"]
        if code == _TOO_FEW_BROKERS:
            raise ConfigurationError(
                f"{topic['name']}: {topic['error_message']}",
                place="kafka.replication",
                remedy="Set it to at most the number of brokers.",
            )
        if code not in (0, _ALREADY_THERE):
            raise _translate_refusal(topic["name"], code, topic["error_message"])
        if code == 0:
            yield topic


def format_spec(topic: Mapping[str, Any]) -> str:
    """Format partitions and replicas for a person."""
    return f"{topic['num_partitions']} partitions, {topic['replication_factor']} replicas"


def _raise_partitions(
    client: Any, specs: Sequence[TopicSpec], there: Mapping[str, ObservedTopic]
) -> list[TopicChange]:
    short = {s.name: s.partitions for s in specs if there[s.name].partitions < s.partitions}
    if not short:
        return []
    answer = client.create_partitions(short, raise_errors=False)
    for result in answer.results:
        if result.error_code:
            raise _translate_refusal(result.name, result.error_code, result.error_message)
    client.wait_for_topics(list(short))
    return [
        TopicChange(n, "partitions", str(there[n].partitions), str(c)) for n, c in short.items()
    ]


def _change_settings(
    client: Any, specs: Sequence[TopicSpec], there: Mapping[str, ObservedTopic]
) -> list[TopicChange]:
    changes = [
        TopicChange(spec.name, key, before, after)
        for spec in specs
        for key, before, after in list_differences(spec, there[spec.name])
    ]
    admin = import_extra("kafka.admin")
    resources = [
        admin.ConfigResource(
            admin.ConfigResourceType.TOPIC,
            name,
            {c.what: c.after for c in changes if c.topic == name},
        )
        for name in dict.fromkeys(change.topic for change in changes)
    ]
    answers = client.alter_configs(resources, raise_on_unknown=False) if resources else {}
    for name, answer in answers.get("topic", {}).items():
        if answer != "OK":
            raise ConfigurationError(
                f"Kafka refuses to alter {name}: {answer}",
                place="kafka",
                remedy="Give this principal the ACL AlterConfigs, or mend the value it names.",
            )
    return changes


def _wait_until_settled(client: Any, specs: Sequence[TopicSpec]) -> None:
    """Wait until the change is visible: a broker accepts it before it shows it."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        seen = observe(client, [spec.name for spec in specs])
        if all(_is_so(spec, seen.get(spec.name)) for spec in specs):
            return
        if time.monotonic() > deadline:
            raise RetryableError(
                "Kafka agreed to the changes and does not show them yet",
                place="Kafka topics",
                remedy="Run breachdesk topics check.",
            )
        time.sleep(0.05)


def _is_so(spec: TopicSpec, seen: ObservedTopic | None) -> bool:
    return (
        seen is not None
        and seen.partitions >= spec.partitions
        and not any(list_differences(spec, seen))
    )


def _translate_refusal(topic: str, code: int, message: str | None) -> Exception:
    """Translate to the client's error class if it has one, which `open_admin_client` then
    translates."""
    errors = import_extra("kafka.errors")
    kind = errors.for_code(code)
    if kind.retriable or issubclass(kind, errors.AuthorizationError):
        refusal: Exception = kind(topic)
        return refusal
    return ConfigurationError(
        f"Kafka refuses {topic}: {message or kind.__name__}",
        place="kafka",
        remedy="Mend what it names and run breachdesk topics create again.",
    )


def remove_topics(settings: Settings) -> list[str]:
    """Delete every topic of these settings that exists, with all records: for drills and tests with
    a prefix of their own. Raises like `create`."""
    specs = build_topic_specs(settings)
    with open_admin_client(settings.kafka) as client:
        there = sorted(observe(client, [spec.name for spec in specs]))
        if there:
            client.delete_topics(there)
    return there
