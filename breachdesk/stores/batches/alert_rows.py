"""Read and write the pipeline's columns of an alert."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, bindparam, not_, select, update
from sqlalchemy.engine import Connection, Row

from breachdesk.stores.batches.group_keys import compute_key_hash
from breachdesk.stores.sql.bulk_rows import (
    in_chunks,
    insert_many,
    insert_or_replace_many,
    match_any,
)
from breachdesk.stores.tables.stream_tables import alert_acts, alert_ids, alerts
from schemas.pipeline.alert import AlertState, Episode, Severity, Signal
from streams.ports import EvictedInterval

Columns = dict[str, Any]
"""Machine columns of the alerts table and their values."""

EPISODE_COLUMNS = (
    "id",
    "title",
    "first",
    "last",
    "timespan",
    "fired",
    "severity",
    "touches",
    "unattributed",
    "entities",
    "explanation",
    "fingerprint",
    "evidence",
    "evidence_hash",
)
"""Those that another episode of the same group may change."""


RANK = {AlertState.CASE: 2, AlertState.NEW: 1, AlertState.DISMISSED: 0}


class AlertChanges(NamedTuple):
    """The columns of an existing alert that an episode changes."""

    material: bool
    """A new customer, asset, category or entity, or another severity: a dismissal reopens."""
    audited: bool
    """Customers, categories or the canonical id changed."""
    severity: bool


@dataclass
class StoredAlert:
    """One alert of a group."""

    row: Row[Any]
    pk: int
    id: str
    anchor: int
    """Start of the bucket it was raised for, in seconds: stays when the id moves, and when a
    changed rule spans its buckets otherwise."""
    timespan: int
    severity: str
    state: AlertState
    case_id: str | None
    merged_into: int | None
    grew: bool = False
    """Something merged into it in this batch."""
    parted: bool = False
    """It leads again: its evidence, which lay with its former leader, comes back."""

    @property
    def begins(self) -> int:
        """Start of its first hot bucket, in seconds."""
        return int(self.row.first * self.timespan)

    @property
    def ends(self) -> int:
        """End of its last hot bucket."""
        return int((self.row.last + 1) * self.timespan)

    def is_within(self, episode: Episode) -> bool:
        """Whether the bucket that the alert was raised for belongs to that episode."""
        span = episode.timespan
        return episode.first * span <= self.anchor < (episode.last + 1) * span

    def is_evicted_by(self, eviction: EvictedInterval) -> bool:
        """Whether the evicted signals extend past the bucket that the alert was raised for."""
        span = self.timespan
        return eviction.begin // span <= self.anchor // span <= eviction.end // span

    def compute_changes(self, new: Columns) -> AlertChanges:
        """Compute the difference between these pipeline columns and the new ones."""
        severity = self.severity != new["severity"]
        fresh = any(
            {str(value) for value in new[name]} - {str(value) for value in getattr(self.row, name)}
            for name in ("touches", "unattributed", "entities")
        )
        audited = (
            self.id != new["id"]
            or new["touches"] != self.row.touches
            or new["unattributed"] != self.row.unattributed
        )
        return AlertChanges(material=fresh or severity, audited=audited, severity=severity)

    def is_unchanged_by(self, new: Columns) -> bool:
        """Whether the episode is the same, so that nothing has to be written."""
        if self.parted:
            return False
        return all(getattr(self.row, name) == new[name] for name in EPISODE_COLUMNS)


def list_open_alerts(connection: Connection, hashes: Sequence[str]) -> dict[str, list[StoredAlert]]:
    """List alerts that are not closed, by their group's hash."""
    return _list_alerts(connection, hashes, not_(alerts.c.closed))


def list_closed_alerts(
    connection: Connection, hashes: Sequence[str]
) -> dict[str, list[StoredAlert]]:
    """List closed alerts that were not merged into another, by their group's hash, in order of
    precedence."""
    closed = _list_alerts(connection, hashes, alerts.c.closed, alerts.c.merged_into.is_(None))
    return {hashed: sorted(mine, key=get_precedence) for hashed, mine in closed.items()}


def get_precedence(alert: StoredAlert) -> tuple[bool, int, int]:
    """Return the sort key for the leader of merged alerts: the present leader first; then alerts of
    a case before new before dismissed ones; then the oldest."""
    return (alert.merged_into is not None, -RANK[alert.state], alert.pk)


def _list_alerts(
    connection: Connection, hashes: Sequence[str], *which: ColumnElement[bool]
) -> dict[str, list[StoredAlert]]:
    alerts_by_hash: dict[str, list[StoredAlert]] = {}
    for part in in_chunks(connection, alerts.c.key_hash, hashes):
        query = (
            select(alerts, alert_acts.c.case_id)
            .join(alert_acts, alert_acts.c.alert_pk == alerts.c.pk)
            .where(part, *which)
        )
        for row in connection.execute(query):
            alerts_by_hash.setdefault(row.key_hash, []).append(_stored_alert(row))
    return alerts_by_hash


def list_hashes_with_alerts(connection: Connection, hashes: Collection[str]) -> set[str]:
    """Return those hashes that have an alert which is not closed: of a thousand, usually few."""
    open_there = match_any(connection, alerts.c.key_hash, hashes)
    query = select(alerts.c.key_hash).where(open_there, not_(alerts.c.closed))
    return set(connection.execute(query).scalars())


def build_machine_columns(episode: Episode) -> Columns:
    """Compute the columns that depend on the episode alone (a pure function of the signals)."""
    return {
        "id": episode.id,
        "key_hash": compute_key_hash(episode.key),
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
        "evidence_hash": _compute_evidence_hash(episode.members),
    }


_REVISE = (
    update(alerts)
    .where(alerts.c.pk == bindparam("_pk"))
    .values(
        {name: bindparam(f"_{name}") for name in EPISODE_COLUMNS}
        | {"revised_at": bindparam("_at"), "revision": alerts.c.revision + 1}
    )
)


def update_alerts(connection: Connection, revised: Mapping[int, Columns], now: datetime) -> None:
    """Write episodes over the machine's part of their alerts, all in one statement; the human part
    is in another table."""
    rows = [
        {f"_{name}": columns[name] for name in EPISODE_COLUMNS} | {"_pk": pk, "_at": now}
        for pk, columns in revised.items()
    ]
    if rows:
        connection.execute(_REVISE, rows)


def raise_alerts(
    connection: Connection, raised: Mapping[int, tuple[Episode, Columns]], now: datetime
) -> None:
    """Insert new alerts under reserved surrogate keys."""
    if not raised:
        return
    rows = [
        {
            "pk": pk,
            **columns,
            "anchor": episode.first * episode.timespan,
            "detected_at": now,
            "revised_at": now,
            "revision": 1,
            "closed": False,
            "state": AlertState.NEW.value,
        }
        for pk, (episode, columns) in raised.items()
    ]
    insert_many(connection, alerts, rows)
    insert_many(connection, alert_acts, [{"alert_pk": pk, "version": 1} for pk in raised])


def reserve_pks(connection: Connection, count: int) -> list[int]:
    """Reserve surrogate keys that no alert ever had, in rising order."""
    if not count:
        return []
    if connection.dialect.name == "postgresql":
        return list(connection.exec_driver_sql(_NEXT, (count,)).scalars())
    last = connection.exec_driver_sql(_LAST).scalar() or 0
    return list(range(last + 1, last + 1 + count))


_NEXT = "SELECT nextval(pg_get_serial_sequence('alerts', 'pk')) FROM generate_series(1, %s)"
_LAST = "SELECT seq FROM sqlite_sequence WHERE name = 'alerts'"
"""SQLite raises it with every insert, also with one that brings its own key."""


def set_alert_ids(connection: Connection, pks: Mapping[str, int]) -> None:
    """Point canonical ids to these alerts; former ids keep resolving."""
    if pks:
        rows = [{"id": alert, "alert_pk": pk} for alert, pk in pks.items()]
        insert_or_replace_many(connection, alert_ids, rows, ("alert_pk",))


_CLOSE = update(alerts).where(alerts.c.pk == bindparam("_pk")).values(closed=True)


def close_alerts(connection: Connection, pks: Sequence[int]) -> None:
    """Close alerts that no later record can change."""
    if pks:
        connection.execute(_CLOSE, [{"_pk": pk} for pk in pks])


def _compute_evidence_hash(members: Sequence[Signal]) -> str:
    """Hash the members' identities, because retention may replace one event with another and leave
    the count unchanged."""
    parts = [f"{member.event_id}\x00{member.step}\x00{member.value}" for member in members]
    return hashlib.sha256("\x01".join(parts).encode()).hexdigest()


def _stored_alert(row: Row[Any]) -> StoredAlert:
    return StoredAlert(
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
