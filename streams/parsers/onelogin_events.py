"""Parse OneLogin's events: one JSON object each, as the API and the event broadcaster write them."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import json_records
from streams.tokenizers.json_records import get_text

_Record = Mapping[str, Value]
_SIGN_INS = {"5": ("logged-in", "success"), "6": ("logon-failed", "failure")}
_APPLICATION = "8"
"""A sign-in to an application, through OneLogin."""
_MARKS = frozenset({"account_id", "user_id", "ipaddr", "actor_user_id"})
_NAMES = json_records.RecordNames(
    texts=(
        ("user.id", ("user_id",)),
        ("service.name", ("app_name",)),
        ("group.name", ("group_name",)),
        ("event.reason", ("error_description", "notes", "custom_message")),
        ("event.code", ("event_type_id",)),
        ("breach.auth.method", ("otp_device_name", "authentication_factor_description")),
        ("rule.name", ("policy_name",)),
        ("cloud.account.id", ("account_id",)),
    ),
    person=("login_name", "user_name"),
    clients=("ipaddr", "proxy_ip"),
    stamps=("created_at", "event_timestamp"),
    acts=("uuid", "id"),
)


def _find_record(text: str) -> _Record | None:
    record = json_records.read_record(text)
    if record is None or "event_type_id" not in record:
        return None
    return record if len(_MARKS & record.keys()) > 1 else None


def _can_parse(line: SourceLine) -> bool:
    return _find_record(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent:
    record = _find_record(line.text)
    if record is None:
        raise UnparseableRecord(
            "no event of OneLogin",
            place="onelogin_events",
            remedy="Send events whole, one JSON object each.",
        )
    code = get_text(record, "event_type_id")
    is_refused = get_text(record, "error_description") != ""
    action, outcome = _SIGN_INS.get(code, (f"event-{code}", "unknown"))
    signs_in = code in _SIGN_INS or code == _APPLICATION
    if code == _APPLICATION:
        action, outcome = "application-logged-in", "failure" if is_refused else "success"
    elif not signs_in and is_refused:
        outcome = "failure"
    fields: dict[str, Value] = {
        "event.category": ["authentication" if signs_in else "iam"],
        "event.type": ["start" if signs_in else "info"],
        "event.action": action,
        "event.outcome": outcome,
        "event.provider": "OneLogin",
    }
    event = json_records.build_event(fields, record, line, _NAMES)
    actor = get_text(record, "actor_user_name")
    if actor and not signs_in and "user.name" in fields:
        fields["user.target.name"] = fields["user.name"]
        fields["user.name"] = actor.casefold()
        target = fields.pop("user.id", None)
        fields |= {} if target is None else {"user.target.id": target}
        json_records.put_texts(fields, record, (("user.id", ("actor_user_id",)),))
    return event


_EVENT: dict[str, Value] = {
    "id": 900,
    "created_at": "2026-11-22T01:06:15.123Z",
    "account_id": 7,
    "user_id": 70,
    "event_type_id": 6,
    "ipaddr": "198.51.100.7",
    "user_name": "Jo Day",
    "error_description": "Invalid password",
}
PARSER = Parser(
    id="onelogin_events",
    title="OneLogin events",
    hints=(b'"event_type_id"',),
    claims=_can_parse,
    parse=_parse,
    references=("https://developers.onelogin.com/api-docs/1/events/event-resource",),
    examples=(
        ParserExample(
            orjson.dumps(_EVENT).decode(),
            {
                "@timestamp": "2026-11-22T01:06:15.123000+00:00",
                "event.category": ["authentication"],
                "event.outcome": "failure",
                "event.reason": "Invalid password",
                "user.name": "jo day",
                "user.id": "70",
                "source.ip": "198.51.100.7",
            },
        ),
        ParserExample(
            orjson.dumps(
                _EVENT | {"event_type_id": 5, "ipaddr": "2001:DB8::7", "error_description": None}
            ).decode(),
            {"event.outcome": "success", "source.ip": "2001:db8::7", "event.reason": None},
        ),
        ParserExample(
            orjson.dumps(
                _EVENT
                | {
                    "event_type_id": 13,
                    "user_name": 'x" ipaddr="192.0.2.66',
                    "actor_user_name": "Eve Hill",
                    "actor_user_id": 71,
                    "error_description": None,
                }
            ).decode(),
            {
                "event.category": ["iam"],
                "event.outcome": "unknown",
                "user.name": "eve hill",
                "user.target.name": 'x" ipaddr="192.0.2.66',
                "source.ip": "198.51.100.7",
            },
        ),
    ),
)
