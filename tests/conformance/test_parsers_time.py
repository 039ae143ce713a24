"""No line costs a parser more than its length, whatever stands in it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hostile_lines import (
    ARRIVED,
    SHORT,
    Attack,
    TooSlow,
    attacks_on,
    cost,
    is_steep,
    patterns_of,
    reader_of,
    steep_attacks,
)
from parsing import claims, parse

from schemas.errors import UnparseableRecord
from schemas.pipeline.plugin import (
    IgnoredLine,
    ParsedEvent,
    Parser,
    ParserExample,
    SourceLine,
    load_plugins,
)
from streams.normalise.frames import open_frames
from streams.normalise.recognise import decode
from streams.tokenizers import syslog

PARSERS: dict[str, Parser] = dict(load_plugins("streams.parsers", "PARSER"))
FRAMED = (
    "<189>45: fw1: 000123: *Nov 22 2026 01:06:15.123 UTC: %ASA-4-106023: Deny",
    "95 <38>Sun Nov 22 01:06:15 2026 auth.info web01 web01 sshd[12]: hello",
    '<38>1 2026-11-22T01:06:15Z web01 sshd 12 - [a@1 x="y"] hello',
    "Nov 22 01:06:15 unifi.example 2026-11-22T01: 06:15.000Z unifi CEF:0|V|P|1|1|N|5|src=192.0.2.1",
    '{"@timestamp":"2026-11-22T01:06:15Z","message":"Nov 22 01:06:15 web01 sshd[12]: hello"}',
    "__CURSOR=s=1\n__REALTIME_TIMESTAMP=1795309575000000\nSYSLOG_IDENTIFIER=sshd\nMESSAGE=hello",
    '"Nov 22 01:06:15 web01 sshd[12]: message repeated 5 times: [ hello ""you""]"',
    "2026-11-22 01:06:15\tAuth.Warning\t192.0.2.7\tOriginal Address=192.0.2.9 Nov 22 01:06:15 web01 sshd[12]: hello",
    "auth-1  | 2026-11-22T01:06:15.000000000Z stdout F 1w2d: %SYS-5-CONFIG_I: hello",
)
"""Lines in frames: the reader of frames is attacked like a parser."""
QUICK = 3_000
"""Attacks on each parser in the fast tests; the soak makes all of them."""
MEBIBYTE = 1024 * 1024
LEAST_SECONDS = 0.001
"""Below it a time says nothing."""


@pytest.mark.parametrize("parser", PARSERS.values(), ids=PARSERS)
def test_the_cost_of_a_hostile_line_grows_like_its_length(parser: Parser) -> None:
    assert steep_attacks(reader_of(parser), attacks_on(parser, QUICK)) == []


def removing_with(
    open_all: Callable[[SourceLine], list[SourceLine]],
) -> Callable[[SourceLine], IgnoredLine]:
    return lambda line: IgnoredLine(str(len(open_all(line))))


def test_the_cost_of_removing_frames_grows_like_the_length() -> None:
    examples = tuple(ParserExample(line, None) for line in FRAMED)
    frames = Parser(
        "frames", "Frames", (b"",), lambda _line: True, removing_with(open_frames), (), examples
    )

    assert any(
        "sshd" in pattern.pattern or "stdout" in pattern.pattern for pattern in patterns_of(frames)
    )
    assert steep_attacks(reader_of(frames), attacks_on(frames, 2 * QUICK)) == []


@pytest.mark.soak
@pytest.mark.parametrize("parser", PARSERS.values(), ids=PARSERS)
def test_the_cost_of_every_hostile_line_grows_like_its_length(parser: Parser) -> None:
    every = attacks_on(parser, 10_000_000)

    assert steep_attacks(reader_of(parser), every, measured=200) == []


@pytest.mark.slow
@pytest.mark.parametrize("parser", PARSERS.values(), ids=PARSERS)
def test_a_hostile_mebibyte_costs_what_its_length_costs(parser: Parser) -> None:
    read = reader_of(parser)
    slow = list_slowest(read, attacks_on(parser, QUICK), SHORT, 200)
    for attack in list_slowest(read, slow, 16 * 1024, 10):
        short = max(cost(read, attack.line(MEBIBYTE // 16), 3), LEAST_SECONDS)

        assert cost(read, attack.line(MEBIBYTE), 1, allowed=120) < 4 * 16 * short


def list_slowest(
    read: Callable[[str], None], attacks: list[Attack], length: int, count: int
) -> list[Attack]:
    return sorted(attacks, key=lambda each: cost(read, each.line(length), 1))[-count:]


def a_parser(parse: Callable[[SourceLine], ParsedEvent | IgnoredLine], *lines: str) -> Parser:
    examples = tuple(ParserExample(line, None) for line in lines)
    return Parser("planted", "Planted", (b"",), lambda _line: True, parse, (), examples)


def reading_with(pattern: str, flags: int = 0) -> Callable[[SourceLine], ParsedEvent | IgnoredLine]:
    compiled = re.compile(pattern, flags)

    def parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
        if compiled.search(line.text) is None:
            raise UnparseableRecord("no match", remedy="none")
        return IgnoredLine("match")

    return parse


PORTAL = r"\[SSL\]Portal login (\w+)(?:.*?user (\S+))?.*? from IP (\S+?)!?\s*\Z"
START = (
    r"(?:(?:<[0-9]{1,3}>?\s*[A-Z][a-z]{2} [0-9]{2} [0-9:]{8} +)\s*(?:\S+ +)?|[0-9a-f.:]+ +)?"
    r"\s*(?=id=\S+ +(?:sn|time|fw|mgmtip)=)"
)
REPEATED = r"message repeated ([0-9]{1,9}) times?: \[ ?(.*?)\]?\s*\Z"
PLANTED = {
    "two lazy runs": (PORTAL, "[SSL]Portal login fail user jo from IP 203.0.113.66!"),
    "two runs of blanks": (START, "203.0.113.66 id=firewall sn=18B169000001 time=1"),
    "a lazy run before blanks": (REPEATED, "message repeated 5 times: [ Failed password]"),
    "a run within a run": (r"name=(\w+\s?)+;", "name=jo smith; role=none"),
    "a run within a run within a word": (r"^user (a+)+$", "user aaa"),
    "a search from everywhere": (r"\w+@\w+", "mail to jo@contoso"),
}


@pytest.mark.parametrize(("pattern", "line"), PLANTED.values(), ids=PLANTED)
def test_a_planted_slow_pattern_is_noticed(pattern: str, line: str) -> None:
    parser = a_parser(reading_with(pattern, re.DOTALL), line)

    assert steep_attacks(reader_of(parser), attacks_on(parser, 500)) != []


def test_a_planted_loop_that_copies_the_rest_of_the_line_is_noticed() -> None:
    sign = re.compile(r"\[SSL\]")

    def parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
        text = line.text
        while sign.match(text):
            text = text[5:]
        return IgnoredLine("match")

    parser = a_parser(parse, "[SSL]Portal")
    reader = reader_of(parser)
    seconds = [cost(reader, "[SSL]" * (length // 5), 3) for length in (2**15, 2**17, 2**19)]

    assert is_steep(seconds)


def test_an_endless_read_is_ended() -> None:
    with pytest.raises(TooSlow):
        cost(lambda text: bool(re.fullmatch(r"(a+)+b", text)) and None, "a" * 64, 1)


def test_the_patterns_of_a_parser_are_attacked() -> None:
    if syslog.__file__.endswith(".so"):
        pytest.skip(
            "a compiled function's closure cannot be looked into; the sources' are attacked"
        )
    every = {pattern.pattern for pattern in patterns_of(PARSERS["linux_sshd"])}

    assert any("Failed|Accepted" in pattern for pattern in every)


def test_bytes_that_are_no_utf8_cost_no_more_than_their_number() -> None:
    raw = b"\xff\xc3x" * (2**16 // 3)

    def read(times: str) -> None:
        decode(raw * len(times))

    assert not is_steep([cost(read, "x" * times, 3) for times in (1, 4, 16)])


def test_an_example_is_read_as_long_as_it_can_be() -> None:
    """A line is not refused because it is long: its end is personal text, or padding."""
    long = "x" * MEBIBYTE
    line = (
        "Nov 22 01:06:15 web01 sshd[1]: Failed password for invalid user "
        f"{long} from 203.0.113.66 port 22 ssh2"
    )

    result = parse(PARSERS["linux_sshd"], line, ARRIVED)

    assert isinstance(result, ParsedEvent)
    assert result.fields["source.ip"] == "203.0.113.66"
    assert claims(PARSERS["linux_sshd"], line)
