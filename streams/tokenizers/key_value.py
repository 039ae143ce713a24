"""`key=value` lines as firewalls write them: both quotes, duplicate keys, empty values, gaps.

A quote ends where the next pair or the line begins, so quotes inside a value survive.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_KEY = r"[A-Za-z_][\w.-]*+="
_DOUBLE = r"\"([^\"]*+)\"(?!\S)"
_SINGLE = r"'([^']*+)'(?!\S)"
_PAIR = re.compile(rf"(?<!\S)({_KEY})(?:{_DOUBLE}|{_SINGLE}|(\S*+))", re.ASCII)
_KEY_ALONE = re.compile(r"[A-Za-z_][\w.-]*+", re.ASCII)
_QUOTE_END = re.compile(rf"\"(?=\s++{_KEY}|\s*+$)", re.ASCII)
_LONGEST_WITH_QUOTES = 1_000
"""Characters of a value with quotes inside; a quote that ends nowhere nearer begins a bare word."""


def pairs(text: str) -> list[tuple[str, str]]:
    """Every pair in order. An unquoted value ends at white space."""
    simple = _simple_pairs(text)
    return _any_pairs(text) if simple is None else simple


def _any_pairs(text: str) -> list[tuple[str, str]]:
    usual: Sequence[tuple[str, ...]] = _PAIR.findall(text)
    if any(plain.startswith('"') for _, _, _, plain in usual):
        return _pairs_with_quotes_inside(text)
    return [(key[:-1], plain or double or single) for key, double, single, plain in usual]


def _simple_pairs(text: str) -> list[tuple[str, str]] | None:
    """The same at half the cost, for text in printable ASCII whose every quote begins or ends a
    value; None: it is not so simple."""
    if not (text.isascii() and text.isprintable()) or "='" in text:
        return None
    first, *pieces = text.split('"')
    if len(pieces) % 2:
        return None
    several: list[tuple[str, str]] = []
    outside = first
    for quoted, after in zip(pieces[::2], pieces[1::2], strict=True):
        *words, opener = outside.split(" ")
        key = opener[:-1]
        if opener[-1:] != "=" or after[:1] not in ("", " "):
            return None
        if not (key.isidentifier() or _is_key(key)):
            return None
        several += _unquoted(words)
        several.append((key, quoted))
        outside = after
    several += _unquoted(outside.split(" "))
    return several


def _unquoted(words: Sequence[str]) -> list[tuple[str, str]]:
    parts = [word.partition("=") for word in words if "=" in word]
    return [(key, value) for key, _, value in parts if key.isidentifier() or _is_key(key)]


def _is_key(text: str) -> bool:
    return _KEY_ALONE.fullmatch(text) is not None


def _pairs_with_quotes_inside(text: str) -> list[tuple[str, str]]:
    """The same; each sign is looked at a constant number of times, however many quotes there are."""
    several: list[tuple[str, str]] = []
    at, end = 0, -1
    while (pair := _PAIR.search(text, at)) is not None:
        key, double, single, plain = pair.groups("")
        at, begin = pair.end(), pair.end(1) + 1
        if plain.startswith('"'):
            if end < begin:
                found = _QUOTE_END.search(text, begin)
                end = len(text) + _LONGEST_WITH_QUOTES + 1 if found is None else found.start()
            if end - begin <= _LONGEST_WITH_QUOTES:
                plain, at = text[begin:end], end + 1
        several.append((key[:-1], plain or double or single))
    return several


def first_values(found: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Of duplicate keys the first: what a stranger can type comes later in the line."""
    return dict(reversed(found))
