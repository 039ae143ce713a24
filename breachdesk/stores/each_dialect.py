"""The few statements that SQLite and PostgreSQL share, but SQLAlchemy spells once for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Executable, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection


def insert_or_ignore(connection: Connection, table: Table) -> Executable:
    """Rows whose primary key is there already are left as they are."""
    made: Executable = _insert(connection, table).on_conflict_do_nothing()
    return made


def insert_or_replace(connection: Connection, table: Table, columns: Sequence[str]) -> Executable:
    """Rows whose primary key is there already get these columns' new values."""
    statement = _insert(connection, table)
    return upsert(statement, table, {name: statement.excluded[name] for name in columns})


def upsert(statement: Any, table: Table, changes: Mapping[str, Any]) -> Executable:
    """The insert, with what to change where the primary key is there already."""
    made: Executable = statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns), set_=dict(changes)
    )
    return made


def _insert(connection: Connection, table: Table) -> Any:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table)
