"""Numbers that only rise: ids of cases and breaches, the register's version."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection, CursorResult

from breachdesk.stores.tables import counters


def current(connection: Connection, name: str) -> int:
    """0 before the first `advance`."""
    value = connection.execute(select(counters.c.value).where(counters.c.name == name)).scalar()
    return int(value or 0)


def serial(added: CursorResult[Any]) -> int:
    """The number the database gave to a row just inserted."""
    numbers = added.inserted_primary_key
    assert numbers is not None, "one row was inserted"
    return int(numbers[0])


def advance(connection: Connection, name: str) -> int:
    """The next number, from 1."""
    raised = connection.execute(
        update(counters).where(counters.c.name == name).values(value=counters.c.value + 1)
    )
    if not raised.rowcount:
        connection.execute(insert(counters).values(name=name, value=1))
    return current(connection, name)
