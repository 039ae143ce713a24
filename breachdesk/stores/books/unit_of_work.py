"""Open the books of one transaction over one connection."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from datetime import datetime
from functools import partial
from typing import TypeVar

from sqlalchemy.engine import Connection

from breachdesk.gdpr.law import load_shipped_law
from breachdesk.ports import UnitOfWork
from breachdesk.stores.audit.audit_book import SqlAuditBook
from breachdesk.stores.books import exports
from breachdesk.stores.books.alerts import SqlAlertBook
from breachdesk.stores.books.binding_proposals import SqlProposalBook
from breachdesk.stores.books.binding_replays import SqlReplayBook
from breachdesk.stores.books.breaches import SqlBreachBook
from breachdesk.stores.books.case_records import SqlRecordBook
from breachdesk.stores.books.cases import SqlCaseBook
from breachdesk.stores.books.coverage import SqlCoverageBook
from breachdesk.stores.books.customers import SqlCustomerBook
from breachdesk.stores.books.leases import SqlLeaseBook, SqlMarkBook
from breachdesk.stores.books.notices import SqlNoticeBook
from breachdesk.stores.books.register_imports import SqlImportBook
from breachdesk.stores.books.second_factors import SqlSecondFactorBook
from breachdesk.stores.books.sign_ins import SqlSignInBook
from breachdesk.stores.books.sources import SqlSourceBook
from breachdesk.stores.books.users import SqlUserBook
from breachdesk.stores.books.watch import SqlWatchBook
from breachdesk.stores.sql import counters
from breachdesk.stores.sql.case_cipher import CaseCipher
from breachdesk.stores.sql.row_digests import RowDigests
from breachdesk.stores.sql.snapshot_cache import SnapshotView
from schemas.law import LawBook

T = TypeVar("T")


def run_work(
    connection: Connection,
    work: Callable[[UnitOfWork], T],
    now: datetime,
    law: LawBook,
    source_owners: Mapping[str, str] | None = None,
) -> tuple[T, bool]:
    """Run an act's work and its last act on the connection; the result, and whether a case's key
    was erased."""
    books = SqlUnitOfWork(connection, law, source_owners=source_owners)
    result = work(books)
    books.finish(now)
    if books.audit.erased:
        counters.advance(connection, counters.ERASURES)
    return result, books.audit.erased


class SqlUnitOfWork:
    """breachdesk.ports.UnitOfWork. `finish` writes the audit entries that wait."""

    def __init__(
        self,
        connection: Connection,
        law: LawBook | None = None,
        cache: SnapshotView | None = None,
        *,
        source_owners: Mapping[str, str] | None = None,
    ) -> None:
        """Open the books; `cache` is None in an act, and only there does anything change.
        `source_owners`: whose system a source is by the settings."""
        self._connection = connection
        self._cache = cache
        self.law = load_shipped_law() if law is None else law
        row_digests = RowDigests(connection)
        cipher = CaseCipher(connection, row_digests)
        self.alerts = SqlAlertBook(connection)
        is_snapshot = cache is not None
        self.cases = SqlCaseBook(connection, row_digests, is_snapshot=is_snapshot)
        self.breaches = SqlBreachBook(connection, cipher, row_digests, cache)
        self.records = SqlRecordBook(connection, cipher, row_digests)
        self.notices = SqlNoticeBook(connection, row_digests)
        self.customers = SqlCustomerBook(connection, row_digests, cache)
        self.imports = SqlImportBook(connection)
        self.proposals = SqlProposalBook(connection)
        self.replays = SqlReplayBook(connection)
        self.audit = SqlAuditBook(connection, cipher, row_digests)
        self.sources = SqlSourceBook(connection, source_owners)
        self.watch = SqlWatchBook(connection)
        self.coverage = SqlCoverageBook(connection)
        self.users = SqlUserBook(connection, row_digests, is_snapshot=is_snapshot)
        self.second_factors = SqlSecondFactorBook(connection)
        self.sign_ins = SqlSignInBook(connection)
        self.leases = SqlLeaseBook(connection)
        self.marks = SqlMarkBook(connection)

    def get_cached(self, kind: str, key: Hashable, make: Callable[[], T]) -> T:
        """Return what `make` computes, or its result from an earlier snapshot."""
        if self._cache is None:
            return make()
        erasures = partial(counters.get_current, self._connection, counters.ERASURES)
        return self._cache.get_cached(kind, key, make, revision=erasures)

    def finish(self, now: datetime) -> None:
        """Finish the transaction: export what was audited (if this store exports), lock the chain's
        head and link the entries. `now` is the time of an entry for rows that were written without
        an act."""
        if self._connection.get_execution_options().get(exports.EXPORTING):
            exports.add_messages(
                self._connection, exports.build_messages(self, self.audit.list_waiting())
            )
        self.audit.finish(now)
