"""One transaction's books over one connection."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from datetime import datetime
from functools import partial
from typing import TypeVar

from sqlalchemy.engine import Connection

from breachdesk.gdpr.law import shipped
from breachdesk.ports import UnitOfWork
from breachdesk.stores import counters, exports
from breachdesk.stores.alerts import SqlAlertBook
from breachdesk.stores.audit import SqlAuditBook
from breachdesk.stores.breaches import SqlBreachBook
from breachdesk.stores.case_records import SqlRecordBook
from breachdesk.stores.cases import SqlCaseBook
from breachdesk.stores.customers import SqlCustomerBook
from breachdesk.stores.leases import SqlLeaseBook, SqlMarkBook
from breachdesk.stores.outbox import SqlNoticeBook
from breachdesk.stores.row_digests import RowDigests
from breachdesk.stores.sealed import Sealing
from breachdesk.stores.second_factors import SqlSecondFactorBook
from breachdesk.stores.sign_ins import SqlSignInBook
from breachdesk.stores.snapshot_memory import SnapshotView
from breachdesk.stores.sources import SqlSourceBook
from breachdesk.stores.users import SqlUserBook
from schemas.law import LawBook

T = TypeVar("T")


def carry_out(
    connection: Connection, work: Callable[[UnitOfWork], T], now: datetime, law: LawBook
) -> tuple[T, bool]:
    """Run an act's work and its last act on the connection; the result, and whether a case's key
    was erased."""
    books = SqlUnitOfWork(connection, law)
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
        memory: SnapshotView | None = None,
    ) -> None:
        """`memory`: None in an act."""
        self._connection = connection
        self._memory = memory
        self.law = shipped() if law is None else law
        rows = RowDigests(connection)
        sealing = Sealing(connection, rows)
        self.alerts = SqlAlertBook(connection)
        self.cases = SqlCaseBook(connection, rows)
        self.breaches = SqlBreachBook(connection, sealing, rows, memory)
        self.records = SqlRecordBook(connection, sealing, rows)
        self.notices = SqlNoticeBook(connection, rows)
        self.customers = SqlCustomerBook(connection, rows)
        self.audit = SqlAuditBook(connection, sealing, rows)
        self.sources = SqlSourceBook(connection)
        self.users = SqlUserBook(connection, rows)
        self.second_factors = SqlSecondFactorBook(connection)
        self.sign_ins = SqlSignInBook(connection)
        self.leases = SqlLeaseBook(connection)
        self.marks = SqlMarkBook(connection)

    def remembered(self, kind: str, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` computes, or the same from an earlier snapshot."""
        if self._memory is None:
            return make()
        erasures = partial(counters.current, self._connection, counters.ERASURES)
        return self._memory.remembered(kind, key, make, revision=erasures)

    def finish(self, now: datetime) -> None:
        """The transaction's last act: take the chain's head and link what happened; before it,
        tell integrators what was audited, if this store exports. `now`: the time of an entry that
        says that rows were written where no act did."""
        if self._connection.get_execution_options().get(exports.EXPORTING):
            exports.add(self._connection, exports.facts(self, self.audit.waiting()))
        self.audit.finish(now)
