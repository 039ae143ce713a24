"""The PostgreSQL store: acts run one after another, pipeline writes run concurrently."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy import Engine

from breachdesk.gdpr.law import load_shipped_law
from breachdesk.ports import Now, UnitOfWork
from breachdesk.stores.batches.position_rewind import rewind_positions
from breachdesk.stores.batches.sink import SqlBatchSink
from breachdesk.stores.books.exports import SqlExportOutbox
from breachdesk.stores.books.unit_of_work import SqlUnitOfWork, run_work
from breachdesk.stores.postgres import postgres_database
from breachdesk.stores.postgres.leader import PostgresLeader
from breachdesk.stores.postgres.transactions import PostgresTransactions
from breachdesk.stores.register.current_register import SqlRegister
from breachdesk.stores.sql.snapshot_cache import SnapshotCache
from breachdesk.stores.tables.case_tables import (
    breaches,
    case_keys,
    case_records,
    cases,
    documents,
    notices,
    row_salts,
    sealed_values,
)
from breachdesk.stores.tables.stream_tables import (
    alert_acts,
    alert_notes,
    alerts,
    evidence,
    pinned_records,
)
from schemas.law import LawBook
from streams.ports import AssetRegister, BatchSink, ExportOutbox, LeaderElection

T = TypeVar("T")
ERASED = (
    case_keys, row_salts, sealed_values, cases, breaches, documents, notices,
    case_records, evidence, pinned_records, alert_notes, alert_acts, alerts,
)  # fmt: skip
"""Tables that an erasure writes over."""


class PostgresStore:
    """breachdesk.ports.Store over a PostgreSQL schema. Thread-safe; close it when done. A lost
    connection or a restarted server raises RetryableError, and the next call reconnects."""

    def __init__(
        self,
        engine: Engine,
        place: str,
        now: Now,
        law: LawBook | None = None,
        source_owners: Mapping[str, str] | None = None,
    ) -> None:
        self.law = load_shipped_law() if law is None else law
        self._source_owners = source_owners
        self.now = now
        self._transactions = PostgresTransactions(engine, place)
        self._leader = PostgresLeader(engine)
        self._cache = SnapshotCache()

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
        and is raised. Raises EditConflict where it contradicts what is stored, ValueError (and
        BadInput) for a value that cannot be stored, RetryableError when the server refuses."""
        now = self.now()
        result, erased = self._transactions.write_exclusive(
            lambda connection: run_work(connection, work, now, self.law, self._source_owners)
        )
        if erased:
            self._cache.clear()
            # The old row versions still hold the key and the salts until they are vacuumed.
            for table in ERASED:
                self._transactions.run_vacuum(table.name)
        return result

    def read(self, work: Callable[[UnitOfWork], T]) -> T:
        """Run on a read-only snapshot; never waits for a writer."""
        cache = self._cache.make_view()
        return self._transactions.read(
            lambda connection: work(
                SqlUnitOfWork(connection, self.law, cache, source_owners=self._source_owners)
            )
        )

    def get_server_identity(self) -> str:
        """Return the identity as in `postgres.identity`, which differs after a failover or a
        restored backup. Raises RetryableError."""
        return self._transactions.read(postgres_database.read_server_identity)

    def make_batch_sink(self, *, sole_owner: bool = False) -> BatchSink:
        """Return where many workers commit, unless a caller declares itself the only one."""
        return SqlBatchSink(
            self._transactions.write_shared, self._transactions.read, sole_owner=sole_owner
        )

    def rewind(self, names: Sequence[str], offset: int | None, *, actor: str) -> list[str]:
        """Have records processed once more (stores.batches.position_rewind); the partitions moved."""
        return self._transactions.write_exclusive(
            lambda c: rewind_positions(c, names, offset, actor, self.now())
        )

    def make_export_outbox(self) -> ExportOutbox:
        """Return the outbox of messages for integrators."""
        return SqlExportOutbox(self._transactions.write_shared, self._transactions.read)

    def get_leader_election(self) -> LeaderElection:
        """Whether this process does what only one may."""
        return self._leader

    def make_asset_register(self) -> AssetRegister:
        """Return the newest view of asset ownership, cached until the register changes."""
        return SqlRegister(self)

    def close(self) -> None:
        """Let go of the connections; a second time does nothing."""
        self._leader.close()
        self._transactions.close()
