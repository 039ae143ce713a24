"""Read JSON objects of sources whose settings have a field map."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import act_words, device_stamps, ecs_values, json_lines

_VERDICTS = ("action", "act", "disposition", "verdict")
_OUTCOMES = ("outcome", "result", "status", "success")
_WORDS = ("event", "eventType", "event_type", "type", "operation", "name", "title")


def _can_parse(line: SourceLine) -> bool:
    if not line.field_map or not json_lines.is_object_start(line.text):
        return False
    try:
        document = json_lines.read_shared_object(line.text)
    except UnparseableRecord:
        return False
    return any(_get_text(document, key) for key in line.field_map)


def _parse(line: SourceLine) -> ParsedEvent:
    document = json_lines.read_shared_object(line.text)
    texts = {key: _get_text(document, key) for key in line.field_map}
    if not any(texts.values()):
        raise UnparseableRecord(
            "none of the keys of the source's field map",
            place="generic_json",
            remedy="Name the object's keys (`a.b` for nested ones) under `fields` of the source.",
        )
    fields: dict[str, Value] = {}
    ecs_values.put_values(fields, texts, line.field_map)
    ecs_values.put_total_bytes(fields)
    stamp = fields.pop("@timestamp", None)
    kind = act_words.choose_kind(
        fields, _find(document, _VERDICTS), _find(document, _OUTCOMES), [_find(document, _WORDS)]
    )
    act_words.put_kind(fields, kind)
    time = device_stamps.parse_stamp(stamp, line.arrived, line.zone) if stamp else None
    return ParsedEvent(time, fields)


def _get_text(document: Mapping[str, Value], name: str) -> str:
    value = json_lines.get_nested(document, name)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    return json_lines.to_word(value)


def _find(document: Mapping[str, Value], names: tuple[str, ...]) -> str:
    texts = (_get_text(document, name) for name in names)
    return next((text for text in texts if text), "")


_FIELDS = {
    "at": "@timestamp",
    "actor.name": "user.name",
    "actor.address": "source.ip",
    "size": "file.size",
    "path": "file.path",
}
PARSER = Parser(
    id="generic_json",
    title="JSON of any vendor, by the source's field map",
    hints=(b"{",),
    claims=_can_parse,
    parse=_parse,
    is_fallback=True,
    references=("https://www.elastic.co/docs/reference/ecs",),
    examples=(
        ParserExample(
            '{"at":1795309574,"event":"login","success":false,"actor":{"name":"Jo@contoso.example",'
            '"address":"[2001:db8::7]:40022"}}',
            {
                "@timestamp": "2026-11-22T01:06:14+00:00",
                "event.category": ["authentication"],
                "event.outcome": "failure",
                "user.name": "jo@contoso.example",
                "source.ip": "2001:db8::7",
                "source.port": 40022,
            },
            field_map=_FIELDS,
        ),
        ParserExample(
            '{"at":"2026-11-22T01:06:14Z","event":"download","actor":{"name":"jo"},"path":"/a/b.txt",'
            '"size":"2048"}',
            {
                "event.category": ["file"],
                "event.outcome": "unknown",
                "file.path": "/a/b.txt",
                "file.size": 2048,
            },
            field_map=_FIELDS,
        ),
    ),
)
