"""List who may do what on our topics and with our group, as Kafka's authoriser has it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from schemas.settings import KafkaSettings
from streams.kafka.client_options import import_extra


def describe_permissions(
    client: Any, kafka: KafkaSettings, topics: Sequence[str]
) -> list[tuple[str, str]]:
    """List (finding, remedy): one line a principal and permission, or why there is none to show."""
    errors = import_extra("kafka.errors")
    try:
        entries = [e for e in _list_entries(client) if _is_relevant(e, kafka, topics)]
    except errors.SecurityDisabledError:
        return [
            (
                "no authoriser on this broker: whoever connects may read and write everything",
                "Set authorizer.class.name on the brokers; docs/howto/kafka.md lists the ACLs.",
            )
        ]
    except errors.AuthorizationError:
        return [
            (
                "this principal may not read the ACLs",
                "Give it Describe on the cluster to see them here.",
            )
        ]
    return [(text, "") for text in _format_lines(entries)] or [
        ("an authoriser, and no ACL on our topics", "docs/howto/kafka.md lists the ACLs.")
    ]


def _list_entries(client: Any) -> Sequence[Any]:
    admin = import_extra("kafka.admin")
    everything = admin.ResourcePatternFilter(
        admin.ResourceType.ANY, None, admin.ACLResourcePatternType.ANY
    )
    entries, _ = client.describe_acls(
        admin.ACLFilter(None, None, admin.ACLOperation.ANY, admin.ACLPermissionType.ANY, everything)
    )
    acl_entries: Sequence[Any] = entries
    return acl_entries


def _is_relevant(entry: Any, kafka: KafkaSettings, topics: Sequence[str]) -> bool:
    pattern = entry.resource_pattern
    ours = {"TOPIC": topics, "GROUP": (kafka.group, f"{kafka.group}.agents")}.get(
        pattern.resource_type.name, ()
    )
    name = pattern.resource_name
    if pattern.pattern_type.name == "PREFIXED":
        return any(our.startswith(name) for our in ours)
    return bool(ours) and (name == "*" or name in ours)


def _format_lines(entries: Sequence[Any]) -> Iterator[str]:
    """Yield `User:ship may DESCRIBE, WRITE on topics breachdesk.raw*`, sorted."""
    operations: Mapping[tuple[str, str, str], set[str]] = defaultdict(set)
    for entry in entries:
        may = "may" if entry.permission_type.name == "ALLOW" else "may not"
        host = "" if entry.host == "*" else f" from {entry.host}"
        where = _format_resource(entry.resource_pattern) + host
        operations[entry.principal, may, where].add(entry.operation.name)
    for (principal, may, where), names in sorted(operations.items()):
        yield f"{principal} {may} {', '.join(sorted(names))} on {where}"


def _format_resource(pattern: Any) -> str:
    star = "*" if pattern.pattern_type.name == "PREFIXED" else ""
    return f"{pattern.resource_type.name.lower()} {pattern.resource_name}{star}"
