"""Read events of the Open Cybersecurity Schema Framework (OCSF): sign-ins, network, web and file
activity, account changes, API calls, and findings of detections and of data security."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import ParsedEvent, Parser, ParserExample, SourceLine
from streams.parsers.ocsf_json.classes import find_kind
from streams.tokenizers import device_stamps, ecs_values, json_lines, people

_CLASS = re.compile(r'"class_uid"\s*+:\s*+([0-9]{1,6})\b')
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
    "traffic.packets": "network.packets",
    "connection_info.protocol_name": "network.transport",
    "connection_info.protocol_num": "network.iana_number",
    "app_name": "network.application",
    "http_request.http_method": "http.request.method",
    "http_request.referrer": "http.request.referrer",
    "http_request.user_agent": "user_agent.original",
    "http_request.version": "http.version",
    "http_request.url.url_string": "url.original",
    "http_request.url.text": "url.original",
    "url.url_string": "url.original",
    "query.hostname": "dns.question.name",
    "http_request.url.path": "url.path",
    "http_request.url.query_string": "url.query",
    "http_request.url.hostname": "url.domain",
    "http_response.code": "http.response.status_code",
    "http_response.length": "http.response.body.bytes",
    "api.operation": "event.action",
    "api.service.name": "service.name",
    "api.response.error": "event.reason",
    "api.response.message": "event.reason",
    "service.name": "service.name",
    "auth_protocol": "breach.auth.method",
    "logon_type": "breach.auth.method",
    "status_code": "error.code",
    "device.hostname": "host.name",
    "device.name": "host.name",
    "cloud.account.uid": "cloud.account.id",
    "cloud.account_uid": "cloud.account.id",
    "process.cmd_line": "process.command_line",
    "process.pid": "process.pid",
    "process.file.path": "process.executable",
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
    "group.name": "group.name",
    "group.uid": "group.id",
    "message": "message",
    "class_uid": "event.code",
    "severity_id": "event.severity",
    "metadata.product.vendor_name": "observer.vendor",
    "metadata.product.name": "observer.product",
}
_USERS = ("user", "actor.user", "identity.user")
_STATUSES = {1: "success", 2: "failure"}
_STATUS_WORDS = {"success": "success", "failure": "failure"}
_BLOCKED = frozenset({2, 3, 4, 5, 6, 21, 24, 25, 26})
"""Dispositions: blocked, quarantined, isolated, deleted, dropped, reset, revoked, rejected,
unauthorised."""
_SESSIONS = (
    *("is_mfa", "session.is_mfa", "actor.session.is_mfa"),
    *("identity.session.mfa", "actor.session.mfa"),
)
_DIRECTIONS = {1: "inbound", 2: "outbound", 3: "internal"}
_NOTHING = {"port": ("0",), "pid": ("-1", "0"), "uid": ("NULL SID", "S-1-0-0")}
"""What a last name is that says nothing."""
_UNKNOWN_ACT: tuple[list[str], str] = (["info"], "activity")


def _can_parse(line: SourceLine) -> bool:
    text = line.text
    if '"class_uid"' not in text or '"metadata"' not in text:
        return False
    if not json_lines.is_object_start(text):
        return False
    match = _CLASS.search(text)
    if match is None or find_kind(int(match[1])) is None:
        return False
    try:
        document = json_lines.unwrap(json_lines.read_shared_object(text), "ocsf")
    except UnparseableRecord:
        return False
    return "class_uid" in document


def _parse(line: SourceLine) -> ParsedEvent:
    document = json_lines.unwrap(json_lines.read_shared_object(line.text), "ocsf")
    kind = find_kind(json_lines.to_number(document.get("class_uid")) or 0)
    if kind is None or not isinstance(document.get("metadata"), dict):
        raise UnparseableRecord(
            "no class of OCSF that is understood",
            place="ocsf_json",
            remedy="Check which parser the source names.",
        )
    categories, activities = kind
    if categories == ["host"] and isinstance(document.get("api"), dict):
        categories = ["api"]  # before version 1.0 calls had a number of what now is the inventory
    activity = json_lines.to_number(document.get("activity_id")) or 0
    types, action = activities.get(
        activity, (["access"], "request") if "web" in categories else _UNKNOWN_ACT
    )
    fields: dict[str, Value] = {"event.category": categories.copy(), "event.type": types.copy()}
    texts = {name: _get_text(document, name) for name in _NAMES}
    ecs_values.put_values(fields, texts, _NAMES)
    fields.setdefault("event.action", action)
    if _get_number(document, "class_uid") % 10_000 // 1000 == 2:
        fields["event.kind"] = "alert"
    _put_outcome(fields, document)
    _put_people(fields, document)
    _put_more(fields, document)
    return ParsedEvent(_find_time(document, line), fields, id=_find_id(document))


def _get_text(document: Mapping[str, Value], name: str) -> str:
    text = json_lines.to_word(json_lines.get_nested(document, name))
    return "" if text in _NOTHING.get(name.rpartition(".")[2], ()) else text


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
    outcome = outcome or _STATUS_WORDS.get(_get_text(document, "status").casefold())
    response = json_lines.get_nested(document, "api.response")
    if outcome is None and isinstance(response, dict) and "error" in response:
        outcome = "failure" if response["error"] else "success"
    fields["event.outcome"] = outcome or ("success" if status else "unknown")


def _put_people(fields: dict[str, Value], document: Mapping[str, Value]) -> None:
    """The user who signs in, or the actor; of an account's change the user is its target."""
    users = [json_lines.to_mapping(json_lines.get_nested(document, name)) for name in _USERS]
    if fields["event.category"] == ["iam"]:
        target = _get_name(users[0])
        if target:
            fields["user.target.name"] = target.casefold()
        ecs_values.put_value(fields, "user.target.id", _get_text(users[0], "uid"))
        users = users[1:]
    for user in users:
        name, uid = _get_name(user), _get_text(user, "uid")
        if name or uid:
            people.put_user(fields, name)
            ecs_values.put_value(fields, "user.id", uid)
            ecs_values.put_value(fields, "user.domain", json_lines.to_word(user.get("domain")))
            email = json_lines.to_word(user.get("email_addr"))
            if email:
                fields.setdefault("user.email", email.casefold())
            return


def _get_name(user: Mapping[str, Value]) -> str:
    """The name a user signs in with: not the one of a person that stands beside an address."""
    names = [json_lines.to_word(user.get(key)) for key in ("name", "email_addr", "full_name")]
    if " " in names[0] and names[1]:
        return names[1]
    return next((name for name in names if name), "")


def _put_more(fields: dict[str, Value], document: Mapping[str, Value]) -> None:
    direction = _DIRECTIONS.get(_get_number(document, "connection_info.direction_id"))
    if direction is not None:
        fields["network.direction"] = direction
    proofs = [json_lines.get_nested(document, name) for name in _SESSIONS]
    proof = next((each for each in proofs if isinstance(each, bool)), None)
    if proof is not None:
        fields["breach.auth.mfa"] = proof
    _put_evidence(fields, document)
    if "network.bytes" not in fields:
        ecs_values.put_total_bytes(fields)
    security = json_lines.to_mapping(document.get("data_security"))
    if data_types := _list_data_types(security):
        fields["breach.dlp.sensitive_types"] = data_types
    ecs_values.put_value(fields, "rule.ruleset", _get_text(security, "policy.name"))
    duration = _get_number(document, "duration")
    if 0 < duration < 10**12:
        fields["event.duration"] = duration * 1_000_000


def _list_data_types(security: Mapping[str, Value]) -> list[dict[str, Value]]:
    """List the kinds of data that were found, never the data (`value` of the details)."""
    data_types: dict[str, dict[str, Value]] = {}
    pattern = json_lines.to_word(security.get("detection_pattern"))
    if pattern:
        data_types[pattern] = {"id": pattern}
    for detail in json_lines.to_mappings(security.get("discovery_details")):
        kind, count = (
            json_lines.to_word(detail.get("type")),
            json_lines.to_number(detail.get("count")),
        )
        if kind:
            data_types[kind] = {"id": kind} if count is None else {"id": kind, "count": count}
    category = json_lines.to_word(security.get("category"))
    if not data_types and category:
        data_types[category] = {"id": category}
    return list(data_types.values())


def _put_evidence(fields: dict[str, Value], document: Mapping[str, Value]) -> None:
    """Set what a finding leaves out and its first evidence or resource says."""
    evidence = next(iter(json_lines.to_mappings(document.get("evidences"))), {})
    texts = {name: _get_text(evidence, name) for name in _NAMES}
    ecs_values.put_values(fields, texts, {n: f for n, f in _NAMES.items() if "." in n and texts[n]})
    if "user.name" not in fields and evidence:
        _put_people(fields, evidence)
    resource = next(iter(json_lines.to_mappings(document.get("resources"))), {})
    if "file.name" not in fields and fields["event.category"] == ["file"]:
        ecs_values.put_value(fields, "file.name", _get_text(resource, "name"))


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
            '{"metadata":{"product":{"name":"Gate"}},"class_uid":2006,"activity_id":1,"time":'
            '1795309574250,"severity_id":4,"action_id":2,"actor":{"user":{"name":"jo"}},"file":{"name":'
            '"list.xlsx","size":2048},"finding_info":{"title":"Card numbers","uid":"f2"},'
            '"data_security":{"detection_pattern":"Credit card","policy":{"name":"Cards"}}}',
            {
                "event.kind": "alert",
                "event.category": ["file"],
                "event.type": ["info", "denied"],
                "event.outcome": "failure",
                "user.name": "jo",
                "file.name": "list.xlsx",
                "rule.name": "Card numbers",
                "breach.dlp.sensitive_types": [{"id": "Credit card"}],
            },
        ),
        ParserExample(
            '{"metadata":{"product":{"name":"Gate"}},"class_uid":2006,"activity_id":1,"time":'
            '1795309574250,"disposition_id":15,"evidences":[{"actor":{"user":{"name":"Jo","uid":"u7"}},'
            '"src_endpoint":{"ip":"203.0.113.66"},"file":{"name":"list.csv"}}],"finding_info":'
            '{"title":"Account numbers"},"data_security":{"discovery_details":[{"type":"IBAN",'
            '"count":12,"value":"GB00"}]}}',
            {
                "event.type": ["info"],
                "event.outcome": "unknown",
                "user.name": "jo",
                "user.id": "u7",
                "source.ip": "203.0.113.66",
                "file.name": "list.csv",
                "breach.dlp.sensitive_types": [{"id": "IBAN", "count": 12}],
            },
        ),
        ParserExample(
            '{"metadata":{"product":{"name":"Gate"}},"class_uid":3002,"activity_id":1,"time":'
            '1795309574250,"status":"Failure","actor":{"session":{"is_mfa":true}},"user":{"uid":"u7"},'
            '"src_endpoint":{"ip":"2001:db8::7"}}',
            {
                "event.outcome": "failure",
                "user.id": "u7",
                "breach.auth.mfa": True,
                "source.ip": "2001:db8::7",
            },
        ),
        ParserExample(
            '{"metadata":{"version":"0.26.1","product":{"name":"Trail"}},"class_uid":5001,"api":'
            '{"operation":"ListBuckets","response":{"error":"AccessDenied"}},"time":1795309574250,'
            '"identity":{"user":{"name":"Jo","uid":"u7"},"session":{"mfa":true}},"src_endpoint":'
            '{"ip":"203.0.113.66"}}',
            {
                "event.category": ["api"],
                "event.action": "ListBuckets",
                "event.outcome": "failure",
                "event.reason": "AccessDenied",
                "user.id": "u7",
                "user.name": "jo",
                "breach.auth.mfa": True,
                "source.ip": "203.0.113.66",
            },
        ),
        ParserExample(
            '{"metadata":{"product":{"name":"Gate"}},"class_uid":3006,"activity_id":3,"time":'
            '1795309574250,"status_id":1,"actor":{"user":{"name":"Jo Day","email_addr":'
            '"Jo@Contoso.example"}},"user":{"name":"eve","uid":"u9"},"group":{"name":"Admins"}}',
            {
                "event.action": "member-added",
                "event.outcome": "success",
                "user.name": "jo@contoso.example",
                "user.target.name": "eve",
                "user.target.id": "u9",
                "group.name": "Admins",
            },
        ),
        ParserExample(
            '{"metadata":{"product":{"name":"Gate"}},"class_uid":4011,"time":1795309574250,'
            '"status_id":1,"src_endpoint":{"ip":"203.0.113.66","port":0},"user":{"uid":"NULL SID"},'
            '"traffic":{"packets":1}}',
            {
                "event.category": ["network"],
                "event.outcome": "success",
                "source.port": None,
                "user.id": None,
                "network.packets": 1,
            },
        ),
    ),
)
