"""Parse `key=value` lines as firewalls write them: single, double and typographic quotes, duplicate
keys, empty values, gaps, and values with blanks and without quotes.

A quote ends where the next pair begins or the line ends, so quotes inside a value survive."""

from __future__ import annotations

import re
from collections.abc import Sequence

KEY = r"[A-Za-z_][\w.\-\[\]]*+"
"""Of the pairs of CEF and LEEF, whose keys may have an index."""
_KEY = r"[A-Za-z_][\w.-]*+="
_DOUBLE = r"\"([^\"]*+)\"(?!\S)"
_SINGLE = r"'([^']*+)'(?!\S)"
_PAIR = re.compile(rf"(?<!\S)({_KEY})(?:{_DOUBLE}|{_SINGLE}|(\S*+))", re.ASCII)
_PAIR_WITHOUT_SINGLE = re.compile(rf"(?<!\S)([A-Za-z_][\w.-]*+)=(?:{_DOUBLE}|(\S*+))", re.ASCII)
"""For text in which no value begins with a single quote."""
_QUOTE_END = re.compile(rf"\"(?=\s++{_KEY}|\s*+$)", re.ASCII)
_LONGEST_WITH_QUOTES = 1_000
"""Characters of a value with quotes inside; a quote that ends nowhere nearer begins a bare word."""


_SPACED_KEY = re.compile(rf"(?<!\S)({KEY})=", re.ASCII)
_QUOTED_VALUE = re.compile(r"(?:\"[^\"]*+\"|'[^']*+')(?!\S)")
_TYPOGRAPHIC = re.compile(
    r"(?<==)[\u201c\u201d\u201e\u00ab]([^\u201c\u201d\u201e\u00ab\u00bb\"]*+)[\u201c\u201d\u00bb]"
)
_QUOTES = frozenset("\"'")
_PARTS = {
    delimiter: re.compile(rf"((?:[^{delimiter}\"]++|\"[^\"]*+\"|\")*+)(?:{delimiter}|\Z)")
    for delimiter in (",", ";", "\\|", "\t", "&")
}
_DELIMITED_PAIR = re.compile(r"\s*+([^\s=:\"][^=:\"]{0,60}+)[=:](.*)", re.DOTALL)


def parse_pairs(text: str) -> list[tuple[str, str]]:
    """Parse every pair in order. An unquoted value ends at white space."""
    if "=\u201d" in text or "=\u201c" in text or "=\u201e" in text:
        text = _TYPOGRAPHIC.sub(r'"\1"', text)
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


def parse_spaced_pairs(text: str) -> list[tuple[str, str]]:
    """Parse every pair in order. An unquoted value ends where the next key begins, so that it may
    contain blanks: use it for formats that do not quote."""
    pairs: list[tuple[str, str]] = []
    key, begin, next_key = None, 0, 0
    for match in _SPACED_KEY.finditer(text):
        if match.start() < next_key:
            continue
        if key is not None:
            pairs.append((key, _remove_quotes(text[begin : match.start()])))
        key, begin = match[1], match.end()
        if text[begin : begin + 1] in _QUOTES:
            quoted = _QUOTED_VALUE.match(text, begin)
            next_key = begin if quoted is None else quoted.end()
    if key is not None:
        pairs.append((key, _remove_quotes(text[begin:])))
    return pairs


def _remove_quotes(value: str) -> str:
    """Remove blanks, and quotes around the whole value."""
    value = value.strip()
    if (
        len(value) > 1
        and value[0] in _QUOTES
        and value[0] == value[-1]
        and value[0] not in value[1:-1]
    ):
        return value[1:-1]
    return value


def parse_delimited_pairs(text: str, delimiter: str = ",") -> list[tuple[str, str]]:
    """Parse `key=value, key: "value"` with one of `,`, `;`, `|` or a tab between the pairs. A part
    without a key is left out."""
    parts = _PARTS["\\|" if delimiter == "|" else delimiter].findall(text)
    pairs = map(_DELIMITED_PAIR.match, parts)
    return [(pair[1].strip(), _remove_quotes(pair[2])) for pair in pairs if pair is not None]


def select_first_values(all_pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Select the first of duplicate keys: what a stranger can type comes later in the line."""
    return dict(reversed(all_pairs))
