"""Parse `key=value` lines as firewalls write them: both quotes, duplicate keys, empty values, gaps.

A quote ends where the next pair begins or the line ends, so quotes inside a value survive."""

from __future__ import annotations

import re
from collections.abc import Sequence

_KEY = r"[A-Za-z_][\w.-]*+="
_DOUBLE = r"\"([^\"]*+)\"(?!\S)"
_SINGLE = r"'([^']*+)'(?!\S)"
_PAIR = re.compile(rf"(?<!\S)({_KEY})(?:{_DOUBLE}|{_SINGLE}|(\S*+))", re.ASCII)
_PAIR_WITHOUT_SINGLE = re.compile(rf"(?<!\S)([A-Za-z_][\w.-]*+)=(?:{_DOUBLE}|(\S*+))", re.ASCII)
"""For text in which no value begins with a single quote."""
_QUOTE_END = re.compile(rf"\"(?=\s++{_KEY}|\s*+$)", re.ASCII)
_LONGEST_WITH_QUOTES = 1_000
"""Characters of a value with quotes inside; a quote that ends nowhere nearer begins a bare word."""


def parse_pairs(text: str) -> list[tuple[str, str]]:
    """Parse every pair in order. An unquoted value ends at white space."""
    if "='" in text:
        return _parse_any_pairs(text)
    usual: Sequence[tuple[str, str, str]] = _PAIR_WITHOUT_SINGLE.findall(text)
    if '"' in text:
        for _, _, plain in usual:
            if plain and plain[0] == '"':
                return _parse_pairs_with_quotes(text)
    return [(key, plain or quoted) for key, quoted, plain in usual]


def _parse_any_pairs(text: str) -> list[tuple[str, str]]:
    usual: Sequence[tuple[str, ...]] = _PAIR.findall(text)
    if any(plain.startswith('"') for _, _, _, plain in usual):
        return _parse_pairs_with_quotes(text)
    return [(key[:-1], plain or double or single) for key, double, single, plain in usual]


def _parse_pairs_with_quotes(text: str) -> list[tuple[str, str]]:
    """Parse the same with quotes; each character is read a constant number of times, however many
    quotes there are."""
    several: list[tuple[str, str]] = []
    at, end = 0, -1
    while (pair := _PAIR.search(text, at)) is not None:
        key, double, single, plain = pair.groups("")
        at, begin = pair.end(), pair.end(1) + 1
        if plain.startswith('"'):
            if end < begin:
                quote_end = _QUOTE_END.search(text, begin)
                end = (
                    len(text) + _LONGEST_WITH_QUOTES + 1 if quote_end is None else quote_end.start()
                )
            if end - begin <= _LONGEST_WITH_QUOTES:
                plain, at = text[begin:end], end + 1
        several.append((key[:-1], plain or double or single))
    return several


def select_first_values(all_pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Select the first of duplicate keys: what a stranger can type comes later in the line."""
    return dict(reversed(all_pairs))
