"""Open a store by its address and bring its schema up to date."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import inspect, select
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError

from breachdesk.ports import Now
from breachdesk.stores import sqlite
from breachdesk.stores.file_lock import FileLock
from breachdesk.stores.schema import HEAD, schema_version
from breachdesk.stores.sql_store import SqlStore
from schemas.errors import Corrupt, Misconfigured, NotFound

MIGRATIONS = Path(__file__).with_name("migrations")


def open_store(url: str, *, now: Now, create: bool = True) -> SqlStore:
    """The store at `sqlite:///…/store.db`, migrated forward.

    Raises Misconfigured for another address, a file that cannot be written or a store of a newer
    program, NotFound when there is none and `create` is False, Corrupt when the file is no store.
    """
    path = _sqlite_path(url)
    if not create and not path.exists():
        raise NotFound("no store there", place=str(path), remedy="`breachdesk init` makes one.")
    try:
        sqlite.create_file(path)
    except OSError as error:
        raise Misconfigured(
            f"the store cannot be opened: {error.strerror}",
            place=str(path),
            remedy="Choose a data folder that this user may write.",
        ) from error
    migrate(path)
    return SqlStore(path, now)


def migrate(path: Path) -> None:
    """Run what is missing of the migrations, under the lock that writers share."""
    lock = FileLock(path.with_name(path.name + ".lock"))
    engine = sqlite.writer_engine(path)
    try:
        with lock.held(), engine.connect() as connection:
            if _version(connection) != HEAD:
                _upgrade(connection)
    except DatabaseError as error:
        raise Corrupt(
            "it is not a store of this program, or it is damaged",
            place=str(path),
            remedy="Move the file away and restore a backup, or choose another data folder.",
        ) from error
    finally:
        engine.dispose()
        lock.close()


def alembic_config(connection: Connection) -> Config:
    """Alembic's settings for our migrations on that connection."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection) -> None:
    command.upgrade(alembic_config(connection), "head")
    connection.commit()


def _version(connection: Connection) -> str | None:
    with connection.begin():
        if not inspect(connection).has_table(schema_version.name):
            return None
        version = connection.execute(select(schema_version.c.version_num)).scalar()
    if version is not None and version > HEAD:
        raise Misconfigured(
            f"the store has schema {version}, this program knows {HEAD}",
            place="store",
            remedy="Install the newer BreachDesk again.",
        )
    return version


def _sqlite_path(url: str) -> Path:
    try:
        address = make_url(url)
    except ArgumentError:
        address = None
    if address is None or not address.drivername.startswith("sqlite") or not address.database:
        raise Misconfigured(
            "only a SQLite store can be opened here",
            place="store address",
            remedy="Use sqlite:///folder/store.db",
        )
    return Path(address.database)
