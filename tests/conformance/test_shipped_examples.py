"""Every parser's examples, as shippers hand them on: the values are those of the bare line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from shipped import SHAPES

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import RawRecord, RecordPosition
from schemas.pipeline.plugin import IgnoredLine, Parser, ParserExample, load_plugins
from schemas.settings import SourceSettings
from streams.normalise.recognise import FormatRecogniser

PARSERS: dict[str, Parser] = dict(load_plugins("streams.parsers", "PARSER"))
RECOGNISER = FormatRecogniser()


def read(raw: bytes, parser: Parser, example: ParserExample) -> tuple[str, dict[str, object]] | str:
    """Parser and fields, `ignored`, or `not understood`."""
    settings = SourceSettings(name=parser.id, zone=example.zone, fields=dict(example.field_map))
    arrived = datetime.fromisoformat(example.arrived)
    record = RawRecord(RecordPosition("j", 1), parser.id, raw, arrived)
    outcome = RECOGNISER.read_or_refuse(record, settings)
    if isinstance(outcome, UnparseableRecord):
        return f"not understood: {outcome}"
    name, parsed = outcome
    if isinstance(parsed, IgnoredLine):
        return "ignored"
    return name, {**parsed.fields, "@timestamp": parsed.time}


@pytest.mark.parametrize("ship", SHAPES.values(), ids=list(SHAPES))
@pytest.mark.parametrize("parser", PARSERS.values(), ids=list(PARSERS))
def test_a_shipped_line_gives_the_values_of_the_bare_line(
    parser: Parser, ship: Callable[[str], bytes]
) -> None:
    for example in parser.examples:
        bare = read(example.line.encode(), parser, example)
        shipped = read(ship(example.line), parser, example)
        if isinstance(bare, str) or isinstance(shipped, str):
            assert shipped == bare, example.line
            continue
        lacks_time = bare[1]["@timestamp"] is None
        expected = {k: v for k, v in bare[1].items() if not (lacks_time and k == "@timestamp")}
        assert shipped[0] == bare[0], example.line
        assert {name: shipped[1].get(name) for name in expected} == expected, example.line
