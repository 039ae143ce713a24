"""Every parser's examples, as shippers hand them on: the values are those of the bare line."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from shipped import SHAPES

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import RawRecord, RecordPosition
from schemas.pipeline.plugin import (
    IgnoredLine,
    LineFrame,
    Parser,
    ParserExample,
    SourceLine,
    load_plugins,
)
from schemas.settings import SourceSettings
from streams.normalise.frames import is_object, open_frames
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


def by_rfc_5424(frame: LineFrame, text: str) -> str:
    """rsyslog's RSYSLOG_SyslogProtocol23Format."""
    assert frame.time
    stamp = frame.time.isoformat()
    return f"<38>1 {stamp} {frame.host} {frame.app} {frame.pid or '-'} - -  {text}"


def by_format_json(frame: LineFrame, text: str) -> str:
    """$(format-json --scope rfc5424) of syslog-ng."""
    names = {"HOST": frame.host, "PROGRAM": frame.app, "PID": frame.pid, "MESSAGE": text}
    return json.dumps({"ISODATE": frame.time, **names}, default=str)


def by_list_template(frame: LineFrame, text: str) -> str:
    """A list template of rsyslog, which writes `\\/` for a slash and keeps the space after a tag."""
    tag = f"{frame.app}[{frame.pid}]:" if frame.pid else f"{frame.app}:"
    names = {
        "timereported": frame.time,
        "host": frame.host,
        "syslogtag": tag,
        "message": f" {text}",
    }
    return json.dumps(names, default=str).replace("/", "\\/")


def by_journal(frame: LineFrame, text: str) -> str:
    """One entry of journalctl -o json."""
    names = {"_HOSTNAME": frame.host, "SYSLOG_IDENTIFIER": frame.app, "MESSAGE": text}
    assert frame.time
    stamp = str(int(frame.time.timestamp() * 1_000_000))
    return json.dumps({"__REALTIME_TIMESTAMP": stamp, "_PID": frame.pid or "1", **names})


def find_tagged(parser: Parser, example: ParserExample) -> SourceLine | None:
    """The example's message, if a traditional header with host, stamp and tag stands before it."""
    arrived = datetime.fromisoformat(example.arrived)
    line = SourceLine(example.line, arrived, ZoneInfo(example.zone))
    level = open_frames(line)[-1]
    frame = level.frame
    is_whole = frame.structured is None and frame.repeats == 1 and not is_object(example.line)
    has_header = None not in (frame.app, frame.host, frame.time)
    return level if is_whole and has_header and parser.claims(level) else None


@pytest.mark.parametrize("relay", [by_rfc_5424, by_format_json, by_list_template, by_journal])
@pytest.mark.parametrize("parser", PARSERS.values(), ids=list(PARSERS))
def test_a_header_in_another_form_gives_the_values_of_the_bare_line(
    parser: Parser, relay: Callable[[LineFrame, str], str]
) -> None:
    for example in parser.examples:
        level = find_tagged(parser, example)
        if level is None:
            continue
        bare = read(example.line.encode(), parser, example)
        relayed = read(relay(level.frame, level.text).encode(), parser, example)
        if isinstance(bare, str) or isinstance(relayed, str):
            assert relayed == bare, example.line
            continue
        expected = {k: v for k, v in bare[1].items() if not k.startswith("log.syslog.")}
        assert relayed[0] == bare[0], example.line
        assert {name: relayed[1].get(name) for name in expected} == expected, example.line
