r"""Parse the Common Event Format of ArcSight as devices really write it.

CEF:0|vendor|product|version|code|name|severity|key=value key=value …

Headers may lack their name, severity or prefix, or have an unescaped `|` in the name; values may
contain blanks, quotes, unescaped backslashes, and keys may occur twice."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from streams.tokenizers import key_value

_WORD = r"[^|\r\n]{1,80}"
_START = re.compile(
    r"\s*+\"?\s*+(?:(?:CEF|cef)\s?:\s{0,3}[0-9]{1,2}(?:\.[0-9]{1,2})?"
    rf"|[01](?:\.[0-9])?(?=\|{_WORD}\|{_WORD}\|[^|\r\n]{{0,80}}\|[^|\r\n]{{0,200}}\|[^|\r\n]{{0,400}}\|))"
    r"\s{0,3}\|"
)
_FIELD = re.compile(r"((?:[^|\\]++|\\.?)*+)(\|?)", re.DOTALL)
_SEVERITY = re.compile(
    r"\s*+(?:[0-9]{1,3}(?:\.[0-9]{1,3})?|very[- ]high|[a-z]{3,15}|)\s*+\Z", re.IGNORECASE
)
_EXTENSION = re.compile(rf"\s*+{key_value.KEY}=", re.ASCII)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_BREAKS = {"n": "\n", "r": "\r", "t": "\t"}
_WINDOWS_PATH = re.compile(r"\s*+\"?(?:[A-Za-z]:\\|\\[^\\])")
_MOST_NAME_PARTS = 6
"""A name with more unescaped `|` is read as what a severity and an extension may be."""
_SEVERITIES = {"low": 2, "medium": 5, "high": 7, "very-high": 9, "very high": 9, "critical": 10}
_LABEL = "Label"


class CefHeader(NamedTuple):
    """The fields before the extension, without escapes; empty: the device leaves it out."""

    vendor: str
    product: str
    version: str
    code: str
    """Device event class id, or signature id."""
    name: str
    severity: str
    begin: int
    """Where the extension begins."""


class CefRecord(NamedTuple):
    """A header and its extension. Cached: do not change the values."""

    header: CefHeader
    fields: Mapping[str, str]
    """The first value of each key, without blanks and quotes around it and without escapes."""
    pairs: Sequence[tuple[str, str]]
    """All values in order."""


@lru_cache(maxsize=4)
def read_header(text: str) -> CefHeader | None:
    """Read the header, or return None if the text does not begin with one. For `claims`."""
    start = _START.match(text)
    if start is None:
        return None
    parts: list[str] = []
    begins: list[int] = [start.end()]
    while len(parts) < 5 + _MOST_NAME_PARTS:
        field = _FIELD.match(text, begins[-1])
        assert field is not None, "an empty field matches too"
        parts.append(field[1])
        begins.append(field.end())
        if not field[2]:
            break
    if len(parts) < 3:
        return None
    name, severity, at = _find_name_and_severity(text, parts, begins)
    vendor, product, version, code = (_remove_escapes(part) for part in [*parts, "", ""][:4])
    return CefHeader(
        vendor, product, version, code, _remove_escapes(name), severity.strip(), begins[at]
    )


def _find_name_and_severity(
    text: str, parts: Sequence[str], begins: Sequence[int]
) -> tuple[str, str, int]:
    """Find the name, the severity, and the index of the part with which the extension begins."""
    count = len(parts)
    if count > 4 and _EXTENSION.match(text, begins[4]):
        return "", "", 4
    if count > 5 and _EXTENSION.match(text, begins[5]):
        is_severity = parts[4].strip().isdigit()
        return ("", parts[4], 5) if is_severity else (parts[4], "", 5)
    for at in range(5, count):
        end = begins[at + 1]
        if _SEVERITY.match(parts[at]) and (end >= len(text) or _EXTENSION.match(text, end)):
            return "|".join(parts[4:at]), parts[at], at + 1
    if count > 5:
        return parts[4], parts[5][:80], 6
    return parts[4] if count > 4 else "", "", count


@lru_cache(maxsize=2)
def read(text: str) -> CefRecord | None:
    """Read header and extension, or return None if the text does not begin with a header."""
    header = read_header(text)
    if header is None:
        return None
    extension = text[header.begin :]
    if text.lstrip().startswith('"'):
        extension = extension.rstrip().removesuffix('"')
    pairs = [(key, _decode_value(value)) for key, value in key_value.parse_spaced_pairs(extension)]
    return CefRecord(header, key_value.select_first_values(pairs), pairs)


def _decode_value(value: str) -> str:
    if "\\" not in value:
        return value
    # A device that writes C:\new does not escape its backslashes.
    if _WINDOWS_PATH.match(value) and "\\\\" not in value:
        return value.replace("\\=", "=")
    return _ESCAPE.sub(_replace_escape, value)


def _replace_escape(match: re.Match[str]) -> str:
    sign = match[1]
    if sign in "\\=|\"'":
        return sign
    return _BREAKS.get(sign, match[0])


def _remove_escapes(text: str) -> str:
    text = text.strip()
    return _ESCAPE.sub(_replace_escape, text) if "\\" in text else text


def list_labelled(fields: Mapping[str, str]) -> dict[str, str]:
    """List custom fields by their label: `cs1Label=Rule cs1=Block all` gives {"Rule": "Block
    all"}."""
    return {
        label: fields[key[: -len(_LABEL)]]
        for key, label in fields.items()
        if key.endswith(_LABEL) and label and key[: -len(_LABEL)] in fields
    }


def list_contradictory(pairs: Sequence[tuple[str, str]]) -> frozenset[str]:
    """List the keys that occur with different values: a stranger may have typed one of them."""
    values: dict[str, str] = {}
    return frozenset(key for key, value in pairs if values.setdefault(key, value) != value)


def parse_severity(text: str) -> int | None:
    """Parse 0–10, or a word of the specification; else return None."""
    text = text.strip().lower()
    number = text.partition(".")[0]
    if number.isdigit() and number.isascii() and len(number) <= 2:
        return int(number)
    return _SEVERITIES.get(text)
