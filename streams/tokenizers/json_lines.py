"""Detect the dialect of JSON objects in log lines, and read them safely. Keys are searched as keys:
a quoted word followed by a colon cannot occur inside a JSON string."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

import orjson

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from streams.tokenizers import numbers

_TIMESTAMP = re.compile(r'"@timestamp"\s*:')
_ECS_VERSION = re.compile(r'"ecs\.version"\s*:|"ecs"\s*:\s*\{\s*"version"\s*:')
_EVENT = re.compile(r'"event(?:\.[\w.]+)?"\s*:')

DEEPEST = 100
"""Levels; what is nested deeper can be read but not written again."""


def is_ecs(text: str) -> bool:
    """Whether it is an object with `ecs.version`, or with `@timestamp` and `event.*`; nested or
    dotted."""
    if not is_object_start(text):
        return False
    # Looking for a literal costs less than a search that mostly fails.
    if '"ecs' in text and _ECS_VERSION.search(text):
        return True
    return (
        '"@timestamp"' in text
        and _TIMESTAMP.search(text) is not None
        and _EVENT.search(text) is not None
    )


def is_object_start(text: str) -> bool:
    return text.startswith("{") or text.lstrip().startswith("{")


def read_object(text: str) -> dict[str, Value]:
    """Read the JSON object. Raises UnparseableRecord, which repeats nothing of the text."""
    try:
        document = orjson.loads(text)
    except ValueError as error:
        raise UnparseableRecord(
            "no whole JSON (truncated, or not UTF-8)",
            remedy="Send one complete JSON object a record.",
        ) from error
    if _is_deep(document, text):
        raise UnparseableRecord("JSON nested too deeply", remedy="Send flatter records.")
    if not isinstance(document, dict):
        raise UnparseableRecord("JSON, but no object", remedy="Send one JSON object a record.")
    return document


@lru_cache(maxsize=2)
def read_shared_object(text: str) -> Mapping[str, Value]:
    """Read like `read_object`, once for all that ask for the same text: do not change it."""
    return read_object(text)


def get_nested(document: Mapping[str, Value], name: str) -> Value:
    """Return the value of a dotted name, nested or not; None: there is none."""
    value = document.get(name)
    if value is not None or "." not in name:
        return value
    first, _, rest = name.partition(".")
    inner = document.get(first)
    return get_nested(inner, rest) if isinstance(inner, dict) else None


def unwrap(document: Mapping[str, Value], name: str) -> Mapping[str, Value]:
    """Return the record that Wazuh hands on under this name, alone or in the data of an alert; the
    document itself: it is not wrapped."""
    for path in (name, f"data.{name}"):
        inner = get_nested(document, path)
        if isinstance(inner, dict):
            return inner
    return document


def _is_deep(document: Value, text: str) -> bool:
    return text.count("{") + text.count("[") > DEEPEST and _measure_depth(document) > DEEPEST


def _read_inner(text: str) -> Value:
    """Return the value of a string that holds JSON; None: it holds none, or deeper than can be
    written."""
    try:
        document = orjson.loads(text)
    except ValueError:
        return None
    return None if _is_deep(document, text) else document


def _measure_depth(document: Value) -> int:
    """Measure the levels, up to one more than DEEPEST."""
    level, depth = [document], 0
    while level and depth <= DEEPEST:
        depth += 1
        inner: list[Value] = []
        for value in level:
            inner += value.values() if isinstance(value, dict) else value
        level = [value for value in inner if isinstance(value, dict | list)]
    return depth


def to_mapping(value: Value) -> dict[str, Value]:
    """Return an object, or that in a string; else empty."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        value = _read_inner(value)
    return value if isinstance(value, dict) else {}


def to_mappings(value: Value) -> list[dict[str, Value]]:
    """Return the objects of a list, or of a string that holds one; else none."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        value = _read_inner(value)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def to_words(value: Value) -> list[str]:
    """Return a list's texts, or one text, as a list without empty ones."""
    if isinstance(value, list):
        return [item for item in value if isinstance(item, str) and item]
    return [value] if isinstance(value, str) and value else []


def to_word(value: Value) -> str:
    """Return a text, or a number as text; else empty."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def to_number(value: Value) -> int | None:
    """Return a whole number of 64 bits, also one written as text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return numbers.check_64_bits(value)
    return numbers.parse_whole(value.strip()) if isinstance(value, str) else None
