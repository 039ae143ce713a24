"""Move alerts to the group that their signals went to when the owner of an asset became known.

An alert keeps its key, its case and what people did: only whose it is changes. It moves when an
episode of the new group contains the bucket that it was raised for; until then it stays as it is, so
that nothing is lost where the log no longer holds its records."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.engine import Connection

from breachdesk.stores.batches.alert_evidence import build_evidence_row
from breachdesk.stores.batches.group_keys import compute_key_hash
from breachdesk.stores.batches.reconcile import GroupColumns
from breachdesk.stores.sql.bulk_rows import insert_or_ignore_many, match_any
from breachdesk.stores.tables.stream_tables import alerts, evidence
from schemas.pipeline.alert import AlertState, Episode, GroupKey, Signal
from streams.ports import ReboundGroup


def move_alerts(
    connection: Connection, rebound: Sequence[ReboundGroup], groups: Sequence[GroupColumns]
) -> None:
    """Move alerts of the former groups, and have the evidence of alerts written again whose events
    say something else now. Call it before the new groups are reconciled."""
    episodes = {group.key_hash: [episode for episode, _ in group.episodes] for group in groups}
    for each in rebound:
        if each.former == each.key:
            _renew_alerts(connection, each, episodes.get(compute_key_hash(each.key), ()))
        elif each.former.organization.startswith("?"):
            _move_group(connection, each.former, each.key, episodes)


def _move_group(
    connection: Connection,
    former: GroupKey,
    key: GroupKey,
    episodes: Mapping[str, Sequence[Episode]],
) -> None:
    hashed = compute_key_hash(key)
    query = select(alerts.c.pk, alerts.c.anchor, alerts.c.unattributed).where(
        alerts.c.key_hash == compute_key_hash(former)
    )
    for row in connection.execute(query).all():
        episode = next((e for e in episodes.get(hashed, ()) if _contains(e, row.anchor)), None)
        if episode is None:
            continue
        connection.execute(
            update(alerts)
            .where(alerts.c.pk == row.pk)
            .values(
                key_hash=hashed,
                organization=key.organization,
                group=list(key.group),
                unattributed=[n for n in row.unattributed if n != former.organization[1:]],
                evidence_hash="",
            )
        )
        _delete_evidence(connection, [row.pk], {member.event_id for member in episode.members})


def _contains(episode: Episode, anchor: int) -> bool:
    return episode.first * episode.timespan <= anchor < (episode.last + 1) * episode.timespan


def _renew_alerts(
    connection: Connection, rebound: ReboundGroup, episodes: Sequence[Episode]
) -> None:
    """Write what the events say now into the evidence of the group's alerts. An alert that was
    closed, and that no episode contains, gets the customers of its events."""
    query = select(alerts).where(alerts.c.key_hash == compute_key_hash(rebound.key))
    for row in connection.execute(query).all():
        renewed = _renew_evidence(connection, row.pk, rebound.signals)
        if not renewed:
            continue
        values: dict[str, Any] = {"evidence_hash": ""}
        if row.closed and not any(_contains(episode, row.anchor) for episode in episodes):
            touches = {(t.customer, t.asset, t.category) for s in renewed for t in s.touches}
            known = {tuple(touch) for touch in row.touches}
            values["touches"] = sorted(map(list, known | touches))
            bound = {touch[1] for touch in touches}
            values["unattributed"] = [name for name in row.unattributed if name not in bound]
            if touches - known and row.state == AlertState.DISMISSED:
                values["state"] = AlertState.NEW.value
        connection.execute(update(alerts).where(alerts.c.pk == row.pk).values(**values))


def _renew_evidence(connection: Connection, pk: int, signals: Sequence[Signal]) -> Sequence[Signal]:
    """Replace the evidence of those of these events that the alert shows; their signals."""
    event_ids = {signal.event_id for signal in signals}
    query = select(evidence.c.event_id).where(
        evidence.c.alert_pk == pk, match_any(connection, evidence.c.event_id, event_ids)
    )
    shown = set(connection.execute(query).scalars())
    renewed = [signal for signal in signals if signal.event_id in shown]
    if renewed:
        _delete_evidence(connection, [pk], shown)
        rows = {(s.event_id, s.step, s.value): build_evidence_row(pk, s) for s in renewed}
        insert_or_ignore_many(connection, evidence, list(rows.values()))
    return renewed


def _delete_evidence(
    connection: Connection, pks: Sequence[int], event_ids: Collection[str]
) -> None:
    connection.execute(
        delete(evidence).where(
            evidence.c.alert_pk.in_(pks),
            match_any(connection, evidence.c.event_id, event_ids),
        )
    )
