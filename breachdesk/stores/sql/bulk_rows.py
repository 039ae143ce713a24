"""Write or select many rows with one statement.

SQLAlchemy's executemany sends one statement a row, which the server plans and answers one by one.
PostgreSQL takes the rows as one JSON text instead; SQLite has no network and keeps executemany."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import (
    JSON,
    ColumnElement,
    LargeBinary,
    String,
    Table,
    Text,
    any_,
    cast,
    func,
    literal,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.types import TypeEngine

from breachdesk.stores.sql.dialects import insert_or_ignore, insert_or_replace

SLICE = 400
"""Values in one IN list: SQLite may refuse more than 999."""

MOST_DIGESTS = 512
"""Digests in one IN list, a power of two."""

SEPARATOR = ","
"""Of hashes, which hold hexadecimal digits only."""

Rows = Sequence[Mapping[str, Any]]


def insert_or_ignore_many(connection: Connection, table: Table, rows: Rows) -> None:
    """Insert rows in this order, and skip those with an existing primary key."""
    if connection.dialect.name == "postgresql":
        _insert_rows(connection, table, rows, "ON CONFLICT DO NOTHING")
    else:
        connection.execute(insert_or_ignore(connection, table), list(rows))


def insert_or_replace_many(
    connection: Connection, table: Table, rows: Rows, columns: Sequence[str]
) -> None:
    """Insert rows; those with an existing primary key get new values in these columns. No key may
    occur twice."""
    if connection.dialect.name == "postgresql":
        _insert_rows(
            connection, table, rows, _build_conflict_clause(table, columns, connection.dialect)
        )
    else:
        connection.execute(insert_or_replace(connection, table, columns), list(rows))


def insert_many(connection: Connection, table: Table, rows: Rows) -> None:
    """Insert new rows."""
    if connection.dialect.name == "postgresql":
        _insert_rows(connection, table, rows, "")
    else:
        connection.execute(table.insert(), list(rows))


def in_chunks(
    connection: Connection, column: ColumnElement[str], values: Sequence[str]
) -> Iterator[ColumnElement[bool]]:
    """Yield conditions that together match all of these hashes."""
    if connection.dialect.name == "postgresql":
        if values:
            array = func.string_to_array(literal(SEPARATOR.join(values)), SEPARATOR)
            yield column == any_(cast(array, ARRAY(String)))
        return
    for begin in range(0, len(values), SLICE):
        yield column.in_(values[begin : begin + SLICE])


def execute_among(
    connection: Connection,
    statement: str,
    digests: Sequence[bytes],
    *,
    before: tuple[Any, ...] = (),
    after: tuple[Any, ...] = (),
) -> list[Any]:
    """Run plain SQL for all digests and return its rows. `{among}` is replaced by "is one of these
    digests" and `{}` for each value of `before` and `after` it."""
    rows: list[Any] = []
    if connection.dialect.name == "postgresql":
        if digests:
            text = statement.replace("{among}", "= ANY(CAST(%s AS bytea[]))").replace("{}", "%s")
            result = connection.exec_driver_sql(
                text, (*before, format_bytea_array(digests), *after)
            )
            rows += result if result.returns_rows else ()
        return rows
    for begin in range(0, len(digests), MOST_DIGESTS):
        some = list(digests[begin : begin + MOST_DIGESTS])
        text, width = _expand_placeholders(statement, (len(some) - 1).bit_length())
        some += some[:1] * (width - len(some))
        result = connection.exec_driver_sql(text, (*before, *some, *after))
        rows += result if result.returns_rows else ()
    return rows


@lru_cache(maxsize=128)
def _expand_placeholders(statement: str, power: int) -> tuple[str, int]:
    """Expand the statement for 2 ** power digests: this bounds the number of texts, so that the
    driver keeps them all prepared."""
    width = 1 << power
    marks = ", ".join("?" * width)
    return statement.replace("{among}", f"IN ({marks})").replace("{}", "?"), width


def format_bytea_array(digests: Sequence[bytes]) -> str:
    """Format the text form of a PostgreSQL array, because psycopg escapes element by element, in
    Python."""
    return "{" + ",".join(f'"\\\\x{digest.hex()}"' for digest in digests) + "}"


def match_any(
    connection: Connection, column: ColumnElement[Any], values: Iterable[str]
) -> ColumnElement[bool]:
    """Match a column against any number of texts, passed as one JSON text."""
    values_json = literal(orjson.dumps(list(values)).decode(), Text)
    if connection.dialect.name == "postgresql":
        each = func.json_array_elements_text(cast(values_json, JSON)).table_valued("value")
    else:
        each = func.json_each(values_json).table_valued("value")
    return column.in_(select(each.c.value))


def _insert_rows(connection: Connection, table: Table, rows: Rows, conflict: str) -> None:
    names = tuple(rows[0])
    statement, encoders = _build_statement(table, names, conflict, connection.dialect)
    pairs = list(zip(names, encoders, strict=True))
    records = [{name: encode(row[name]) for name, encode in pairs} for row in rows]
    connection.execute(statement, {"rows": orjson.dumps(records).decode()})


@lru_cache(maxsize=64)
def _build_statement(
    table: Table, names: tuple[str, ...], conflict: str, dialect: Dialect
) -> tuple[Any, list[Callable[[Any], Any]]]:
    """Build the statement. Rows are passed as one JSON text, because psycopg escapes arrays element
    by element, in Python."""
    quote = dialect.identifier_preparer.quote
    types = [table.c[name].type for name in names]
    column_types = ", ".join(
        f"{quote(name)} {_format_type(kind, dialect)}"
        for name, kind in zip(names, types, strict=True)
    )
    selected = ", ".join(
        f"decode(n.{quote(name)}, 'hex')" if isinstance(kind, LargeBinary) else f"n.{quote(name)}"
        for name, kind in zip(names, types, strict=True)
    )
    statement = text(
        f"INSERT INTO {quote(table.name)} ({', '.join(map(quote, names))})"  # noqa: S608 - our own names
        f" SELECT {selected} FROM ROWS FROM (json_to_recordset(CAST(:rows AS json)) AS ({column_types}))"
        f" WITH ORDINALITY AS n({', '.join(map(quote, names))}, place_) ORDER BY place_ {conflict}"
    )
    return statement, [_choose_encoder(kind, dialect) for kind in types]


def _format_type(kind: TypeEngine[Any], dialect: Dialect) -> str:
    """Return the column's type. Texts are cast to `text`: a cast to varchar(n) would truncate
    silently, the insert refuses."""
    name = str(kind.compile(dialect))
    return "text" if name.startswith(("VARCHAR", "TEXT", "BYTEA")) else name


def _choose_encoder(kind: TypeEngine[Any], dialect: Dialect) -> Callable[[Any], Any]:
    if isinstance(kind, LargeBinary):
        return bytes.hex
    return kind.dialect_impl(dialect).bind_processor(dialect) or _return_value


def _return_value(value: Any) -> Any:
    return value


def _build_conflict_clause(table: Table, columns: Sequence[str], dialect: Dialect) -> str:
    quote = dialect.identifier_preparer.quote
    keys = ", ".join(quote(column.name) for column in table.primary_key.columns)
    changes = ", ".join(f"{quote(name)} = excluded.{quote(name)}" for name in columns)
    return f"ON CONFLICT ({keys}) DO UPDATE SET {changes}"
