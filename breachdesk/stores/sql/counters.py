"""Count numbers that only rise: ids of cases and breaches, the register's version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.engine import Connection, CursorResult

from breachdesk.stores.sql.dialects import insert_or_ignore
from breachdesk.stores.tables.case_tables import counters

ERASURES = "erasures"
"""Acts that erased something: what any process keeps in memory of an older snapshot is then
gone."""
_CURRENT = select(counters.c.value).where(counters.c.name == bindparam("name"))


def get_current(connection: Connection, name: str) -> int:
    """Return the current number, 0 before the first `advance`."""
    value = connection.execute(_CURRENT, {"name": name}).scalar()
    return int(value or 0)


def get_all_current(connection: Connection, names: Sequence[str]) -> Mapping[str, int]:
    """Return the current numbers of these, with one statement."""
    query = select(counters.c.name, counters.c.value).where(counters.c.name.in_(names))
    known = {row.name: int(row.value) for row in connection.execute(query)}
    return {name: known.get(name, 0) for name in names}


def get_inserted_id(added: CursorResult[Any]) -> int:
    """Return the number that the database gave to an inserted row."""
    numbers = added.inserted_primary_key
    assert numbers is not None, "one row was inserted"
    return int(numbers[0])


def advance(connection: Connection, name: str) -> int:
    """Advance to the next number, from 1. Two concurrent callers get two numbers."""
    raised = update(counters).where(counters.c.name == name).values(value=counters.c.value + 1)
    if not connection.execute(raised).rowcount:
        # Somebody else may be making the row right now: whoever is second finds it made.
        connection.execute(insert_or_ignore(connection, counters), {"name": name, "value": 0})
        connection.execute(raised)
    return get_current(connection, name)
