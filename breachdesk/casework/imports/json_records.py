"""Read values of JSON records by path, as texts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

_STEP = re.compile(r"([^.\[\]]+)(?:\[([^\]]*)\])?(?:\.|$)")
SEVERAL = "; "
"""Joins several values of one path: an address check then refuses them."""


def read_value(record: object, path: str) -> str:
    """Return the value at the path as text, several joined; empty where there is none."""
    values = [text for value in _list_values(record, path) if (text := format_value(value))]
    return SEVERAL.join(dict.fromkeys(values))


def find_list(document: object, path: str) -> Sequence[Any] | None:
    """Return the list at the path (empty: the document itself). None: no list is there."""
    value = document
    for part in path.split(".") if path else ():
        value = value.get(part) if isinstance(value, Mapping) else None
    return value if isinstance(value, list) else None


def format_value(value: object) -> str:
    """Format a scalar; empty for null, objects and lists."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip() if isinstance(value, str | int | float) else ""


def _list_values(record: object, path: str) -> list[object]:
    values: list[object] = [record]
    for match in _STEP.finditer(path):
        key, condition = match[1], match[2]
        values = [value.get(key) for value in values if isinstance(value, Mapping)]
        if condition is not None:
            items = [item for value in values if isinstance(value, list) for item in value]
            values = [item for item in items if _is_matching(item, condition)]
    return values


def _is_matching(item: object, condition: str) -> bool:
    pairs = (part.partition("=") for part in condition.split("&") if part)
    return all(read_value(item, key).casefold() == value.casefold() for key, _, value in pairs)
