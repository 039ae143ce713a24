"""Episodes become alerts: who leads, who merges, what reopens (streaming semantics, section 1).

One call reconciles one group inside the batch's transaction. Alerts stand on a surrogate key, to
which human acts are tied; their canonical id follows the first hot bucket.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import insert, update
from sqlalchemy.engine import Connection

from breachdesk.stores import counters
from breachdesk.stores.batches.alert_evidence import keep_evidence
from breachdesk.stores.batches.alert_rows import (
    Columns,
    Standing,
    machine_columns,
    point_id,
    revise,
    standing_alerts,
)
from breachdesk.stores.batches.alert_tasks import cases_joined, evidence_unsupported
from breachdesk.stores.batches.group_keys import key_hash
from breachdesk.stores.stream_tables import alert_acts, alerts
from breachdesk.stores.unit_of_work import SqlUnitOfWork
from schemas.alert import AlertState, Episode, Signal
from streams.ports import Eviction, GroupState

PIPELINE = "system:pipeline"
RANK = {AlertState.CASE: 2, AlertState.NEW: 1, AlertState.DISMISSED: 0}


@dataclass
class Reconciler:
    """Reconciles the groups of one batch."""

    connection: Connection
    books: SqlUnitOfWork
    now: datetime
    revised: dict[int, Columns] = field(default_factory=dict)
    evidence: dict[int, Sequence[Signal]] = field(default_factory=dict)
    """What waits to be written at once, by alert: a statement an alert would be ten times slower."""

    def reconcile(self, groups: Sequence[GroupState], evictions: Sequence[Eviction]) -> None:
        """Bring the alerts of these groups in line with exactly these episodes, then close what
        nothing can reach any more."""
        hashes = [key_hash(state.key) for state in groups]
        standing = standing_alerts(self.connection, hashes)
        for state, hashed in zip(groups, hashes, strict=True):
            mine = standing.get(hashed, [])
            if mine or state.episodes:
                gone = [e for e in evictions if e.key == state.key]
                self._group(state.episodes, mine, gone)
        revise(self.connection, self.revised, self.now)
        keep_evidence(self.connection, self.evidence)
        self._close(evictions)

    def _group(
        self, episodes: Sequence[Episode], mine: list[Standing], gone: Sequence[Eviction]
    ) -> None:
        leaders: dict[int, Standing] = {}
        for alert in sorted(mine, key=_precedence):
            hit = next((i for i, e in enumerate(episodes) if alert.within(e)), None)
            if hit is None:
                if not any(alert.evicted_by(eviction) for eviction in gone):
                    self._unsupported(alert)
                continue
            self._place(alert, leaders.setdefault(hit, alert))
        for i, episode in enumerate(episodes):
            if i in leaders:
                self._revise(leaders[i], episode)
            else:
                self._raise(episode)

    def _place(self, alert: Standing, leader: Standing) -> None:
        """Let the alert lead, or point it to its leader."""
        into = None if leader is alert else leader.pk
        if into == alert.merged_into:
            return
        if into is None:
            alert.parted = True
            self._audit("alert:episode:parted", alert.id, {"pk": alert.pk})
        else:
            leader.grew = True
            self._audit("alert:episode:merged", alert.id, {"pk": alert.pk, "into": into})
            self._join_cases(alert, leader)
            self.evidence[alert.pk] = ()
        alert.merged_into = into
        self.connection.execute(
            update(alerts).where(alerts.c.pk == alert.pk).values(merged_into=into)
        )

    def _join_cases(self, alert: Standing, leader: Standing) -> None:
        if None in (alert.case_id, leader.case_id) or alert.case_id == leader.case_id:
            return
        for mine, other in ((alert, leader), (leader, alert)):
            cases_joined(self.books.cases, mine, other, self.now)
        self._audit(
            "case:evidence:joined",
            str(leader.case_id),
            {"cases": sorted([str(alert.case_id), str(leader.case_id)]), "alert": leader.id},
        )

    def _raise(self, episode: Episode) -> None:
        row = self.connection.execute(
            insert(alerts).values(
                **machine_columns(episode),
                anchor=episode.first * episode.timespan,
                detected_at=self.now,
                revised_at=self.now,
                revision=1,
                merged_into=None,
                closed=False,
            )
        )
        pk = counters.serial(row)
        self.connection.execute(
            insert(alert_acts).values(alert_pk=pk, version=1, state=AlertState.NEW.value)
        )
        point_id(self.connection, episode.id, pk)
        self.evidence[pk] = episode.members
        self._audit("alert:episode:raised", episode.id, {"pk": pk, **_facts(episode)})

    def _revise(self, alert: Standing, episode: Episode) -> None:
        columns = machine_columns(episode)
        changes = alert.changes(columns)
        if alert.state is AlertState.DISMISSED and (alert.grew or changes.material):
            self._reopen(alert, episode)
        if not alert.same_machine_part(columns):
            self.revised[alert.pk] = columns
            self.evidence[alert.pk] = episode.members
        if alert.id != episode.id:
            point_id(self.connection, episode.id, alert.pk)
        if changes.audited:
            self._audit(
                "alert:episode:revised",
                episode.id,
                {"pk": alert.pk, "former": alert.id, **_facts(episode)},
            )
        if changes.severity:
            self._audit(
                "alert:severity:changed",
                episode.id,
                {"pk": alert.pk, "from": alert.severity, "to": episode.severity.value},
            )

    def _reopen(self, alert: Standing, episode: Episode) -> None:
        """The dismissal stays on record; it no longer covers what stands here now."""
        self.connection.execute(
            update(alert_acts)
            .where(alert_acts.c.alert_pk == alert.pk)
            .values(state=AlertState.NEW.value, version=alert_acts.c.version + 1)
        )
        self._audit(
            "alert:dismissal:reopened",
            episode.id,
            {"pk": alert.pk, "merged": alert.grew, "fingerprint": episode.fingerprint},
        )

    def _unsupported(self, alert: Standing) -> None:
        """Changed rules or a reparse left it without an episode: it stays, and says so."""
        self.connection.execute(
            update(alerts)
            .where(alerts.c.pk == alert.pk)
            .values(closed=True, revised_at=self.now, revision=alerts.c.revision + 1)
        )
        self._audit("alert:evidence:unsupported", alert.id, {"pk": alert.pk})
        if alert.case_id is not None:
            evidence_unsupported(self.books.cases, alert, self.now)

    def _close(self, evictions: Sequence[Eviction]) -> None:
        hashes = [key_hash(eviction.key) for eviction in evictions]
        standing = standing_alerts(self.connection, hashes)
        for eviction, hashed in zip(evictions, hashes, strict=True):
            gone = [a.pk for a in standing.get(hashed, []) if a.evicted_by(eviction)]
            if gone:
                self.connection.execute(
                    update(alerts).where(alerts.c.pk.in_(gone)).values(closed=True)
                )

    def _audit(self, act: str, subject: str, facts: dict[str, Any]) -> None:
        self.books.audit.record(at=self.now, actor=PIPELINE, act=act, subject=subject, facts=facts)


def _precedence(alert: Standing) -> tuple[bool, int, int]:
    """Who leads stays; then case before new before dismissed; then the oldest."""
    return (alert.merged_into is not None, -RANK[alert.state], alert.pk)


def _facts(episode: Episode) -> dict[str, Any]:
    """What the chain may say: rule, severity, customer ids, counts. No names, no addresses."""
    return {
        "rule": episode.key.rule,
        "organization": episode.key.organization,
        "severity": episode.severity.value,
        "customers": sorted({touch.customer for touch in episode.touches}),
        "categories": sorted({touch.category for touch in episode.touches}),
        "evidence": len(episode.members),
        "fingerprint": episode.fingerprint,
    }
