"""Pairs without quotes, with typographic quotes, between delimiters; and comma-separated values."""

from __future__ import annotations

import pytest

from streams.tokenizers import csv_lines, key_value


def test_typographic_quotes_are_quotes() -> None:
    assert key_value.parse_pairs("Blocked=”Passed on” user=“jo smith” n=1") == [
        ("Blocked", "Passed on"),
        ("user", "jo smith"),
        ("n", "1"),
    ]


def test_a_value_without_quotes_may_hold_blanks() -> None:
    assert key_value.parse_spaced_pairs("admin=Jo Smith, London src=192.0.2.1 empty= n='a b'") == [
        ("admin", "Jo Smith, London"),
        ("src", "192.0.2.1"),
        ("empty", ""),
        ("n", "a b"),
    ]


DELIMITED = {
    "colons": ("SrcIP: 192.0.2.1, DstPort: 443, Rule: Block all", ","),
    "signs": ('SrcIP=192.0.2.1;DstPort="443";Rule=Block all;', ";"),
    "bars": ("SrcIP=192.0.2.1|noise|DstPort=443|Rule=Block all", "|"),
}


@pytest.mark.parametrize(("text", "delimiter"), DELIMITED.values(), ids=DELIMITED)
def test_delimited_pairs_are_read(text: str, delimiter: str) -> None:
    assert key_value.parse_delimited_pairs(text, delimiter) == [
        ("SrcIP", "192.0.2.1"),
        ("DstPort", "443"),
        ("Rule", "Block all"),
    ]


def test_a_delimiter_in_quotes_separates_nothing() -> None:
    assert key_value.parse_delimited_pairs('a="x,b=y",c=z') == [("a", "x,b=y"), ("c", "z")]


RECORDS = {
    "plain": ("a,b,,d", ["a", "b", "", "d"]),
    "a comma in quotes": ('a,"b,c",d', ["a", "b,c", "d"]),
    "a doubled quote": ('a,"say ""hi""",d', ["a", 'say "hi"', "d"]),
    "a line break": ('a,"b\nc"', ["a", "b\nc"]),
    "a quote that is not closed": ('a,"b,c', ["a", "b,c"]),
    "text behind a quote": ('"a"b,c', ["ab", "c"]),
    "a blank before a quote": ('a, "b,c"', ["a", "b,c"]),
    "an empty end": ('"a",', ["a", ""]),
    "nothing": ("", [""]),
}


@pytest.mark.parametrize(("text", "expected"), RECORDS.values(), ids=RECORDS)
def test_a_record_is_split(text: str, expected: list[str]) -> None:
    assert csv_lines.split_fields(text) == expected


def test_an_open_quote_continues_the_record() -> None:
    assert csv_lines.is_open('a,"b')
    assert not csv_lines.is_open('a,"b""c"')
