"""Read an OTLP JSON document that holds one log record: what its body is, and what its attributes and
those of its resource say about it."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from schemas.pipeline.event import Value
from schemas.pipeline.plugin import LineFrame
from streams.tokenizers import addresses, json_lines, numbers

_HOSTS = ("hostname", "syslog.hostname", "host.name")
_APPS = ("appname", "syslog.appname", "SYSLOG_IDENTIFIER", "process.executable.name")
_PROCESSES = ("proc_id", "syslog.procid", "process.pid")
_FACTS = (
    ("log.file.path", ("log.file.path",)),
    ("log.file.name", ("log.file.name",)),
    ("log.iostream", ("log.iostream",)),
    ("service.name", ("service.name",)),
    ("container.name", ("container.name", "k8s.container.name")),
    ("container.id", ("container.id",)),
    ("orchestrator.resource.name", ("k8s.pod.name",)),
    ("orchestrator.namespace", ("k8s.namespace.name",)),
)
"""ECS names, and the attributes that give them."""
_SENDERS = ("net.peer.ip", "net.sock.peer.addr", "network.peer.address")
_SENDER_PORTS = ("net.peer.port", "net.sock.peer.port", "network.peer.port")
_NO_SERVICE = "unknown_service"
"""What an SDK writes that was given no name."""
_BEGIN = datetime(1970, 1, 1, tzinfo=UTC)
_WHOLE = re.compile(r"-?[0-9]{1,19}", re.ASCII)


class OtlpLog(NamedTuple):
    """One log record. Values are those of JSON, bytes as text."""

    time: datetime | None
    """When it happened, else when a collector first saw it."""
    event_name: str
    body: Value
    attributes: Mapping[str, Value]
    resource: Mapping[str, Value]


def read_log(document: Mapping[str, Value]) -> OtlpLog | None:
    """Read the log record of a document; None: it is no OTLP document, or holds several."""
    of_resource = _get_only(document, "resourceLogs")
    of_scope = _get_only(of_resource, "scopeLogs")
    record = _get_only(of_scope, "logRecords")
    if of_resource is None or record is None:
        return None
    attributes = _read_pairs(record.get("attributes"))
    name = json_lines.to_word(record.get("eventName") or attributes.get("event.name"))
    resource = json_lines.to_mapping(of_resource.get("resource"))
    return OtlpLog(
        time=_read_time(record),
        event_name=name,
        body=_read_value(record.get("body")),
        attributes=attributes,
        resource=_read_pairs(resource.get("attributes")),
    )


def build_frame(log: OtlpLog, outer: LineFrame) -> LineFrame:
    """Build the frame of the record's body."""
    priority = find_text(log, ("priority", "syslog.priority"))
    return LineFrame(
        time=log.time or outer.time,
        host=find_text(log, _HOSTS) or outer.host,
        app=find_text(log, _APPS),
        pid=find_text(log, _PROCESSES),
        priority=outer.priority if priority is None else numbers.parse_whole(priority),
        structured=outer.structured,
        facts={**outer.facts, **list_facts(log)},
    )


def list_facts(log: OtlpLog) -> dict[str, Value]:
    """List what the attributes say of where the record comes from, by ECS name."""
    facts: dict[str, Value] = {}
    for fact, names in _FACTS:
        text = find_text(log, names)
        if text is not None and not text.startswith(_NO_SERVICE):
            facts[fact] = text
    sender = find_text(log, _SENDERS)
    ip = None if sender is None else addresses.parse_address(sender)
    if ip is not None:
        port = find_text(log, _SENDER_PORTS)
        host = f"[{ip}]" if ":" in ip else ip
        facts["log.source.address"] = ip if port is None else f"{host}:{port}"
    return facts


def find_text(log: OtlpLog, names: Iterable[str]) -> str | None:
    """Return the first text or number of these names, of the record before that of its resource."""
    several = tuple(names)
    for attributes in (log.attributes, log.resource):
        for name in several:
            text = json_lines.to_word(json_lines.get_nested(attributes, name))
            if text and text != "-":
                return text
    return None


def _get_only(document: Mapping[str, Value] | None, name: str) -> dict[str, Value] | None:
    several = None if document is None else document.get(name)
    if isinstance(several, list) and len(several) == 1 and isinstance(several[0], dict):
        return several[0]
    return None


def _read_time(record: Mapping[str, Value]) -> datetime | None:
    for name in ("timeUnixNano", "observedTimeUnixNano"):
        nanoseconds = _read_whole(record.get(name))
        if nanoseconds is not None and nanoseconds > 0:
            return _BEGIN + timedelta(microseconds=nanoseconds // 1000)
    return None


def _read_pairs(pairs: Value) -> dict[str, Value]:
    """Read a list of keys and values; of two with one key the first."""
    values: dict[str, Value] = {}
    for pair in json_lines.to_mappings(pairs):
        key = pair.get("key")
        if isinstance(key, str) and key:
            values.setdefault(key, _read_value(pair.get("value")))
    return values


def _read_value(value: Value) -> Value:
    """Read a value of OTLP (`{"stringValue": …}`); None: it has none."""
    if not isinstance(value, dict) or len(value) != 1:
        return None
    ((kind, content),) = value.items()
    read = _READERS.get(kind)
    return None if read is None else read(content)


def _read_list(content: Value) -> list[Value]:
    values = json_lines.to_mapping(content).get("values")
    return [_read_value(each) for each in json_lines.to_mappings(values)]


def _read_map(content: Value) -> dict[str, Value]:
    return _read_pairs(json_lines.to_mapping(content).get("values"))


def _read_bytes(content: Value) -> str | None:
    try:
        return base64.b64decode(content, validate=True).decode("utf-8", "backslashreplace")
    except (binascii.Error, TypeError, ValueError):
        return None


def _read_whole(content: Value) -> int | None:
    """Read a number of 64 bits, which OTLP writes as text."""
    if isinstance(content, str) and _WHOLE.fullmatch(content):
        content = int(content)
    return json_lines.to_number(content)


def _read_scalar(content: Value) -> Value:
    return content if isinstance(content, str | bool | int | float) else None


_READERS: Mapping[str, Callable[[Value], Value]] = {
    "stringValue": _read_scalar,
    "boolValue": _read_scalar,
    "doubleValue": _read_scalar,
    "intValue": _read_whole,
    "bytesValue": _read_bytes,
    "arrayValue": _read_list,
    "kvlistValue": _read_map,
}
