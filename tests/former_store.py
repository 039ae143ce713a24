"""Stores of a former schema for tests: `from former_store import former_store`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from services import fresh_schema, postgres_url
from sqlalchemy import Connection, Engine

from breachdesk.stores.migrations.schema_migration import build_config
from breachdesk.stores.open_store import open_store
from breachdesk.stores.ports import PipelineStore
from breachdesk.stores.postgres import postgres_database
from breachdesk.stores.sqlite import sqlite_database
from breachdesk.testing import FixedNow
from schemas.settings import StoreSettings


@contextmanager
def former_store(
    adapter: str, folder: Path, fill: Callable[[Connection], None], schema: str = "0005"
) -> Iterator[PipelineStore]:
    """A store that was filled at that schema, and is opened, which migrates it."""
    if adapter == "sqlite":
        path = folder / "store.db"
        path.touch()
        _fill(sqlite_database.make_writer_engine(path), fill, schema)
        with open_store(f"sqlite:///{path}", now=FixedNow()) as store:
            yield store
        return
    with fresh_schema(postgres_url()) as name:
        settings = StoreSettings(url=postgres_url(), schema_name=name)
        _fill(postgres_database.make_engine(settings), fill, schema)
        with open_store(settings.url, now=FixedNow(), settings=settings) as store:
            yield store


def _fill(engine: Engine, fill: Callable[[Connection], None], schema: str) -> None:
    with engine.connect() as connection:
        command.upgrade(build_config(connection), schema)
        connection.commit()
    with engine.begin() as connection:
        fill(connection)
    engine.dispose()
