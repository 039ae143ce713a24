"""Parse Auth0's tenant log: one JSON object an event, alone or in the `data` of a log stream."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import device_stamps, directory_names, json_records
from streams.tokenizers.json_lines import to_mapping
from streams.tokenizers.json_records import get_text

_Record = Mapping[str, Value]
_SIGN_INS = {
    "s": "success", "f": "failure", "fp": "failure", "fu": "failure", "fc": "failure",
    "fco": "failure", "limit_wc": "failure", "limit_mu": "failure", "limit_sul": "failure",
    "pwd_leak": "failure", "ssa": "success", "fsa": "failure", "seacft": "success",
    "feacft": "failure", "sepft": "success", "fepft": "failure", "seccft": "success",
    "feccft": "failure", "sertft": "success", "fertft": "failure", "gd_auth_succeed": "success",
    "gd_auth_failed": "failure", "gd_auth_rejected": "failure", "scoa": "success",
    "fcoa": "failure", "sens": "success", "fens": "failure",
}  # fmt: skip
"""Codes of sign-ins and exchanges of tokens."""
_ENDS = {"slo": "success", "flo": "failure"}
_TEXTS = (
    ("user.id", ("user_id",)),
    ("service.name", ("client_name",)),
    ("event.reason", ("description",)),
    ("user_agent.original", ("user_agent",)),
    ("breach.auth.method", ("strategy",)),
    ("host.name", ("hostname",)),
)


def _find_record(text: str) -> _Record | None:
    outer = json_records.read_record(text)
    if outer is None:
        return None
    record = to_mapping(outer.get("data")) if "log_id" in outer and "data" in outer else outer
    if "log_id" not in outer and "_id" not in outer:
        return None
    return record if "type" in record and "date" in record and "client_id" in record else None


def _can_parse(line: SourceLine) -> bool:
    return _find_record(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent:
    record = _find_record(line.text)
    if record is None:
        raise UnparseableRecord(
            "no event of Auth0's log",
            place="auth0_log",
            remedy="Send events whole, one JSON object each.",
        )
    code = get_text(record, "type")
    outcome = _SIGN_INS.get(code)
    category, kind = "authentication", "start"
    if outcome is None:
        outcome = _ENDS.get(code)
        kind = "end"
    if outcome is None:
        category, kind = "iam", "change"
        outcome = {"s": "success", "f": "failure"}.get(code[:1], "unknown")
    fields: dict[str, Value] = {
        "event.category": [category],
        "event.type": [kind],
        "event.action": {"s": "logged-in", "f": "logon-failed"}.get(code, code or "unknown"),
        "event.outcome": outcome,
        "event.provider": "Auth0",
    }
    if code:
        fields["event.code"] = code
    json_records.put_texts(fields, record, _TEXTS)
    directory_names.put_person(
        fields, get_text(record, "user_name", "details.request.body.username")
    )
    json_records.put_client(fields, [get_text(record, "ip", "client_ip")])
    time = device_stamps.parse_stamp(get_text(record, "date"), line.arrived, line.zone)
    return ParsedEvent(time, fields, id=get_text(record, "log_id", "_id") or None)


_EVENT: dict[str, Value] = {
    "log_id": "900",
    "date": "2026-11-22T01:06:15.500Z",
    "type": "fp",
    "description": "Wrong email or password.",
    "client_id": "c1",
    "client_name": "Portal",
    "ip": "198.51.100.7",
    "user_name": "Jo@Contoso.example",
    "user_agent": "Mozilla/5.0",
}
PARSER = Parser(
    id="auth0_log",
    title="Auth0 tenant log",
    hints=(b'"client_id"',),
    claims=_can_parse,
    parse=_parse,
    references=("https://auth0.com/docs/deploy-monitor/logs/log-event-type-codes",),
    examples=(
        ParserExample(
            orjson.dumps(_EVENT).decode(),
            {
                "event.outcome": "failure",
                "event.code": "fp",
                "user.name": "jo@contoso.example",
                "source.ip": "198.51.100.7",
                "service.name": "Portal",
            },
        ),
        ParserExample(
            orjson.dumps(
                {"log_id": "901", "data": _EVENT | {"type": "s", "ip": "2001:DB8::7"}}
            ).decode(),
            {"event.outcome": "success", "event.action": "logged-in", "source.ip": "2001:db8::7"},
        ),
    ),
)
