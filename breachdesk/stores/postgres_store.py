"""The store that many processes share: acts one after another, pipeline writes beside each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy import Engine

from breachdesk.gdpr.law import shipped
from breachdesk.ports import Now, UnitOfWork
from breachdesk.stores import postgres
from breachdesk.stores.batches.sink import SqlBatchSink
from breachdesk.stores.exports import SqlExportOutbox
from breachdesk.stores.leader import PostgresLeader
from breachdesk.stores.register import SqlRegister
from breachdesk.stores.rewind import rewind
from breachdesk.stores.snapshot_memory import SnapshotMemory
from breachdesk.stores.stream_tables import (
    alert_acts,
    alert_notes,
    alerts,
    evidence,
    pinned_records,
)
from breachdesk.stores.tables import (
    breaches,
    case_keys,
    case_records,
    cases,
    documents,
    notices,
    row_salts,
    sealed_values,
)
from breachdesk.stores.transactions import Transactions
from breachdesk.stores.unit_of_work import SqlUnitOfWork, carry_out
from schemas.law import LawBook
from streams.ports import BatchSink, ExportOutbox, Leader, Register

T = TypeVar("T")
ERASED = (
    case_keys, row_salts, sealed_values, cases, breaches, documents, notices,
    case_records, evidence, pinned_records, alert_notes, alert_acts, alerts,
)  # fmt: skip
"""Tables that an erasure writes over."""


class PostgresStore:
    """breachdesk.ports.Store over a PostgreSQL schema. Thread-safe; close it when done. A lost
    connection or a restarted server is Retryable, and the next call connects anew."""

    def __init__(self, engine: Engine, place: str, now: Now, law: LawBook | None = None) -> None:
        self.law = shipped() if law is None else law
        self.now = now
        self._transactions = Transactions(engine, place)
        self._leader = PostgresLeader(engine)
        self._memory = SnapshotMemory()

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
        and is raised. Raises Conflict where it contradicts what is stored, ValueError (and
        BadInput) for a value that cannot be stored, Retryable when the server refuses."""
        now = self.now()
        result, erased = self._transactions.act(
            lambda connection: carry_out(connection, work, now, self.law)
        )
        if erased:
            self._memory.forget()
            # The old row versions still hold the key and the salts until they are vacuumed.
            for table in ERASED:
                self._transactions.vacuum(table.name)
        return result

    def look(self, work: Callable[[UnitOfWork], T]) -> T:
        """Run on a read-only snapshot; never waits for a writer."""
        memory = self._memory.view()
        return self._transactions.read(
            lambda connection: work(SqlUnitOfWork(connection, self.law, memory))
        )

    def identity(self) -> str:
        """As `postgres.identity`: another one after a failover or a restored backup. Raises
        Retryable."""
        return self._transactions.read(postgres.identity)

    def batch_sink(self, *, sole_owner: bool = False) -> BatchSink:
        """Where many workers commit, unless a caller says that it is the only one."""
        return SqlBatchSink(
            self._transactions.write, self._transactions.read, sole_owner=sole_owner
        )

    def rewind(self, names: Sequence[str], offset: int | None, *, actor: str) -> list[str]:
        """Have records processed once more (stores.rewind); the partitions moved."""
        return self._transactions.act(lambda c: rewind(c, names, offset, actor, self.now()))

    def export_outbox(self) -> ExportOutbox:
        """What waits to be told to integrators."""
        return SqlExportOutbox(self._transactions.write, self._transactions.read)

    def leader(self) -> Leader:
        """Whether this process does what only one may."""
        return self._leader

    def register(self) -> Register:
        """The newest view of who owned what, cached until the register changes."""
        return SqlRegister(self)

    def close(self) -> None:
        """Let go of the connections; a second time does nothing."""
        self._leader.close()
        self._transactions.close()
