"""Parse WHMCS's activity log: rows of the API's GetActivityLog as JSON, one object each. What
happened stands in the description, in words for people."""

from __future__ import annotations

import re
from collections.abc import Mapping

import orjson

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import device_stamps, json_records, people
from streams.tokenizers.json_records import get_text

_Record = Mapping[str, Value]
_SIGN_IN = re.compile(r"\blog ?-?(?:in|on)\b|\blogged in\b|authentication", re.IGNORECASE)
_SIGN_OUT = re.compile(r"\blogged out\b|\blogout\b", re.IGNORECASE)
_REFUSED = re.compile(r"\bfail|\binvalid\b|\bincorrect\b|\bdenied\b|\bbanned\b", re.IGNORECASE)
_NAMED = re.compile(
    r"(?:Username|Email(?: Address)?|User)\s*[:=]\s*\"?([^\s\",;()]{1,254})", re.IGNORECASE
)
_TYPES = (
    ("created", "creation"),
    ("added", "creation"),
    ("deleted", "deletion"),
    ("removed", "deletion"),
)
_SYSTEMS = frozenset({"system", "system/automated", ""})


def _find_record(text: str) -> _Record | None:
    record = json_records.read_record(text)
    if record is None or "description" not in record or "date" not in record:
        return None
    has_address = "ipaddress" in record or "ipaddr" in record or "ipAddress" in record
    has_user = "userid" in record or "userId" in record or "clientId" in record
    return record if has_address and has_user else None


def _can_parse(line: SourceLine) -> bool:
    return _find_record(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent:
    record = _find_record(line.text)
    if record is None:
        raise UnparseableRecord(
            "no row of WHMCS's activity log",
            place="whmcs_activity",
            remedy="Send the rows of GetActivityLog, one JSON object each.",
        )
    text = get_text(record, "description")
    fields: dict[str, Value] = {"service.name": "whmcs", "message": text}
    refused = _REFUSED.search(text) is not None
    if _SIGN_OUT.search(text):
        category, kind, action, outcome = "authentication", "end", "logged-out", "success"
    elif _SIGN_IN.search(text):
        category, kind = "authentication", "start"
        action, outcome = ("logon-failed", "failure") if refused else ("logged-in", "success")
    else:
        lowered = text.casefold()
        kind = next((kind for word, kind in _TYPES if word in lowered), "change")
        category, action, outcome = "configuration", "activity", "failure" if refused else "success"
    fields |= {
        "event.category": [category],
        "event.type": [kind],
        "event.action": action,
        "event.outcome": outcome,
    }
    named = _NAMED.search(text)
    actor = get_text(record, "username", "user")
    name = named[1] if named is not None and category == "authentication" else actor
    if name.casefold() not in _SYSTEMS:
        people.put_user(fields, name)
    json_records.put_client(fields, [get_text(record, "ipaddress", "ipaddr", "ipAddress")])
    time = device_stamps.parse_stamp(get_text(record, "date"), line.arrived, line.zone)
    return ParsedEvent(time, fields, id=get_text(record, "id") or None)


def _build(description: str, **more: Value) -> str:
    row: dict[str, Value] = {
        "id": 7,
        "userid": 0,
        "date": "2026-11-22 01:06:15",
        "description": description,
        "username": "System",
        "ipaddress": "198.51.100.7",
        **more,
    }
    return orjson.dumps(row).decode()


PARSER = Parser(
    id="whmcs_activity",
    title="WHMCS activity log (API)",
    hints=(b'"ipaddress"', b'"ipaddr"', b'"ipAddress"'),
    claims=_can_parse,
    parse=_parse,
    references=("https://developers.whmcs.com/api-reference/getactivitylog/",),
    examples=(
        ParserExample(
            _build("Failed Admin Login Attempt - Username: Jo"),
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.outcome": "failure",
                "user.name": "jo",
                "source.ip": "198.51.100.7",
            },
        ),
        ParserExample(
            _build("Client Login", username="Jo@Contoso.example", ipaddress="2001:DB8::7"),
            {
                "event.outcome": "success",
                "user.name": "jo@contoso.example",
                "source.ip": "2001:db8::7",
            },
        ),
        ParserExample(
            _build("Modified Product - Product ID: 3", username="eve"),
            {"event.category": ["configuration"], "user.name": "eve"},
        ),
    ),
)
