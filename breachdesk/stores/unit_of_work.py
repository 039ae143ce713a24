"""One transaction's books over one connection."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from breachdesk.stores.alerts import SqlAlertBook
from breachdesk.stores.audit import SqlAuditBook
from breachdesk.stores.breaches import SqlBreachBook
from breachdesk.stores.cases import SqlCaseBook
from breachdesk.stores.customers import SqlCustomerBook
from breachdesk.stores.outbox import SqlNoticeBook
from breachdesk.stores.sealed import Sealing
from breachdesk.stores.sources import SqlSourceBook
from breachdesk.stores.users import SqlUserBook


class SqlUnitOfWork:
    """breachdesk.ports.UnitOfWork. `finish` writes the audit entries that wait."""

    def __init__(self, connection: Connection) -> None:
        sealing = Sealing(connection)
        self.alerts = SqlAlertBook(connection)
        self.cases = SqlCaseBook(connection)
        self.breaches = SqlBreachBook(connection, sealing)
        self.notices = SqlNoticeBook(connection)
        self.customers = SqlCustomerBook(connection)
        self.audit = SqlAuditBook(connection, sealing)
        self.sources = SqlSourceBook(connection)
        self.users = SqlUserBook(connection)

    def finish(self) -> None:
        """The transaction's last act: take the chain's head and link what happened."""
        self.audit.finish()
