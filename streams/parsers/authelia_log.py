"""Parse Authelia: sign-ins with both factors, bans and refused access, as logfmt or JSON.

The account stands in single quotes within `msg`, the client in a pair of its own behind it: what a
stranger types cannot move either, because quotes inside a value are escaped."""

from __future__ import annotations

import re
from collections.abc import Mapping

import orjson

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, device_stamps, json_records, mail_sign_ins, people
from streams.tokenizers.json_records import get_text

_PAIR = re.compile(r"([a-z_]{1,32})=(?:\"((?:[^\"\\]++|\\.)*+)\"|(\S*+))(?:\s|\Z)", re.DOTALL)
_START = re.compile(r"time=\"[^\"]{10,40}\" level=[a-z]{4,7} msg=\"")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_FACTORS = r"1FA|2FA|TOTP|Duo|U2F|Mobile Push|WebAuthn|Webauthn|Passkey|[Oo]ne-[Tt]ime [Pp]assword"
_ATTEMPT = re.compile(
    rf"(?P<outcome>Uns|S)uccessful (?P<method>{_FACTORS}) (?:authentication|authorization) attempt"
    r"(?: made)? by user '(?P<user>.*)'(?P<rest> and they are banned until .*)?\Z",
    re.DOTALL,
)
_REFUSED = re.compile(
    r"(?:Credentials (?:are )?wrong|Unable to (?:check|verify) .{1,40}) for user '?(?P<user>[^']*)'?.*\Z",
    re.DOTALL,
)
_FORBIDDEN = re.compile(
    r"Access to '?(?P<url>\S{1,2000}?)'? (?:\(method [A-Z]{1,16}\) )?is (?P<act>forbidden to|not authorized to)"
    r" user '?(?P<user>[^']*?)'?(?:, responding .*)?\Z",
    re.DOTALL,
)
_ACCEPTED = "Authentication attempt successful"
_ANONYMOUS = "<anonymous>"
_Record = Mapping[str, Value]


def _read(text: str) -> _Record | None:
    """Read either shape to its pairs."""
    if _START.match(text) is not None:
        pairs = _PAIR.findall(text)
        return {key: _ESCAPED.sub(r"\1", quoted) or plain for key, quoted, plain in reversed(pairs)}
    if '"msg"' not in text:
        return None
    return json_records.read_record(text)


def _find_record(text: str) -> _Record | None:
    record = _read(text)
    if record is None or not {"level", "msg", "time"} <= record.keys():
        return None
    message = get_text(record, "msg")
    is_ours = any(each.match(message) for each in (_ATTEMPT, _FORBIDDEN)) or (
        "remote_ip" in record and "path" in record
    )
    return record if is_ours else None


def _can_parse(line: SourceLine) -> bool:
    return _find_record(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    record = _find_record(line.text)
    if record is None:
        raise UnparseableRecord(
            "no line of Authelia",
            place="authelia_log",
            remedy="Set log.format to text or json, without keys of your own.",
        )
    fields = _build_act(record)
    if fields is None:
        return IgnoredLine("describes neither a sign-in nor a refusal")
    fields |= {"service.name": "authelia", "network.application": "web"}
    client = addresses.parse_address(get_text(record, "remote_ip"))
    addresses.put_endpoint(fields, "source", client, None)
    json_records.put_texts(
        fields, record, (("http.request.method", ("method",)), ("event.reason", ("error",)))
    )
    if fields["event.outcome"] == "success":
        fields.pop("event.reason", None)
    time = device_stamps.parse_stamp(get_text(record, "time"), line.arrived, line.zone)
    return ParsedEvent(time or line.frame.time, fields)


def _build_act(record: _Record) -> dict[str, Value] | None:
    message = get_text(record, "msg")
    match = _ATTEMPT.match(message)
    if match is not None:
        outcome = "success" if match["outcome"] == "S" else "failure"
        fields = mail_sign_ins.build_sign_in(
            outcome, "authelia_login", user=match["user"], method=match["method"]
        )
        if match["method"] != "1FA" and outcome == "success":
            fields["breach.auth.mfa"] = True
        if match["rest"]:
            fields["event.reason"] = "banned"
        return fields
    match = _REFUSED.match(message)
    if match is not None and "firstfactor" in get_text(record, "path"):
        return mail_sign_ins.build_sign_in("failure", "authelia_login", user=match["user"])
    if message == _ACCEPTED:
        user = get_text(record, "username")
        return mail_sign_ins.build_sign_in("success", "authelia_login", user=user or None)
    match = _FORBIDDEN.match(message)
    return None if match is None else _build_refusal(match)


def _build_refusal(match: re.Match[str]) -> dict[str, Value]:
    """Build an access that a rule forbids; nobody who has not signed in is sent to the sign-in."""
    is_forbidden = match["act"].startswith("forbidden")
    fields: dict[str, Value] = {
        "event.category": ["web"],
        "event.type": ["access", "denied"] if is_forbidden else ["access"],
        "event.outcome": "failure" if is_forbidden else "unknown",
        "event.action": "access-forbidden" if is_forbidden else "sign-in-required",
        "url.original": match["url"],
    }
    if match["user"] != _ANONYMOUS:
        people.put_user(fields, match["user"])
    return fields


_TIME = 'time="2026-11-22T01:06:15Z"'
_FAILED = {
    "event.category": ["authentication"],
    "event.outcome": "failure",
    "event.action": "authelia_login",
}
PARSER = Parser(
    id="authelia_log",
    title="Authelia",
    hints=(
        b"remote_ip=",
        b'"remote_ip"',
        b"authentication attempt",
        b"authorization attempt",
        b"authorized to user",
        b"forbidden to user",
    ),
    claims=_can_parse,
    parse=_parse,
    references=("https://www.authelia.com/configuration/miscellaneous/logging/",),
    examples=(
        ParserExample(
            f"{_TIME} level=error msg=\"Unsuccessful 1FA authentication attempt by user 'Jo'\""
            ' error="user not found" method=POST path=/api/firstfactor remote_ip=203.0.113.66',
            _FAILED
            | {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "user.name": "jo",
                "source.ip": "203.0.113.66",
                "event.reason": "user not found",
            },
        ),
        ParserExample(
            orjson.dumps(
                {
                    "level": "error",
                    "method": "POST",
                    "msg": "Unsuccessful TOTP authentication attempt by user 'jo' and they are banned"
                    " until 12:23:00PM on November 22 2026 (+00:00)",
                    "path": "/api/secondfactor/totp",
                    "remote_ip": "2001:DB8::7",
                    "time": "2026-11-22T01:06:15Z",
                }
            ).decode(),
            _FAILED
            | {
                "user.name": "jo",
                "source.ip": "2001:db8::7",
                "breach.auth.method": "totp",
                "event.reason": "banned",
            },
        ),
        ParserExample(
            f"{_TIME} level=debug msg=\"Successful TOTP authentication attempt made by user 'jo'\""
            " method=POST path=/api/secondfactor/totp remote_ip=198.51.100.7",
            {"event.outcome": "success", "user.name": "jo", "breach.auth.mfa": True},
        ),
        ParserExample(
            f"{_TIME} level=error msg=\"Unsuccessful 1FA authentication attempt by user 'x' method=POST"
            ' remote_ip=192.0.2.1 \\"\'" method=POST path=/api/firstfactor remote_ip=203.0.113.66',
            _FAILED
            | {
                "source.ip": "203.0.113.66",
                "user.name": "x' method=post remote_ip=192.0.2.1 \"",
            },
        ),
        ParserExample(
            f'{_TIME} level=info msg="Access to https://wiki.contoso.example/a (method GET) is not'
            " authorized to user <anonymous>, responding with status code 302 with location redirect"
            ' to https://auth.contoso.example/" method=GET path=/api/authz/forward-auth'
            " remote_ip=203.0.113.66",
            {
                "event.category": ["web"],
                "event.outcome": "unknown",
                "user.name": None,
                "url.original": "https://wiki.contoso.example/a",
                "source.ip": "203.0.113.66",
            },
        ),
        ParserExample(
            f"{_TIME} level=warning msg=\"Access to https://pay.contoso.example/ is forbidden to user 'jo'\""
            " method=GET path=/api/verify remote_ip=203.0.113.66",
            {"event.type": ["access", "denied"], "event.outcome": "failure", "user.name": "jo"},
        ),
    ),
)
