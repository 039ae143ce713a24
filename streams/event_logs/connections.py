"""Open SQLite connections and translate their errors."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from schemas import private_files
from schemas.errors import BreachDeskError, CorruptData, RetryableError

_WAIT_SECONDS = 10.0


def open_writer(path: Path) -> sqlite3.Connection:
    """Open a connection that is durable at every commit (WAL, synchronous=FULL) and never
    checkpoints by itself. SQLite gives -wal and -shm the mode of the file."""
    private_files.create_file(path)
    connection = sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    return connection


@contextmanager
def open_reader(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a read-only connection for one reading. Raises RetryableError or CorruptData."""
    try:
        address = f"{path.absolute().as_uri()}?mode=ro"
        reader = sqlite3.connect(address, uri=True, timeout=_WAIT_SECONDS, isolation_level=None)
        with closing(reader) as connection:
            yield connection
    except sqlite3.Error as error:
        raise translate_error(error, path) from error


@contextmanager
def open_transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Run BEGIN IMMEDIATE … COMMIT, or ROLLBACK on any error."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def translate_error(error: sqlite3.Error | OSError, path: Path) -> BreachDeskError:
    """Translate SQLite's error: CorruptData for damage, else RetryableError."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return CorruptData(
            "the file is damaged.",
            place=str(path),
            remedy="Stop, keep a copy of the folder, and restore this file from a backup.",
        )
    return RetryableError(
        f"the disk or a lock refused ({error}).",
        place=str(path),
        remedy="Look for free space and permissions; the same call may succeed later.",
    )
