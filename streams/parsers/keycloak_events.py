"""Parse Keycloak's events as its server log writes them, `type="LOGIN_ERROR", realmId="…", …`, and
as its administration API and listeners give them, one JSON object each."""

from __future__ import annotations

import re
from collections.abc import Mapping

from schemas.pipeline.event import Value
from schemas.pipeline.plugin import ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import (
    addresses,
    device_stamps,
    json_records,
    key_value,
    people,
    web_access,
)
from streams.tokenizers.json_lines import to_mapping, to_word

_HEAD = re.compile(
    r"(?:(?P<stamp>[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}[,.][0-9]{3}) {1,2}|[0-9:]{8}[,.][0-9]{3} {1,2})?"
    r"(?:[A-Z]{4,5} {1,2})?"
    r"(?:\[org\.keycloak\.events\] \([^)]{1,100}\) "
    r"|[0-9]{1,10} --- \[[^\]]{1,60}\] org\.keycloak\.events {1,60}: )?(?=(?:type|operationType)=\"?[A-Z_]{3,64}\"?, realmId=)"
)
_SIGN_INS = frozenset(
    {
        *("LOGIN", "CLIENT_LOGIN", "CODE_TO_TOKEN", "REFRESH_TOKEN", "IDENTITY_PROVIDER_LOGIN"),
        *("TOKEN_EXCHANGE", "INTROSPECT_TOKEN", "IDENTITY_PROVIDER_FIRST_LOGIN", "IMPERSONATE"),
        *("OAUTH2_DEVICE_AUTH", "AUTHREQID_TO_TOKEN", "PERMISSION_TOKEN", "USER_INFO_REQUEST"),
    }
)


_TYPES = {"REGISTER": "creation", "CREATE": "creation", "DELETE": "deletion"}
_USER_PATH = re.compile(r"users/([0-9A-Za-z-]{1,64})(?:/|\Z)")


def _read_document(text: str) -> dict[str, str] | None:
    """Read an event in JSON to the pairs of the log; None: it is none."""
    document = json_records.read_record(text) if '"realmId"' in text else None
    if document is None or not {"type", "operationType"} & document.keys():
        return None
    if "time" not in document or not {"ipAddress", "authDetails"} & document.keys():
        return None
    parts = (document, *(to_mapping(document.get(key)) for key in ("details", "authDetails")))
    pairs: dict[str, str] = {}
    for part in parts:
        for key, value in part.items():
            if word := to_word(value):
                pairs.setdefault(key, word)
    return pairs


def _can_parse(line: SourceLine) -> bool:
    text = line.text
    if text.startswith("{"):
        return _read_document(text) is not None
    return _HEAD.match(text) is not None


def _parse(line: SourceLine) -> ParsedEvent:
    if line.text.startswith("{"):
        document = _read_document(line.text)
        if document is None:
            raise web_access.build_unreadable("keycloak_events")
        stamp = document.pop("time", "")
        time = device_stamps.parse_stamp(stamp, line.arrived, line.zone) if stamp else None
        return ParsedEvent(time, _build_fields(document), id=document.get("id"))
    head = _HEAD.match(line.text)
    if head is None:
        raise web_access.build_unreadable("keycloak_events")
    parsed = key_value.parse_delimited_pairs(line.text[head.end() :], ",")
    stamp = head["stamp"] or ""
    time = device_stamps.parse_stamp(stamp, line.arrived, line.zone) if stamp else None
    return ParsedEvent(time, _build_fields(key_value.select_first_values(parsed)))


def _build_fields(pairs: Mapping[str, str]) -> dict[str, Value]:
    name = pairs.get("type") or pairs.get("operationType") or "unknown"
    base = name.removesuffix("_ERROR")
    failed = name.endswith("_ERROR") or "error" in pairs
    category, kind = ["iam"], _TYPES.get(base.removesuffix("_ACCOUNT"), "change")
    if base in _SIGN_INS:
        category, kind = ["authentication"], "start"
    elif base == "LOGOUT":
        category, kind = ["authentication"], "end"
    fields: dict[str, Value] = {
        "event.category": category,
        "event.type": [kind],
        "event.action": name,
        "event.outcome": "failure" if failed else "success",
        "service.name": "keycloak",
    }
    people.put_user(fields, pairs.get("username", ""))
    for field, key in (
        ("user.id", "userId"),
        ("event.reason", "error"),
        ("user.domain", "realmName"),
        ("breach.auth.method", "auth_method"),
        ("network.application", "clientId"),
    ):
        value = pairs.get(key, "")
        if value and value != "null":
            fields.setdefault(field, value)
    target = _USER_PATH.match(pairs.get("resourcePath", ""))
    if target is not None:
        fields["user.target.id"] = target[1]
    end = addresses.parse_endpoint(pairs.get("ipAddress", ""))
    addresses.put_endpoint(fields, "source", end.ip, end.port)
    return fields


_STAMP = "2026-11-22 01:06:15,123"
PARSER = Parser(
    id="keycloak_events",
    title="Keycloak events (server log, JSON)",
    hints=(b"realmId=", b'"realmId"'),
    claims=_can_parse,
    parse=_parse,
    references=("https://www.keycloak.org/docs/latest/server_admin/#event-listener",),
    examples=(
        ParserExample(
            "2026-11-22 01:06:15.123  WARN 1580 --- [nio-9000-exec-2] org.keycloak.events        : "
            "type=LOGIN_ERROR, realmId=r1, clientId=account, userId=null, ipAddress=203.0.113.66,"
            " error=user_not_found, username=Jo",
            {
                "@timestamp": "2026-11-22T01:06:15.123000+00:00",
                "event.outcome": "failure",
                "event.reason": "user_not_found",
                "user.name": "jo",
                "source.ip": "203.0.113.66",
            },
        ),
        ParserExample(
            f'{_STAMP} WARN  [org.keycloak.events] (executor-thread-1) type="LOGIN_ERROR", realmId="r1", clientId="account", '
            'userId="null", ipAddress="198.51.100.7", error="invalid_user_credentials", username="Jo"',
            {
                "@timestamp": "2026-11-22T01:06:15.123000+00:00",
                "event.outcome": "failure",
                "event.reason": "invalid_user_credentials",
                "user.name": "jo",
                "source.ip": "198.51.100.7",
            },
        ),
        ParserExample(
            f"{_STAMP} DEBUG [org.keycloak.events] (default task-1) type=LOGIN, realmId=r1, clientId=account, userId=u7, "
            "ipAddress=2001:db8::7, auth_method=openid-connect, username=jo",
            {"event.outcome": "success", "user.id": "u7", "source.ip": "2001:db8::7"},
        ),
        ParserExample(
            "01:06:15,123 WARN  [org.keycloak.events] (default task-2) type=LOGIN_ERROR, realmId=r1, "
            "userId=null, ipAddress=198.51.100.7, error=user_not_found",
            {"event.outcome": "failure", "user.id": None, "source.ip": "198.51.100.7"},
        ),
        ParserExample(
            f'{_STAMP} DEBUG [org.keycloak.events] (t) operationType="DELETE", realmId="r1", userId="u1", '
            'ipAddress="198.51.100.7", resourceType="USER", resourcePath="users/u9"',
            {"event.type": ["deletion"], "user.id": "u1", "user.target.id": "u9"},
        ),
        ParserExample(
            '{"time":1795309575000,"type":"LOGIN_ERROR","realmId":"r1","clientId":"web","userId":null,'
            '"ipAddress":"2001:DB8::7","error":"user_not_found","details":{"username":"Jo","ipAddress":'
            '"192.0.2.66"}}',
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.outcome": "failure",
                "event.reason": "user_not_found",
                "user.name": "jo",
                "source.ip": "2001:db8::7",
            },
        ),
        ParserExample(
            '{"time":1795309575000,"realmId":"r1","operationType":"CREATE","resourceType":"USER",'
            '"resourcePath":"users/u9","authDetails":{"userId":"u1","ipAddress":"198.51.100.7"}}',
            {"event.type": ["creation"], "user.id": "u1", "source.ip": "198.51.100.7"},
        ),
        ParserExample(
            f'{_STAMP} WARN  [org.keycloak.events] (t) type="LOGIN_ERROR", realmId="r1", ipAddress="198.51.100.7", '
            'error="user_not_found", username="x", ipAddress="192.0.2.66"',
            {"source.ip": "198.51.100.7"},
        ),
    ),
)
