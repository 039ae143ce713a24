"""Parse authentik: the events that its server logs as JSON, and those of its API and webhooks."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import directory_names, json_records
from streams.tokenizers.json_records import get_text

_Record = Mapping[str, Value]
_Act = tuple[str, str, str]
_ACTS: dict[str, _Act] = {
    "login": ("authentication", "start", "success"),
    "login_failed": ("authentication", "start", "failure"),
    "logout": ("authentication", "end", "success"),
    "suspicious_request": ("intrusion_detection", "info", "unknown"),
    "password_set": ("iam", "change", "success"),
    "secret_view": ("iam", "access", "success"),
    "secret_rotate": ("iam", "change", "success"),
    "invitation_used": ("iam", "creation", "success"),
    "user_write": ("iam", "change", "success"),
    "authorize_application": ("authentication", "start", "success"),
    "source_linked": ("iam", "change", "success"),
    "impersonation_started": ("session", "start", "success"),
    "impersonation_ended": ("session", "end", "success"),
    "policy_execution": ("authentication", "info", "unknown"),
    "model_created": ("configuration", "creation", "success"),
    "model_updated": ("configuration", "change", "success"),
    "model_deleted": ("configuration", "deletion", "success"),
    "email_sent": ("email", "info", "success"),
    "configuration_error": ("configuration", "error", "failure"),
}
_ITSELF = ("system_", "task_", "update_available", "policy_exception", "property_mapping")
_LOGGED = "Created Event"
_NOBODY = frozenset({"AnonymousUser", ""})
_NAMES = json_records.RecordNames(
    texts=(
        ("user_agent.original", ("context.http_request.user_agent",)),
        ("breach.auth.method", ("context.auth_method",)),
        ("service.target.name", ("context.authorized_application.name",)),
        ("url.path", ("context.http_request.path",)),
        ("event.reason", ("context.reason", "context.message")),
        ("source.geo.country_iso_code", ("context.geo.country",)),
    ),
    person=(),
    clients=("client_ip",),
    stamps=("created", "timestamp"),
    acts=("pk", "event_uuid"),
)


def _find_record(text: str) -> _Record | None:
    if "authentik" not in text or '"client_ip"' not in text:
        return None
    record = json_records.read_record(text)
    if record is None or not isinstance(record.get("context"), dict):
        return None
    if not isinstance(record.get("user"), dict):
        return None
    is_logged = record.get("event") == _LOGGED and "logger" in record
    is_event = "app" in record and "created" in record
    return record if is_logged or is_event else None


def _can_parse(line: SourceLine) -> bool:
    return _find_record(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    record = _find_record(line.text)
    if record is None:
        raise UnparseableRecord(
            "no event of authentik",
            place="authentik_events",
            remedy="Send events whole, one JSON object each.",
        )
    action = get_text(record, "action") or "unknown"
    if action.startswith(_ITSELF):
        return IgnoredLine("describes the service itself")
    category, kind, outcome = _ACTS.get(action, ("iam", "info", "unknown"))
    fields: dict[str, Value] = {
        "event.category": [category],
        "event.type": [kind],
        "event.outcome": outcome,
        "event.action": action,
        "service.name": "authentik",
    }
    event = json_records.build_event(fields, record, line, _NAMES)
    _put_person(fields, record, action)
    return event


def _put_person(fields: dict[str, Value], record: _Record, action: str) -> None:
    """Set who acts; nobody has signed in yet where a sign-in was refused."""
    name = get_text(record, "user.username")
    if name in _NOBODY:
        name = get_text(record, "context.username")
    if name and name not in _NOBODY:
        directory_names.put_person(fields, name)
    email = get_text(record, "user.email")
    if "@" in email:
        fields["user.email"] = email.casefold()
    acted_for = get_text(record, "user.on_behalf_of.username", "context.impersonated.username")
    if acted_for or action.startswith("impersonation"):
        target = acted_for or get_text(record, "context.username")
        if target:
            fields["user.target.name"] = target.casefold()


_REFUSED: dict[str, Value] = {
    "action": "login_failed",
    "auth_via": "unauthenticated",
    "client_ip": "203.0.113.66",
    "context": {
        "http_request": {"args": {}, "method": "GET", "path": "/api/v3/flows/executor/x/"},
        "password": "********************",
        "username": "Jo",
    },
    "event": "Created Event",
    "host": "auth.contoso.example",
    "level": "info",
    "logger": "authentik.events.models",
    "pid": 41,
    "timestamp": "2026-11-22T01:06:15.5",
    "user": {"email": "", "pk": 2, "username": "AnonymousUser"},
}
_ACCEPTED: dict[str, Value] = {
    "pk": "e-1",
    "user": {"pk": 5, "email": "jo@contoso.example", "username": "jo"},
    "action": "login",
    "app": "authentik.events.signals",
    "context": {"auth_method": "password", "http_request": {"path": "/", "method": "GET"}},
    "client_ip": "2001:DB8::7",
    "created": "2026-11-22T01:06:15.123456Z",
}
PARSER = Parser(
    id="authentik_events",
    title="authentik",
    hints=(b"authentik",),
    claims=_can_parse,
    parse=_parse,
    references=("https://docs.goauthentik.io/sys-mgmt/events/event-actions/",),
    examples=(
        ParserExample(
            orjson.dumps(_REFUSED).decode(),
            {
                "@timestamp": "2026-11-22T01:06:15.500000+00:00",
                "event.category": ["authentication"],
                "event.outcome": "failure",
                "event.action": "login_failed",
                "user.name": "jo",
                "source.ip": "203.0.113.66",
            },
        ),
        ParserExample(
            orjson.dumps(_ACCEPTED).decode(),
            {
                "event.outcome": "success",
                "user.name": "jo",
                "user.email": "jo@contoso.example",
                "source.ip": "2001:db8::7",
                "breach.auth.method": "password",
            },
        ),
        ParserExample(
            orjson.dumps(
                _ACCEPTED | {"action": "password_set", "app": "authentik.core.signals"}
            ).decode(),
            {"event.category": ["iam"], "event.type": ["change"], "user.name": "jo"},
        ),
        ParserExample(
            orjson.dumps(
                _ACCEPTED | {"action": "impersonation_started", "context": {"username": "Eve"}}
            ).decode(),
            {"event.category": ["session"], "user.name": "jo", "user.target.name": "eve"},
        ),
        ParserExample(
            "Nov 22 01:06:15 auth01 authentik[812]: " + orjson.dumps(_REFUSED).decode(),
            {"event.outcome": "failure", "user.name": "jo", "source.ip": "203.0.113.66"},
        ),
        ParserExample(orjson.dumps(_ACCEPTED | {"action": "system_task_execution"}).decode(), None),
    ),
)
