"""Build the statements that SQLAlchemy spells differently for SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Executable, Float, Integer, Table, cast, collate, func
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

EPOCH_JULIAN = 2_440_587.5
"""The epoch as SQLite's number of days."""


def insert_or_ignore(connection: Connection, table: Table) -> Executable:
    """Build an insert that skips rows with an existing primary key."""
    return _build_insert_or_ignore(connection.dialect.name, table)


def insert_or_replace(connection: Connection, table: Table, columns: Sequence[str]) -> Executable:
    """Build an insert that gives rows with an existing primary key new values in these columns."""
    return _build_insert_or_replace(connection.dialect.name, table, tuple(columns))


def insert_or_update(statement: Any, table: Table, changes: Mapping[str, Any]) -> Executable:
    """Add to the insert what to change in a row with an existing primary key."""
    executable: Executable = statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns), set_=dict(changes)
    )
    return executable


def insert_or_sum(
    connection: Connection, table: Table, change: Callable[[Any], Mapping[str, Any]]
) -> Executable:
    """Build an insert that changes rows with an existing primary key by `change(excluded)`,
    atomically under concurrent writers. `change` must give the same each time."""
    return _build_insert_or_sum(connection.dialect.name, table, change)


# Every batch writes these: to build a statement costs many times what it costs to run it.
@lru_cache(maxsize=128)
def _build_insert_or_ignore(dialect: str, table: Table) -> Executable:
    executable: Executable = _insert(dialect, table).on_conflict_do_nothing()
    return executable


@lru_cache(maxsize=128)
def _build_insert_or_replace(dialect: str, table: Table, columns: tuple[str, ...]) -> Executable:
    statement = _insert(dialect, table)
    return insert_or_update(statement, table, {name: statement.excluded[name] for name in columns})


@lru_cache(maxsize=128)
def _build_insert_or_sum(
    dialect: str, table: Table, change: Callable[[Any], Mapping[str, Any]]
) -> Executable:
    statement = _insert(dialect, table)
    return insert_or_update(statement, table, change(statement.excluded))


def insert_or_update_where(
    connection: Connection,
    table: Table,
    row: Mapping[str, Any],
    *,
    changes: Mapping[str, Any],
    where: ColumnElement[bool],
    returning: ColumnElement[Any],
) -> Executable:
    """Insert the row, or change the one that is there if `where` holds of it; returns a row only
    when something was written."""
    statement = _insert(connection.dialect.name, table).values(**row)
    executable: Executable = statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns), set_=dict(changes), where=where
    ).returning(returning)
    return executable


def sort_by_bytes(connection: Connection, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Sort the column by its bytes, as Python and SQLite do; by default PostgreSQL sorts by the
    database's locale."""
    return collate(column, "C") if connection.dialect.name == "postgresql" else column


def _insert(dialect: str, table: Table) -> Any:
    return (postgresql if dialect == "postgresql" else sqlite).insert(table)


def extract_seconds(connection: Connection, time: ColumnElement[Any]) -> ColumnElement[float]:
    """Convert a time to seconds since the epoch, on SQLite with a precision of 0.1 ms."""
    if connection.dialect.name == "postgresql":
        return cast(func.extract("epoch", time), Float(53))
    return (func.julianday(time) - EPOCH_JULIAN) * 86_400.0


def truncate_fraction(connection: Connection, number: ColumnElement[Any]) -> ColumnElement[int]:
    """Truncate a positive number to an integer: PostgreSQL's cast would round it."""
    postgres = connection.dialect.name == "postgresql"
    return cast(func.floor(number) if postgres else number, Integer)
