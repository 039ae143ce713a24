"""Fill the transactional outbox towards Kafka (streams.ports.ExportOutbox).

Facts about alerts and breaches follow from the audit: a transaction that audits one exports its
present state. A counter that rises without an audit entry is not exported."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Protocol, TypeVar

import orjson
from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.engine import Connection

from breachdesk.ports import UnitOfWork
from breachdesk.stores.tables.stream_tables import exports
from schemas.audit_actions import AuditAction, AuditTopic
from schemas.casework.breach import Breach
from schemas.errors import NotFound
from schemas.pipeline.alert import AlertView
from streams.ports import ExportMessage

T = TypeVar("T")
EXPORTING = "exporting"
"""Execution option of connections whose transactions fill the outbox."""
ALERTS = "alerts"
BREACHES = "breaches"


class OutboxRunner(Protocol):
    """Runs work in one transaction and returns what it returned."""

    def __call__(self, work: Any, /) -> Any: ...


class SqlExportOutbox:
    """streams.ports.ExportOutbox over the store's transactions."""

    def __init__(self, write: OutboxRunner, read: OutboxRunner) -> None:
        self._write = write
        self._read = read

    def list_waiting(self, limit: int) -> Sequence[tuple[int, ExportMessage]]:
        """List the oldest `limit` messages with their numbers."""
        query = select(exports).order_by(exports.c.id).limit(limit)
        rows: Sequence[Any] = self._read(lambda connection: connection.execute(query).all())
        return [(row.id, ExportMessage(row.topic, row.key, bytes(row.value))) for row in rows]

    def delete_sent(self, numbers: Sequence[int]) -> None:
        """Delete messages that were sent."""
        gone = delete(exports).where(exports.c.id == bindparam("i"))
        if numbers:
            self._write(lambda c: c.execute(gone, [{"i": number} for number in numbers]))


def add_messages(connection: Connection, messages: Sequence[ExportMessage]) -> None:
    """Insert messages into the outbox, within this transaction."""
    if messages:
        rows: list[dict[str, Any]] = [
            {"topic": each.topic, "key": each.key, "value": each.value} for each in messages
        ]
        connection.execute(insert(exports), rows)


def build_messages(
    uow: UnitOfWork, audited: Iterable[tuple[AuditAction, str, str]]
) -> Sequence[ExportMessage]:
    """Build one message for each alert and breach in the (action, subject, former id) triples,
    with its present state; an id that an alert no longer has gets an empty message."""
    alerts: dict[str, AlertView | None] = {}
    breaches: dict[str, Breach] = {}
    for action, subject, former in audited:
        # A record that no case owns has its own id as subject.
        with suppress(NotFound):
            _gather_subject(uow, action.topic, subject, former, alerts, breaches)
    alert_messages = [
        ExportMessage(ALERTS, name, b"" if a is None else _dump_alert(a))
        for name, a in alerts.items()
    ]
    return [
        *alert_messages,
        *(ExportMessage(BREACHES, b.id, _dump_breach(uow, b)) for b in breaches.values()),
    ]


def _gather_subject(
    uow: UnitOfWork,
    topic: AuditTopic,
    subject: str,
    former: str,
    alerts: dict[str, AlertView | None],
    breaches: dict[str, Breach],
) -> None:
    """Raises NotFound when there is no such thing."""
    if topic is AuditTopic.ALERT:
        alert = uow.alerts.get(subject)
        alerts |= {name: None for name in (subject, former) if name not in ("", alert.id)}
        alerts[alert.id] = alert
    elif topic is AuditTopic.CASE:
        case = uow.cases.get(subject)
        linked = uow.alerts.get_many(case.alerts)
        alerts |= {alert.id: alert for alert in linked}
        if case.breach_id:
            breaches[case.breach_id] = uow.breaches.get(case.breach_id)
    elif topic in (AuditTopic.BREACH, AuditTopic.NOTICE):
        breach = uow.breaches.get(subject)
        breaches[breach.id] = breach


def _dump_alert(alert: AlertView) -> bytes:
    """Serialise the alert as `breachdesk alerts list --json` does."""
    return orjson.dumps(
        {
            "id": alert.id,
            "rule": alert.rule,
            "title": alert.title,
            "organization": alert.organization,
            "group": alert.group,
            "first": alert.first,
            "last": alert.last,
            "severity": alert.severity,
            "customers": alert.customers,
            "categories": alert.categories,
            "evidence": alert.evidence,
            "state": alert.state,
            "case": alert.case_id,
        },
        default=list,
    )


def _dump_breach(uow: UnitOfWork, breach: Breach) -> bytes:
    """Serialise counts and timestamps only; customer identities are never exported."""
    rows = uow.notices.list(breach_id=breach.id)
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.status.value] = counts.get(row.status.value, 0) + 1
    return orjson.dumps(
        {
            "id": breach.id,
            "case": breach.case_id,
            "confirmed_at": breach.confirmed_at,
            "aware_at": breach.aware_at,
            "drill": breach.drill,
            "paused": uow.breaches.is_paused(breach.id),
            "notices": counts,
        }
    )
