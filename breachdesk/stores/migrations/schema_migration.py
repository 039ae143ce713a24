"""Run Alembic on an open connection, and read the schema's version."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, inspect, select
from sqlalchemy.engine import Connection
from sqlalchemy.pool import StaticPool

from breachdesk.stores.tables.schema import HEAD, schema_version
from schemas.errors import ConfigurationError

MIGRATIONS = Path(__file__).parent


def build_config(connection: Connection) -> Config:
    """Build the Alembic configuration for our migrations on that connection."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def upgrade(connection: Connection) -> None:
    """Run what is missing of the migrations and commit."""
    command.upgrade(build_config(connection), "head")
    connection.commit()


def create_sqlite(connection: Connection) -> None:
    """Make an empty database what the migrations would make of it, in one transaction.

    A process runs the migrations once, in memory, however many stores it makes; a kill amid them
    leaves an empty file instead of half a store."""
    with connection.begin():
        for statement in _list_statements():
            connection.exec_driver_sql(statement)


@cache
def _list_statements() -> tuple[str, ...]:
    """List the statements that make the tables and first rows to which all migrations lead."""
    with closing(sqlite3.connect(":memory:", check_same_thread=False)) as database:
        engine = create_engine("sqlite://", poolclass=StaticPool, creator=lambda: database)
        with engine.connect() as connection:
            upgrade(connection)
        statements = tuple(database.iterdump())
    return statements[1:-1]  # without the transaction's own statements


def find_version(connection: Connection) -> str | None:
    """Return the schema's version, or None if there is no store. Raises ConfigurationError if a
    newer program wrote it."""
    if not inspect(connection).has_table(schema_version.name):
        return None
    stored = connection.execute(select(schema_version.c.version_num)).scalar()
    if stored is not None and stored > HEAD:
        raise ConfigurationError(
            f"the store has schema {stored}, this program knows {HEAD}",
            place="store",
            remedy="Install the newer BreachDesk again.",
        )
    return stored
