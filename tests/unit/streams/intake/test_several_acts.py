"""A document of several acts becomes one record for each, on every intake, and no byte of an act
is changed."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.intake.splitting.record_buffer import FramedRecord
from streams.intake.splitting.record_splitter import RecordSplitter, split_records
from streams.intake.splitting.several_acts import split_acts, split_document

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
CLOUDWATCH = {
    "messageType": "DATA_MESSAGE",
    "owner": "111122223333",
    "logGroup": "/ec2/auth",
    "logStream": "web01",
    "logEvents": [
        {"id": "1", "timestamp": 1763773575000, "message": "sshd[7]: line [1] {a}"},
        {"id": "2", "timestamp": 1763773576000, "message": 'sshd[7]: line "2", "logEvents":['},
    ],
}
ACTIVITY = {
    "kind": "admin#reports#activity",
    "id": {"time": "2026-11-22T09:00:00.000Z", "applicationName": "login"},
    "actor": {"email": "jo@contoso.example"},
    "events": [{"name": "login_failure"}, {"name": "login_success"}],
}
PUSH = {
    "jsonrpc": "2.0",
    "method": "addEvents",
    "params": {"events": [{"module": "av"}, {"module": "login"}]},
}


def dump(document: Any, **more: Any) -> bytes:
    return json.dumps(document, **more).encode()


@pytest.mark.parametrize("name", ["Records", "records", "value", "items"])
@pytest.mark.parametrize("indent", [None, 2])
def test_elements_of_a_page_are_records_exactly_as_received(name: str, indent: int | None) -> None:
    acts = [{"a": 1, "b": ["]", '"'], "big": 10**30}, {"c": {"records": [{"d": 2}]}}]
    page = dump({"@odata.context": "x", name: acts, "@odata.nextLink": "y"}, indent=indent)
    records = list(split_records(page + b"\n"))

    assert [json.loads(record) for record in records] == acts
    assert all(record in page for record in records)


def test_one_act_of_a_page_is_the_act() -> None:
    assert split_document(b'{"records":[ {"a":1} ]}') == [b'{"a":1}']


def test_a_page_without_acts_stays() -> None:
    assert split_document(b'{"value":[]}') == [b'{"value":[]}']


def test_a_page_of_activities_becomes_one_document_an_event() -> None:
    records = split_document(dump({"kind": "k", "items": [ACTIVITY, ACTIVITY]}))

    assert [json.loads(record)["events"] for record in records] == [
        [{"name": "login_failure"}],
        [{"name": "login_success"}],
    ] * 2
    assert {json.loads(record)["actor"]["email"] for record in records} == {"jo@contoso.example"}


@pytest.mark.parametrize("document", [CLOUDWATCH, ACTIVITY, PUSH])
def test_what_stands_around_the_acts_is_in_each_part(document: dict[str, Any]) -> None:
    parts = [json.loads(part) for part in split_document(dump(document))]
    name = "logEvents" if "logEvents" in document else "events"
    holder = document.get("params", document)

    assert len(parts) == 2
    for part, act in zip(parts, holder[name], strict=True):
        expected = json.loads(dump(document))
        expected.get("params", expected)[name] = [act]
        assert part == expected


def test_a_syslog_header_stands_before_each_act() -> None:
    header = b"<134>Nov 22 01:06:15 relay okta: "

    assert split_document(header + b'{"records":[{"a":1},{"b":2}]}') == [
        header + b'{"a":1}',
        header + b'{"b":2}',
    ]


def test_a_line_that_is_an_array_becomes_its_objects() -> None:
    assert list(split_records(b'plain\n[{"a":1}, {"b":[2]}]\n')) == [
        b"plain",
        b'{"a":1}',
        b'{"b":[2]}',
    ]


@pytest.mark.parametrize(
    "raw",
    [
        b'{"records":["a","b"]}',
        b'{"value":[{"a":1},{"b":2}],"name":"x"}',
        b'{"events":[{"a":1},{"b":2}]}',
        b'{"message":"{\\"records\\":[{\\"a\\":1},{\\"b\\":2}]}"}',
        b'{"records":[{"a":1},{"b":2}',
        b'{"records":[{"a":1},{"b":2}]} and more}',
        b'[1763773575.0,{"log":"x"}]',
        b'[{"a":1},2]',
        b'say "records":[{"a":1},{"b":2}]}',
        b"x" * 2_000 + b'{"records":[{"a":1},{"b":2}]}',
    ],
)
def test_what_is_no_document_of_several_acts_stays_whole(raw: bytes) -> None:
    assert split_document(raw) == [raw]


def test_a_long_frame_around_many_short_acts_is_not_repeated() -> None:
    long = dump(CLOUDWATCH | {"logStream": "x" * 100_000, "logEvents": [{"id": "1"}] * 50})

    assert split_document(long) == [long]


def test_pieces_of_a_long_record_stay() -> None:
    piece = FramedRecord(b'{"records":[{"a":1},{"b":2}]}', "piece 1, bytes 0 to 9")

    assert split_acts([piece]) == [piece]


@settings(deadline=None, max_examples=60)
@given(
    acts=st.lists(
        st.dictionaries(st.sampled_from(["records", "a", "]", '"']), st.text(max_size=6)),
        min_size=1,
        max_size=6,
    ),
    seed=st.integers(0, 999),
)
def test_any_cut_of_the_bytes_gives_the_same_records(acts: list[dict[str, str]], seed: int) -> None:
    data = b"a line\n" + dump({"records": acts}) + b"\n" + dump(CLOUDWATCH) + b"\nlast\n"
    chance = random.Random(seed)
    splitter, given_records, at = RecordSplitter(0), [], 0
    while at < len(data):
        size = chance.randint(1, 40)
        given_records += splitter.feed(data[at : at + size])
        at += size
    given_records += splitter.finish()

    assert [record.raw for record in given_records] == list(split_records(data))
    assert [orjson.loads(raw) for raw in list(split_records(data))[1:-3]] == acts


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=200))
def test_no_bytes_are_lost_or_raise(data: bytes) -> None:
    for raw in (b'{"records":[' + data + b"]}", b'{"value":[{' + data + b"}]}", data):
        if raw:
            assert split_document(raw)
