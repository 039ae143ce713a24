"""Parse Auth0's tenant log: one JSON object an event, alone or in the `data` of a log stream."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import json_records
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
    "fcoa": "failure", "sens": "success", "fens": "failure", "sede": "success", "fede": "failure",
    "mfar": "unknown", "gd_send_push": "unknown", "gd_otp_rate_limit_exceed": "failure",
    "limit_ui": "failure", "sercft": "success", "fercft": "failure", "pwd_leak_login": "failure",
}  # fmt: skip
"""Codes of sign-ins and exchanges of tokens."""
_ENDS = {"slo": "success", "flo": "failure"}
_ACCOUNTS = {
    "ss": "creation", "fs": "creation", "sdu": "deletion", "fdu": "deletion", "du": "deletion",
}  # fmt: skip
_SUCCESSES = ("s", "gd_enrollment_complete", "gd_unenroll", "gd_user_delete")
_NAMES = json_records.RecordNames(
    texts=(
        (
            "user.id",
            ("user_id", "details.request.auth.user.user_id", "details.request.auth.subject"),
        ),
        ("service.name", ("client_name",)),
        ("event.reason", ("description", "details.error.message")),
        ("user_agent.original", ("user_agent",)),
        ("breach.auth.method", ("strategy",)),
        ("host.name", ("hostname",)),
        ("source.geo.country_iso_code", ("location_info.country_code",)),
        ("source.geo.city_name", ("location_info.city_name",)),
    ),
    person=(
        *("user_name", "details.request.auth.user.email", "details.request.body.username"),
        *("details.request.body.email", "details.body.email", "details.user.email"),
    ),
    clients=("ip", "client_ip", "details.request.ip"),
    stamps=("date",),
    acts=("log_id", "_id"),
)
_MARKS = ("client_id", "user_agent", "isMobile", "ip", "strategy", "connection_id", "tenant_name")
"""Keys of which each record has one beside `type`, `date` and its id."""


def _find_record(text: str) -> _Record | None:
    outer = json_records.read_record(text)
    if outer is None or not ("log_id" in outer or "_id" in outer):
        return None
    record = to_mapping(outer.get("data")) if "log_id" in outer and "data" in outer else outer
    if "type" not in record or "date" not in record:
        return None
    return record if any(mark in record for mark in _MARKS) else None


def _can_parse(line: SourceLine) -> bool:
    return _find_record(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent:
    record = _find_record(line.text)
    if record is None:
        raise UnparseableRecord(
            "no event of an Auth0 tenant",
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
        category, kind = "iam", _ACCOUNTS.get(code, "change")
        outcome = "success" if code.startswith(_SUCCESSES) else "unknown"
        outcome = "failure" if code.startswith("f") else outcome
    fields: dict[str, Value] = {
        "event.category": [category],
        "event.type": [kind],
        "event.action": {"s": "logged-in", "f": "logon-failed"}.get(code, code or "unknown"),
        "event.outcome": outcome,
        "event.provider": "Auth0",
    }
    if code:
        fields["event.code"] = code
    return json_records.build_event(fields, record, line, _NAMES)


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
    hints=(b'"log_id"', b'"_id"'),
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
        ParserExample(
            orjson.dumps(
                {
                    "log_id": "902",
                    "data": {
                        "log_id": "902",
                        "date": "2026-11-22T01:06:15.500Z",
                        "type": "f",
                        "description": 'Callback mismatch" ip="192.0.2.66',
                        "ip": "198.51.100.7",
                        "user_agent": "Mozilla/5.0",
                    },
                }
            ).decode(),
            {"event.outcome": "failure", "source.ip": "198.51.100.7", "user.name": None},
        ),
        ParserExample(
            orjson.dumps(
                {
                    "log_id": "903",
                    "data": {
                        "date": "2026-11-22T01:06:15.500Z",
                        "type": "sapi",
                        "client_id": "c1",
                        "details": {
                            "request": {
                                "ip": "192.0.2.9",
                                "auth": {"user": {"email": "Eve@contoso.example", "user_id": "u7"}},
                            }
                        },
                    },
                }
            ).decode(),
            {
                "event.category": ["iam"],
                "event.outcome": "success",
                "user.name": "eve@contoso.example",
                "user.id": "u7",
                "source.ip": "192.0.2.9",
            },
        ),
    ),
)
