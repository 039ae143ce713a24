"""Read `key=value` lines of sources whose settings have a field map."""

from __future__ import annotations

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import act_words, device_stamps, ecs_values, key_value

_VERDICTS = ("action", "act", "disposition", "verdict")
_OUTCOMES = ("outcome", "result", "status")
_WORDS = ("msg", "message", "event", "type", "subtype", "eventtype")


def _can_parse(line: SourceLine) -> bool:
    if not line.field_map or line.text.startswith("{"):
        return False
    keys = {key for key, _ in key_value.parse_pairs(line.text)}
    return not keys.isdisjoint(line.field_map)


def _parse(line: SourceLine) -> ParsedEvent:
    texts = key_value.select_first_values(key_value.parse_pairs(line.text))
    if texts.keys().isdisjoint(line.field_map):
        raise UnparseableRecord(
            "none of the keys of the source's field map",
            place="generic_key_value",
            remedy="Name the line's keys under `fields` of the source.",
        )
    fields: dict[str, Value] = {}
    ecs_values.put_values(fields, texts, line.field_map)
    ecs_values.put_total_bytes(fields)
    stamp = fields.pop("@timestamp", None)
    kind = act_words.choose_kind(
        fields, _find(texts, _VERDICTS), _find(texts, _OUTCOMES), [_find(texts, _WORDS)]
    )
    act_words.put_kind(fields, kind)
    time = device_stamps.parse_stamp(stamp, line.arrived, line.zone) if stamp else None
    return ParsedEvent(time, fields)


def _find(texts: dict[str, str], keys: tuple[str, ...]) -> str:
    return next((texts[key] for key in keys if texts.get(key)), "")


_FIELDS = {"when": "@timestamp", "who": "user.name", "from": "source.ip", "box": "observer.name"}
PARSER = Parser(
    id="generic_key_value",
    title="key=value lines of any vendor, by the source's field map",
    hints=(b"=",),
    claims=_can_parse,
    parse=_parse,
    is_fallback=True,
    references=("https://www.elastic.co/docs/reference/ecs",),
    examples=(
        ParserExample(
            '<134>Nov 22 01:06:15 gw1 when="2026-11-22 01:06:14 UTC" who="Jo" from=203.0.113.66:40022'
            ' event="login failed" box=gw1',
            {
                "@timestamp": "2026-11-22T01:06:14+00:00",
                "event.category": ["authentication"],
                "event.outcome": "failure",
                "source.ip": "203.0.113.66",
                "source.port": 40022,
                "user.name": "jo",
                "observer.name": "gw1",
            },
            field_map=_FIELDS,
        ),
        ParserExample(
            "who=jo from=2001:db8::7 event=login result=success",
            {"event.outcome": "success", "source.ip": "2001:db8::7"},
            field_map=_FIELDS,
        ),
    ),
)
