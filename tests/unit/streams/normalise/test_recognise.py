from __future__ import annotations

import dataclasses
import hashlib
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from parsing import claims

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import RawRecord, RecordPosition
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, load_plugins
from schemas.settings import SourceSettings
from streams.normalise.recognise import (
    MOST_SOURCES,
    FormatRecogniser,
    NotUnderstood,
    compute_event_id,
    decode,
    get_dataset,
)

ARRIVED = datetime(2026, 11, 22, 12, tzinfo=UTC)
SSH = b"Nov 22 01:06:15 web01 sshd[7]: Failed password for root from 192.0.2.1 port 1 ssh2"
WEB = b'192.0.2.1 - - [22/Nov/2026:01:06:15 +0000] "GET / HTTP/1.1" 200 1 "-" "x"'


def record(raw: bytes, source: str = "s") -> RawRecord:
    return RawRecord(RecordPosition("j", 0), source, raw, ARRIVED)


def source(parser: str = "auto", zone: str = "UTC") -> SourceSettings:
    return SourceSettings(name="s", parser=parser, zone=zone)


def test_a_line_is_recognised_by_itself() -> None:
    reader = FormatRecogniser()

    assert reader.read(record(SSH), source())[0] == "linux_sshd"
    assert reader.read(record(WEB), source())[0] == "nginx_access"


def test_a_configured_parser_reads_what_it_would_not_claim() -> None:
    parser, _ = FormatRecogniser().read(record(WEB), source("apache_access"))

    assert parser == "apache_access"


def test_a_line_of_another_format_on_a_configured_source_is_still_read() -> None:
    parser, _ = FormatRecogniser().read(record(SSH), source("apache_access"))

    assert parser == "linux_sshd"


def test_a_line_nobody_claims_is_not_understood() -> None:
    with pytest.raises(NotUnderstood) as refused:
        FormatRecogniser().read(record(b"some secret words"), source())

    assert refused.value.remedy
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("parser", ["auto", "microsoft365_audit"])
def test_a_line_that_its_parser_cannot_read_names_the_parser(parser: str) -> None:
    raw = b'{"Operation":"x","CreationTime":"2026-11-22T01:06:15","UserId":"secr'
    with pytest.raises(UnparseableRecord) as refused:
        FormatRecogniser().read(record(raw), source(parser))

    assert refused.value.place == "microsoft365_audit"
    assert not isinstance(refused.value, NotUnderstood)
    assert "secr" not in str(refused.value)


def test_what_a_source_sent_before_changes_no_result() -> None:
    parsers = load_plugins("streams.parsers", "PARSER").values()
    examples = [e for p in parsers for e in p.examples if not e.field_map]
    lines = [e.line.encode() for e in examples] * 3
    random.Random(7).shuffle(lines)
    reader = FormatRecogniser()

    for line in lines:
        alone = FormatRecogniser().read(record(line), source())
        assert reader.read(record(line), source()) == alone


@pytest.mark.parametrize(
    "typed",
    [
        b'1,2026-11-22T01:06:15Z,"{""Operation"":""x"",""CreationTime"":""2026-11-22T01:06:15""}"',
        b"x,AuditData,CreationDate",
        b"kernel: IN=a OUT= SRC=192.0.2.9 ",
        b"Vigor: [FILTER][Pass]",
        b'id=firewall sn=1 m=29 msg="login"',
        b'{"@timestamp":"2026-11-22T01:06:15Z","event.action":"x"}',
        b'192.0.2.9 - - [22/Nov/2026:01:06:15 +0000] "GET / HTTP/1.1" 200 1',
    ],
)
def test_a_stranger_cannot_turn_a_line_into_another_format(typed: bytes) -> None:
    head, tail = b"Nov 22 01:06:15 web01 sshd[7]: Failed password for invalid user ", b" from ::1"
    parsers = load_plugins("streams.parsers", "PARSER").values()
    claimed = [p.id for p in parsers if claims(p, (head + typed + tail).decode())]
    parser, result = FormatRecogniser().read(record(head + typed + tail), source())

    assert claimed == ["linux_sshd"]
    assert parser == "linux_sshd"
    assert isinstance(result, ParsedEvent)
    assert result.fields["source.ip"] == "::1"


def test_bytes_that_are_not_utf8_are_shown_and_tagged() -> None:
    _, result = FormatRecogniser().read(record(SSH.replace(b"root", b"caf\xe9")), source())

    assert isinstance(result, ParsedEvent)
    assert result.fields["user.name"] == "caf\\xe9"
    assert result.fields["tags"] == ["invalid_utf8"]


def test_a_valid_line_has_no_tag() -> None:
    _, result = FormatRecogniser().read(record(SSH), source())

    assert isinstance(result, ParsedEvent)
    assert "tags" not in result.fields


def test_a_byte_order_mark_and_line_ends_are_no_part_of_the_text() -> None:
    assert decode(b"\xef\xbb\xbfRecordId\r\n") == ("RecordId", True)
    header = b"\xef\xbb\xbfRecordId,CreationDate,AuditData\r\n"
    assert isinstance(FormatRecogniser().read(record(header), source())[1], IgnoredLine)


def test_the_zone_of_the_source_counts() -> None:
    _, result = FormatRecogniser().read(record(SSH), source(zone="Europe/Berlin"))

    assert isinstance(result, ParsedEvent)
    assert result.time == datetime(2026, 11, 22, 0, 6, 15, tzinfo=UTC)


def test_an_event_is_called_by_the_vendors_id_else_by_a_hash_of_source_and_bytes() -> None:
    expected = hashlib.sha256(b"s\0raw").hexdigest()[:32]

    assert compute_event_id("s", b"raw", "theirs") == "theirs"
    assert compute_event_id("s", b"raw", None) == expected


def test_an_event_that_came_in_ecs_keeps_its_dataset() -> None:
    assert get_dataset("linux_sshd", ParsedEvent(None, {})) == "linux.sshd"
    assert (
        get_dataset("ecs_json", ParsedEvent(None, {"event.dataset": "okta.system"}))
        == "okta.system"
    )


class AskedParsers:
    """The real parsers, and which of them were asked about a line."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.parsers = {
            name: dataclasses.replace(
                parser,
                claims=self._noting(name, parser.claims),
                parse=self._noting(name, parser.parse),
            )
            for name, parser in load_plugins("streams.parsers", "PARSER").items()
        }

    def _noting(self, name: str, ask: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def asked(argument: Any) -> Any:
            if name not in self.asked:
                self.asked.append(name)
            return ask(argument)

        return asked


@pytest.mark.parametrize("line", [SSH, WEB])
def test_the_next_line_of_a_source_asks_the_parser_of_the_last_one_alone(line: bytes) -> None:
    parsers = AskedParsers()
    reader, settings = FormatRecogniser(parsers.parsers), source()
    reader.read(record(line), settings)
    parsers.asked.clear()
    parser, _ = reader.read(record(line), settings)

    assert parsers.asked == [parser]


UNKNOWN = (
    b"<189>Nov 22 01:06:15 door7 portcullis[7]: opened by nobody",
    b"<189>Nov 22 01:06:15 door7 when=now opened=yes",
    b'{"when":"2026-11-22T01:06:15Z","what":"opened","by":{"nobody":true}}',
    b"2026-11-22 01:06:15 web-1 192.0.2.1 served /default.htm to 192.0.2.2 in 15 ms",
    b"some words that mean nothing",
)


@pytest.mark.parametrize("line", UNKNOWN)
def test_a_line_nobody_understands_is_shown_to_one_parser_at_most(line: bytes) -> None:
    """Those with a hint in it: every other parser costs a search for a few bytes."""
    parsers = AskedParsers()
    reader = FormatRecogniser(parsers.parsers)
    for _ in range(3):
        parsers.asked.clear()
        with pytest.raises(NotUnderstood):
            reader.read(record(line), source())

        assert len([name for name in parsers.asked if not name.startswith("generic_")]) <= 1


def test_sources_whose_names_are_invented_are_forgotten() -> None:
    reader, settings = FormatRecogniser(), source()
    for number in range(MOST_SOURCES + 10):
        reader.read(record(SSH, f"source {number}"), settings)

    assert len(reader._sources) <= MOST_SOURCES
