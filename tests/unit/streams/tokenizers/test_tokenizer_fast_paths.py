"""Each short way through a tokenizer, the journal and the pipe gives what the long one gives."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import LONGEST_NAME, Event, RawRecord, RecordPosition, flatten
from schemas.pipeline.source import IncomingRecord
from streams.event_logs import frames
from streams.parser_process import messages
from streams.parsers import linux_iptables
from streams.tokenizers import addresses, key_value, stamps

PIECES = st.sampled_from(
    (
        *(" ", "  ", "\t", "\n", "\x1c", "\u2003", "=", '"', "'", '""', "\\", ":", "%", ".", "é"),
        *("key=", 'k="v w"', "a.b-c=1", "9x=2", "msg=", "=v", "x==y", "n='a b'", 'q="a"b" c=d'),
        *("SRC=1.2.3.4", "SRC", "IN=eth0", "DF", "1.2.3.4", "::1", "2001:db8::7", "443", "x" * 400),
        *("::ffff:1.2.3.4", "[2001:DB8::1]:9", "1.2.3.4%e0", "01.2.3.4", "256.1.1.1", "WAN", "0"),
    )
)
TEXTS = st.lists(PIECES | st.text(max_size=3), max_size=9).map("".join)
ZONES = st.sampled_from(
    ("UTC", "Europe/London", "Australia/Lord_Howe", "America/St_Johns", "Pacific/Apia")
).map(ZoneInfo)
MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)).map(  # noqa: DTZ001 - local
    lambda moment: moment.replace(microsecond=0)
)


@settings(max_examples=600, deadline=None)
@given(text=TEXTS)
@example(text='id=firewall time="2026-11-22 10:39:35" msg="TCP dropped" note= a.b-c="" x=1')
def test_pairs_of_text_without_single_quotes_are_those_that_any_text_gives(text: str) -> None:
    assert key_value.parse_pairs(text) == key_value._parse_any_pairs(text)


@settings(max_examples=600, deadline=None)
@given(text=TEXTS)
def test_an_endpoint_read_the_short_way_is_the_same(text: str) -> None:
    cut = text[: addresses._LONGEST]

    assert addresses.parse_named_endpoint(text) == addresses._parse_named_endpoint.__wrapped__(cut)
    if len(text) <= addresses._LONGEST:
        assert addresses.parse_endpoint(text) == addresses._parse_endpoint.__wrapped__(text)
        assert addresses.parse_address(text) == addresses._parse_address.__wrapped__(text)


@settings(max_examples=400, deadline=None)
@given(before=TEXTS, text=TEXTS)
def test_netfilters_pairs_are_those_that_a_pattern_finds(before: str, text: str) -> None:
    whole, begin = f"{before}IN={text}", len(before)
    pattern = re.compile(r"(?<!\S)([A-Z]+)=(\S*)")
    is_glued = before[-1:].isalnum()
    actual = pattern.findall(whole, begin) if is_glued else pattern.findall(f" {whole[begin:]}")
    pairs = linux_iptables._parse_pairs(whole, begin)

    for key in ("IN", "SRC", "DST", "MAC"):
        assert pairs.get(key) == dict(reversed(actual)).get(key)


@settings(max_examples=400, deadline=None)
@given(moment=MOMENTS, zone=ZONES)
@example(moment=datetime(2026, 10, 25, 1, 30), zone=ZoneInfo("Europe/London"))  # noqa: DTZ001
@example(moment=datetime(2026, 3, 29, 1, 30), zone=ZoneInfo("Europe/London"))  # noqa: DTZ001
@example(moment=datetime(2026, 4, 5, 1, 45), zone=ZoneInfo("Australia/Lord_Howe"))  # noqa: DTZ001
def test_a_local_stamp_is_the_moment_that_its_zone_says(moment: datetime, zone: ZoneInfo) -> None:
    expected = moment.replace(tzinfo=zone, fold=0).astimezone(UTC)  # the text has no fold

    assert stamps.parse_iso(moment.isoformat(" "), zone) == expected
    clock, month = f"{moment:%H:%M:%S}", f"{moment:%b}"
    if abs(expected.year - moment.year) == 0 and (moment.month, moment.day) != (2, 29):
        assert stamps.parse_yearless(month, str(moment.day), clock, expected, zone) == expected


@pytest.mark.parametrize("clock", ["24:00:00", "12:60:00", "12:00:61"])
def test_a_clock_that_no_day_has_is_refused(clock: str) -> None:
    with pytest.raises(UnparseableRecord):
        stamps.parse_yearless("Nov", "22", clock, datetime(2026, 11, 22, tzinfo=UTC), UTC)


NAMES = st.sampled_from(("a", "b", "a.b", "event", "x" * LONGEST_NAME, "", ".", "a."))
DOCUMENTS = st.recursive(
    st.none() | st.integers() | st.text(max_size=3) | st.just([{"a": 1}]),
    lambda inner: st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


def flattened(document: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in document.items():
        name = prefix + key
        if isinstance(value, Mapping) and len(name) <= LONGEST_NAME:
            flat |= flattened(value, f"{name}.")
        else:
            flat[name] = value
    return flat


@settings(max_examples=300, deadline=None)
@given(document=st.dictionaries(NAMES, DOCUMENTS, max_size=5))
def test_names_that_are_kept_flatten_a_document_as_new_ones_do(document: dict[str, Any]) -> None:
    assert flatten(document) == flattened(document)


ARRIVALS = st.datetimes(
    datetime(1960, 1, 1),  # noqa: DTZ001
    datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from((UTC, timezone(timedelta(hours=-9, minutes=-30)))),
)
ARRIVED = st.lists(
    st.tuples(ARRIVALS, st.sampled_from("st"), st.binary(max_size=5)), min_size=1, max_size=12
)


@settings(max_examples=150, deadline=None)
@given(rows=ARRIVED)
def test_a_request_carries_records_as_they_are(rows: list[tuple[datetime, str, bytes]]) -> None:
    records = [
        RawRecord(RecordPosition("j", number), source, raw, arrived)
        for number, (arrived, source, raw) in enumerate(rows)
    ]
    sources = {
        name: messages.SourceMessage(name, "auto", "UTC", "", 10.0, (("src", "source.ip"),))
        for name in "st"
    }
    request, numbers, read = messages.read_request(messages.dump_request(records, sources))

    assert [request[number].name for number in numbers] == [record.source for record in records]
    assert [(r.source, r.raw, r.arrived) for r in read] == [
        (r.source, r.raw, r.arrived) for r in records
    ]
    assert all(record.arrived.tzinfo is UTC for record in read)


@settings(max_examples=150, deadline=None)
@given(rows=ARRIVED)
def test_frames_give_back_what_they_took_in_each_of_one_day(
    rows: list[tuple[datetime, str, bytes]],
) -> None:
    incoming = [IncomingRecord(source=source, raw=raw, arrived=at) for at, source, raw in rows]
    columns = frames.to_columns(incoming)
    read = [
        (record, part.day)
        for part in columns
        for record in frames.decode(frames.encode(part), "j", 1, 0, len(part))
    ]

    assert [(r.source, r.raw, r.arrived) for r, _ in read] == [
        (i.source, i.raw, i.arrived) for i in incoming
    ]
    assert all(f"{record.arrived:%Y%m%d}" == day for record, day in read)
    days = [part.day for part in columns]
    assert all(one != next_ for one, next_ in pairwise(days))


def test_an_events_id_and_digest_are_those_of_its_bytes() -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    facts: dict[str, Any] = {"time": now, "arrived": now, "dataset": "d", "fields": {}}
    event = Event(**facts, source="s", position=RecordPosition("j", 1), raw=b"raw")
    named = Event(**facts, source="s", position=RecordPosition("j", 1), raw=b"raw", id="theirs")

    assert event.id == hashlib.sha256(b"s\0raw").hexdigest()[:32]
    assert event.sha256 == named.sha256 == hashlib.sha256(b"raw").hexdigest()
    assert named.id == "theirs"
    assert "theirs" not in repr(named)
