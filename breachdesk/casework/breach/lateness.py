"""Find reports that are later than their limit, filed or not, by a declared awareness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from breachdesk.casework.affected.group_records import list_affected
from breachdesk.casework.breach.form_facts import find_facts
from breachdesk.gdpr.deadlines import is_late
from breachdesk.gdpr.regulators import list_presumed, list_scopes
from breachdesk.jurisdictions import get_jurisdiction
from breachdesk.ports import UnitOfWork
from schemas.casework.breach import Breach
from schemas.casework.decision import Decision
from schemas.casework.list_outline import ListOutline
from schemas.casework.report import Submission


@dataclass(frozen=True, slots=True)
class ReportLateness:
    """One report and its limit."""

    jurisdiction: str
    due: datetime
    filed_at: datetime | None
    late: bool
    reasons: str = ""


def compute_lateness(
    uow: UnitOfWork, breach: Breach, now: datetime, aware_at: datetime | None = None
) -> tuple[ReportLateness, ...]:
    """Compute the lateness of every report that is owed or was filed; `aware_at` replaces the
    declared time."""
    filed = uow.breaches.list_versions(Submission, breach.id)
    named = {*_list_owed(uow, breach), *(s.jurisdiction for s in filed)}
    return tuple(
        _compute_report_lateness(uow, breach, name, filed, now, aware_at or breach.aware_at)
        for name in sorted(named)
    )


def list_unexplained_late(
    uow: UnitOfWork, breach: Breach, aware_at: datetime, now: datetime
) -> tuple[str, ...]:
    """List titles of the reports that this awareness makes late and that have no reasons."""
    return tuple(
        get_jurisdiction(report.jurisdiction).title
        for report in compute_lateness(uow, breach, now, aware_at)
        if report.late and not report.reasons
    )


def _compute_report_lateness(
    uow: UnitOfWork,
    breach: Breach,
    name: str,
    filed: Sequence[Submission],
    now: datetime,
    aware_at: datetime,
) -> ReportLateness:
    first = min((s.submitted_at for s in filed if s.jurisdiction == name), default=None)
    due = get_jurisdiction(name).compute_deadline(uow.law, aware_at).due
    facts = find_facts(uow, breach.id, name)
    reasons_by_time = [a.delay_reasons for a in breach.awareness if a.delay_reasons]
    reasons = (facts.delay_reasons if facts else "") or (
        reasons_by_time[-1] if reasons_by_time else ""
    )
    return ReportLateness(name, due, first, is_late(first or now, due), reasons)


def _list_owed(uow: UnitOfWork, breach: Breach) -> tuple[str, ...]:
    manifest = uow.breaches.find_latest(ListOutline, breach.id)
    decision = uow.breaches.find_latest(Decision, breach.id)
    if manifest is None:
        return tuple(j.id for j in list_presumed(uow.law.reported_to))
    groups = bool(list_affected(uow, breach.case_id))
    scopes = list_scopes(
        decision, manifest.exposures, groups=groups, reported_to=uow.law.reported_to
    )
    return tuple(s.jurisdiction.id for s in scopes if s.owed is not False)
