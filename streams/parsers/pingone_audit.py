"""Parse PingOne's audit activities: one JSON object an act, as its API and webhooks write them."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import directory_names, json_records
from streams.tokenizers.json_lines import to_mapping, to_mappings, to_word
from streams.tokenizers.json_records import get_text

_Record = Mapping[str, Value]
_KINDS = (
    ("authentication", ("authentication",), ("start",)),
    ("user.authenticat", ("authentication",), ("start",)),
    ("user.login", ("authentication",), ("start",)),
    ("user.access", ("iam",), ("info",)),
    ("password.check", ("authentication",), ("start",)),
    ("device_authentication", ("authentication",), ("start",)),
    ("otp", ("authentication",), ("start",)),
    ("mfa.", ("authentication",), ("start",)),
    ("flow", ("authentication",), ("info",)),
    ("session.created", ("session",), ("start",)),
    ("session.deleted", ("session",), ("end",)),
    ("session", ("session",), ("info",)),
    ("risk_evaluation", ("authentication",), ("info",)),
    ("group", ("iam",), ("group",)),
    ("member", ("iam",), ("group",)),
    ("user", ("iam",), ("user",)),
    ("password", ("iam",), ("user",)),
    ("device", ("iam",), ("user",)),
    ("role", ("iam",), ("admin",)),
    ("population", ("iam",), ("group",)),
)
"""How a case-folded type of act begins, its categories and first types; the first that matches."""
_VERBS = {"created": "creation", "deleted": "deletion", "read": "access", "checked": "info"}
_TEXTS = (
    ("event.reason", ("result.description",)),
    ("message", ("action.description",)),
    (
        "user_agent.original",
        ("request.userAgent", "source.userAgent", "source.user_agent", "userAgent"),
    ),
    ("breach.auth.method", ("authentication.authMethod", "mfa.factorType")),
)
_NAMES = json_records.RecordNames(
    texts=_TEXTS,
    person=(),
    clients=("source.ipAddress", "request.ipAddress", "ipAddress"),
    stamps=("recordedAt", "createdAt"),
    acts=("id",),
)


def _find_record(text: str) -> _Record | None:
    record = json_records.read_record(text)
    if record is None or not {"action", "actors", "result", "recordedAt"} <= record.keys():
        return None
    return record if get_text(record, "action.type") and get_text(record, "result.status") else None


def _can_parse(line: SourceLine) -> bool:
    return _find_record(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent:
    record = _find_record(line.text)
    if record is None:
        raise UnparseableRecord(
            "no audit activity of PingOne",
            place="pingone_audit",
            remedy="Send activities whole, one JSON object each.",
        )
    action = get_text(record, "action.type")
    lowered = action.casefold()
    category, types = next(
        ((c, t) for begin, c, t in _KINDS if lowered.startswith(begin)), (("configuration",), ())
    )
    kind = _VERBS.get(lowered.rpartition(".")[2], "change")
    succeeded = get_text(record, "result.status").casefold().startswith("success")
    succeeded = succeeded and not lowered.endswith(("failed", "denied"))
    fields: dict[str, Value] = {
        "event.category": list(category),
        "event.type": [*types, kind] if category[0] in {"iam", "configuration"} else list(types),
        "event.action": action,
        "event.outcome": "success" if succeeded else "failure",
        "event.provider": "PingOne",
    }
    event = json_records.build_event(fields, record, line, _NAMES)
    if succeeded:
        fields.pop("event.reason", None)
    _put_people(fields, record, category[0])
    return event


def _list_parties(value: Value) -> list[tuple[str, _Record]]:
    """List actors or resources with their kinds: one object with a key for each, a list of such, or a
    list of objects that name their type."""
    parties: list[tuple[str, _Record]] = []
    for each in [to_mapping(value)] if isinstance(value, dict) else to_mappings(value):
        kind = to_word(each.get("type")).casefold()
        if kind:
            parties.append((kind, each))
            continue
        parties.extend((name, to_mapping(inner)) for name, inner in each.items())
    return parties


def _put_people(fields: dict[str, Value], record: _Record, category: str) -> None:
    actors, resources = _list_parties(record.get("actors")), _list_parties(record.get("resources"))
    persons = [each for kind, each in actors if kind == "user"]
    done_to = [each for kind, each in resources if kind == "user"]
    if not persons and category == "authentication":
        persons = done_to
    clients = [each for kind, each in actors if kind != "user"]
    for each in (*persons, *clients):
        directory_names.put_person(fields, to_word(each.get("name")))
        if "user.name" in fields:
            json_records.put_texts(fields, each, (("user.id", ("id",)),))
            break
    for kind, each in (*resources, *actors):
        if kind in {"client", "application"} and "service.name" not in fields:
            json_records.put_texts(fields, each, (("service.name", ("name",)),))
        if kind == "group" and "group.name" not in fields:
            json_records.put_texts(fields, each, (("group.name", ("name",)), ("group.id", ("id",))))
    if category == "iam" and done_to and done_to[0].get("id") != fields.get("user.id"):
        fields["user.target.name"] = to_word(done_to[0].get("name")).casefold()


_EVENT: dict[str, Value] = {
    "id": "a1",
    "recordedAt": "2026-11-22T01:06:15.5Z",
    "action": {"type": "PASSWORD.CHECK_FAILED", "description": "Password Check Failed"},
    "actors": {
        "client": {"id": "c1", "name": "Portal", "type": "CLIENT"},
        "user": {"id": "u1", "name": "Jo", "type": "USER"},
    },
    "resources": [{"type": "USER", "id": "u1", "name": "Jo"}],
    "result": {"status": "FAILED", "description": "Incorrect password"},
    "source": {"ipAddress": "198.51.100.7", "userAgent": "Mozilla/5.0"},
}
_MEMBERSHIP: dict[str, Value] = _EVENT | {
    "action": {"type": "GROUP_MEMBERSHIP.CREATED"},
    "resources": [{"group": {"id": "g1", "name": "Staff"}}, {"user": {"id": "u2", "name": "Al"}}],
    "result": {"status": "SUCCESS"},
    "source": {"ipAddress": "2001:DB8::7"},
}
PARSER = Parser(
    id="pingone_audit",
    title="PingOne audit activities",
    hints=(b'"recordedAt"',),
    claims=_can_parse,
    parse=_parse,
    references=("https://apidocs.pingidentity.com/pingone/platform/v1/api/#audit-activities",),
    examples=(
        ParserExample(
            orjson.dumps(_EVENT).decode(),
            {
                "event.category": ["authentication"],
                "event.outcome": "failure",
                "event.reason": "Incorrect password",
                "user.name": "jo",
                "source.ip": "198.51.100.7",
                "service.name": "Portal",
            },
        ),
        ParserExample(
            orjson.dumps(_MEMBERSHIP).decode(),
            {
                "event.category": ["iam"],
                "event.type": ["group", "creation"],
                "group.name": "Staff",
                "user.name": "jo",
                "user.target.name": "al",
                "source.ip": "2001:db8::7",
            },
        ),
    ),
)
