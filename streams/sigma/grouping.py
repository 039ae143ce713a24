"""Group-by and counted values: from a flat event to the parts of a key."""

from __future__ import annotations

from collections.abc import Sequence

from sigma.rule import SigmaLogSource

from streams.sigma.conditions import Fields
from streams.sigma.fields import names
from streams.sigma.rulebook import Group
from streams.sigma.values import elements, text

STANDS_FOR = ("source.ip", "user.name", "host.name", "observer.name")
"""Default group of a single-event rule: the first of these that the event has."""


def part(fields: Fields, candidates: Sequence[str]) -> str | None:
    """The first candidate's value, case-folded; of a list all values, sorted. None: missing."""
    for name in candidates:
        values = [text(v) for v in elements(fields.get(name)) if v != ""]
        if values:
            return ",".join(sorted(v.casefold() for v in values))
    return None


def grouped(wanted: Sequence[str], source: SigmaLogSource | None) -> Group:
    """All of these fields, or None: an event that lacks one is never pooled with others."""
    candidates = [names(field, source) for field in wanted]

    def group(fields: Fields) -> tuple[str, ...] | None:
        parts = [part(fields, each) for each in candidates]
        found = tuple(p for p in parts if p is not None)
        return found if len(found) == len(parts) else None

    return group


def first_present(fields: Fields) -> tuple[str, ...] | None:
    """The default group of a single-event rule."""
    found = part(fields, STANDS_FOR)
    return None if found is None else (found,)


def counted_value(wanted: str | Sequence[str], source: SigmaLogSource | None) -> Group:
    """The field (or fields, as one tuple) that value_count counts."""
    return grouped([wanted] if isinstance(wanted, str) else wanted, source)
