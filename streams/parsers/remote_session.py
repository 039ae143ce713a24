"""Parse sign-ins to remote-support products as JSON: our documented body, which products without a
log send by a trigger or a script, ScreenConnect's event names, and TeamViewer's connection reports."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import device_stamps, directory_names, json_records
from streams.tokenizers.json_records import get_text

_Fields = dict[str, Value]
_Record = Mapping[str, Value]
_MARK = "remote_session"
_RESULTS = {
    "success": "success",
    "ok": "success",
    "allowed": "success",
    "onetimepasswordrequired": "unknown",
    "required": "unknown",
    "unknown": "unknown",
    "": "unknown",
}
"""Results, case-folded; each other one (UserNameInvalid, PasswordInvalid, LockedOut) is a refusal."""
_KINDS = (
    ("login", ("authentication", "start", "logon")),
    ("logon", ("authentication", "start", "logon")),
    ("logout", ("authentication", "end", "logged-out")),
    ("logoff", ("authentication", "end", "logged-out")),
    ("password", ("iam", "change", "password-change")),
    ("file", ("file", "access", "file-transfer")),
    ("disconnect", ("session", "end", "session-ended")),
    ("end", ("session", "end", "session-ended")),
    ("connect", ("session", "start", "session-started")),
    ("session", ("session", "start", "session-started")),
    ("start", ("session", "start", "session-started")),
)
"""Words within the case-folded name of an event, the first that matches."""
_TEXTS = (
    ("user_agent.original", ("agent", "UserAgent")),
    ("host.name", ("host", "machine", "devicename")),
    ("session.id", ("session", "SessionID", "id")),
    ("file.name", ("file",)),
)


def _find_product(record: _Record) -> str | None:
    """Return the product that the record is about; None: it is no record of this kind."""
    product = record.get(_MARK)
    if isinstance(product, str) and product:
        return product.casefold()
    if "EventType" in record and ("OperationResult" in record or "LoginResult" in record):
        return "screenconnect"
    if {"deviceid", "devicename", "start_date"} <= record.keys():
        return "teamviewer"
    return None


def _can_parse(line: SourceLine) -> bool:
    record = json_records.read_record(line.text)
    return record is not None and _find_product(record) is not None


def _parse(line: SourceLine) -> ParsedEvent:
    record = json_records.read_record(line.text)
    product = None if record is None else _find_product(record)
    if record is None or product is None:
        raise UnparseableRecord(
            "no event of a remote session",
            place="remote_session",
            remedy=f'Send one JSON object an event, with "{_MARK}" naming the product.',
        )
    event = get_text(record, "event", "EventType") or "session"
    fields: _Fields = {"service.name": product, "observer.product": product}
    _put_act(fields, event.casefold(), get_text(record, "result", "OperationResult", "LoginResult"))
    directory_names.put_person(fields, get_text(record, "user", "UserName", "username"))
    json_records.put_client(fields, [get_text(record, "address", "NetworkAddress", "ip")])
    json_records.put_texts(fields, record, _TEXTS)
    if isinstance(record.get("mfa"), bool):
        fields["breach.auth.mfa"] = record["mfa"]
    if target := get_text(record, "target_user"):
        fields["user.target.name"] = target.casefold()
    stamp = get_text(record, "time", "Time", "start_date")
    return ParsedEvent(device_stamps.parse_stamp(stamp, line.arrived, line.zone), fields)


def _put_act(fields: _Fields, event: str, result: str) -> None:
    category, kind, action = next(
        (act for word, act in _KINDS if word in event), ("session", "info", event)
    )
    outcome = _RESULTS.get(result.casefold(), "failure")
    if category == "session" and not result:
        outcome = "success"
    if action == "logon":
        action = {"success": "logged-in", "failure": "logon-failed"}.get(outcome, "logon")
    fields |= {
        "event.category": [category],
        "event.type": [kind],
        "event.action": action,
        "event.outcome": outcome,
    }
    if outcome == "failure":
        fields["event.reason"] = result


_EVENT: dict[str, Value] = {
    _MARK: "screenconnect",
    "time": "2026-11-22T01:06:15Z",
    "event": "LoginAttempt",
    "result": "PasswordInvalid",
    "user": "Jo@Contoso.example",
    "address": "198.51.100.7",
    "agent": "Mozilla/5.0",
}
PARSER = Parser(
    id="remote_session",
    title="Remote-support sign-ins (ScreenConnect trigger, LogMeIn, TeamViewer, documented JSON)",
    hints=(b'"remote_session"', b'"EventType"', b'"devicename"'),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://docs.connectwise.com/ScreenConnect_Documentation/Get_started/Administration_page/Triggers_page",
        "https://webapi.teamviewer.com/api/v1/docs/index",
    ),
    examples=(
        ParserExample(
            orjson.dumps(_EVENT).decode(),
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.category": ["authentication"],
                "event.outcome": "failure",
                "event.reason": "PasswordInvalid",
                "user.name": "jo@contoso.example",
                "source.ip": "198.51.100.7",
            },
        ),
        ParserExample(
            orjson.dumps(_EVENT | {"result": "Success", "address": "[2001:DB8::7]:443"}).decode(),
            {"event.outcome": "success", "source.ip": "2001:db8::7", "source.port": 443},
        ),
        ParserExample(
            orjson.dumps(
                {
                    "EventType": "LoginAttempt",
                    "OperationResult": "OneTimePasswordRequired",
                    "UserName": 'jo","address":"192.0.2.66',
                    "NetworkAddress": "198.51.100.7",
                    "Time": "2026-11-22T01:06:15Z",
                }
            ).decode(),
            {
                "event.outcome": "unknown",
                "source.ip": "198.51.100.7",
                "user.name": 'jo","address":"192.0.2.66',
            },
        ),
        ParserExample(
            orjson.dumps(
                {
                    "id": "c1",
                    "username": "Jo",
                    "deviceid": "d7",
                    "devicename": "PC-7",
                    "start_date": "2026-11-22T01:06:15Z",
                    "end_date": "2026-11-22T02:00:00Z",
                }
            ).decode(),
            {"event.category": ["session"], "user.name": "jo", "host.name": "PC-7"},
        ),
    ),
)
