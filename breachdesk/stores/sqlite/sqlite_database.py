"""Build SQLite connections: pragmas, transactions, checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import Connection
from sqlalchemy.pool import QueuePool, StaticPool

from schemas import private_files

BUSY_MS = 10_000
"""How long a connection waits for another process's lock before it gives up."""
CHECKPOINT_BYTES = 8 << 20
"""A log longer than this is moved into the database after a commit."""
TRUNCATE_MS = 100
"""How long the writer waits for readers when it empties the log."""


def create_file(path: Path) -> None:
    """Make an empty store that only its owner may read; SQLite gives -wal and -shm the same
    mode."""
    private_files.make_folder(path.parent)
    private_files.create_file(path)


def make_writer_engine(path: Path) -> Engine:
    """Make an engine with one connection for the writer thread. Transactions begin IMMEDIATE."""
    engine = _make_engine(path, poolclass=StaticPool)
    event.listen(engine, "connect", _set_writer_pragmas)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def make_reader_engine(path: Path) -> Engine:
    """Make an engine with read-only connections; each transaction is one snapshot."""
    engine = _make_engine(path, poolclass=QueuePool, pool_size=8, max_overflow=56)
    event.listen(engine, "connect", _set_reader_pragmas)
    event.listen(engine, "begin", _begin_deferred)
    return engine


def run_checkpoint(connection: Connection) -> None:
    """Move as much of the log as possible into the database, without waiting."""
    cursor = _get_dbapi_connection(connection).cursor()
    cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")
    cursor.close()


def empty_log(connection: Connection) -> bool:
    """Move all of the log and cut it to nothing. False: a reader still needs it; try later."""
    cursor = _get_dbapi_connection(connection).cursor()
    cursor.execute(f"PRAGMA busy_timeout={TRUNCATE_MS}")
    busy = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    cursor.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    cursor.close()
    return not busy


def is_log_long(path: Path) -> bool:
    """Whether the write-ahead log is long enough for a checkpoint."""
    try:
        return path.with_name(path.name + "-wal").stat().st_size > CHECKPOINT_BYTES
    except FileNotFoundError:
        return False


def _make_engine(path: Path, **pool: Any) -> Engine:
    return create_engine(
        f"sqlite:///{path}",
        # Parameters hold personal data and must never be in an exception's text.
        hide_parameters=True,
        connect_args={"check_same_thread": False, "timeout": BUSY_MS / 1000},
        **pool,
    )


def _get_dbapi_connection(connection: Connection) -> Any:
    return connection.connection.dbapi_connection


def _set_pragmas(dbapi: Any, *statements: str) -> None:
    # The driver must not open transactions by itself: BEGIN is ours (SAVEPOINT needs that).
    dbapi.isolation_level = None
    cursor = dbapi.cursor()
    for statement in ("foreign_keys=ON", "wal_autocheckpoint=0", *statements):
        cursor.execute(f"PRAGMA {statement}")
    cursor.close()


def _set_writer_pragmas(dbapi: Any, _record: object) -> None:
    # secure_delete: an erased key must not linger in a free page.
    _set_pragmas(
        dbapi,
        "journal_mode=WAL",
        "synchronous=FULL",
        "secure_delete=ON",
        "cache_size=-32000",
        # Once moved, the log starts over and is cut to this: a longer one has something to move.
        f"journal_size_limit={CHECKPOINT_BYTES}",
    )


def _set_reader_pragmas(dbapi: Any, _record: object) -> None:
    _set_pragmas(dbapi, "query_only=ON")


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_deferred(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
