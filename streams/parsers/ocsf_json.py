"""Read events of the Open Cybersecurity Schema Framework (OCSF): sign-ins, network, web and file
activity, account changes, API calls, and findings of detections and of data security."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import device_stamps, ecs_values, json_lines, people

_CLASS = re.compile(r'"class_uid"\s*+:\s*+([0-9]{1,6})\b')
_Kind = tuple[list[str], dict[int, tuple[list[str], str]]]
"""Categories, and types and action by activity."""
_FINDING: dict[int, tuple[list[str], str]] = {
    1: (["info"], "finding-created"),
    2: (["change"], "finding-updated"),
    3: (["end"], "finding-closed"),
}
_CLASSES: dict[int, _Kind] = {
    1001: (
        ["file"],
        {
            1: (["creation"], "file-created"),
            2: (["access"], "file-read"),
            3: (["change"], "file-updated"),
            4: (["deletion"], "file-deleted"),
            5: (["change"], "file-renamed"),
            14: (["access"], "file-opened"),
        },
    ),
    2001: (["intrusion_detection"], _FINDING),
    2004: (["intrusion_detection"], _FINDING),
    2006: (
        ["file"],
        {
            1: (["info"], "finding-created"),
            4: (["denied"], "data-blocked"),
            5: (["access"], "data-accessed"),
            6: (["access"], "data-detected"),
        },
    ),
    3001: (
        ["iam"],
        {
            1: (["user", "creation"], "account-created"),
            2: (["user", "change"], "account-enabled"),
            3: (["user", "change"], "password-changed"),
            4: (["user", "change"], "password-reset"),
            5: (["user", "change"], "account-disabled"),
            6: (["user", "deletion"], "account-deleted"),
            9: (["user", "change"], "account-locked"),
        },
    ),
    3002: (
        ["authentication"],
        {
            1: (["start"], "logon"),
            2: (["end"], "logoff"),
            3: (["start"], "authentication-ticket"),
            4: (["start"], "service-ticket-request"),
            5: (["start"], "service-ticket-renew"),
        },
    ),
    4001: (
        ["network"],
        {
            1: (["connection", "start"], "connection-opened"),
            2: (["connection", "end"], "connection-closed"),
            3: (["connection", "end"], "connection-reset"),
            4: (["connection", "error"], "connection-failed"),
            5: (["connection", "denied"], "connection-refused"),
            6: (["connection"], "traffic"),
        },
    ),
    4002: (["web", "network"], {}),
    6001: (["web"], {}),
    6003: (["api"], {}),
}
_NAMES = {
    "src_endpoint.ip": "source.ip",
    "src_endpoint.port": "source.port",
    "src_endpoint.mac": "source.mac",
    "src_endpoint.hostname": "source.domain",
    "traffic.bytes_out": "source.bytes",
    "traffic.packets_out": "source.packets",
    "dst_endpoint.ip": "destination.ip",
    "dst_endpoint.port": "destination.port",
    "dst_endpoint.mac": "destination.mac",
    "dst_endpoint.hostname": "destination.domain",
    "traffic.bytes_in": "destination.bytes",
    "traffic.packets_in": "destination.packets",
    "traffic.bytes": "network.bytes",
    "connection_info.protocol_name": "network.transport",
    "connection_info.protocol_num": "network.iana_number",
    "app_name": "network.application",
    "http_request.http_method": "http.request.method",
    "http_request.referrer": "http.request.referrer",
    "http_request.user_agent": "user_agent.original",
    "http_request.version": "http.version",
    "http_request.url.url_string": "url.original",
    "http_request.url.path": "url.path",
    "http_request.url.query_string": "url.query",
    "http_request.url.hostname": "url.domain",
    "http_response.code": "http.response.status_code",
    "http_response.length": "http.response.body.bytes",
    "api.operation": "event.action",
    "api.service.name": "service.name",
    "service.name": "service.name",
    "auth_protocol": "breach.auth.method",
    "device.hostname": "host.name",
    "file.name": "file.name",
    "file.path": "file.path",
    "file.size": "file.size",
    "file.owner.name": "file.owner",
    "finding_info.title": "rule.name",
    "finding.title": "rule.name",
    "policy.name": "rule.ruleset",
    "firewall_rule.name": "rule.name",
    "firewall_rule.uid": "rule.id",
    "status_detail": "event.reason",
    "message": "message",
    "class_uid": "event.code",
    "severity_id": "event.severity",
    "metadata.product.vendor_name": "observer.vendor",
    "metadata.product.name": "observer.product",
}
_USERS = ("user", "actor.user")
_STATUSES = {1: "success", 2: "failure"}
_BLOCKED = frozenset({2, 3, 5, 6, 7, 8, 9})
"""Dispositions: blocked, quarantined, deleted, dropped and their like."""
_DIRECTIONS = {1: "inbound", 2: "outbound", 3: "internal"}
_UNKNOWN_ACT: tuple[list[str], str] = (["info"], "activity")


def _can_parse(line: SourceLine) -> bool:
    text = line.text
    if '"class_uid"' not in text or '"metadata"' not in text:
        return False
    if not json_lines.is_object_start(text):
        return False
    match = _CLASS.search(text)
    return match is not None and int(match[1]) in _CLASSES


def _parse(line: SourceLine) -> ParsedEvent:
    document = json_lines.read_shared_object(line.text)
    kind = _CLASSES.get(json_lines.to_number(document.get("class_uid")) or 0)
    if kind is None or not isinstance(document.get("metadata"), dict):
        raise UnparseableRecord(
            "no class of OCSF that is understood",
            place="ocsf_json",
            remedy="Check which parser the source names.",
        )
    categories, activities = kind
    activity = json_lines.to_number(document.get("activity_id")) or 0
    types, action = activities.get(
        activity, (["access"], "request") if "web" in categories else _UNKNOWN_ACT
    )
    fields: dict[str, Value] = {"event.category": categories.copy(), "event.type": types.copy()}
    texts = {name: _get_text(document, name) for name in _NAMES}
    ecs_values.put_values(fields, texts, _NAMES)
    fields.setdefault("event.action", action)
    if categories[0] == "intrusion_detection" or document.get("class_uid") == 2006:
        fields["event.kind"] = "alert"
    _put_outcome(fields, document)
    _put_people(fields, document)
    _put_more(fields, document)
    return ParsedEvent(_find_time(document, line), fields, id=_find_id(document))


def _get_text(document: Mapping[str, Value], name: str) -> str:
    return json_lines.to_word(json_lines.get_nested(document, name))


def _get_number(document: Mapping[str, Value], name: str) -> int:
    return json_lines.to_number(json_lines.get_nested(document, name)) or 0


def _put_outcome(fields: dict[str, Value], document: Mapping[str, Value]) -> None:
    """A firewall's verdict decides before the status, which says whether the report succeeded."""
    disposition, verdict = (
        _get_number(document, "disposition_id"),
        _get_number(document, "action_id"),
    )
    if verdict == 2 or disposition in _BLOCKED:
        fields["event.outcome"] = "failure"
        if "denied" not in fields["event.type"]:
            fields["event.type"].append("denied")
        return
    status = fields.get("http.response.status_code", 0)
    if status >= 400:
        fields["event.outcome"] = "failure"
        return
    if verdict == 1 and "network" in fields["event.category"]:
        fields["event.type"].append("allowed")
        fields["event.outcome"] = "success"
        return
    outcome = _STATUSES.get(_get_number(document, "status_id"))
    fields["event.outcome"] = outcome or ("success" if status else "unknown")


def _put_people(fields: dict[str, Value], document: Mapping[str, Value]) -> None:
    """The user who signs in, or the actor; of an account's change the user is its target."""
    users = [json_lines.to_mapping(json_lines.get_nested(document, name)) for name in _USERS]
    if fields["event.category"] == ["iam"]:
        target = _get_name(users[0])
        if target:
            fields["user.target.name"] = target.casefold()
        users = users[1:]
    for user in users:
        name = _get_name(user)
        if name:
            people.put_user(fields, name)
            ecs_values.put_value(fields, "user.id", json_lines.to_word(user.get("uid")))
            ecs_values.put_value(fields, "user.domain", json_lines.to_word(user.get("domain")))
            email = json_lines.to_word(user.get("email_addr"))
            if email:
                fields.setdefault("user.email", email.casefold())
            return


def _get_name(user: Mapping[str, Value]) -> str:
    return json_lines.to_word(user.get("name")) or json_lines.to_word(user.get("email_addr"))


def _put_more(fields: dict[str, Value], document: Mapping[str, Value]) -> None:
    direction = _DIRECTIONS.get(_get_number(document, "connection_info.direction_id"))
    if direction is not None:
        fields["network.direction"] = direction
    if isinstance(document.get("is_mfa"), bool):
        fields["breach.auth.mfa"] = document["is_mfa"]
    if "network.bytes" not in fields:
        ecs_values.put_total_bytes(fields)
    security = json_lines.to_mapping(document.get("data_security"))
    pattern = json_lines.to_word(security.get("detection_pattern"))
    if pattern:
        fields["breach.dlp.sensitive_types"] = [{"id": pattern}]
    ecs_values.put_value(fields, "rule.ruleset", _get_text(security, "policy.name"))
    duration = _get_number(document, "duration")
    if 0 < duration < 10**12:
        fields["event.duration"] = duration * 1_000_000


def _find_time(document: Mapping[str, Value], line: SourceLine) -> datetime | None:
    for name in ("time", "time_dt", "start_time"):
        stamp = json_lines.to_word(document.get(name))
        time = device_stamps.parse_stamp(stamp, line.arrived, line.zone) if stamp else None
        if time is not None:
            return time
    return None


def _find_id(document: Mapping[str, Value]) -> str | None:
    return _get_text(document, "metadata.uid") or _get_text(document, "finding_info.uid") or None


PARSER = Parser(
    id="ocsf_json",
    title="Events in OCSF (AWS Security Lake, Coraza, other producers)",
    hints=(b'"class_uid"',),
    claims=_can_parse,
    parse=_parse,
    is_fallback=True,
    references=("https://schema.ocsf.io/",),
    examples=(
        ParserExample(
            '{"class_uid":3002,"activity_id":1,"status_id":2,"status_detail":"Bad password",'
            '"time":1795309574250,"user":{"name":"Jo@contoso.example","uid":"u1"},"is_mfa":false,'
            '"src_endpoint":{"ip":"203.0.113.66","port":40022},"service":{"name":"portal"},'
            '"metadata":{"version":"1.4.0","product":{"name":"Gate","vendor_name":"Portcullis"}}}',
            {
                "@timestamp": "2026-11-22T01:06:14.250000+00:00",
                "event.category": ["authentication"],
                "event.type": ["start"],
                "event.outcome": "failure",
                "event.reason": "Bad password",
                "user.name": "jo@contoso.example",
                "source.ip": "203.0.113.66",
                "source.port": 40022,
                "breach.auth.mfa": False,
                "observer.vendor": "Portcullis",
            },
        ),
        ParserExample(
            '{"metadata":{"product":{"name":"Gate"}},"class_uid":4001,"activity_id":6,"action_id":1,'
            '"time":1795309574250,"src_endpoint":{"ip":"2001:db8::7"},"dst_endpoint":{"ip":'
            '"2001:db8::9","port":443},"traffic":{"bytes_in":2000,"bytes_out":100},'
            '"connection_info":{"protocol_num":6,"protocol_name":"tcp","direction_id":2}}',
            {
                "event.category": ["network"],
                "event.type": ["connection", "allowed"],
                "event.outcome": "success",
                "source.bytes": 100,
                "destination.bytes": 2000,
                "network.bytes": 2100,
                "network.direction": "outbound",
            },
        ),
        ParserExample(
            '{"metadata":{"uid":"f1","product":{"name":"Gate"}},"class_uid":4002,"time":1795309574250,'
            '"src_endpoint":{"ip":"203.0.113.66"},"http_request":{"http_method":"GET","user_agent":"x",'
            '"url":{"path":"/a","hostname":"www.example"}},"http_response":{"code":403}}',
            {
                "event.category": ["web", "network"],
                "event.outcome": "failure",
                "http.response.status_code": 403,
                "url.path": "/a",
                "url.domain": "www.example",
            },
        ),
        ParserExample(
            '{"metadata":{"product":{"name":"Gate"}},"class_uid":2006,"activity_id":4,"time":'
            '1795309574250,"severity_id":4,"action_id":2,"actor":{"user":{"name":"jo"}},"file":{"name":'
            '"list.xlsx","size":2048},"finding_info":{"title":"Card numbers","uid":"f2"},'
            '"data_security":{"detection_pattern":"Credit card","policy":{"name":"Cards"}}}',
            {
                "event.kind": "alert",
                "event.category": ["file"],
                "event.type": ["denied"],
                "event.outcome": "failure",
                "user.name": "jo",
                "file.name": "list.xlsx",
                "rule.name": "Card numbers",
                "breach.dlp.sensitive_types": [{"id": "Credit card"}],
            },
        ),
    ),
)
