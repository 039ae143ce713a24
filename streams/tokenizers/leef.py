r"""Parse the Log Event Extended Format of QRadar, versions 1 and 2.

LEEF:1.0|vendor|product|version|code|key=value<tab>key=value …
LEEF:2.0|vendor|product|version|code|delimiter|key=value<delimiter>key=value …

The delimiter is one sign or its code (`^`, `x5E`, `0x09`, `\t`); relays turn tabs into `#011` or
blanks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from streams.tokenizers import key_value

_START = re.compile(
    r"\s*+\"?\s*+(?:LEEF|leef)\s?:\s{0,3}([0-9])(?:\.[0-9])?\s{0,3}\|"
    r"([^|]{0,200})\|([^|]{0,200})\|([^|]{0,200})\|([^|]{0,400})(?:\||\Z)"
)
_DELIMITER = re.compile(r"(?:\\?0?[xX]([0-9A-Fa-f]{1,4})|(\\t)|(#011)|([^\w\s=|]|\t|))\|")
_KEY = re.compile(rf"\s*+({key_value.KEY})=", re.ASCII)
_ESCAPE = re.compile(r"\\([\\=|])")


class LeefHeader(NamedTuple):
    """The fields before the attributes."""

    vendor: str
    product: str
    version: str
    code: str
    delimiter: str | None
    """None: the header names none."""
    begin: int
    """Where the attributes begin."""


class LeefRecord(NamedTuple):
    """A header and its attributes. Cached: do not change the values."""

    header: LeefHeader
    fields: Mapping[str, str]
    """The first value of each key."""
    pairs: Sequence[tuple[str, str]]
    """All values in order."""


@lru_cache(maxsize=4)
def read_header(text: str) -> LeefHeader | None:
    """Read the header, or return None if the text does not begin with one. For `claims`."""
    start = _START.match(text)
    if start is None:
        return None
    version, *words = start.groups()
    vendor, product, product_version, code = (word.strip() for word in words)
    begin, delimiter = start.end(), None
    if version != "1":
        match = _DELIMITER.match(text, begin)
        if match is not None:
            begin, delimiter = match.end(), _read_delimiter(match)
    return LeefHeader(vendor, product, product_version, code, delimiter, begin)


def _read_delimiter(match: re.Match[str]) -> str | None:
    number, tab, relayed_tab, sign = match.groups()
    if number is not None:
        return chr(int(number, 16)) if int(number, 16) < 0xD800 else None
    return "\t" if tab or relayed_tab else sign or None


@lru_cache(maxsize=2)
def read(text: str) -> LeefRecord | None:
    """Read header and attributes, or return None if the text does not begin with a header."""
    header = read_header(text)
    if header is None:
        return None
    content = text[header.begin :]
    if text.lstrip().startswith('"'):
        content = content.rstrip().removesuffix('"')
    pairs = _parse_attributes(content, header.delimiter)
    return LeefRecord(header, key_value.select_first_values(pairs), pairs)


def _parse_attributes(content: str, named: str | None) -> list[tuple[str, str]]:
    for delimiter in (named, "\t", "#011", "\\t"):
        if delimiter is not None and delimiter in content:
            return _split_attributes(content, delimiter)
    if named is None:
        for delimiter in ("^", "|"):
            if re.search(rf"\{delimiter}\s*+{key_value.KEY}=", content, re.ASCII):
                return _split_attributes(content, delimiter)
    return key_value.parse_spaced_pairs(content)


def _split_attributes(content: str, delimiter: str) -> list[tuple[str, str]]:
    """Split to pairs; a part without a key belongs to the value before it."""
    pairs: list[tuple[str, list[str]]] = []
    for part in content.split(delimiter):
        key = _KEY.match(part)
        if key is not None:
            pairs.append((key[1], [part[key.end() :]]))
        elif pairs and part.strip():
            pairs[-1][1].append(part)
    return [(key, _decode_value(delimiter.join(parts))) for key, parts in pairs]


def _decode_value(value: str) -> str:
    value = value.strip()
    return _ESCAPE.sub(r"\1", value) if "\\" in value else value
