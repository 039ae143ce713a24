"""Define the columns of an export, by what each means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

Columns = Mapping[str, tuple[str, ...]]
"""Meaning → names of the column, the first present is read."""


@dataclass(frozen=True, slots=True)
class ColumnPreset:
    """The columns of one product's export."""

    id: str
    title: str
    columns: Columns
    signs: tuple[frozenset[str], ...]
    """Any of these sets of names in a header says it is this product's."""
    source: str
    reviewed: date
    verified: bool
    """Were the names read in the product's own documentation?"""
    strict: bool = False
    """Refuse a file with columns that are not listed."""
    name_is_id: bool = False
    """Without an id, use the name instead (as the product itself does)."""
    required: tuple[str, ...] = ("id", "name")
    """Meanings that the header must have."""


def build_signs(*sets: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(names.split("|")) for names in sets)


CONTRACT: Columns = {
    "notice_hours": ("notice hours", "breach notice hours"),
    "notice_clause": ("notice clause", "breach notice clause"),
    "for_others": ("processes for others",),
}
"""No product has these columns by itself: they are custom fields, named as in our plain sheet."""
