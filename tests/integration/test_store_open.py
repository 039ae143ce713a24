"""Opening: migrations make exactly the tables of the code, old stores go forward, others are
refused."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from breachdesk.stores.migrations.schema_migration import build_config, upgrade
from breachdesk.stores.open_store import migrate, open_store
from breachdesk.stores.sqlite import sqlite_database
from breachdesk.stores.tables.schema import HEAD, metadata
from breachdesk.testing import FixedNow, make_customer
from schemas.errors import ConfigurationError, CorruptData, NotFound, RetryableError


def test_the_migrations_build_exactly_the_tables_of_the_code(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    migrate(path)
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, metadata)
        scripts = ScriptDirectory.from_config(build_config(connection))
        tables = inspect(connection).get_table_names()
    engine.dispose()

    assert differences == []
    assert scripts.get_current_head() == HEAD
    assert set(tables) == {*metadata.tables, "alembic_version"}


def test_a_new_store_holds_what_the_migrations_leave_in_an_empty_one(tmp_path: Path) -> None:
    migrate(tmp_path / "new.db")
    engine = sqlite_database.make_writer_engine(tmp_path / "migrated.db")
    with engine.connect() as connection:
        upgrade(connection)
    engine.dispose()

    assert dump(tmp_path / "new.db") == dump(tmp_path / "migrated.db")


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def test_every_table_can_be_said_to_postgresql() -> None:
    dialect = postgresql.dialect()
    spoken = [
        str(CreateTable(table).compile(dialect=dialect)) for table in metadata.tables.values()
    ]
    indexes = [
        str(CreateIndex(index).compile(dialect=dialect))
        for table in metadata.tables.values()
        for index in table.indexes
    ]

    assert "BIGSERIAL" in "".join(spoken)
    assert "TIMESTAMP WITH TIME ZONE" in "".join(spoken)
    assert len(indexes) >= 5


def test_a_store_is_readable_by_its_owner_only_and_opens_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/data/store.db"
    with open_store(url, now=FixedNow()) as store:
        store.write(lambda uow: uow.customers.save(make_customer()))
        modes = {file.name: file.stat().st_mode & 0o077 for file in (tmp_path / "data").iterdir()}
    with open_store(url, now=FixedNow(), create=False) as store:
        customer = store.read(lambda uow: uow.customers.get("contoso"))

    assert customer == make_customer()
    assert set(modes) == {"store.db", "store.db-wal", "store.db-shm", "store.db.lock"}
    assert not any(modes.values())


def test_an_empty_file_left_by_a_crash_becomes_a_store(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.touch()
    with open_store(f"sqlite:///{path}", now=FixedNow(), create=False) as store:
        assert store.read(lambda uow: uow.cases.list()) == []


def test_a_missing_store_is_not_made_by_who_only_wants_to_look(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no store there"):
        open_store(f"sqlite:///{tmp_path}/store.db", now=FixedNow(), create=False)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["mysql://localhost/x", "sqlite://", "no address at all"])
def test_an_address_that_is_no_sqlite_file_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="only a SQLite store"):
        open_store(url, now=FixedNow())


def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(b"Dear reader, this is a letter." * 200)
    with pytest.raises(CorruptData, match="not a store"):
        open_store(f"sqlite:///{path}", now=FixedNow())

    assert path.read_bytes().startswith(b"Dear reader")


def test_a_store_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    migrate(path)
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()

    with pytest.raises(ConfigurationError, match="9999"):
        open_store(f"sqlite:///{path}", now=FixedNow())


def test_a_disk_that_cannot_be_written_is_an_error_with_a_place(tmp_path: Path) -> None:
    (tmp_path / "store.db").mkdir()

    with pytest.raises(ConfigurationError, match="cannot be opened"):
        open_store(f"sqlite:///{tmp_path}/store.db", now=FixedNow())


@contextmanager
def no_file_grows(beyond: int) -> Iterator[None]:
    """As on a full disk: what would be longer is refused."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (beyond, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_store_on_a_full_disk_is_not_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    migrate(path)
    with no_file_grows(beyond=4096), pytest.raises(RetryableError, match="the disk has room"):
        migrate(path)
    with open_store(f"sqlite:///{path}", now=FixedNow()) as store:
        assert list(store.read(lambda uow: uow.customers.list())) == []
