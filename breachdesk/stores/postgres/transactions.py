"""Run transactions on PostgreSQL: writes that may be refused and retried, reads of one snapshot."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Engine, text
from sqlalchemy.engine import Connection

from breachdesk.stores.postgres import postgres_database
from breachdesk.stores.sql.driver_errors import DATABASE_ERRORS, find_sqlstate, translate_error
from schemas.errors import NotAllowed, RetryableError

T = TypeVar("T")
REMEDY = "Check that the database server runs and can be reached, then try again."


class PostgresTransactions:
    """Runs work on the process's connections. Thread-safe; a broken connection is replaced."""

    def __init__(self, writing: Engine, place: str) -> None:
        self._writing = writing
        self._reading = postgres_database.make_snapshot_engine(writing)
        self._place = place
        self._closed = False
        self._running = threading.local()

    def write_exclusive(self, work: Callable[[Connection], T]) -> T:
        """Run an act while no other act and no pipeline write runs; durable on return."""
        return self._write(work, shared=False)

    def write_shared(self, work: Callable[[Connection], T]) -> T:
        """Run a pipeline write concurrently with others, but never with an act; durable on
        return."""
        return self._write(work, shared=True)

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run a read on a read-only snapshot, without waiting for a writer."""
        self._check_open()
        try:
            with self._reading.connect() as connection, connection.begin():
                return work(connection)
        except DATABASE_ERRORS as error:
            raise self._build_read_error(error) from None

    def run_vacuum(self, table: str) -> None:
        """Give the table's dead rows free. Only its owner may; for others the server warns and
        does nothing, and autovacuum comes later. A server that refuses changes nothing."""
        try:
            with self._writing.connect() as connection:
                alone = connection.execution_options(isolation_level="AUTOCOMMIT")
                alone.execute(text(f"VACUUM {table}"))
        except DATABASE_ERRORS:
            return

    def close(self) -> None:
        """Close all connections."""
        self._closed = True
        self._writing.dispose()

    def _write(self, work: Callable[[Connection], T], *, shared: bool) -> T:
        self._check_open()
        with self._prevent_nesting(), self._open_connection() as connection:
            try:
                postgres_database.lock_acts(connection, shared=shared)
                result = work(connection)
            except DATABASE_ERRORS as error:
                raise translate_error(error, REMEDY) from None
            self._commit(connection)
            return result

    @contextmanager
    def _open_connection(self) -> Iterator[Connection]:
        try:
            connection = self._writing.connect()
        except DATABASE_ERRORS as error:
            raise translate_error(error, REMEDY) from None
        with connection:
            yield connection

    def _commit(self, connection: Connection) -> None:
        try:
            connection.commit()
        except DATABASE_ERRORS as error:
            if find_sqlstate(error) is not None:
                raise translate_error(error, REMEDY) from None
            raise RetryableError(
                "the connection was lost during the commit; whether it was written is not known",
                place=self._place,
                remedy="Look whether it is there before you do it again.",
            ) from None

    @contextmanager
    def _prevent_nesting(self) -> Iterator[None]:
        if getattr(self._running, "now", False):
            raise NotAllowed("an act cannot start inside another act", place="Store.act")
        self._running.now = True
        try:
            yield
        finally:
            self._running.now = False

    def _check_open(self) -> None:
        if self._closed:
            raise RetryableError("the store is closed", remedy="Open it again.")

    def _build_read_error(self, error: BaseException) -> RetryableError:
        code = find_sqlstate(error)
        named = f" ({code})" if code else ""
        return RetryableError(
            f"the database cannot be read{named}", place=self._place, remedy=REMEDY
        )
