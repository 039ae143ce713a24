"""Parse JumpCloud's Directory Insights: one JSON object an event."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import json_records, people
from streams.tokenizers.json_records import get_text

_Record = Mapping[str, Value]
_SIGN_INS = ("login", "_auth", "sso_auth", "radius", "ldap_bind")
_NAMES = json_records.RecordNames(
    texts=(
        ("user.id", ("initiated_by.id",)),
        ("service.name", ("application.display_label", "application.name", "service")),
        ("event.reason", ("error_message", "message")),
        ("user_agent.original", ("useragent.raw", "user_agent")),
        ("user_agent.name", ("useragent.name",)),
        ("breach.auth.method", ("auth_method",)),
        ("host.name", ("system.hostname", "system.displayName")),
        ("source.geo.country_iso_code", ("geoip.country_code",)),
        ("cloud.account.id", ("organization",)),
    ),
    person=("initiated_by.username", "username", "initiated_by.email"),
    clients=("client_ip", "src_ip"),
    stamps=("timestamp",),
    acts=("id",),
)


def _find_record(text: str) -> _Record | None:
    record = json_records.read_record(text)
    if record is None or not {"event_type", "service", "timestamp"} <= record.keys():
        return None
    return record if "organization" in record or {"client_ip", "id"} <= record.keys() else None


def _can_parse(line: SourceLine) -> bool:
    return _find_record(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent:
    record = _find_record(line.text)
    if record is None:
        raise UnparseableRecord(
            "no event of Directory Insights",
            place="jumpcloud_insights",
            remedy="Send events whole, one JSON object each.",
        )
    action = get_text(record, "event_type") or "unknown"
    signs_in = any(word in action for word in _SIGN_INS)
    results = [record.get(name) for name in ("success", "sso_token_success")]
    success = next((each for each in results if isinstance(each, bool)), None)
    failed = success is False or (success is None and get_text(record, "error_message") != "")
    outcome = "failure" if failed else "success" if success is True or not signs_in else "unknown"
    fields: dict[str, Value] = {
        "event.category": ["authentication" if signs_in else "iam"],
        "event.type": ["start" if signs_in else "change"],
        "event.action": action,
        "event.outcome": outcome,
        "event.provider": "JumpCloud",
    }
    event = json_records.build_event(fields, record, line, _NAMES)
    if outcome == "success":
        fields.pop("event.reason", None)
    if signs_in and "user.name" not in fields:
        people.put_user(fields, get_text(record, "resource.username", "resource.email"))
    email = get_text(record, "initiated_by.email")
    if "@" in email:
        fields["user.email"] = email.casefold()
    target = get_text(record, "resource.username", "resource.email")
    if target and not signs_in:
        fields["user.target.name"] = target.casefold()
    if not signs_in:
        _put_association(fields, record)
    if isinstance(record.get("mfa"), bool):
        fields["breach.auth.mfa"] = record["mfa"]
    return event


def _put_association(fields: dict[str, Value], record: _Record) -> None:
    """Set the person and the group that are bound to something, or freed from it."""
    for end in ("from", "to"):
        kind = get_text(record, f"association.connection.{end}.type")
        name = get_text(record, f"association.connection.{end}.name")
        field = {"user": "user.target.name", "user_group": "group.name"}.get(kind)
        if field is not None and name:
            fields.setdefault(field, name.casefold() if kind == "user" else name)


_EVENT: dict[str, Value] = {
    "id": "5f1",
    "organization": "o1",
    "service": "directory",
    "event_type": "user_login_attempt",
    "success": False,
    "mfa": False,
    "error_message": "invalid password",
    "client_ip": "198.51.100.7",
    "initiated_by": {"type": "user", "username": "Jo"},
    "timestamp": "2026-11-22T01:06:15.5Z",
}
PARSER = Parser(
    id="jumpcloud_insights",
    title="JumpCloud Directory Insights",
    hints=(b'"event_type"',),
    claims=_can_parse,
    parse=_parse,
    references=("https://docs.jumpcloud.com/api/insights/directory/1.0/index.html",),
    examples=(
        ParserExample(
            orjson.dumps(_EVENT).decode(),
            {
                "event.outcome": "failure",
                "event.reason": "invalid password",
                "user.name": "jo",
                "source.ip": "198.51.100.7",
                "breach.auth.mfa": False,
            },
        ),
        ParserExample(
            orjson.dumps(
                _EVENT | {"success": True, "mfa": True, "client_ip": "2001:DB8::7"}
            ).decode(),
            {"event.outcome": "success", "source.ip": "2001:db8::7", "event.reason": None},
        ),
    ),
)
