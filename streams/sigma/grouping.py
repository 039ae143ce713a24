"""Read group-by and counted values: from a flat event to the parts of a key.

Different values never make one key: a single value is spelled as it is, joined ones in a form that
no single value has."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from sigma.rule import SigmaLogSource

from streams.sigma.conditions import Fields
from streams.sigma.fields import list_names
from streams.sigma.rulebook import GroupReader
from streams.sigma.values import iterate_elements, to_text

STANDS_FOR = ("source.ip", "user.name", "host.name", "observer.name")
"""Default group of a single-event rule: the first of these that the event has."""
_LIST = '["'
"""How a list of several values begins, and a value that begins like it."""
_BETWEEN = "\x1f"
"""Separates the values of several fields that are counted as one."""


def build_part(fields: Fields, candidates: Sequence[str]) -> str | None:
    """Return the first candidate's value, case-folded; of a list all values, sorted, as a JSON
    array. None: missing."""
    for name in candidates:
        value = fields.get(name)
        if value is None:
            continue
        if type(value) is str:
            if value:
                folded = value.casefold()
                return _render_array([folded]) if folded.startswith(_LIST) else folded
            continue
        values = [to_text(v) for v in iterate_elements(value) if v != ""]
        if values:
            return _render_values(sorted(v.casefold() for v in values))
    return None


def _render_values(values: Sequence[str]) -> str:
    if len(values) == 1 and not values[0].startswith(_LIST):
        return values[0]
    return _render_array(values)


def _render_array(values: Sequence[str]) -> str:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def build_group_reader(group_by: Sequence[str], source: SigmaLogSource | None) -> GroupReader:
    """Build a reader of all of these fields; it returns None for an event that lacks one, which is
    never pooled with others."""
    candidates = [list_names(field, source) for field in group_by]

    def read_group(fields: Fields) -> tuple[str, ...] | None:
        values = []
        for each in candidates:
            value = build_part(fields, each)
            if value is None:
                return None
            values.append(value)
        return tuple(values)

    return read_group


def find_first_present(fields: Fields) -> tuple[str, ...] | None:
    """Find the default group of a single-event rule."""
    value = build_part(fields, STANDS_FOR)
    return None if value is None else (value,)


def build_value_reader(
    group_by: Sequence[str], source: SigmaLogSource | None
) -> Callable[[Fields], str | None]:
    """Build the reader of what value_count counts: the value of one field, or those of several as
    one; None: missing."""
    values = build_group_reader(group_by, source)

    def read_value(fields: Fields) -> str | None:
        parts = values(fields)
        if parts is None:
            return None
        if len(parts) > 1 and any(_BETWEEN in each for each in parts):
            return _render_array(parts)
        return _BETWEEN.join(parts)

    return read_value
