"""Stores of both kinds for tests: `from store_adapters import ADAPTERS, fresh_store`.

On PostgreSQL the tests of one process take turns in one schema, which is emptied in between: to
migrate a fresh one takes longer than most tests.
"""

from __future__ import annotations

import atexit
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache

import psycopg
import pytest
import services

from breachdesk.ports import Now
from breachdesk.stores.any_store import AnyStore
from breachdesk.stores.open_store import open_postgres
from breachdesk.stores.postgres_schema import create_schema, drop_schema
from breachdesk.testing import memory_store
from schemas.errors import Retryable
from schemas.settings import StoreSettings

ADAPTERS = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
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
def fresh_store(adapter: str, now: Now) -> Iterator[AnyStore]:
    """An empty store; closed afterwards."""
    open_one: dict[str, Callable[[Now], AnyStore]] = {
        "sqlite": memory_store,
        "postgres": postgres_store,
    }
    with open_one[adapter](now) as store:
        yield store


def postgres_store(now: Now) -> AnyStore:
    settings = shared_schema()
    with psycopg.connect(settings.url) as connection:
        connection.execute(f"SET search_path = {settings.schema_name}")
        connection.execute(EMPTY)
    return open_postgres(settings, now=now)


@cache
def shared_schema() -> StoreSettings:
    """This process's own schema, dropped at its end if the server still runs."""
    settings = StoreSettings(
        url=services.postgres_url(), schema_name=f"t_{secrets.token_hex(6)}", pool_size=20
    )
    create_schema(settings)
    atexit.register(drop, settings)
    return settings


def drop(settings: StoreSettings) -> None:
    with suppress(Retryable):
        drop_schema(settings)
