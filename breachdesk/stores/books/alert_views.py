"""Convert rows of alerts and their evidence to the port's models."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.engine import Row

from breachdesk.stores.tables.stream_tables import alert_acts, alerts
from schemas.pipeline.alert import AlertState, AlertView, EvidenceView, Severity

UNSEEN = {"entities", "evidence_hash", "key_hash", "anchor", "severity_rank", "begins", "ends"}
"""The machine's own; thousands of user names in a spray."""


def select_alerts_with_acts() -> Select[Any]:
    """Select alerts with the human acts on them, as `build_alert_view` expects."""
    people = [column for column in alert_acts.c if column.name != "alert_pk"]
    machine = [column for column in alerts.c if column.name not in UNSEEN]
    return select(*machine, *people).join(alert_acts, alert_acts.c.alert_pk == alerts.c.pk)


def build_alert_view(row: Row[Any]) -> AlertView:
    return AlertView(
        pk=row.pk,
        id=row.id,
        rule=row.rule,
        title=row.title,
        organization=row.organization,
        group=tuple(row.group),
        first=_convert_seconds(row.first * row.timespan),
        last=_convert_seconds((row.last + 1) * row.timespan),
        fired=row.fired,
        severity=Severity(row.severity),
        customers=_sort_distinct(touch[0] for touch in row.touches),
        categories=_sort_distinct(touch[2] for touch in row.touches),
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


def build_evidence_view(row: Row[Any]) -> EvidenceView:
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


def _convert_seconds(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _sort_distinct(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values)))
