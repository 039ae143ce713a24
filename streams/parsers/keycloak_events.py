"""Parse Keycloak's events as its server log writes them: `type="LOGIN_ERROR", realmId="…", …`."""

from __future__ import annotations

import re

from schemas.pipeline.event import Value
from schemas.pipeline.plugin import ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, device_stamps, key_value, people, web_access

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


def _can_parse(line: SourceLine) -> bool:
    return _HEAD.match(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent:
    head = _HEAD.match(line.text)
    if head is None:
        raise web_access.build_unreadable("keycloak_events")
    parsed = key_value.parse_delimited_pairs(line.text[head.end() :], ",")
    pairs = key_value.select_first_values(parsed)
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
    stamp = head["stamp"]
    time = device_stamps.parse_stamp(stamp, line.arrived, line.zone) if stamp else None
    return ParsedEvent(time, fields)


_STAMP = "2026-11-22 01:06:15,123"
PARSER = Parser(
    id="keycloak_events",
    title="Keycloak events (server log)",
    hints=(b"realmId=",),
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
            f'{_STAMP} WARN  [org.keycloak.events] (t) type="LOGIN_ERROR", realmId="r1", ipAddress="198.51.100.7", '
            'error="user_not_found", username="x", ipAddress="192.0.2.66"',
            {"source.ip": "198.51.100.7"},
        ),
    ),
)
