"""The few statements that SQLite and PostgreSQL share, but SQLAlchemy spells once for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Executable, Float, Integer, Table, cast, collate, func
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

EPOCH_JULIAN = 2_440_587.5
"""The epoch as SQLite's number of days."""


def insert_or_ignore(connection: Connection, table: Table) -> Executable:
    """Rows whose primary key is there already are left as they are."""
    executable: Executable = _insert(connection, table).on_conflict_do_nothing()
    return executable


def insert_or_replace(connection: Connection, table: Table, columns: Sequence[str]) -> Executable:
    """Rows whose primary key is there already get these columns' new values."""
    statement = _insert(connection, table)
    return insert_or_update(statement, table, {name: statement.excluded[name] for name in columns})


def insert_or_update(statement: Any, table: Table, changes: Mapping[str, Any]) -> Executable:
    """The insert, with what to change where the primary key is there already."""
    executable: Executable = statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns), set_=dict(changes)
    )
    return executable


def insert_or_sum(
    connection: Connection, table: Table, change: Callable[[Any], Mapping[str, Any]]
) -> Executable:
    """Rows whose primary key is there already are changed by `change(excluded)`: atomic, whatever
    others add meanwhile."""
    statement = _insert(connection, table)
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
    statement = _insert(connection, table).values(**row)
    executable: Executable = statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns), set_=dict(changes), where=where
    ).returning(returning)
    return executable


def sort_by_bytes(connection: Connection, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The column in the order of its bytes, as Python and SQLite sort; PostgreSQL's own order is
    the database's locale."""
    return collate(column, "C") if connection.dialect.name == "postgresql" else column


def _insert(connection: Connection, table: Table) -> Any:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table)


def extract_seconds(connection: Connection, time: ColumnElement[Any]) -> ColumnElement[float]:
    """A time as seconds since the epoch; to a ten-thousandth on SQLite."""
    if connection.dialect.name == "postgresql":
        return cast(func.extract("epoch", time), Float(53))
    return (func.julianday(time) - EPOCH_JULIAN) * 86_400.0


def truncate_fraction(connection: Connection, number: ColumnElement[Any]) -> ColumnElement[int]:
    """A positive number without its fraction: PostgreSQL's cast would round it."""
    postgres = connection.dialect.name == "postgresql"
    return cast(func.floor(number) if postgres else number, Integer)
