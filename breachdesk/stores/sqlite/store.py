"""The SQLite store: acts go through the one writer, each read has its own snapshot."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy import Engine
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DatabaseError

from breachdesk.gdpr.law import load_shipped_law
from breachdesk.ports import Now, UnitOfWork
from breachdesk.stores.batches.position_rewind import rewind_positions
from breachdesk.stores.batches.sink import SqlBatchSink
from breachdesk.stores.books.exports import SqlExportOutbox
from breachdesk.stores.books.unit_of_work import SqlUnitOfWork, run_work
from breachdesk.stores.postgres.leader import AlwaysLeader
from breachdesk.stores.register.current_register import SqlRegister
from breachdesk.stores.sql.file_lock import FileLock
from breachdesk.stores.sql.snapshot_cache import SnapshotCache
from breachdesk.stores.sqlite import sqlite_database
from breachdesk.stores.sqlite.writer import StoreWriter
from schemas.errors import RetryableError
from schemas.law import LawBook
from streams.ports import AssetRegister, BatchSink, ExportOutbox, LeaderElection

T = TypeVar("T")


class SqliteStore:
    """breachdesk.ports.Store over one SQLite file. Thread-safe; close it when done."""

    def __init__(
        self,
        path: Path,
        now: Now,
        law: LawBook | None = None,
        source_owners: Mapping[str, str] | None = None,
    ) -> None:
        self.path = path
        self.law = load_shipped_law() if law is None else law
        self._source_owners = source_owners
        self.now = now
        self._lock = FileLock(path.with_name(path.name + ".lock"))
        self._readers: Engine = sqlite_database.make_reader_engine(path)
        self._writing: Engine = sqlite_database.make_writer_engine(path)
        self._erased = False
        self._cache = SnapshotCache()
        self._writer = StoreWriter(self._writing, self._lock.hold, self._trim_log)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def write(self, work: Callable[[UnitOfWork], T]) -> T:
        """Run in one write transaction; durable on return. Whatever `work` raises rolls it back
        and is raised; RetryableError when the database refuses."""
        erased: list[bool] = []

        def run_transaction(connection: Connection) -> T:
            result, gone = run_work(connection, work, self.now(), self.law, self._source_owners)
            if gone:
                erased.append(True)
                self._erased = True
            return result

        outcome = self._writer.run(run_transaction)
        if erased:
            self._cache.clear()
            # An empty act comes after the log was emptied: only then is the key gone.
            self._writer.run(lambda _: None)
        return outcome

    def read(self, work: Callable[[UnitOfWork], T]) -> T:
        """Run on a read-only snapshot; never waits for the writer."""
        cache = self._cache.make_view()
        return self._read(
            lambda connection: work(
                SqlUnitOfWork(connection, self.law, cache, source_owners=self._source_owners)
            )
        )

    def get_server_identity(self) -> str:
        """Return the empty string: a file has no server that another could replace."""
        return ""

    def make_batch_sink(self, *, sole_owner: bool = True) -> BatchSink:
        """Return where the worker commits. One process owns the file's pipeline, unless a caller
        says that several workers share it."""
        return SqlBatchSink(self._writer.run, self._read, sole_owner=sole_owner)

    def rewind(self, names: Sequence[str], offset: int | None, *, actor: str) -> list[str]:
        """Have records processed once more (stores.batches.position_rewind); the partitions moved."""
        return self._writer.run(lambda c: rewind_positions(c, names, offset, actor, self.now()))

    def make_export_outbox(self) -> ExportOutbox:
        """Return the outbox of messages for integrators."""
        return SqlExportOutbox(self._writer.run, self._read)

    def get_leader_election(self) -> LeaderElection:
        """Return an election that the caller always wins: one process owns the file's pipeline."""
        return AlwaysLeader()

    def make_asset_register(self) -> AssetRegister:
        """Return the newest view of asset ownership, cached until the register changes."""
        return SqlRegister(self)

    def close(self) -> None:
        """Finish waiting acts and let go of the file."""
        self._writer.close()
        self._readers.dispose()
        self._writing.dispose()
        self._lock.close()

    def _read(self, work: Callable[[Connection], T]) -> T:
        try:
            with self._readers.connect() as connection, connection.begin():
                return work(connection)
        except DatabaseError as error:
            raise RetryableError(
                "the database cannot be read",
                place=self.path.name,
                remedy="Check the disk and that nobody else replaced the file, then try again.",
            ) from error

    def _trim_log(self, connection: Connection) -> None:
        if self._erased:
            self._erased = not sqlite_database.empty_log(connection)
        elif sqlite_database.is_log_long(self.path):
            sqlite_database.run_checkpoint(connection)
