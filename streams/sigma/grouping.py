"""Group-by and counted values: from a flat event to the parts of a key.

Different values never make one key: a value by itself is spelled as it is, and what has to be
joined in a way that no such value is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from sigma.rule import SigmaLogSource

from streams.sigma.conditions import Fields
from streams.sigma.fields import names
from streams.sigma.rulebook import Group
from streams.sigma.values import elements, text

STANDS_FOR = ("source.ip", "user.name", "host.name", "observer.name")
"""Default group of a single-event rule: the first of these that the event has."""
_LIST = '["'
"""How a list of several values begins, and a value that begins like it."""
_BETWEEN = "\x1f"
"""Stands between the values of several fields that are counted as one."""


def part(fields: Fields, candidates: Sequence[str]) -> str | None:
    """The first candidate's value, case-folded; of a list all values, sorted, as a JSON array. None:
    missing."""
    for name in candidates:
        value = fields.get(name)
        if type(value) is str:
            if value:
                return _spelled([value.casefold()])
            continue
        values = [text(v) for v in elements(value) if v != ""]
        if values:
            return _spelled(sorted(v.casefold() for v in values))
    return None


def _spelled(values: Sequence[str]) -> str:
    if len(values) == 1 and not values[0].startswith(_LIST):
        return values[0]
    return _array(values)


def _array(values: Sequence[str]) -> str:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def grouped(wanted: Sequence[str], source: SigmaLogSource | None) -> Group:
    """All of these fields, or None: an event that lacks one is never pooled with others."""
    candidates = [names(field, source) for field in wanted]

    def group(fields: Fields) -> tuple[str, ...] | None:
        found = []
        for each in candidates:
            value = part(fields, each)
            if value is None:
                return None
            found.append(value)
        return tuple(found)

    return group


def first_present(fields: Fields) -> tuple[str, ...] | None:
    """The default group of a single-event rule."""
    found = part(fields, STANDS_FOR)
    return None if found is None else (found,)


def counted_value(
    wanted: Sequence[str], source: SigmaLogSource | None
) -> Callable[[Fields], str | None]:
    """What value_count counts: the value of one field, or those of several as one; None: missing."""
    values = grouped(wanted, source)

    def value(fields: Fields) -> str | None:
        found = values(fields)
        if found is None:
            return None
        if len(found) > 1 and any(_BETWEEN in each for each in found):
            return _array(found)
        return _BETWEEN.join(found)

    return value
