"""Parse what Cloudflare's Logpush gives of accounts: sign-ins of Access, the audit log, and what
Gateway resolved, fetched and connected, one JSON object a record."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import orjson

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, device_stamps, json_lines, json_records, links, people
from streams.tokenizers.json_lines import to_word
from streams.tokenizers.json_records import get_text

_Fields = dict[str, Value]
_Record = Mapping[str, Value]
_DENIED = ("block", "deny", "drop", "quarantin", "isolat")
_STAMPS = (
    *("CreatedAt", "When", "ActionTimestamp", "Datetime", "SessionEndTime", "SessionStartTime"),
    "DisconnectTimestamp",
)
_CHANGES = {
    "add": "creation",
    "create": "creation",
    "delete": "deletion",
    "remove": "deletion",
    "revoke": "deletion",
}
_TEXTS = (
    ("user.id", ("UserUID", "UserID", "ActorID")),
    ("host.id", ("DeviceID",)),
    ("host.name", ("DeviceName",)),
    ("rule.id", ("PolicyID",)),
    ("rule.name", ("PolicyName", "EgressRuleName")),
    ("source.geo.country_iso_code", ("SourceIPCountryCode",)),
    ("destination.domain", ("SNI",)),
    ("cloud.account.id", ("AccountID",)),
)
_PORTS = (
    ("source.port", ("SourcePort", "SrcPort")),
    ("destination.port", ("DestinationPort", "OriginPort", "DstPort")),
    ("source.nat.port", ("EgressPort",)),
    ("destination.nat.port", ("OverridePort",)),
)
_ADDRESSES = (
    ("source.ip", ("SourceIP", "SrcIP", "IPAddress", "ActorIP", "ActorIPAddress")),
    ("destination.ip", ("DestinationIP", "OriginIP", "DstIP")),
    ("source.nat.ip", ("EgressIP",)),
    ("destination.nat.ip", ("OverrideIP",)),
)


def _find_kind(record: _Record) -> Callable[[_Fields, _Record], None] | None:
    """Find the data set by the names that only it has."""
    return next((put for put, names in _DATA_SETS if names <= record.keys()), None)


def _can_parse(line: SourceLine) -> bool:
    record = json_records.read_record(line.text)
    return record is not None and _find_kind(record) is not None


def _parse(line: SourceLine) -> ParsedEvent:
    record = json_records.read_record(line.text)
    put = None if record is None else _find_kind(record)
    if record is None or put is None:
        raise UnparseableRecord(
            "no record of Cloudflare's Access, audit or Gateway",
            place="cloudflare_zero_trust",
            remedy="Send records whole, one JSON object each.",
        )
    fields: _Fields = {"observer.vendor": "Cloudflare"}
    put(fields, record)
    json_records.put_texts(fields, record, _TEXTS)
    people.put_user(fields, get_text(record, "Email", "ActorEmail"))
    for field, names in _ADDRESSES:
        ip = addresses.parse_address(get_text(record, *names))
        if ip is not None:
            fields[field] = ip
    for field, keys in _PORTS:
        port = addresses.parse_port(get_text(record, *keys))
        if port:
            fields[field] = port
    stamp = get_text(record, *_STAMPS)
    time = device_stamps.parse_stamp(stamp, line.arrived, line.zone) if stamp else None
    return ParsedEvent(time, fields, id=get_text(record, "AuditLogID", "ID") or None)


def _put_sign_in(fields: _Fields, record: _Record) -> None:
    action = get_text(record, "Action") or "login"
    allowed = record.get("Allowed")
    outcome = "success" if allowed is True else "failure" if allowed is False else "unknown"
    is_end = action.casefold() == "logout"
    fields |= {
        "event.category": ["authentication"],
        "event.type": ["end" if is_end else "start"],
        "event.action": action,
        "event.outcome": outcome,
    }
    json_records.put_texts(
        fields,
        record,
        (
            ("service.name", ("AppDomain",)),
            ("breach.auth.method", ("Connection",)),
            ("source.geo.country_name", ("Country",)),
        ),
    )


def _put_change(fields: _Fields, record: _Record) -> None:
    action = get_text(record, "ActionType") or "change"
    result = record.get("ActionResult")
    succeeded = result is True or to_word(result).casefold() in {"true", "success"}
    failed = result is False or to_word(result).casefold() in {"false", "failure", "failed"}
    signs_in = action.casefold() in {"login", "logout"}
    words = action.casefold().replace("-", "_").split("_")
    kind = next((_CHANGES[word] for word in words if word in _CHANGES), "change")
    if signs_in:
        kind = "end" if action.casefold() == "logout" else "start"
    fields |= {
        "event.category": ["authentication" if signs_in else "iam"],
        "event.type": [kind],
        "event.action": action,
        "event.outcome": "success" if succeeded else "failure" if failed else "unknown",
    }
    json_records.put_texts(
        fields,
        record,
        (("event.reason", ("ActionDescription",)), ("service.name", ("ResourceProduct",))),
    )


def _put_verdict(fields: _Fields, record: _Record, name: str, category: str, kind: str) -> None:
    action = get_text(record, name)
    lowered = action.casefold()
    is_denied = any(word in lowered for word in _DENIED)
    fields |= {
        "event.category": [category],
        "event.type": [kind, "denied" if is_denied else "allowed"],
        "event.action": action or kind,
        "event.outcome": "failure" if is_denied else "success",
    }


def _put_question(fields: _Fields, record: _Record) -> None:
    _put_verdict(fields, record, "ResolverDecision", "network", "protocol")
    name = get_text(record, "QueryName")
    fields |= {"network.protocol": "dns"} | ({"dns.question.name": name} if name else {})
    if transport := get_text(record, "Protocol").casefold():
        fields["network.transport"] = "udp" if transport == "udp" else "tcp"


def _put_request(fields: _Fields, record: _Record) -> None:
    _put_verdict(fields, record, "Action", "web", "access")
    links.put_link(fields, get_text(record, "URL"))
    json_records.put_texts(
        fields,
        record,
        (
            ("http.request.method", ("HTTPMethod",)),
            ("http.version", ("HTTPVersion",)),
            ("http.request.referrer", ("Referer",)),
            ("user_agent.original", ("UserAgent",)),
            ("url.domain", ("HTTPHost",)),
            ("file.name", ("BlockedFileName",)),
            ("event.reason", ("BlockedFileReason",)),
        ),
    )
    status = json_lines.to_number(record.get("HTTPStatusCode"))
    if status:
        fields["http.response.status_code"] = status
    if fields["event.outcome"] == "success" and status and status >= 400:
        fields["event.outcome"] = "failure"


def _put_connection(fields: _Fields, record: _Record) -> None:
    _put_verdict(fields, record, "Action", "network", "connection")
    if transport := get_text(record, "Transport", "Protocol").casefold():
        fields["network.transport"] = transport


def _put_session(fields: _Fields, record: _Record) -> None:
    _put_connection(fields, record)
    fields |= {"event.type": ["connection", "end"], "event.action": "network-session"}
    if reason := get_text(record, "ConnectionCloseReason"):
        fields["event.reason"] = reason
    for field, name in (("source.bytes", "BytesSent"), ("destination.bytes", "BytesReceived")):
        number = json_lines.to_number(record.get(name))
        if number is not None:
            fields[field] = number
    if "source.bytes" in fields and "destination.bytes" in fields:
        fields["network.bytes"] = fields["source.bytes"] + fields["destination.bytes"]


_DATA_SETS: tuple[tuple[Callable[[_Fields, _Record], None], frozenset[str]], ...] = (
    (_put_sign_in, frozenset({"Allowed", "AppUUID", "IPAddress"})),
    (_put_change, frozenset({"ActionType", "ActorID", "When"})),
    (_put_change, frozenset({"ActionType", "ActorID", "ActionTimestamp"})),
    (_put_question, frozenset({"QueryName", "ResolverDecision"})),
    (_put_request, frozenset({"HTTPHost", "HTTPMethod", "SourceIP", "Datetime"})),
    (_put_session, frozenset({"SessionStartTime", "OriginIP", "SourceIP", "EgressIP"})),
    (_put_connection, frozenset({"Transport", "SourceIP", "DestinationIP", "Datetime"})),
)
_SIGN_IN: dict[str, Value] = {
    "Action": "login",
    "Allowed": False,
    "AppDomain": "wiki.contoso.example",
    "AppUUID": "4f1",
    "Connection": "onetimepin",
    "Country": "gb",
    "CreatedAt": "2026-11-22T01:06:15Z",
    "Email": "Jo@contoso.example",
    "IPAddress": "203.0.113.66",
    "RayID": "5ec5",
    "UserUID": "u7",
}
PARSER = Parser(
    id="cloudflare_zero_trust",
    title="Cloudflare Zero Trust and account audit (Logpush)",
    hints=(
        *(b'"AppUUID"', b'"ActorID"', b'"ResolverDecision"', b'"HTTPHost"', b'"EgressIP"'),
        b'"SourceInternalIP"',
        b'"DestinationIP"',
    ),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://developers.cloudflare.com/logs/reference/log-fields/account/access_requests/",
        "https://developers.cloudflare.com/logs/reference/log-fields/account/audit_logs/",
        "https://developers.cloudflare.com/logs/reference/log-fields/account/gateway_http/",
    ),
    examples=(
        ParserExample(
            orjson.dumps(_SIGN_IN).decode(),
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.category": ["authentication"],
                "event.outcome": "failure",
                "user.email": "jo@contoso.example",
                "source.ip": "203.0.113.66",
                "breach.auth.method": "onetimepin",
            },
        ),
        ParserExample(
            orjson.dumps(
                _SIGN_IN | {"Allowed": True, "IPAddress": "2001:DB8::7", "Email": 'x" IPAddress=1'}
            ).decode(),
            {"event.outcome": "success", "source.ip": "2001:db8::7"},
        ),
        ParserExample(
            '{"ActionResult":true,"ActionType":"token_create","ActorEmail":"jo@contoso.example",'
            '"ActorID":"a1","ActorIP":"203.0.113.66","ID":"i1","When":1795309575000000000}',
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.category": ["iam"],
                "event.type": ["creation"],
                "event.outcome": "success",
                "source.ip": "203.0.113.66",
            },
        ),
        ParserExample(
            '{"ActionResult":"failure","ActionType":"login","ActorEmail":"jo@contoso.example",'
            '"ActorID":"a1","ActorIPAddress":"2001:db8::7","AuditLogID":"i2",'
            '"ActionTimestamp":"2026-11-22T01:06:15Z"}',
            {"event.category": ["authentication"], "event.outcome": "failure"},
        ),
        ParserExample(
            '{"Action":"block","Datetime":"2026-11-22T01:06:15Z","DestinationIP":"198.51.100.9",'
            '"DestinationPort":443,"DeviceName":"pc-7","Email":"jo@contoso.example","HTTPHost":'
            '"bad.example","HTTPMethod":"POST","HTTPStatusCode":403,"PolicyName":"No malware",'
            '"SourceIP":"203.0.113.66","SourcePort":40022,"URL":"https://bad.example/a?b=c"}',
            {
                "event.category": ["web"],
                "event.type": ["access", "denied"],
                "event.outcome": "failure",
                "url.path": "/a",
                "http.response.status_code": 403,
                "rule.name": "No malware",
                "host.name": "pc-7",
            },
        ),
        ParserExample(
            '{"Datetime":"2026-11-22T01:06:15Z","DstIP":"192.0.2.53","DstPort":53,"Email":'
            '"jo@contoso.example","PolicyName":"","Protocol":"udp","QueryName":"bad.example",'
            '"ResolverDecision":"blockedByCategory","SrcIP":"203.0.113.66","SrcPort":40022}',
            {
                "event.outcome": "failure",
                "dns.question.name": "bad.example",
                "network.transport": "udp",
                "destination.port": 53,
            },
        ),
        ParserExample(
            '{"Action":"allow","Datetime":"2026-11-22T01:06:15Z","DestinationIP":"198.51.100.9",'
            '"DestinationPort":22,"Email":"jo@contoso.example","SNI":"","SourceIP":"203.0.113.66",'
            '"SourceInternalIP":"192.0.2.7","SourcePort":40022,"Transport":"tcp"}',
            {
                "event.category": ["network"],
                "event.type": ["connection", "allowed"],
                "network.transport": "tcp",
            },
        ),
        ParserExample(
            '{"BytesReceived":900,"BytesSent":100,"ConnectionCloseReason":"CLIENT_CLOSED","EgressIP":'
            '"2001:db8::9","EgressPort":4000,"Email":"jo@contoso.example","OriginIP":"198.51.100.9",'
            '"OriginPort":443,"Protocol":"TCP","SessionEndTime":"2026-11-22T01:06:15Z",'
            '"SessionStartTime":"2026-11-22T01:06:10Z","SourceIP":"203.0.113.66","SourcePort":40022}',
            {
                "event.type": ["connection", "end"],
                "network.bytes": 1000,
                "source.nat.ip": "2001:db8::9",
            },
        ),
    ),
)
