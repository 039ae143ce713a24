"""The store: acts go through the one writer, looks take their own snapshot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy import Engine
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DatabaseError

from breachdesk.gdpr.law import shipped
from breachdesk.ports import Now, UnitOfWork
from breachdesk.stores import sqlite
from breachdesk.stores.batches.sink import SqlBatchSink
from breachdesk.stores.exports import SqlExportOutbox
from breachdesk.stores.file_lock import FileLock
from breachdesk.stores.leader import OnlyOne
from breachdesk.stores.register import SqlRegister
from breachdesk.stores.rewind import rewind
from breachdesk.stores.snapshot_memory import SnapshotMemory
from breachdesk.stores.unit_of_work import SqlUnitOfWork, carry_out
from breachdesk.stores.writer import Writer
from schemas.errors import Retryable
from schemas.law import LawBook
from streams.ports import BatchSink, ExportOutbox, Leader, Register

T = TypeVar("T")


class SqlStore:
    """breachdesk.ports.Store over one SQLite file. Thread-safe; close it when done."""

    def __init__(self, path: Path, now: Now, law: LawBook | None = None) -> None:
        self.path = path
        self.law = shipped() if law is None else law
        self.now = now
        self._lock = FileLock(path.with_name(path.name + ".lock"))
        self._readers: Engine = sqlite.reader_engine(path)
        self._writing: Engine = sqlite.writer_engine(path)
        self._erased = False
        self._memory = SnapshotMemory()
        self._writer = Writer(self._writing, self._lock.held, self._after_commit)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def act(self, work: Callable[[UnitOfWork], T]) -> T:
        """Run in one write transaction; durable on return. Whatever `work` raises rolls it back
        and is raised; Retryable when the database refuses."""
        erased: list[bool] = []

        def transaction(connection: Connection) -> T:
            result, gone = carry_out(connection, work, self.now(), self.law)
            if gone:
                erased.append(True)
                self._erased = True
            return result

        done = self._writer.run(transaction)
        if erased:
            self._memory.forget()
            # An empty act comes after the log was emptied: only then is the key gone.
            self._writer.run(lambda _: None)
        return done

    def look(self, work: Callable[[UnitOfWork], T]) -> T:
        """Run on a read-only snapshot; never waits for the writer."""
        memory = self._memory.view()
        return self._read(lambda connection: work(SqlUnitOfWork(connection, self.law, memory)))

    def identity(self) -> str:
        """Nothing: a file is no server that another could stand in for."""
        return ""

    def batch_sink(self, *, sole_owner: bool = True) -> BatchSink:
        """Where the worker commits. One process owns the file's pipeline, unless a caller says that
        several workers share it."""
        return SqlBatchSink(self._writer.run, self._read, sole_owner=sole_owner)

    def rewind(self, names: Sequence[str], offset: int | None, *, actor: str) -> list[str]:
        """Have records processed once more (stores.rewind); the partitions moved."""
        return self._writer.run(lambda c: rewind(c, names, offset, actor, self.now()))

    def export_outbox(self) -> ExportOutbox:
        """What waits to be told to integrators."""
        return SqlExportOutbox(self._writer.run, self._read)

    def leader(self) -> Leader:
        """One process owns the file's pipeline: it leads."""
        return OnlyOne()

    def register(self) -> Register:
        """The newest view of who owned what, cached until the register changes."""
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
            raise Retryable(
                "the database cannot be read",
                place=self.path.name,
                remedy="Check the disk and that nobody else replaced the file, then try again.",
            ) from error

    def _after_commit(self, connection: Connection) -> None:
        if self._erased:
            self._erased = not sqlite.empty_log(connection)
        elif sqlite.log_is_long(self.path):
            sqlite.checkpoint(connection)
