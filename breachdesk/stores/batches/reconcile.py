"""Reconcile episodes with alerts: leading, merging, reopening.

docs/reference/streaming.md, Episodes and alerts, has the reasons.

One call reconciles one group inside the batch's transaction. Human acts refer to an alert's
surrogate key; its canonical id follows the first hot bucket."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import update
from sqlalchemy.engine import Connection

from breachdesk.stores.batches.alert_evidence import EvidenceCopies, WantedEvidence, save_evidence
from breachdesk.stores.batches.alert_rows import (
    Columns,
    StoredAlert,
    build_machine_columns,
    close_alerts,
    get_precedence,
    list_closed_alerts,
    list_hashes_with_alerts,
    list_open_alerts,
    raise_alerts,
    reserve_pks,
    set_alert_ids,
    update_alerts,
)
from breachdesk.stores.batches.alert_tasks import open_joined_task, open_unsupported_task
from breachdesk.stores.batches.closed_alerts import find_closed_alert, merge_episode
from breachdesk.stores.batches.group_keys import compute_key_hash
from breachdesk.stores.books.unit_of_work import SqlUnitOfWork
from breachdesk.stores.tables.stream_tables import alert_acts, alerts
from schemas.audit_actions import AuditAction
from schemas.pipeline.alert import AlertState, Episode
from streams.ports import EvictedInterval, GroupState

PIPELINE = "system:pipeline"


class GroupColumns(NamedTuple):
    """A group's episodes as columns: worked out before the transaction, where that is possible."""

    key_hash: str
    episodes: Sequence[tuple[Episode, Columns]]


def build_group_columns(groups: Sequence[GroupState]) -> list[GroupColumns]:
    """Build the columns of each group, in the order given."""
    return [
        GroupColumns(
            compute_key_hash(each.key), [(e, build_machine_columns(e)) for e in each.episodes]
        )
        for each in groups
    ]


@dataclass
class AlertReconciler:
    """Reconciles the groups of one batch. What it decides is written at the end, many rows a
    statement: a statement an alert would be ten times slower."""

    connection: Connection
    books: SqlUnitOfWork
    now: datetime
    copies: EvidenceCopies
    raised: dict[int, tuple[Episode, Columns]] = field(default_factory=dict)
    revised: dict[int, Columns] = field(default_factory=dict)
    evidence: dict[int, WantedEvidence] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)

    def reconcile(self, groups: Sequence[GroupColumns]) -> None:
        """Bring the alerts of these groups in line with exactly these episodes."""
        open_alerts = list_open_alerts(self.connection, [group.key_hash for group in groups])
        unled = {
            g.key_hash: _count_unled(g.episodes, open_alerts.get(g.key_hash, [])) for g in groups
        }
        hashes = [hashed for hashed, count in unled.items() if count]
        closed = list_closed_alerts(self.connection, hashes) if hashes else {}
        pks = iter(reserve_pks(self.connection, sum(unled.values())))
        for hashed, episodes in groups:
            mine = open_alerts.get(hashed, [])
            if mine or episodes:
                self._reconcile_group(episodes, mine, closed.get(hashed, []), pks)
        raise_alerts(self.connection, self.raised, self.now)
        update_alerts(self.connection, self.revised, self.now)
        set_alert_ids(self.connection, self.ids)
        save_evidence(self.connection, self.evidence, self.copies)

    def close(self, evictions: Sequence[EvictedInterval]) -> None:
        """Close the alerts that nothing can reach any more."""
        hashes = [compute_key_hash(eviction.key) for eviction in evictions]
        alerting = list_hashes_with_alerts(self.connection, set(hashes))
        open_alerts = list_open_alerts(self.connection, sorted(alerting)) if alerting else {}
        gone = {
            alert.pk
            for eviction, hashed in zip(evictions, hashes, strict=True)
            for alert in open_alerts.get(hashed, [])
            if alert.is_evicted_by(eviction)
        }
        close_alerts(self.connection, sorted(gone))

    def _reconcile_group(
        self,
        episodes: Sequence[tuple[Episode, Columns]],
        mine: list[StoredAlert],
        closed: list[StoredAlert],
        pks: Iterator[int],
    ) -> None:
        leaders: dict[int, StoredAlert] = {}
        for alert in sorted(mine, key=get_precedence):
            hit = next((i for i, (e, _) in enumerate(episodes) if alert.is_within(e)), None)
            if hit is None:
                self._close_unsupported(alert)
                continue
            self._assign_leader(alert, leaders.setdefault(hit, alert))
        for i, (episode, columns) in enumerate(episodes):
            if i in leaders:
                self._update_alert(leaders[i], episode, columns)
            elif former := find_closed_alert(episode, closed):
                whole = merge_episode(self.connection, former, episode)
                self._update_alert(former, whole, build_machine_columns(whole))
            else:
                self._raise_alert(next(pks), episode, columns)

    def _assign_leader(self, alert: StoredAlert, leader: StoredAlert) -> None:
        """Let the alert lead, or point it to its leader."""
        into = None if leader is alert else leader.pk
        if into == alert.merged_into:
            return
        if into is None:
            alert.parted = True
            self._record_audit(AuditAction.ALERT_EPISODE_PARTED, alert.id, {"pk": alert.pk})
        else:
            leader.grew = True
            self._record_audit(
                AuditAction.ALERT_EPISODE_MERGED, alert.id, {"pk": alert.pk, "into": into}
            )
            self._join_cases(alert, leader)
            self.evidence[alert.pk] = WantedEvidence(())
        alert.merged_into = into
        self.connection.execute(
            update(alerts).where(alerts.c.pk == alert.pk).values(merged_into=into)
        )

    def _join_cases(self, alert: StoredAlert, leader: StoredAlert) -> None:
        if None in (alert.case_id, leader.case_id) or alert.case_id == leader.case_id:
            return
        for mine, other in ((alert, leader), (leader, alert)):
            open_joined_task(self.books.cases, mine, other, self.now)
        self._record_audit(
            AuditAction.CASE_EVIDENCE_JOINED,
            str(leader.case_id),
            {"cases": sorted([str(alert.case_id), str(leader.case_id)]), "alert": leader.id},
        )

    def _raise_alert(self, pk: int, episode: Episode, columns: Columns) -> None:
        self.raised[pk] = (episode, columns)
        self.ids[episode.id] = pk
        self.evidence[pk] = WantedEvidence(episode.members, columns["evidence_hash"])
        self._record_audit(
            AuditAction.ALERT_EPISODE_RAISED, episode.id, {"pk": pk, **_build_facts(episode)}
        )

    def _update_alert(self, alert: StoredAlert, episode: Episode, columns: Columns) -> None:
        changes = alert.compute_changes(columns)
        if alert.state is AlertState.DISMISSED and (alert.grew or changes.material):
            self._reopen_alert(alert, episode)
        if not alert.is_unchanged_by(columns):
            self.revised[alert.pk] = columns
            # While it was merged its evidence lay with its leader.
            stored = None if alert.parted else alert.row.evidence_hash
            self.evidence[alert.pk] = WantedEvidence(
                episode.members, columns["evidence_hash"], stored
            )
        if alert.id != episode.id:
            self.ids[episode.id] = alert.pk
        if changes.audited:
            self._record_audit(
                AuditAction.ALERT_EPISODE_REVISED,
                episode.id,
                {"pk": alert.pk, "former": alert.id, **_build_facts(episode)},
            )
        if changes.severity:
            self._record_audit(
                AuditAction.ALERT_SEVERITY_CHANGED,
                episode.id,
                {"pk": alert.pk, "from": alert.severity, "to": episode.severity.value},
            )

    def _reopen_alert(self, alert: StoredAlert, episode: Episode) -> None:
        """Reopen a dismissed alert. The dismissal stays on record, but does not cover the present
        evidence."""
        self.connection.execute(
            update(alerts).where(alerts.c.pk == alert.pk).values(state=AlertState.NEW.value)
        )
        self.connection.execute(
            update(alert_acts)
            .where(alert_acts.c.alert_pk == alert.pk)
            .values(version=alert_acts.c.version + 1)
        )
        self._record_audit(
            AuditAction.ALERT_DISMISSAL_REOPENED,
            episode.id,
            {"pk": alert.pk, "merged": alert.grew, "fingerprint": episode.fingerprint},
        )

    def _close_unsupported(self, alert: StoredAlert) -> None:
        """Close an alert that lost its episode to changed rules or a reparse. The alert stays, with
        that reason."""
        self.connection.execute(
            update(alerts)
            .where(alerts.c.pk == alert.pk)
            .values(closed=True, revised_at=self.now, revision=alerts.c.revision + 1)
        )
        self._record_audit(AuditAction.ALERT_EVIDENCE_UNSUPPORTED, alert.id, {"pk": alert.pk})
        if alert.case_id is not None:
            open_unsupported_task(self.books.cases, alert, self.now)

    def _record_audit(self, action: AuditAction, subject: str, facts: dict[str, Any]) -> None:
        self.books.audit.record(
            at=self.now, actor=PIPELINE, action=action, subject=subject, facts=facts
        )


def _count_unled(episodes: Sequence[tuple[Episode, Columns]], mine: Sequence[StoredAlert]) -> int:
    """Count episodes that have no alert yet."""
    return sum(not any(alert.is_within(episode) for alert in mine) for episode, _ in episodes)


def _build_facts(episode: Episode) -> dict[str, Any]:
    """Build the facts for the audit chain: rule, severity, customer ids, counts; never names or
    addresses."""
    return {
        "rule": episode.key.rule,
        "organization": episode.key.organization,
        "severity": episode.severity.value,
        "customers": sorted({touch.customer for touch in episode.touches}),
        "categories": sorted({touch.category for touch in episode.touches}),
        "evidence": len(episode.members),
        "fingerprint": episode.fingerprint,
    }
