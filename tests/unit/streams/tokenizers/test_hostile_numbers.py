"""Numbers, times and types that no device writes are read in order, and JSON can hold the
result."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from parsing import parse

from breachdesk.stores.register.register_view import RegisterSnapshot
from schemas.pipeline.event import Event, RawRecord, RecordPosition, build_nested, flatten
from schemas.pipeline.plugin import ParsedEvent, load_plugins
from schemas.settings import Settings, SourceSettings
from streams.normalise.normaliser import EventNormaliser
from streams.normalise.parse_lines import parse_lines, render_json
from streams.normalise.record_readers import InProcessReader
from streams.tokenizers import json_lines, numbers, stamps

ARRIVED = datetime(2026, 11, 22, 12, tzinfo=UTC)
FAILED = "Failed password for root from 203.0.113.66 port 22 ssh2"
ECS: Mapping[str, Any] = {
    "@timestamp": "2026-11-22T10:00:00Z",
    "ecs": {"version": "9.4.0"},
    "event.category": ["web"],
    "event.type": ["access"],
    "event.outcome": "success",
    "event.action": "seen",
}


def ecs(**more: Any) -> bytes:
    return orjson.dumps({**ECS, **{name.replace("__", "."): value for name, value in more.items()}})


SONICWALL = (
    'id=firewall sn=18B169000001 time="2026-11-22 10:39:35" fw=192.0.2.9 m=537 sent={0} rcvd={0}'
    ' cdur={0} pri={0} msg="Connection Closed" src=192.0.2.28:{0}:X4'
)
HOSTILE: dict[str, bytes] = {
    "a process number of 20 digits": f"Nov 22 01:06:15 web01 sshd[{'9' * 20}]: {FAILED}".encode(),
    "one of 5,000 digits": f"<86>1 2026-11-22T01:06:15Z web01 sshd {'9' * 5000} - - {FAILED}".encode(),
    "bytes of 15 digits": SONICWALL.format("9" * 15).encode(),
    "bytes of 18 digits": SONICWALL.format("9" * 18).encode(),
    "bytes of 5,000 digits": SONICWALL.format("9" * 5000).encode(),
    "an outcome that is a list": ecs(event__outcome=["success"]),
    "tags that are a number": ecs(tags=5),
    "tags and no time": ecs(tags={"a": 1}, **{"@timestamp": None}),
    "a watcher that is a list": ecs(observer__type=["firewall"], url__domain="x.example"),
    "a protocol that is an object in a list": ecs(
        network__application=[{"a": 1}], user__name="a@b.c"
    ),
    "a status in words": ecs(
        http__response__status_code="abc", url__query="a=b", url__domain="x.c"
    ),
    "a dataset that is a number": ecs(event__dataset=7),
    "a name of 300 parts": ecs(**{"__".join("a" * 300): 1}),
    "a name of 70,000 signs": ecs(**{"k" * 70_000: {"a": 1, "b": {"c": 2}}}),
    "a number of 64 bits": ecs(source__bytes=2**64 - 1),
    "JSON in a string, 300 deep": orjson.dumps(
        {
            "Operation": "DlpRuleUndo",
            "CreationTime": "2026-11-22T01:06:15",
            "Id": "1",
            "Workload": "Exchange",
            "ExceptionInfo": '{"a":' * 300 + "1" + "}" * 300,
        }
    ),
    "a host of a million parts": ecs(url__domain="a." * 500_000 + "example"),
}


SETTINGS = Settings(data_dir=Path("unused"), sources=(SourceSettings(name="s"),))


def documents_of(raw: bytes) -> list[dict[str, Any]]:
    reader = InProcessReader(SETTINGS)
    return list(parse_lines([raw], reader=reader, source="s", arrived=ARRIVED))


def read_in_the_pipeline(raw: bytes) -> list[Event]:
    events: list[Event] = []
    record = RawRecord(RecordPosition("j", 1), "s", raw, ARRIVED)
    EventNormaliser(InProcessReader(SETTINGS), SETTINGS).normalise(
        [record], RegisterSnapshot([], 1), lambda e, _raw: events.append(e)
    )
    return events


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_value_gives_one_document_and_one_event(raw: bytes) -> None:
    (document,) = documents_of(raw)
    (event,) = read_in_the_pipeline(raw)

    written = orjson.loads(render_json(document))
    assert "error" not in written
    assert orjson.dumps(dict(event.fields))
    assert isinstance(event.dataset, str)


def test_a_line_of_sshd_with_an_absurd_process_number_keeps_its_attempt() -> None:
    sshd = load_plugins("streams.parsers", "PARSER")["linux_sshd"]
    result = parse(sshd, HOSTILE["one of 5,000 digits"].decode(), ARRIVED)

    assert isinstance(result, ParsedEvent)
    assert result.fields["source.ip"] == "203.0.113.66"
    assert "process.pid" not in result.fields


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("9" * 18, 10**18 - 1), ("9" * 19, None), ("-1", None), ("٣", None), ("", None)],
)
def test_a_whole_number_has_at_most_64_bits(text: str, number: int | None) -> None:
    assert numbers.parse_whole(text) == number
    assert json_lines.to_number(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "9999-12-31T00:00:00Z",
        "0000-01-01",
    ],
)
def test_a_time_at_the_end_of_the_calendar_is_refused_in_order(text: str) -> None:
    with pytest.raises(stamps.build_absurd_time().__class__):
        stamps.parse_iso(text)


def test_names_that_nest_too_deeply_keep_their_dots() -> None:
    deep = ".".join("a" * 300)

    assert build_nested({deep: 1, "b.c": 2}) == {deep: 1, "b": {"c": 2}}


@given(st.dictionaries(st.text("ab.", max_size=8), st.integers(), max_size=12))
def test_a_name_below_another_keeps_its_dots_and_no_value_is_lost(fields: dict[str, int]) -> None:
    expected: dict[str, Any] = {}
    for name in sorted(fields):
        parts = name.split(".")
        if any(".".join(parts[:i]) in fields for i in range(1, len(parts))):
            expected[name] = fields[name]
            continue
        level = expected
        for part in parts[:-1]:
            level = level.setdefault(part, {})
        level[parts[-1]] = fields[name]

    assert build_nested(fields) == expected


def test_nesting_many_names_below_many_levels_costs_little() -> None:
    fields = {f"{'.'.join('a' * 60)}.{n}.x": n for n in range(30_000)}
    begin = time.thread_time()

    build_nested(fields)

    assert time.thread_time() - begin < 0.7


def test_objects_below_a_long_name_stay_nested() -> None:
    flat = flatten({"k" * 300: {"a": 1}, "b": {"c": {"d": 2}}})

    assert flat == {"k" * 300: {"a": 1}, "b.c.d": 2}
    assert build_nested(flat) == {"k" * 300: {"a": 1}, "b": {"c": {"d": 2}}}


def test_a_document_that_json_cannot_hold_becomes_a_refusal_on_its_line() -> None:
    deep: list[Any] = []
    for _ in range(300):
        deep = [deep]

    assert orjson.loads(render_json({"a": deep}))["error"]["type"] == "UnparseableRecord"
    assert render_json({"a": 2**70}).count(b"\n") == 1


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"NaN", b"Infinity", b"0x10"])
def test_a_number_that_is_none_refuses_its_line_in_order(number: bytes) -> None:
    raw = ecs(x=0).replace(b'"x":0', b'"x":' + number)

    (document,) = documents_of(raw)

    assert document["error"]["type"] == "UnparseableRecord"
    assert read_in_the_pipeline(raw) == []
