"""Build the register's fields for reports: each submission, whether it was late, and why."""

from __future__ import annotations

from datetime import datetime

from breachdesk.casework.breach.lateness import ReportLateness, compute_lateness
from breachdesk.jurisdictions import get_jurisdiction
from breachdesk.ports import UnitOfWork
from schemas.casework.breach import Breach
from schemas.casework.register import RegisterSubmission
from schemas.casework.report import Submission


def build_report_fields(uow: UnitOfWork, breach: Breach, now: datetime) -> dict[str, object]:
    """Build fields of RegisterEntry."""
    reports = compute_lateness(uow, breach, now)
    late = [report for report in reports if report.late]
    reasons = dict.fromkeys(report.reasons for report in late if report.reasons)
    return {
        "submissions": [
            _build_submission(s, late) for s in uow.breaches.list_versions(Submission, breach.id)
        ],
        "late_reports": [_format_lateness(report) for report in late],
        "delay_reasons": list(reasons),
    }


def _format_lateness(report: ReportLateness) -> str:
    title = get_jurisdiction(report.jurisdiction).title
    due = f"{report.due:%Y-%m-%d %H:%M} UTC"
    if report.filed_at is None:
        return f"{title}: due {due}, not filed"
    return f"{title}: due {due}, filed {report.filed_at:%Y-%m-%d %H:%M} UTC"


def _build_submission(submission: Submission, late: list[ReportLateness]) -> RegisterSubmission:
    first = {(report.jurisdiction, report.filed_at) for report in late}
    return RegisterSubmission(
        jurisdiction=submission.jurisdiction,
        number=submission.number,
        stage=submission.report.stage.value,
        submitted_at=submission.submitted_at,
        submitted_by=submission.submitted_by,
        channel=submission.channel,
        reference=submission.reference,
        late=(submission.jurisdiction, submission.submitted_at) in first,
        owed=tuple(
            f"{item.what}, by {item.by:%Y-%m-%d %H:%M} UTC" for item in submission.report.owed
        ),
    )
