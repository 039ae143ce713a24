"""Accept JSON that is in ECS already, nested or dotted, from a shipper or another detector: its
fields pass through; only addresses and user names are normalised."""

from __future__ import annotations

import re
from collections.abc import Mapping

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value, flatten
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, json_lines, people, stamps

_OUTCOMES = frozenset({"success", "failure", "unknown"})
_ENDED = re.compile(
    r"(?:\A|[-_. ])(?:(fail(?:ed|ure)?|denied|rejected)|success(?:ful)?|succeeded)(?=[-_. ]|\Z)",
    re.IGNORECASE,
)
"""Words of an action that say how it ended."""
_IMPLIED = (
    (("http.response.status_code", "source"), "web"),
    (("http.request.method", "url", "source"), "web"),
    (("source.ip", "destination.ip", "network.transport"), "network"),
)
"""Fields that only one kind of act has."""
_ADDRESSES = (("source.ip", "source.address"), ("destination.ip", "destination.address"))


def _can_parse(line: SourceLine) -> bool:
    """Whether it is in ECS and says what kind of act it describes; of a damaged one, whether it
    seems to."""
    if not json_lines.is_ecs(line.text):
        return False
    try:
        return bool(_find_category(json_lines.read_shared_object(line.text)))
    except UnparseableRecord:
        return 'category"' in line.text


def _find_category(document: Mapping[str, Value]) -> list[str]:
    """Return the document's categories, or that which its other fields imply.

    A shipper's default output has neither: its `message` holds a line that another parser reads."""
    categories = json_lines.to_words(json_lines.get_nested(document, "event.category"))
    if categories:
        return categories
    for names, category in _IMPLIED:
        if all(json_lines.get_nested(document, name) is not None for name in names):
            return [category]
    return []


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    document = json_lines.read_shared_object(line.text) if json_lines.is_ecs(line.text) else {}
    categories = _find_category(document)
    if not categories:
        raise UnparseableRecord(
            "no ECS JSON with a category (ecs.version or @timestamp, and event.category)",
            place="ecs_json",
            remedy="Check which parser the source names.",
        )
    fields = flatten(document)
    fields["event.category"] = categories
    if None in fields.values():
        fields = {name: value for name, value in fields.items() if value is not None}
    stamp = fields.pop("@timestamp", None)
    fields["event.type"] = json_lines.to_words(fields.get("event.type"))
    if "tags" in fields:
        fields["tags"] = json_lines.to_words(fields["tags"])
    action = json_lines.to_word(fields.get("event.action"))
    if json_lines.to_word(fields.get("event.outcome")) not in _OUTCOMES:
        fields["event.outcome"] = _read_outcome(categories, action)
    fields["event.action"] = action or "unknown"
    _normalise_names(fields)
    event_id = json_lines.to_word(fields.pop("event.id", None))
    time = stamps.parse_iso(json_lines.to_word(stamp), line.zone) if stamp is not None else None
    return ParsedEvent(time, fields, id=event_id or None)


def _read_outcome(categories: list[str], action: str) -> str:
    """Read the outcome of a sign-in that only its action tells: `logon-failed`."""
    ended = _ENDED.search(action) if "authentication" in categories else None
    if ended is None:
        return "unknown"
    return "success" if ended[1] is None else "failure"


def _normalise_names(fields: dict[str, Value]) -> None:
    """Normalise names and addresses, and remove invalid ones from fields that rules read."""
    for field, otherwise in _ADDRESSES:
        text = json_lines.to_word(fields.pop(field, None))
        ip = addresses.parse_address(text) if text else None
        if ip is not None:
            fields[field] = ip
        elif text:
            fields.setdefault(otherwise, text)
    people.put_user(fields, json_lines.to_word(fields.pop("user.name", None)))


PARSER = Parser(
    id="ecs_json",
    title="JSON in ECS (Filebeat, Elastic Agent, other detectors)",
    hints=(b'"@timestamp"', b'"ecs'),
    claims=_can_parse,
    parse=_parse,
    is_sure=True,
    references=("https://www.elastic.co/docs/reference/ecs",),
    examples=(
        ParserExample(
            '{"@timestamp":"2026-11-22T01:06:15Z","event.category":"authentication","event.action":'
            '"logon-failed","source.ip":"203.0.113.66","user.name":"jo"}',
            {"event.outcome": "failure", "source.ip": "203.0.113.66", "user.name": "jo"},
        ),
        ParserExample(
            '{"@timestamp":"2026-11-22T01:06:15.250Z","ecs":{"version":"9.4.0"},'
            '"event":{"id":"abc","category":"authentication","type":["start"],'
            '"outcome":"failure","action":"logon-failed"},"user":{"name":"Jo"},'
            '"source":{"ip":"2001:DB8::7"}}',
            {
                "@timestamp": "2026-11-22T01:06:15.250000+00:00",
                "event.category": ["authentication"],
                "event.outcome": "failure",
                "user.name": "jo",
                "source.ip": "2001:db8::7",
            },
        ),
        ParserExample(
            '{"@timestamp":"2026-11-22T01:06:15Z","event.action":"opened","host.name":"web01",'
            '"event.category":["file"],"event.type":["access"],"event.outcome":"success"}',
            {"host.name": "web01", "event.action": "opened"},
        ),
    ),
)
