"""Elect a leader: one process of many holds a PostgreSQL advisory lock for as long as it lives.

The lock belongs to a connection (PostgreSQL manual, 13.3.5): when the process or its connection
ends, the server releases it, and the next process that asks acquires it."""

from __future__ import annotations

import threading
from contextlib import suppress

from sqlalchemy import Engine, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DatabaseError

from schemas.errors import RetryableError

LEADER = 0x42520003
_ACQUIRE = text("SELECT pg_try_advisory_lock(:lock, hashtext(current_schema()))")
_RELEASE = text("SELECT pg_advisory_unlock(:lock, hashtext(current_schema()))")
_PING = text("SELECT 1")


class AlwaysLeader:
    """streams.ports.LeaderElection where one process owns the store anyway."""

    def acquire_leadership(self) -> bool:
        return True

    def close(self) -> None: ...


class PostgresLeader:
    """streams.ports.LeaderElection over one connection that is kept. Thread-safe."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._connection: Connection | None = None
        self._leads = False
        self._lock = threading.Lock()

    def acquire_leadership(self) -> bool:
        with self._lock:
            try:
                return self._try_acquire()
            except DatabaseError as error:
                self._drop_connection()
                raise RetryableError(
                    "nobody knows who leads: the database does not answer",
                    place="store",
                    remedy="Check the server, then try again.",
                ) from error

    def close(self) -> None:
        """Give up the leadership, so that another process can acquire it."""
        with self._lock:
            if self._connection is not None and self._leads:
                # The server ends a closed connection in its own time.
                with suppress(DatabaseError):
                    self._connection.execute(_RELEASE, {"lock": LEADER})
            self._drop_connection()

    def _try_acquire(self) -> bool:
        if self._connection is None:
            self._connection = self._engine.connect()
        if self._leads:
            self._connection.execute(_PING)
        else:
            self._leads = bool(self._connection.execute(_ACQUIRE, {"lock": LEADER}).scalar())
        return self._leads

    def _drop_connection(self) -> None:
        connection, self._connection, self._leads = self._connection, None, False
        if connection is not None:
            # Closed, not returned to the pool: a pooled connection would keep the lock.
            connection.invalidate()
            connection.close()
