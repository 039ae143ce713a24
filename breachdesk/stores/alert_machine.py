"""The machine's part of an alert in the store: what stands, what an episode changes, evidence."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import and_, delete, insert, select, update
from sqlalchemy.engine import Connection, Row

from breachdesk.stores.group_keys import key_hash
from breachdesk.stores.tables import alert_acts, alert_ids, alerts, evidence
from schemas.alert import AlertState, Episode, Severity, Signal
from streams.ports import Eviction

SLICE = 400
"""Values in one IN list: SQLite may refuse more than 999."""


class Changes(NamedTuple):
    """What an episode changes about an alert that stands."""

    material: bool
    """A new customer, asset, category or entity, or another severity: a dismissal reopens."""
    audited: bool
    """Customers, categories or the canonical id changed."""
    severity: bool


@dataclass
class Standing:
    """One alert of a group that is not closed."""

    row: Row[Any]
    pk: int
    id: str
    anchor: int
    timespan: int
    severity: str
    state: AlertState
    case_id: str | None
    merged_into: int | None
    grew: bool = False
    """Something merged into it in this batch."""
    parted: bool = False
    """It leads again: its evidence, which lay with its former leader, comes back."""

    def within(self, episode: Episode) -> bool:
        """Does its first hot bucket belong to that episode? In seconds: a changed rule may span
        its buckets otherwise."""
        begin = self.anchor * self.timespan
        return episode.first * episode.timespan <= begin < (episode.last + 1) * episode.timespan

    def evicted_by(self, eviction: Eviction) -> bool:
        span = self.timespan
        return eviction.begin // span <= self.anchor <= eviction.end // span

    def changes(self, episode: Episode) -> Changes:
        new = machine_columns(episode)
        severity = self.severity != episode.severity.value
        fresh = any(
            {str(value) for value in new[name]} - {str(value) for value in getattr(self.row, name)}
            for name in ("touches", "unattributed", "entities")
        )
        audited = (
            self.id != episode.id
            or new["touches"] != self.row.touches
            or new["unattributed"] != self.row.unattributed
        )
        return Changes(material=fresh or severity, audited=audited, severity=severity)

    def same_machine_part(self, episode: Episode) -> bool:
        """Nothing to write: the very same episode."""
        if self.parted:
            return False
        new = machine_columns(episode)
        return all(getattr(self.row, name) == value for name, value in new.items())


def standing_alerts(connection: Connection, hashes: Sequence[str]) -> dict[str, list[Standing]]:
    """Alerts that are not closed, by their group's hash."""
    found: dict[str, list[Standing]] = {}
    for begin in range(0, len(hashes), SLICE):
        query = (
            select(alerts, alert_acts.c.state, alert_acts.c.case_id)
            .join(alert_acts, alert_acts.c.alert_pk == alerts.c.pk)
            .where(alerts.c.key_hash.in_(hashes[begin : begin + SLICE]), alerts.c.closed.is_(False))
        )
        for row in connection.execute(query):
            found.setdefault(row.key_hash, []).append(_standing(row))
    return found


def machine_columns(episode: Episode) -> dict[str, Any]:
    """What the episode alone decides: a pure function of the signals."""
    return {
        "id": episode.id,
        "key_hash": key_hash(episode.key),
        "rule": episode.key.rule,
        "organization": episode.key.organization,
        "group": list(episode.key.group),
        "title": episode.title,
        "first": episode.first,
        "last": episode.last,
        "timespan": episode.timespan,
        "fired": episode.fired.astimezone(UTC),
        "severity": episode.severity.value,
        "touches": sorted([t.customer, t.asset, t.category] for t in episode.touches),
        "unattributed": sorted(episode.unattributed),
        "entities": sorted({member.value for member in episode.members}),
        "explanation": episode.explanation,
        "fingerprint": episode.fingerprint,
        "evidence": len(episode.members),
        "evidence_hash": _evidence_hash(episode.members),
    }


def revise(connection: Connection, pk: int, episode: Episode, now: datetime) -> None:
    """Write the episode over the machine's part; the human part is in another table."""
    connection.execute(
        update(alerts)
        .where(alerts.c.pk == pk)
        .values(**machine_columns(episode), revised_at=now, revision=alerts.c.revision + 1)
    )


def point_id(connection: Connection, alert: str, pk: int) -> None:
    """The canonical id resolves to this alert from now on; former ids keep resolving."""
    moved = connection.execute(update(alert_ids).where(alert_ids.c.id == alert).values(alert_pk=pk))
    if not moved.rowcount:
        connection.execute(insert(alert_ids).values(id=alert, alert_pk=pk))


def keep_evidence(connection: Connection, pk: int, members: Sequence[Signal]) -> None:
    """Make the alert's evidence exactly these signals; a merged alert's lies with its leader."""
    identity = (evidence.c.event_id, evidence.c.step, evidence.c.value)
    rows = connection.execute(select(*identity).where(evidence.c.alert_pk == pk))
    kept = {tuple(row) for row in rows}
    wanted = {(member.event_id, member.step, member.value): member for member in members}
    for gone in kept - wanted.keys():
        same = (column == part for column, part in zip(identity, gone, strict=True))
        connection.execute(delete(evidence).where(and_(evidence.c.alert_pk == pk, *same)))
    added = [_evidence_row(pk, m) for identity, m in wanted.items() if identity not in kept]
    if added:
        connection.execute(insert(evidence), added)


def _evidence_hash(members: Sequence[Signal]) -> str:
    """Of the members' identities: retention may swap one event for another of the same count."""
    digest = hashlib.sha256()
    for member in members:
        digest.update(f"{member.event_id}\x00{member.step}\x00{member.value}\x01".encode())
    return digest.hexdigest()


def _standing(row: Row[Any]) -> Standing:
    return Standing(
        row=row,
        pk=row.pk,
        id=row.id,
        anchor=row.anchor,
        timespan=row.timespan,
        severity=Severity(row.severity).value,
        state=AlertState(row.state),
        case_id=row.case_id,
        merged_into=row.merged_into,
    )


def _evidence_row(pk: int, member: Signal) -> dict[str, Any]:
    return {
        "alert_pk": pk,
        "event_id": member.event_id,
        "step": member.step,
        "value": member.value,
        "time": datetime.fromtimestamp(member.time, UTC),
        "source": member.source,
        "journal": member.position.journal,
        "offset": member.position.offset,
        "sha256": member.sha256,
        "summary": dict(member.summary),
    }
