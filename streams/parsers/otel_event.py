"""Parse OpenTelemetry log records that are events themselves: they have an event name, or attributes of
the semantic conventions or of ECS that describe an act.

A record whose body is a line of another format is read by that format's parser. This one is asked
only when no other claims the body."""

from __future__ import annotations

import re
from collections.abc import Mapping

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import act_words, ecs_values, json_lines, otlp_logs, web_access
from streams.tokenizers.otlp_logs import OtlpLog

_CLIENTS = ("client.address", "source.ip", "source.address", "client.ip", "http.client_ip")
_PEERS = ("network.peer.address", "net.sock.peer.addr", "net.peer.ip")
_CLIENT_PORTS = ("client.port", "source.port")
_PEER_PORTS = ("network.peer.port", "net.sock.peer.port", "net.peer.port")
_SERVERS = ("destination.ip", "destination.address", "server.address")
_SERVER_PORTS = ("destination.port", "server.port")
_STATUS = ("http.response.status_code", "http.status_code")
_NAMES = (
    ("user.name", ("user.name", "enduser.id", "user.email")),
    ("user.email", ("user.email",)),
    ("user.id", ("user.id",)),
    ("user.domain", ("user.domain",)),
    ("user.target.name", ("user.target.name",)),
    ("url.original", ("url.full", "url.original", "http.url")),
    ("url.path", ("url.path",)),
    ("url.query", ("url.query",)),
    ("user_agent.original", ("user_agent.original", "http.user_agent")),
    ("network.transport", ("network.transport", "net.transport")),
    ("network.protocol", ("network.protocol.name", "network.protocol")),
    ("source.bytes", ("source.bytes",)),
    ("destination.bytes", ("destination.bytes",)),
    ("event.code", ("event.code",)),
    ("event.reason", ("event.reason", "error.type", "exception.type")),
    ("event.action", ("event.action",)),
    ("event.provider", ("event.provider",)),
    ("event.category", ("event.category",)),
    ("event.type", ("event.type",)),
    ("file.name", ("file.name",)),
    ("file.path", ("file.path",)),
    ("rule.id", ("rule.id", "security_rule.uuid")),
    ("rule.name", ("rule.name", "security_rule.name")),
    ("process.pid", ("process.pid",)),
    ("process.name", ("process.name", "process.executable.name")),
    ("observer.vendor", ("observer.vendor",)),
    ("observer.product", ("observer.product",)),
    ("breach.auth.method", ("breach.auth.method",)),
    ("breach.auth.attempts", ("breach.auth.attempts",)),
)
"""ECS names, and the attributes that give them."""
_ACTS = ("event.category", "event.action", "event.outcome")
_METHODS = ("http.request.method", "http.method")
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_SEPARATOR = re.compile(r"[^A-Za-z0-9]++")


def _can_parse(line: SourceLine) -> bool:
    return _find_event(line) is not None


def _find_event(line: SourceLine) -> OtlpLog | None:
    """Return the record if it describes an act by itself."""
    if '"resourceLogs"' not in line.text or not json_lines.is_object_start(line.text):
        return None
    try:
        log = otlp_logs.read_log(json_lines.read_shared_object(line.text))
    except UnparseableRecord:
        return None
    if log is None or not (log.event_name or _get(log, _ACTS) or _is_request(log)):
        return None
    return log


def _is_request(log: OtlpLog) -> bool:
    return all(
        _get(log, names)
        for names in (_METHODS, _STATUS, ("url.path", "url.full", "http.url", "http.target"))
    )


def _get(log: OtlpLog, names: tuple[str, ...]) -> str:
    """Return the first text of these attributes of the record itself, not of its resource."""
    return next((text for text in (_get_text(log.attributes, name) for name in names) if text), "")


def _get_text(attributes: Mapping[str, Value], name: str) -> str:
    value = json_lines.get_nested(attributes, name)
    if isinstance(value, list):
        value = value[0] if value else None
    return json_lines.to_word(value)


def _parse(line: SourceLine) -> ParsedEvent:
    log = _find_event(line)
    if log is None:
        raise UnparseableRecord(
            "no OpenTelemetry log record that describes an act",
            place="otel_event",
            remedy="Send an event name, or attributes of the semantic conventions or of ECS.",
        )
    fields: dict[str, Value] = {}
    for name, attributes in _NAMES:
        ecs_values.put_value(fields, name, _get(log, attributes))
    _put_ends(fields, log)
    _put_request(fields, log)
    for name, value in otlp_logs.list_facts(log).items():
        fields.setdefault(name, value)
    ecs_values.put_value(fields, "host.name", otlp_logs.find_text(log, ("host.name",)) or "")
    _put_act(fields, log)
    return ParsedEvent(log.time, fields, id=_get(log, ("event.id", "log.record.uid")) or None)


def _put_ends(fields: dict[str, Value], log: OtlpLog) -> None:
    """Set both ends. The peer of a connection is the client only where no client is named."""
    client = _get(log, _CLIENTS)
    if client:
        _put_end(fields, "source", client, _get(log, _CLIENT_PORTS))
    else:
        _put_end(fields, "source", _get(log, _PEERS), _get(log, _PEER_PORTS))
    _put_end(fields, "destination", _get(log, _SERVERS), _get(log, _SERVER_PORTS))
    ecs_values.put_total_bytes(fields)


def _put_end(fields: dict[str, Value], side: str, address: str, port: str) -> None:
    ecs_values.put_value(fields, f"{side}.ip", address)
    if f"{side}.ip" not in fields:
        ecs_values.put_value(fields, f"{side}.domain", address)
    ecs_values.put_value(fields, f"{side}.port", port)


def _put_request(fields: dict[str, Value], log: OtlpLog) -> None:
    web_access.put_method(fields, _get(log, _METHODS))
    web_access.put_status(fields, _get(log, _STATUS))
    target = _get(log, ("http.target",))
    if target and "url.path" not in fields:
        web_access.put_target(fields, target)


def _put_act(fields: dict[str, Value], log: OtlpLog) -> None:
    """Set category, type, outcome and action from what the record says, else from its name."""
    word = _get(log, ("event.outcome", "outcome"))
    outcome = act_words.OUTCOMES.get(word.lower(), word)
    words = " ".join((log.event_name, _get(log, ("event.action",))))
    name = _SEPARATOR.sub(" ", _CAPITAL.sub(" ", words)).strip()
    kind = act_words.choose_kind(fields, "", outcome, [name])
    for field in ("event.category", "event.type"):
        several = json_lines.to_words(json_lines.get_nested(log.attributes, field))
        if several:
            fields[field] = several
    if outcome:
        fields["event.outcome"] = outcome
    act_words.put_kind(fields, kind)


def _write(record: str, resource: str = "") -> str:
    """Write an example's document."""
    return (
        f'{{"resourceLogs":[{{"resource":{{"attributes":[{resource}]}},"scopeLogs":[{{"scope":{{}},'
        f'"logRecords":[{{"timeUnixNano":"1795309574000000000",{record}}}]}}]}}]}}'
    )


def _write_text(key: str, text: str) -> str:
    return f'{{"key":"{key}","value":{{"stringValue":"{text}"}}}}'


_WEB01 = _write_text("host.name", "web01") + "," + _write_text("service.name", "portal")
PARSER = Parser(
    id="otel_event",
    title="OpenTelemetry log records that are events",
    hints=(b'"resourceLogs"',),
    claims=_can_parse,
    parse=_parse,
    is_fallback=True,
    references=(
        "https://opentelemetry.io/docs/specs/otel/logs/data-model/",
        "https://opentelemetry.io/docs/specs/semconv/registry/attributes/",
    ),
    examples=(
        ParserExample(
            _write(
                '"eventName":"user.login.failed","attributes":['
                + _write_text("client.address", "2001:db8::7")
                + ',{"key":"client.port","value":{"intValue":"40022"}},'
                + _write_text("user.name", "Jo@contoso.example")
                + "]",
                _WEB01,
            ),
            {
                "@timestamp": "2026-11-22T01:06:14+00:00",
                "event.category": ["authentication"],
                "event.type": ["start"],
                "event.outcome": "failure",
                "source.ip": "2001:db8::7",
                "source.port": 40022,
                "user.name": "jo@contoso.example",
                "host.name": "web01",
                "service.name": "portal",
            },
        ),
        ParserExample(
            _write(
                '"body":{"stringValue":"Signed in"},"attributes":['
                + ",".join(
                    (
                        _write_text("event.category", "authentication"),
                        _write_text("event.type", "start"),
                        _write_text("event.action", "sign-in"),
                        _write_text("event.outcome", "success"),
                        _write_text("source.address", "203.0.113.9"),
                        _write_text("network.peer.address", "10.0.0.1"),
                        _write_text("enduser.id", "jo"),
                    )
                )
                + "]",
            ),
            {
                "event.category": ["authentication"],
                "event.type": ["start"],
                "event.action": "sign-in",
                "event.outcome": "success",
                "source.ip": "203.0.113.9",
                "user.name": "jo",
            },
        ),
        ParserExample(
            _write(
                '"attributes":['
                + ",".join(
                    (
                        _write_text("http.request.method", "POST"),
                        _write_text("url.path", "/admin"),
                        _write_text("client.address", "198.51.100.4"),
                        _write_text("server.address", "www.contoso.example"),
                    )
                )
                + ',{"key":"http.response.status_code","value":{"intValue":"403"}}]'
            ),
            {
                "event.category": ["web"],
                "event.outcome": "failure",
                "http.request.method": "POST",
                "http.response.status_code": 403,
                "url.path": "/admin",
                "source.ip": "198.51.100.4",
                "destination.domain": "www.contoso.example",
            },
        ),
        ParserExample(
            _write(
                '"eventName":"session.created","body":{"stringValue":"login failed from 192.0.2.1"},'
                '"attributes":[' + _write_text("user.name", "x from 192.0.2.1 failed login") + "]"
            ),
            {
                "event.category": ["host"],
                "event.outcome": "unknown",
                "user.name": "x from 192.0.2.1 failed login",
                "source.ip": None,
            },
        ),
    ),
)
