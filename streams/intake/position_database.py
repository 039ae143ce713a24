"""Store positions of readers in a file of their own, durably at every commit."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from schemas import private_files
from schemas.errors import RetryableError


class PositionDatabase:
    """An SQLite file. Calls may come from any thread; each raises RetryableError when the disk
    refuses."""

    def __init__(self, path: Path | None, schema: str, content: str) -> None:
        """Open the file; None: in memory alone. `content`: what is stored, for errors."""
        if path is not None:
            private_files.make_folder(path.parent)
            private_files.create_file(path)
        self._place = str(path or ":memory:")
        self._content = content
        self._lock = Lock()
        self._connection = sqlite3.connect(
            self._place, timeout=10.0, isolation_level=None, check_same_thread=False
        )
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.executescript(schema)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def select(self, statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        with self._lock, self._translated():
            return self._connection.execute(statement, values).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit what is done while the context is open; nothing of it after an exception."""
        with self._lock, self._translated():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise RetryableError(
                f"{self._content} cannot be read or stored ({error})",
                place=self._place,
                remedy="Look for free space and permissions.",
            ) from error
