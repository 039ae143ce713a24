"""Open a store by its address and bring its schema up to date."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError

from breachdesk.ports import Now
from breachdesk.stores.books.exports import EXPORTING
from breachdesk.stores.migrations import schema_migration
from breachdesk.stores.ports import PipelineStore
from breachdesk.stores.postgres import postgres_database, schema
from breachdesk.stores.postgres.store import PostgresStore
from breachdesk.stores.sql.file_lock import FileLock
from breachdesk.stores.sqlite import sqlite_database
from breachdesk.stores.sqlite.store import SqliteStore
from breachdesk.stores.tables.schema import HEAD
from schemas.errors import ConfigurationError, CorruptData, NotFound, RetryableError
from schemas.law import LawBook
from schemas.settings import StoreSettings

PRIMARY_CODE = 0xFF
NOT_THE_FILES_FAULT = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
"""SQLite cannot create or extend its own files next to the store, as on a full disk."""


def open_store(
    url: str,
    *,
    now: Now,
    create: bool = True,
    settings: StoreSettings | None = None,
    exporting: bool = False,
    law: LawBook | None = None,
    source_owners: Mapping[str, str] | None = None,
) -> PipelineStore:
    """Open the store at `sqlite:///…/store.db` or `postgresql://…` and migrate it forward.
    `settings` hold a server's schema, password, TLS and pool. `exporting`: transactions on a server
    also fill the outbox towards Kafka. `law` None means the law that is shipped. `source_owners`
    are the owners that the settings name, by case-folded source.

    Raises ConfigurationError for another address, a file or schema that cannot be written or a
    store of a newer program, NotFound if there is no store and `create` is False, CorruptData if
    the file is no store, RetryableError if the disk or the server cannot be used."""
    if postgres_database.is_postgres(url):
        server_settings = (settings or StoreSettings()).model_copy(update={"url": url})
        return open_postgres(
            server_settings,
            now=now,
            create=create,
            exporting=exporting,
            law=law,
            source_owners=source_owners,
        )
    path = _parse_sqlite_path(url)
    return open_sqlite(path, now=now, create=create, law=law, source_owners=source_owners)


def open_sqlite(
    path: Path,
    *,
    now: Now,
    create: bool = True,
    law: LawBook | None = None,
    source_owners: Mapping[str, str] | None = None,
) -> SqliteStore:
    """Open the store in that file. Raises like `open_store`."""
    if not create and not path.exists():
        raise NotFound("no store there", place=str(path), remedy="`breachdesk init` makes one.")
    try:
        sqlite_database.create_file(path)
    except OSError as error:
        raise ConfigurationError(
            f"the store cannot be opened: {error.strerror}",
            place=str(path),
            remedy="Choose a data folder that this user may write.",
        ) from error
    migrate(path)
    return SqliteStore(path, now, law, source_owners)


def open_postgres(
    settings: StoreSettings,
    *,
    now: Now,
    create: bool = True,
    exporting: bool = False,
    law: LawBook | None = None,
    source_owners: Mapping[str, str] | None = None,
) -> PostgresStore:
    """Open the store on that server. Raises like `open_store`."""
    engine = postgres_database.make_engine(settings)
    try:
        schema.require_current(engine, settings, create=create)
    except BaseException:
        engine.dispose()
        raise
    return PostgresStore(
        engine.execution_options(**{EXPORTING: exporting}),
        postgres_database.describe_address(settings),
        now,
        law,
        source_owners,
    )


def migrate(path: Path) -> None:
    """Run what is missing of the migrations, under the lock that writers share."""
    lock = FileLock(path.with_name(path.name + ".lock"))
    engine = sqlite_database.make_writer_engine(path)
    try:
        with lock.hold(), engine.connect() as connection:
            with connection.begin():
                stored = schema_migration.find_version(connection)
            if stored is None:
                schema_migration.create_sqlite(connection)
            elif stored != HEAD:
                schema_migration.upgrade(connection)
    except DatabaseError as error:
        if getattr(error.orig, "sqlite_errorcode", 0) & PRIMARY_CODE in NOT_THE_FILES_FAULT:
            raise RetryableError(
                "the store cannot be opened now; the file itself is not at fault",
                place=str(path),
                remedy="Check that the disk has room and that this user may write the data folder.",
            ) from error
        raise CorruptData(
            "it is not a store of this program, or it is damaged",
            place=str(path),
            remedy="Move the file away and restore a backup, or choose another data folder.",
        ) from error
    finally:
        engine.dispose()
        lock.close()


def _parse_sqlite_path(url: str) -> Path:
    try:
        address = make_url(url)
    except ArgumentError:
        address = None
    if address is None or not address.drivername.startswith("sqlite") or not address.database:
        raise ConfigurationError(
            "only a SQLite store can be opened here, or one on a PostgreSQL server",
            place="store address",
            remedy="Use sqlite:///folder/store.db or postgresql://user@host:5432/database",
        )
    return Path(address.database)
