"""Many rows in one statement.

SQLAlchemy's executemany is one statement a row on the wire, planned and answered one by one.
PostgreSQL takes whole columns as arrays instead; SQLite has no wire and keeps executemany.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, String, Table, any_, literal, text
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.types import TypeEngine

from breachdesk.stores.each_dialect import insert_or_ignore, insert_or_replace

SLICE = 400
"""Values in one IN list: SQLite may refuse more than 999."""

Rows = Sequence[Mapping[str, Any]]


def insert_or_ignore_many(connection: Connection, table: Table, rows: Rows) -> None:
    """In this order; rows whose primary key is there already are left as they are."""
    if connection.dialect.name == "postgresql":
        _insert(connection, table, rows, "ON CONFLICT DO NOTHING")
    else:
        connection.execute(insert_or_ignore(connection, table), list(rows))


def insert_or_replace_many(
    connection: Connection, table: Table, rows: Rows, columns: Sequence[str]
) -> None:
    """Rows whose primary key is there already get these columns' new values. No key twice."""
    if connection.dialect.name == "postgresql":
        _insert(connection, table, rows, _replacing(table, columns, connection.dialect))
    else:
        connection.execute(insert_or_replace(connection, table, columns), list(rows))


def insert_many(connection: Connection, table: Table, rows: Rows) -> None:
    """New rows."""
    if connection.dialect.name == "postgresql":
        _insert(connection, table, rows, "")
    else:
        connection.execute(table.insert(), list(rows))


def among(
    connection: Connection, column: ColumnElement[str], values: Sequence[str]
) -> Iterator[ColumnElement[bool]]:
    """Conditions that together ask for all of these values."""
    if connection.dialect.name == "postgresql":
        if values:
            yield column == any_(literal(list(values), ARRAY(String)))
        return
    for begin in range(0, len(values), SLICE):
        yield column.in_(values[begin : begin + SLICE])


def _insert(connection: Connection, table: Table, rows: Rows, conflict: str) -> None:
    names = tuple(rows[0])
    statement, binds = _statement(table, names, conflict, connection.dialect)
    arrays: dict[str, list[Any]] = {}
    for number, (name, bind) in enumerate(zip(names, binds, strict=True)):
        column = [row[name] for row in rows]
        arrays[f"c{number}"] = column if bind is None else [bind(value) for value in column]
    connection.execute(statement, arrays)


@lru_cache(maxsize=64)
def _statement(
    table: Table, names: tuple[str, ...], conflict: str, dialect: Dialect
) -> tuple[Any, list[Callable[[Any], Any] | None]]:
    quote = dialect.identifier_preparer.quote
    types = [table.c[name].type for name in names]
    arrays = ", ".join(
        f"CAST(:c{number} AS {_array_of(kind, dialect)})" for number, kind in enumerate(types)
    )
    given = ", ".join(f"c{number}" for number in range(len(names)))
    statement = text(
        f"INSERT INTO {quote(table.name)} ({', '.join(map(quote, names))})"  # noqa: S608 - our own names
        f" SELECT {given} FROM unnest({arrays}) WITH ORDINALITY AS n({given}, place)"
        f" ORDER BY place {conflict}"
    )
    return statement, [kind.dialect_impl(dialect).bind_processor(dialect) for kind in types]


def _array_of(kind: TypeEngine[Any], dialect: Dialect) -> str:
    """Texts go as `text`: a cast to varchar(n) would cut them in silence, the insert refuses."""
    name = str(kind.compile(dialect))
    return "text[]" if name.startswith(("VARCHAR", "TEXT")) else f"{name}[]"


def _replacing(table: Table, columns: Sequence[str], dialect: Dialect) -> str:
    quote = dialect.identifier_preparer.quote
    keys = ", ".join(quote(column.name) for column in table.primary_key.columns)
    changes = ", ".join(f"{quote(name)} = excluded.{quote(name)}" for name in columns)
    return f"ON CONFLICT ({keys}) DO UPDATE SET {changes}"
