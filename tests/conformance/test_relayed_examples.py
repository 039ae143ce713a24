"""Every parser's examples, as rsyslog and syslog-ng hand them on: the values are those of the bare
line, whatever the relay took for its host and its tag."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from relay_models import MODELS

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import RawRecord, RecordPosition, Value
from schemas.pipeline.plugin import IgnoredLine, Parser, ParserExample, load_plugins
from schemas.settings import SourceSettings
from streams.normalise.recognise import FormatRecogniser

PARSERS: dict[str, Parser] = dict(load_plugins("streams.parsers", "PARSER"))
LARGEST_LOSS = 0.025
"""Of the examples: what rsyslog cuts from a tag, at its slash, its bracket or its 32nd character, and
structured data that a template leaves out, nobody can restore."""
NAMES_OF_RELAYS = ("log.syslog.", "@timestamp", "event.created", "tags")
RECOGNISER = FormatRecogniser()


def read(line: str, parser: Parser, example: ParserExample) -> tuple[str, dict[str, Value]] | str:
    """Parser and fields, `ignored`, or `not understood`."""
    settings = SourceSettings(name=parser.id, zone=example.zone, fields=dict(example.field_map))
    arrived = datetime.fromisoformat(example.arrived)
    record = RawRecord(RecordPosition("j", 1), parser.id, line.encode(), arrived)
    outcome = RECOGNISER.read_or_refuse(record, settings)
    if isinstance(outcome, UnparseableRecord):
        return "not understood"
    name, parsed = outcome
    if isinstance(parsed, IgnoredLine):
        return "ignored"
    fields = {n: v for n, v in parsed.fields.items() if not n.startswith(NAMES_OF_RELAYS)}
    return name, fields


def gives_the_same(bare: tuple[str, dict[str, Value]] | str, relayed: object) -> bool:
    if isinstance(bare, str) or not isinstance(relayed, tuple):
        return bare == relayed
    name, fields = relayed
    return bool(name == bare[0] and {n: fields.get(n) for n in bare[1]} == bare[1])


@pytest.mark.parametrize("relay", MODELS.values(), ids=list(MODELS))
def test_a_relayed_line_gives_the_values_of_the_bare_line(relay: Callable[[str], str]) -> None:
    examples = [
        (parser, example)
        for parser in PARSERS.values()
        for example in parser.examples
        if "\n" not in example.line and example.line.strip()
    ]
    lost = [
        (parser.id, relay(example.line))
        for parser, example in examples
        if not gives_the_same(
            read(example.line, parser, example), read(relay(example.line), parser, example)
        )
    ]

    assert len(lost) <= LARGEST_LOSS * len(examples), lost
