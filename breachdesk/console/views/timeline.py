"""What happened in a case, in the order it happened: what machines saw and what people did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from breachdesk.console.views.case_view import CaseFile
from breachdesk.console.views.labels import CALL_RECORDED, CONTAINMENT, ORIGIN, format_figures
from schemas.casework.approval import ApprovalKind
from schemas.casework.case import CaseTask


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One line. `tone`: empty, `key` (grave, machines saw it) or `act` (a person did it)."""

    at: datetime
    tone: str
    title: str
    words: str = ""
    path: str = ""
    typed: bool = False
    """Typed to the minute by somebody who acted before they typed it: it comes after what machines
    saw in that minute."""


def build_timeline(file: CaseFile) -> list[TimelineEntry]:
    """Oldest first; of the same moment in the order of the steps."""
    moments = [
        *_iterate_alerts(file),
        *_iterate_opening(file),
        *_iterate_work(file),
        *_iterate_breach(file),
        *_iterate_releases(file),
        *_iterate_endings(file),
    ]
    return sorted(moments, key=_get_sort_key)


def _get_sort_key(moment: TimelineEntry) -> tuple[datetime, bool, datetime]:
    to_the_minute = (moment.at.second, moment.at.microsecond) == (0, 0)
    minute = moment.at.replace(second=0, microsecond=0)
    return minute, moment.typed and to_the_minute, moment.at


def _iterate_alerts(file: CaseFile) -> Iterator[TimelineEntry]:
    for alert in file.alerts:
        tone = "key" if alert.severity.rank >= 3 else ""
        detail = alert.explanation or format_figures(alert.evidence, "event")
        yield TimelineEntry(alert.fired, tone, alert.title, detail, f"/alerts/{alert.id}")


def _iterate_opening(file: CaseFile) -> Iterator[TimelineEntry]:
    case = file.case
    informant = f" (told by {case.third_party})" if case.third_party else ""
    yield TimelineEntry(
        case.opened_at,
        "act",
        f"{case.opened_by} opened the case",
        f"From {ORIGIN[case.origin]}{informant}",
    )
    if case.supplier_told_at:
        yield TimelineEntry(
            case.supplier_told_at, "", f"{case.third_party or 'They'} told us", case.known
        )


def _iterate_work(file: CaseFile) -> Iterator[TimelineEntry]:
    for note in file.case.notes:
        yield TimelineEntry(note.at, "act", f"{note.by} noted", note.text)
    for step in file.case.containment:
        if step.done_at:
            detail = f"{step.done_by}: {CONTAINMENT[step.kind]}"
            yield TimelineEntry(step.done_at, "act", detail, step.text, typed=True)


def _iterate_breach(file: CaseFile) -> Iterator[TimelineEntry]:
    breach = file.breach
    if breach is None:
        return
    yield TimelineEntry(
        breach.aware_at,
        "act",
        f"Aware, as {breach.confirmed_by} declared",
        f"“{breach.reason}”",
        typed=True,
    )
    if breach.discovered_at:
        yield TimelineEntry(breach.discovered_at, "", "A person first looked")
    if file.manifest:
        count = format_figures(file.customers_reached, "customer")
        yield TimelineEntry(
            file.manifest.frozen_at,
            "act",
            f"{file.manifest.frozen_by} froze the affected list, version {file.manifest.version}",
            f"{count} reached or possibly reached",
            f"{file.path}/affected",
        )
    if file.decision:
        yield TimelineEntry(
            file.decision.decided_at,
            "act",
            f"{file.decision.decided_by} wrote the decision, version {file.decision.version}",
            "",
            f"{file.path}/decision",
        )


def _iterate_releases(file: CaseFile) -> Iterator[TimelineEntry]:
    if file.approval:
        alone = file.approval.kind is ApprovalKind.BREAK_GLASS
        act = "used break-glass for" if alone else "approved"
        yield TimelineEntry(
            file.approval.approved_at,
            "key" if alone else "act",
            f"{file.approval.approved_by} {act} {format_figures(file.approval.count, 'notice')}",
            file.approval.reason,
            f"{file.path}/delivery",
        )
    for submission in file.submissions:
        yield TimelineEntry(
            submission.submitted_at,
            "act",
            f"Reported to {submission.report.authority}",
            f"by {submission.submitted_by}, {submission.channel} {submission.reference}".rstrip(),
            f"{file.path}/report",
            typed=True,
        )


def _iterate_attempts(file: CaseFile, task: CaseTask) -> Iterator[TimelineEntry]:
    for attempt in task.attempts:
        detail = f"{attempt.recorded_by}: {task.title}: {CALL_RECORDED[attempt.outcome]}"
        path = f"{file.path}/tasks/{quote(task.id)}"
        yield TimelineEntry(attempt.at, "act", detail, attempt.said or "", path, typed=True)


def _iterate_endings(file: CaseFile) -> Iterator[TimelineEntry]:
    case = file.case
    for task in case.tasks:
        yield from _iterate_attempts(file, task)
        if task.done_at and not task.attempts:
            yield TimelineEntry(task.done_at, "act", f"{task.done_by}: {task.title}", task.outcome)
    if case.closed_at:
        yield TimelineEntry(case.closed_at, "act", "Case closed", case.close_reason)
