"""Parse Duo: the authentication, administrator and activity logs of the API, and the event log of the
authentication proxy, all JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import device_stamps, json_records, people
from streams.tokenizers.json_lines import to_mapping, to_word

_Fields = dict[str, Value]
_Record = Mapping[str, Value]
_OUTCOMES = {
    "success": "success",
    "allow": "success",
    "denied": "failure",
    "deny": "failure",
    "failure": "failure",
    "fraud": "failure",
    "reject": "failure",
    "error": "failure",
}
_RESULTS = frozenset({*_OUTCOMES, "challenge"})
_FACTORS = frozenset({"", "not_available", "n/a", "none", "remembered_device", "bypass_user"})
"""What is no second factor."""
_TEXTS = (
    ("user.id", ("user.key",)),
    ("event.reason", ("reason",)),
    ("service.name", ("application.name", "integration")),
    ("breach.auth.method", ("factor",)),
    ("source.geo.country_name", ("access_device.location.country", "location.country")),
    ("source.geo.city_name", ("access_device.location.city", "location.city")),
    ("host.name", ("access_device.hostname",)),
)


def _find_kind(record: _Record) -> Callable[[_Fields, _Record], None] | None:
    result = to_word(record.get("result")).casefold()
    if "factor" in record and result in _RESULTS and ("user" in record or "username" in record):
        return _put_authentication
    if "auth_stage" in record and "status" in record and "client_ip" in record:
        return _put_proxy
    if "action" in record and "actor" in record and ("akey" in record or "activity_id" in record):
        return _put_activity
    if {"action", "username"} <= record.keys() and {"isotimestamp", "timestamp"} & record.keys():
        is_whole = "isotimestamp" in record and {"object", "description"} & record.keys()
        if is_whole or {"object", "description"} <= record.keys():
            return _put_administration
    return None


def _can_parse(line: SourceLine) -> bool:
    record = json_records.read_record(line.text)
    return record is not None and _find_kind(record) is not None


def _parse(line: SourceLine) -> ParsedEvent:
    record = json_records.read_record(line.text)
    put = None if record is None else _find_kind(record)
    if record is None or put is None:
        raise UnparseableRecord(
            "no record of a log of Duo",
            place="duo_auth",
            remedy="Send records of the Admin API's logs or of authevents.log, one object each.",
        )
    fields: _Fields = {"observer.vendor": "Cisco", "observer.product": "Duo"}
    put(fields, record)
    stamp = json_records.get_text(record, "timestamp", "isotimestamp", "ts", "eventtimestamp")
    time = device_stamps.parse_stamp(stamp, line.arrived, line.zone) if stamp else None
    act = json_records.get_text(record, "txid", "activity_id")
    return ParsedEvent(time, fields, id=act or None)


def _put_authentication(fields: _Fields, record: _Record) -> None:
    result = to_word(record.get("result")).casefold()
    outcome = _OUTCOMES.get(result, "unknown")
    fields |= {
        "event.category": ["authentication"],
        "event.type": ["start" if outcome != "unknown" else "info"],
        "event.action": json_records.get_text(record, "event_type") or "authentication",
        "event.outcome": outcome,
    }
    json_records.put_texts(fields, record, _TEXTS)
    if outcome == "success":
        factor = to_word(record.get("factor")).casefold().replace(" ", "_")
        fields["breach.auth.mfa"] = factor not in _FACTORS
    user = to_mapping(record.get("user"))
    name = to_word(user.get("name")) or to_word(record.get("username"))
    people.put_user(fields, name or to_word(record.get("email")))
    if "@" in (email := to_word(record.get("email"))):
        fields["user.email"] = email.casefold()
    json_records.put_client(fields, [json_records.get_text(record, "access_device.ip", "ip")])
    device = to_mapping(record.get("access_device"))
    browser = [to_word(device.get(key)) for key in ("browser", "browser_version")]
    if browser[0]:
        fields["user_agent.name"] = browser[0]


def _put_proxy(fields: _Fields, record: _Record) -> None:
    status = to_word(record.get("status")).casefold()
    fields |= {
        "event.category": ["authentication"],
        "event.type": ["start"],
        "event.action": to_word(record.get("auth_stage")).casefold() or "authentication",
        "event.outcome": _OUTCOMES.get(status, "unknown"),
    }
    json_records.put_texts(
        fields,
        record,
        (
            ("event.reason", ("msg",)),
            ("service.name", ("server_section",)),
            ("breach.auth.method", ("factor",)),
            ("host.name", ("hostname",)),
        ),
    )
    people.put_user(fields, to_word(record.get("username")))
    json_records.put_client(fields, [to_word(record.get("client_ip"))])


def _put_administration(fields: _Fields, record: _Record) -> None:
    action = to_word(record.get("action")) or "unknown"
    signs_in = action.startswith("admin_login")
    is_failure = "error" in action or "fail" in action or action.endswith("_lockout")
    fields |= {
        "event.category": ["authentication" if signs_in else "iam"],
        "event.type": ["start" if signs_in else "change"],
        "event.action": action,
        "event.outcome": "failure" if is_failure else "success",
    }
    people.put_user(fields, to_word(record.get("username")))
    more = _read_description(record.get("description"))
    json_records.put_client(fields, [to_word(more.get("ip_address"))])
    json_records.put_texts(
        fields,
        more,
        (
            ("event.reason", ("error", "message")),
            ("breach.auth.method", ("factor",)),
            ("user.email", ("email",)),
        ),
    )
    if not signs_in and (target := to_word(record.get("object"))):
        fields["user.target.name"] = target.casefold()


def _read_description(value: Value) -> _Record:
    """Read the details, an object or the text of one."""
    text = to_word(value)
    return (json_records.read_record(text) or {}) if text else to_mapping(value)


def _put_activity(fields: _Fields, record: _Record) -> None:
    action: Any = record.get("action")
    name = to_word(to_mapping(action).get("name")) or to_word(action) or "unknown"
    signs_in = "login" in name
    result = json_records.get_text(record, "outcome.result").casefold()
    fields |= {
        "event.category": ["authentication" if signs_in else "iam"],
        "event.type": ["start" if signs_in else "info"],
        "event.action": name,
        "event.outcome": _OUTCOMES.get(result, "unknown" if result or signs_in else "success"),
    }
    actor, target = to_mapping(record.get("actor")), to_mapping(record.get("target"))
    people.put_user(fields, to_word(actor.get("name")))
    json_records.put_client(fields, [json_records.get_text(record, "access_device.ip.address")])
    json_records.put_texts(
        fields,
        record,
        (
            ("user.id", ("actor.key",)),
            ("service.name", ("application.name",)),
            ("user_agent.name", ("access_device.browser",)),
        ),
    )
    if to_word(target.get("type")) in {"user", "admin"}:
        json_records.put_texts(fields, target, (("user.target.id", ("key",)),))
        if target_name := to_word(target.get("name")):
            fields["user.target.name"] = target_name.casefold()


_AUTHENTICATION: dict[str, Value] = {
    "access_device": {"ip": "198.51.100.7", "browser": "Chrome", "hostname": None},
    "application": {"key": "DI1", "name": "VPN"},
    "auth_device": {"ip": "192.0.2.40", "name": "phone"},
    "event_type": "authentication",
    "factor": "duo_push",
    "reason": "user_approved",
    "result": "success",
    "timestamp": 1795309575,
    "txid": "340a23e3-23f3-23c1-87dc-1491a23dfdbb",
    "user": {"key": "DU1", "name": "Jo@Contoso.example"},
}
_PROXY: dict[str, Value] = {
    "timestamp": "2026-11-22T01:06:15.123456Z",
    "hostname": "proxy-1",
    "client_ip": "2001:DB8::7",
    "server_section": "radius_server_auto",
    "auth_stage": "Secondary authentication",
    "username": 'jo" client_ip="192.0.2.66',
    "status": "Reject",
    "factor": "push",
    "msg": "Login request denied.",
}
_ADMINISTRATION: dict[str, Value] = {
    "action": "admin_login",
    "description": '{"ip_address": "192.0.2.9", "factor": "sms"}',
    "isotimestamp": "2026-11-22T01:06:15+00:00",
    "object": None,
    "timestamp": 1795309575,
    "username": "Eve",
}
PARSER = Parser(
    id="duo_auth",
    title="Duo authentication, administrator and activity logs, authentication proxy",
    hints=(
        b'"factor"',
        b'"auth_stage"',
        b'"akey"',
        b'"activity_id"',
        b'"description"',
        b'"isotimestamp"',
    ),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://duo.com/docs/adminapi#logs",
        "https://duo.com/docs/authproxy-reference#configure-logging",
    ),
    examples=(
        ParserExample(
            orjson.dumps(_AUTHENTICATION).decode(),
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.outcome": "success",
                "user.name": "jo@contoso.example",
                "source.ip": "198.51.100.7",
                "service.name": "VPN",
                "breach.auth.mfa": True,
            },
        ),
        ParserExample(
            orjson.dumps(_AUTHENTICATION | {"result": "denied", "reason": "user_mistake"}).decode(),
            {"event.outcome": "failure", "event.reason": "user_mistake", "breach.auth.mfa": None},
        ),
        ParserExample(
            orjson.dumps(_PROXY).decode(),
            {
                "event.outcome": "failure",
                "source.ip": "2001:db8::7",
                "user.name": 'jo" client_ip="192.0.2.66',
            },
        ),
        ParserExample(
            orjson.dumps(
                {
                    "activity_id": "a1",
                    "akey": "DA1",
                    "action": {"name": "webauthncredential_create"},
                    "actor": {"key": "DU1", "name": "Jo", "type": "user"},
                    "access_device": {"ip": {"address": "2001:DB8:0:0:0:0:0:7#1234"}},
                    "outcome": {"result": "FAILURE"},
                    "ts": "2026-11-22T01:06:15.5+00:00",
                }
            ).decode(),
            {
                "event.outcome": "failure",
                "user.name": "jo",
                "user.id": "DU1",
                "source.ip": "2001:db8::7",
                "source.port": 1234,
            },
        ),
        ParserExample(
            orjson.dumps(_ADMINISTRATION).decode(),
            {
                "event.category": ["authentication"],
                "event.outcome": "success",
                "user.name": "eve",
                "source.ip": "192.0.2.9",
            },
        ),
    ),
)
