"""Alerts as people see them and act upon them; what the machine knows is in reconcile.py."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, exists, func, insert, or_, select, update
from sqlalchemy.engine import Connection, Row

from breachdesk.stores import alert_erasure
from breachdesk.stores.each_dialect import by_bytes
from breachdesk.stores.stream_tables import (
    alert_acts,
    alert_ids,
    alert_notes,
    alerts,
    evidence,
    pinned_records,
)
from schemas.alert import AlertState, AlertView, EvidenceView, Severity
from schemas.case import Note
from schemas.errors import BadInput, Conflict, NotFound
from schemas.event import Position

CHANGEABLE = {"state", "assignee", "dismissed_reason", "case_id"}


class SqlAlertBook:
    """breachdesk.ports.AlertBook."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(
        self, *, states: Sequence[AlertState] = (), merged: bool = False
    ) -> Sequence[AlertView]:
        """Live alerts, gravest first, then newest, then id."""
        query = _joined()
        if not merged:
            query = query.where(alerts.c.merged_into.is_(None))
        if states:
            query = query.where(alert_acts.c.state.in_([state.value for state in states]))
        views = [_view(row) for row in self._connection.execute(query)]
        views.sort(key=lambda view: view.id)
        views.sort(key=lambda view: (view.severity.rank, view.last), reverse=True)
        return views

    def count(self, states: Sequence[AlertState]) -> int:
        """How many live alerts are in these states."""
        query = (
            select(func.count())
            .select_from(alerts.join(alert_acts, alert_acts.c.alert_pk == alerts.c.pk))
            .where(alerts.c.merged_into.is_(None))
            .where(alert_acts.c.state.in_([state.value for state in states]))
        )
        return int(self._connection.execute(query).scalar_one())

    def get(self, alert: str | int) -> AlertView:
        """By canonical id (present or former) or surrogate key; follows merges to the leader."""
        pk = alert if isinstance(alert, int) else self._pk(alert)
        row = self._row(pk)
        while row.merged_into is not None:
            row = self._row(row.merged_into)
        return _view(row)

    def evidence(self, pk: int) -> Sequence[EvidenceView]:
        """Its events in time order (of merged ones too)."""
        leader = self.get(pk).pk
        rows = self._connection.execute(
            select(evidence)
            .where(evidence.c.alert_pk.in_(self._family(leader)))
            .order_by(evidence.c.time, *(by_bytes(self._connection, text) for text in TEXTS))
        )
        return list({(row.event_id, row.step): _evidence(row) for row in rows}.values())

    def unpinned(self, journals: Sequence[str]) -> Sequence[Position]:
        """Positions of evidence in these journals whose raw bytes are not in the store yet."""
        pinned = exists().where(
            pinned_records.c.journal == evidence.c.journal,
            pinned_records.c.offset == evidence.c.offset,
        )
        query = (
            select(evidence.c.journal, evidence.c.offset)
            .where(evidence.c.journal.in_(journals), ~pinned)
            .distinct()
        )
        return [Position(row.journal, row.offset) for row in self._connection.execute(query)]

    def pin(self, position: Position, raw: bytes) -> None:
        """Keep an evidence record's bytes beyond the journal's retention."""
        self._connection.execute(
            insert(pinned_records).values(journal=position.journal, offset=position.offset, raw=raw)
        )

    def pinned(self, position: Position) -> bytes | None:
        """The bytes, if they were pinned."""
        return self._connection.execute(
            select(pinned_records.c.raw).where(
                pinned_records.c.journal == position.journal,
                pinned_records.c.offset == position.offset,
            )
        ).scalar_one_or_none()

    def forget(self, pk: int) -> int:
        """Erase what its evidence, notes and pinned bytes say of people; how many records."""
        return alert_erasure.forget(self._connection, self._family(self.get(pk).pk))

    def act(self, pk: int, version: int, **changes: Any) -> AlertView:
        """Change the human part. Raises Conflict for another version, or a merged alert."""
        unknown = changes.keys() - CHANGEABLE
        if unknown:
            raise BadInput(f"an alert has no {', '.join(sorted(unknown))} to change")
        if self._row(pk).merged_into is not None:
            raise Conflict("it was merged into another alert", place=f"alert {pk}", remedy=AGAIN)
        changed = self._connection.execute(
            update(alert_acts)
            .where(alert_acts.c.alert_pk == pk, alert_acts.c.version == version)
            .values(version=version + 1, **changes)
        )
        if not changed.rowcount:
            raise Conflict("somebody changed it meanwhile", place=f"alert {pk}", remedy=AGAIN)
        return _view(self._row(pk))

    def comment(self, pk: int, note: Note) -> None:
        """Add a note to the alert."""
        self._row(pk)
        self._connection.execute(
            insert(alert_notes).values(alert_pk=pk, doc=note.model_dump(mode="json"))
        )

    def comments(self, pk: int) -> Sequence[Note]:
        """Oldest first; notes on alerts merged into it are shown with it."""
        family = [pk, *self._family(self.get(pk).pk)]
        docs = self._connection.execute(
            select(alert_notes.c.doc)
            .where(alert_notes.c.alert_pk.in_(family))
            .order_by(alert_notes.c.id)
        ).scalars()
        return sorted((Note.model_validate(doc) for doc in docs), key=lambda note: note.at)

    def _pk(self, alert: str) -> int:
        pk = self._connection.execute(
            select(alert_ids.c.alert_pk).where(alert_ids.c.id == alert)
        ).scalar()
        if pk is None:
            raise NotFound(f"no alert {alert}", remedy="`breachdesk alerts list` names them.")
        return int(pk)

    def _row(self, pk: int) -> Row[Any]:
        row = self._connection.execute(_joined().where(alerts.c.pk == pk)).one_or_none()
        if row is None:
            raise NotFound(f"no alert {pk}", remedy="`breachdesk alerts list` names them.")
        return row

    def _family(self, leader: int) -> Sequence[int]:
        return (
            self._connection.execute(
                select(alerts.c.pk).where(
                    or_(alerts.c.pk == leader, alerts.c.merged_into == leader)
                )
            )
            .scalars()
            .all()
        )


AGAIN = "Reload and look again."
TEXTS = (evidence.c.event_id, evidence.c.step, evidence.c.value)
UNSEEN = {"entities", "evidence_hash", "key_hash", "anchor"}
"""The machine's own; thousands of user names in a spray."""


def _joined() -> Select[Any]:
    people = [column for column in alert_acts.c if column.name != "alert_pk"]
    machine = [column for column in alerts.c if column.name not in UNSEEN]
    return select(*machine, *people).join(alert_acts, alert_acts.c.alert_pk == alerts.c.pk)


def _view(row: Row[Any]) -> AlertView:
    return AlertView(
        pk=row.pk,
        id=row.id,
        rule=row.rule,
        title=row.title,
        organization=row.organization,
        group=tuple(row.group),
        first=_moment(row.first * row.timespan),
        last=_moment((row.last + 1) * row.timespan),
        fired=row.fired,
        severity=Severity(row.severity),
        customers=_each(touch[0] for touch in row.touches),
        categories=_each(touch[2] for touch in row.touches),
        touches=tuple((t[0], t[1], t[2]) for t in row.touches),
        unattributed=tuple(row.unattributed),
        evidence=row.evidence,
        explanation=row.explanation,
        detected_at=row.detected_at,
        state=AlertState(row.state),
        version=row.version,
        fingerprint=row.fingerprint,
        assignee=row.assignee,
        dismissed_reason=row.dismissed_reason,
        case_id=row.case_id,
        merged_into=row.merged_into,
        closed=row.closed,
    )


def _evidence(row: Row[Any]) -> EvidenceView:
    return EvidenceView(
        event_id=row.event_id,
        time=row.time,
        source=row.source,
        journal=row.journal,
        offset=row.offset,
        sha256=row.sha256,
        step=row.step,
        summary=row.summary,
        touches=tuple((t[0], t[1], t[2]) for t in row.touches),
    )


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _each(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values)))
