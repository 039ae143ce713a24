"""Parse Okta's system log: one JSON object a record, as the API and log streaming write it."""

from __future__ import annotations

import re
from collections.abc import Mapping

import orjson

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import device_stamps, json_lines, json_records, people
from streams.tokenizers.json_lines import to_mapping, to_mappings, to_word
from streams.tokenizers.web_access import is_loopback

_OUTCOMES = {
    "SUCCESS": "success",
    "ALLOW": "success",
    "FAILURE": "failure",
    "DENY": "failure",
    "RATE_LIMIT": "failure",
}
_RISK = re.compile(r"\blevel=(LOW|MEDIUM|HIGH)\b")
_SEVERITIES = {"DEBUG": 1, "INFO": 1, "WARN": 3, "ERROR": 4}
_KINDS = (
    ("user.session.end", ("authentication", "session"), ("end",)),
    ("user.session.clear", ("session",), ("end",)),
    ("user.session.impersonation", ("session", "iam"), ("start", "user")),
    ("user.session", ("authentication", "session"), ("start",)),
    ("user.authentication", ("authentication",), ("start",)),
    ("user.mfa.factor", ("iam",), ("user", "change")),
    ("user.mfa", ("authentication",), ("start",)),
    ("app.oauth2", ("authentication",), ("start",)),
    ("app.generic.unauth", ("authentication",), ("start", "denied")),
    ("policy.evaluate_sign_on", ("authentication",), ("info",)),
    ("system.api_token.create", ("iam",), ("creation",)),
    ("system.api_token", ("iam",), ("change",)),
    ("system.idp.lifecycle.create", ("configuration", "iam"), ("creation",)),
    ("system.idp.lifecycle.delete", ("configuration", "iam"), ("deletion",)),
    ("system.idp", ("configuration", "iam"), ("change",)),
    ("system.org.rate_limit", ("configuration",), ("info",)),
    ("system.agent.ad.auth", ("authentication",), ("start",)),
    ("group.lifecycle.create", ("iam",), ("group", "creation")),
    ("group.lifecycle.delete", ("iam",), ("group", "deletion")),
    ("application.lifecycle.create", ("iam",), ("creation",)),
    ("application.lifecycle.delete", ("iam",), ("deletion",)),
    ("policy.lifecycle.create", ("configuration",), ("creation",)),
    ("policy.lifecycle.delete", ("configuration",), ("deletion",)),
    ("security.threat", ("threat",), ("indicator",)),
    ("security.request.blocked", ("network",), ("denied",)),
    ("user.account.lock", ("iam",), ("user", "change")),
    ("user.lifecycle.create", ("iam",), ("user", "creation")),
    ("user.lifecycle.delete", ("iam",), ("user", "deletion")),
    ("user.", ("iam",), ("user", "change")),
    ("group.", ("iam",), ("group", "change")),
    ("application.", ("iam",), ("change",)),
    ("policy.", ("configuration",), ("change",)),
    ("zone.", ("configuration",), ("change",)),
    ("app.", ("iam",), ("user", "change")),
    ("device.", ("host",), ("info",)),
    ("system.", ("configuration",), ("info",)),
)
"""How an event type begins, its categories and its types; the first that matches."""
_TARGET = (("user.target.id", ("id",)), ("user.target.full_name", ("displayName",)))
_TEXTS = (
    ("user.id", ("actor.id",)),
    ("user.full_name", ("actor.displayName",)),
    ("event.reason", ("outcome.reason",)),
    ("event.code", ("legacyEventType",)),
    ("message", ("displayMessage",)),
    ("user_agent.original", ("client.userAgent.rawUserAgent", "client.user_agent.raw_user_agent")),
    ("url.path", ("debugContext.debugData.requestUri",)),
    ("network.application", ("authenticationContext.credentialType",)),
    ("source.geo.country_name", ("client.geographicalContext.country",)),
    ("source.geo.city_name", ("client.geographicalContext.city",)),
    ("source.as.organization.name", ("securityContext.asOrg",)),
)


def _find_record(text: str) -> Mapping[str, Value] | None:
    record = json_records.read_record(text)
    record = None if record is None else json_lines.unwrap(record, "okta")
    if record is None or "eventType" not in record or "published" not in record:
        return None
    return record if "actor" in record and "outcome" in record else None


def _can_parse(line: SourceLine) -> bool:
    return _find_record(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent:
    record = _find_record(line.text)
    if record is None:
        raise UnparseableRecord(
            "no record of Okta's system log",
            place="okta_system",
            remedy="Send records whole, one JSON object each.",
        )
    action = to_word(record.get("eventType")) or "unknown"
    categories, types = next(
        ((c, t) for begin, c, t in _KINDS if action.startswith(begin)), (("iam",), ("info",))
    )
    result = json_records.get_text(record, "outcome.result").upper()
    fields: dict[str, Value] = {
        "event.category": list(categories),
        "event.type": list(types),
        "event.action": action,
        "event.outcome": _OUTCOMES.get(result, "unknown"),
        "event.provider": "Okta",
    }
    severity = _SEVERITIES.get(json_records.get_text(record, "severity"))
    if severity is not None:
        fields["event.severity"] = severity
    json_records.put_texts(fields, record, _TEXTS)
    _put_people(fields, record)
    _put_client(fields, record)
    _put_proof(fields, record)
    time = device_stamps.parse_stamp(to_word(record.get("published")), line.arrived, line.zone)
    return ParsedEvent(time, fields, id=to_word(record.get("uuid")) or None)


def _put_proof(fields: dict[str, Value], record: Mapping[str, Value]) -> None:
    """Set what the user proved who they are with; its act counts each, the password too."""
    debug_data = to_mapping(json_lines.get_nested(record, "debugContext.debugData"))
    details = (to_mapping(each.get("detailEntry")) for each in to_mappings(record.get("target")))
    methods = [to_word(each.get("methodTypeUsed")) for each in details]
    method = to_word(debug_data.get("factor")) or next((each for each in methods if each), "")
    if method:
        fields["breach.auth.method"] = method.casefold()
    if (
        fields["event.action"] == "user.authentication.auth_via_mfa"
        and fields["event.outcome"] == "success"
        and not method.casefold().startswith("password")
    ):
        fields["breach.auth.mfa"] = True
    risk = _RISK.search(to_word(debug_data.get("risk")))
    if risk is not None:
        fields["breach.auth.risk"] = risk[1].casefold()


def _put_people(fields: dict[str, Value], record: Mapping[str, Value]) -> None:
    actor = to_mapping(record.get("actor"))
    people.put_user(fields, to_word(actor.get("alternateId")))
    if "user.name" not in fields:
        people.put_user(fields, to_word(actor.get("displayName")))
    for target in to_mappings(record.get("target")):
        kind = to_word(target.get("type"))
        target_user: dict[str, Value] = {}
        people.put_user(target_user, to_word(target.get("alternateId")))
        if kind == "User" and "user.target.name" not in fields:
            fields.update({n.replace("user.", "user.target."): v for n, v in target_user.items()})
            json_records.put_texts(fields, target, _TARGET)
        elif kind in {"AppInstance", "AppUser"} and "service.name" not in fields:
            json_records.put_texts(fields, target, (("service.name", ("displayName",)),))
        elif kind == "UserGroup":
            json_records.put_texts(fields, target, (("group.name", ("displayName",)),))


def _put_client(fields: dict[str, Value], record: Mapping[str, Value]) -> None:
    """Set the address that Okta saw; where that is ours, the first outside one of the chain."""
    client = json_records.get_text(record, "client.ipAddress", "client.ip_address")
    json_records.put_client(fields, [client])
    ip = fields.get("source.ip")
    if ip is None or is_loopback(ip):
        request = to_mapping(record.get("request"))
        chain = [to_word(each.get("ip")) for each in to_mappings(request.get("ipChain"))]
        json_records.put_client(fields, chain)


def _build(event_type: str, result: str, ip: str = "198.51.100.7", **more: Value) -> str:
    record: dict[str, Value] = {
        "uuid": "3aeede38-4f67-11ea-abd3-1f5d113f2546",
        "published": "2026-11-22T01:06:15.000Z",
        "eventType": event_type,
        "severity": "INFO",
        "displayMessage": "User login to Okta",
        "actor": {"id": "00u1", "type": "User", "alternateId": "Jo@Contoso.example"},
        "client": {"ipAddress": ip, "userAgent": {"rawUserAgent": "Mozilla/5.0"}},
        "outcome": {"result": result, "reason": None},
        "target": None,
        **more,
    }
    return orjson.dumps(record).decode()


PARSER = Parser(
    id="okta_system",
    title="Okta system log",
    hints=(b'"eventType"',),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://developer.okta.com/docs/reference/api/system-log/",
        "https://developer.okta.com/docs/reference/api/event-types/",
    ),
    examples=(
        ParserExample(
            _build("user.session.start", "SUCCESS"),
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.category": ["authentication", "session"],
                "event.outcome": "success",
                "user.name": "jo@contoso.example",
                "source.ip": "198.51.100.7",
                "user_agent.original": "Mozilla/5.0",
            },
        ),
        ParserExample(
            _build(
                "user.session.start",
                "FAILURE",
                ip="2001:DB8::7",
                outcome={"result": "FAILURE", "reason": "INVALID_CREDENTIALS"},
            ),
            {
                "event.outcome": "failure",
                "event.reason": "INVALID_CREDENTIALS",
                "source.ip": "2001:db8::7",
            },
        ),
        ParserExample(
            _build("user.authentication.auth_via_mfa", "SUCCESS"),
            {"event.outcome": "success", "breach.auth.mfa": True},
        ),
        ParserExample(
            _build(
                "user.authentication.auth_via_mfa",
                "SUCCESS",
                target=[
                    {"type": "User", "id": "00u1", "alternateId": "Jo@Contoso.example"},
                    {
                        "type": "AuthenticatorEnrollment",
                        "detailEntry": {"methodTypeUsed": "Password"},
                    },
                ],
                debugContext={"debugData": {"risk": "{reasons=Anomalous Device, level=MEDIUM}"}},
            ),
            {
                "breach.auth.method": "password",
                "breach.auth.mfa": None,
                "breach.auth.risk": "medium",
                "user.target.id": "00u1",
            },
        ),
        ParserExample(
            _build(
                "user.account.reset_password",
                "SUCCESS",
                target=[{"type": "User", "alternateId": 'eve" src="192.0.2.66'}],
            ),
            {"event.category": ["iam"], "user.target.name": 'eve" src="192.0.2.66'},
        ),
    ),
)
