"""Stores of both kinds for tests: `from store_adapters import ADAPTERS, fresh_store`.

On PostgreSQL the store is opened by a role that `store migrate --grant` made fit for it: all that a
store promises must hold without the right to rewrite the audit chain. The tests of one process take
turns in one schema, which is emptied in between: to migrate a fresh one takes longer than most
tests."""

from __future__ import annotations

import atexit
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache

import psycopg
import pytest
import services
from pydantic import SecretStr
from sqlalchemy.engine import make_url

from breachdesk.ports import Now
from breachdesk.stores.open_store import open_postgres
from breachdesk.stores.ports import PipelineStore
from breachdesk.stores.postgres.schema import drop_schema, migrate_postgres
from breachdesk.stores.sqlite.store import SqliteStore
from breachdesk.testing import make_store
from schemas.errors import RetryableError
from schemas.settings import StoreSettings

ADAPTERS = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
PASSWORD = "of a role for tests"
TABLES = """
SELECT oid::regclass::text FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
"""
EMPTY = """
DO $$ DECLARE it record; BEGIN
  SET LOCAL session_replication_role = replica;
  FOR it IN SELECT oid::regclass AS name FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
    AND NOT relispartition AND relname NOT IN ('alembic_version', 'audit_head')
  LOOP EXECUTE 'DELETE FROM ' || it.name; END LOOP;
  UPDATE audit_head SET seq = 0, hash = repeat('0', 64);
  FOR it IN SELECT oid::regclass AS name FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relkind = 'S'
  LOOP EXECUTE 'ALTER SEQUENCE ' || it.name || ' RESTART'; END LOOP;
END $$
"""


@contextmanager
def fresh_store(adapter: str, now: Now) -> Iterator[PipelineStore]:
    """An empty store; closed afterwards."""
    open_one: dict[str, Callable[[Now], PipelineStore]] = {
        "sqlite": make_store,
        "postgres": postgres_store,
    }
    with open_one[adapter](now) as store:
        yield store


def postgres_store(now: Now) -> PipelineStore:
    with as_owner() as connection:
        connection.execute(EMPTY)
    return open_postgres(as_role(shared_schema()), now=now)


@cache
def shared_schema() -> StoreSettings:
    """This process's own schema, dropped at its end if the server still runs."""
    settings = StoreSettings(
        url=services.postgres_url(), schema_name=f"t_{secrets.token_hex(6)}", pool_size=20
    )
    migrate_postgres(settings)
    with psycopg.connect(settings.url) as connection:
        connection.execute(f"CREATE ROLE {settings.schema_name} LOGIN PASSWORD '{PASSWORD}'")
    migrate_postgres(settings, grant=settings.schema_name)
    atexit.register(drop, settings)
    return settings


def as_role(settings: StoreSettings) -> StoreSettings:
    """The same schema for the role of its own name."""
    url = make_url(settings.url).set(username=settings.schema_name, password=None)
    return settings.model_copy(
        update={"url": url.render_as_string(), "password": SecretStr(PASSWORD)}
    )


def drop(settings: StoreSettings) -> None:
    with suppress(RetryableError, psycopg.OperationalError):
        drop_schema(settings)
        with psycopg.connect(settings.url) as connection:
            connection.execute(f"DROP OWNED BY {settings.schema_name}")
            connection.execute(f"DROP ROLE {settings.schema_name}")


def everything_stored(store: PipelineStore) -> bytes:
    """All bytes that the database holds of it."""
    if isinstance(store, SqliteStore):
        log = store.path.with_name(store.path.name + "-wal")
        return store.path.read_bytes() + log.read_bytes()
    with as_owner() as connection:
        tables = connection.execute(TABLES).fetchall()
        return b"".join(part for (table,) in tables for part in copied(connection, table))


def copied(connection: psycopg.Connection, table: str) -> Iterator[bytes]:
    with connection.cursor().copy(f"COPY {table} TO STDOUT (FORMAT binary)") as copy:
        for part in copy:
            yield bytes(part)


def tamper(store: PipelineStore, *statements: str) -> None:
    """As somebody with the file, or the server, would: triggers and keys off."""
    if isinstance(store, SqliteStore):
        with closing(sqlite3.connect(store.path)) as database:
            for trigger in ("audit_no_update", "audit_no_delete"):
                database.execute(f"DROP TRIGGER IF EXISTS {trigger}")
            for statement in statements:
                database.execute(statement)
            database.commit()
        return
    with as_owner() as connection:
        connection.execute("SET session_replication_role = replica")
        for statement in statements:
            connection.execute(statement)


def refused_by_the_database(store: PipelineStore, statement: str) -> str:
    """What the database says when somebody runs this statement past the program."""
    if isinstance(store, SqliteStore):
        with (
            closing(sqlite3.connect(store.path)) as database,
            pytest.raises(sqlite3.IntegrityError) as refused,
        ):
            database.execute(statement)
    else:
        with pytest.raises(psycopg.DatabaseError) as refused, as_owner() as connection:
            connection.execute(statement)
    return str(refused.value)


@contextmanager
def as_owner() -> Iterator[psycopg.Connection]:
    """A connection of the role that owns this process's schema; what it does is committed."""
    settings = shared_schema()
    with psycopg.connect(settings.url) as connection:
        connection.execute(f"SET search_path = {settings.schema_name}")
        yield connection
