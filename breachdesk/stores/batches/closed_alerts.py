"""Match new episodes with alerts that were closed when their signals were let go.

A backfilled or late record passes the guard against replays. Together with signals that were let go
it forms part of a closed alert, or more than it. The pipeline adds it to that alert, removes
nothing from it, and raises no second one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.engine import Connection

from breachdesk.stores.batches.alert_rows import StoredAlert
from breachdesk.stores.tables.stream_tables import evidence
from schemas.pipeline.alert import ATTEMPTS, Episode, GroupKey, Severity, Signal
from schemas.pipeline.event import AssetTouch, RecordPosition
from streams.correlate.acts import select_fullest
from streams.correlate.buckets import to_member


def find_closed_alert(episode: Episode, closed: Iterable[StoredAlert]) -> StoredAlert | None:
    """Find the first alert that contains the episode or that the episode continues."""
    begin, end = episode.first * episode.timespan, (episode.last + 1) * episode.timespan
    return next((alert for alert in closed if alert.begins < end and begin < alert.ends), None)


def merge_episode(connection: Connection, alert: StoredAlert, episode: Episode) -> Episode:
    """Merge the alert's stored evidence and the new signals into one episode."""
    row = alert.row
    known = _read_members(connection, alert.pk, episode.key)
    fresh = {_get_identity(member): member for member in episode.members}
    members = [*known, *(m for i, m in fresh.items() if i not in set(map(_get_identity, known)))]
    severity = max(Severity(row.severity), episode.severity, key=lambda each: each.rank)
    same_buckets = row.timespan == episode.timespan
    return replace(
        episode,
        title=row.title,
        first=min(row.first, episode.first) if same_buckets else row.first,
        last=max(row.last, episode.last) if same_buckets else row.last,
        timespan=row.timespan,
        fired=min(row.fired, episode.fired),
        severity=severity,
        members=_select_fullest(members),
        touches=episode.touches.union(AssetTouch(*each) for each in row.touches),
        unattributed=episode.unattributed.union(row.unattributed),
        explanation=row.explanation if severity.value == row.severity else episode.explanation,
    )


def _select_fullest(members: Sequence[Signal]) -> tuple[Signal, ...]:
    rows = sorted(map(to_member, members), key=lambda row: row[:4])
    return tuple([row.evidence for row in select_fullest(rows)])


def _read_members(connection: Connection, pk: int, key: GroupKey) -> Sequence[Signal]:
    rows = connection.execute(select(evidence).where(evidence.c.alert_pk == pk))
    return [
        Signal(
            key,
            row.time.timestamp(),
            row.event_id,
            row.step,
            row.value,
            RecordPosition(row.journal, row.offset),
            row.sha256,
            row.source,
            tuple(AssetTouch(*each) for each in row.touches),
            "",
            row.summary,
            row.session,
            row.is_retelling,
            row.summary.get(ATTEMPTS, 1),
        )
        for row in rows
    ]


def _get_identity(signal: Signal) -> tuple[str, str, str]:
    return signal.event_id, signal.step, signal.value
