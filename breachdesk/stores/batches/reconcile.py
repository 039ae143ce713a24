"""Episodes become alerts: who leads, who merges, what reopens (streaming semantics, section 1).

One call reconciles one group inside the batch's transaction. Alerts stand on a surrogate key, to
which human acts are tied; their canonical id follows the first hot bucket.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import update
from sqlalchemy.engine import Connection

from breachdesk.stores.batches.alert_evidence import EvidenceCopies, Wanted, keep_evidence
from breachdesk.stores.batches.alert_rows import (
    Columns,
    Standing,
    close,
    closed_alerts,
    hashes_with_alerts,
    machine_columns,
    point_ids,
    precedence,
    raise_alerts,
    reserve,
    revise,
    standing_alerts,
)
from breachdesk.stores.batches.alert_tasks import cases_joined, evidence_unsupported
from breachdesk.stores.batches.closed_alerts import closed_alert, joined
from breachdesk.stores.batches.group_keys import key_hash
from breachdesk.stores.stream_tables import alert_acts, alerts
from breachdesk.stores.unit_of_work import SqlUnitOfWork
from schemas.alert import AlertState, Episode
from streams.ports import Eviction, GroupState

PIPELINE = "system:pipeline"


class GroupColumns(NamedTuple):
    """A group's episodes as columns: worked out before the transaction, where that is possible."""

    key_hash: str
    episodes: Sequence[tuple[Episode, Columns]]


def group_columns(groups: Sequence[GroupState]) -> list[GroupColumns]:
    """In the same order."""
    return [
        GroupColumns(key_hash(each.key), [(e, machine_columns(e)) for e in each.episodes])
        for each in groups
    ]


@dataclass
class Reconciler:
    """Reconciles the groups of one batch. What it decides is written at the end, many rows a
    statement: a statement an alert would be ten times slower."""

    connection: Connection
    books: SqlUnitOfWork
    now: datetime
    copies: EvidenceCopies
    raised: dict[int, tuple[Episode, Columns]] = field(default_factory=dict)
    revised: dict[int, Columns] = field(default_factory=dict)
    evidence: dict[int, Wanted] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)

    def reconcile(self, groups: Sequence[GroupColumns]) -> None:
        """Bring the alerts of these groups in line with exactly these episodes."""
        standing = standing_alerts(self.connection, [group.key_hash for group in groups])
        unled = {g.key_hash: _unled(g.episodes, standing.get(g.key_hash, [])) for g in groups}
        hashes = [hashed for hashed, count in unled.items() if count]
        closed = closed_alerts(self.connection, hashes) if hashes else {}
        pks = iter(reserve(self.connection, sum(unled.values())))
        for hashed, episodes in groups:
            mine = standing.get(hashed, [])
            if mine or episodes:
                self._group(episodes, mine, closed.get(hashed, []), pks)
        raise_alerts(self.connection, self.raised, self.now)
        revise(self.connection, self.revised, self.now)
        point_ids(self.connection, self.ids)
        keep_evidence(self.connection, self.evidence, self.copies)

    def close(self, evictions: Sequence[Eviction]) -> None:
        """Close the alerts that nothing can reach any more."""
        hashes = [key_hash(eviction.key) for eviction in evictions]
        alerting = hashes_with_alerts(self.connection, set(hashes))
        standing = standing_alerts(self.connection, sorted(alerting)) if alerting else {}
        gone = {
            alert.pk
            for eviction, hashed in zip(evictions, hashes, strict=True)
            for alert in standing.get(hashed, [])
            if alert.evicted_by(eviction)
        }
        close(self.connection, sorted(gone))

    def _group(
        self,
        episodes: Sequence[tuple[Episode, Columns]],
        mine: list[Standing],
        closed: list[Standing],
        pks: Iterator[int],
    ) -> None:
        leaders: dict[int, Standing] = {}
        for alert in sorted(mine, key=precedence):
            hit = next((i for i, (e, _) in enumerate(episodes) if alert.within(e)), None)
            if hit is None:
                self._unsupported(alert)
                continue
            self._place(alert, leaders.setdefault(hit, alert))
        for i, (episode, columns) in enumerate(episodes):
            if i in leaders:
                self._revise(leaders[i], episode, columns)
            elif former := closed_alert(episode, closed):
                whole = joined(self.connection, former, episode)
                self._revise(former, whole, machine_columns(whole))
            else:
                self._raise(next(pks), episode, columns)

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
            self.evidence[alert.pk] = Wanted(())
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

    def _raise(self, pk: int, episode: Episode, columns: Columns) -> None:
        self.raised[pk] = (episode, columns)
        self.ids[episode.id] = pk
        self.evidence[pk] = Wanted(episode.members, columns["evidence_hash"])
        self._audit("alert:episode:raised", episode.id, {"pk": pk, **_facts(episode)})

    def _revise(self, alert: Standing, episode: Episode, columns: Columns) -> None:
        changes = alert.changes(columns)
        if alert.state is AlertState.DISMISSED and (alert.grew or changes.material):
            self._reopen(alert, episode)
        if not alert.same_machine_part(columns):
            self.revised[alert.pk] = columns
            # While it was merged its evidence lay with its leader.
            stored = None if alert.parted else alert.row.evidence_hash
            self.evidence[alert.pk] = Wanted(episode.members, columns["evidence_hash"], stored)
        if alert.id != episode.id:
            self.ids[episode.id] = alert.pk
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
            update(alerts).where(alerts.c.pk == alert.pk).values(state=AlertState.NEW.value)
        )
        self.connection.execute(
            update(alert_acts)
            .where(alert_acts.c.alert_pk == alert.pk)
            .values(version=alert_acts.c.version + 1)
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

    def _audit(self, act: str, subject: str, facts: dict[str, Any]) -> None:
        self.books.audit.record(at=self.now, actor=PIPELINE, act=act, subject=subject, facts=facts)


def _unled(episodes: Sequence[tuple[Episode, Columns]], mine: Sequence[Standing]) -> int:
    """Episodes that no alert was raised for yet."""
    return sum(not any(alert.within(episode) for alert in mine) for episode, _ in episodes)


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
