"""What happened in a case, in the order it happened: what machines saw and what people did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from breachdesk.console.case_file import CaseFile
from breachdesk.console.words import CALL_KEPT, CONTAINMENT, ORIGIN, figures
from schemas.approval import ApprovalKind
from schemas.case import Task


@dataclass(frozen=True, slots=True)
class Moment:
    """One line. `tone`: empty, `key` (grave, machines saw it) or `act` (a person did it)."""

    at: datetime
    tone: str
    title: str
    said: str = ""
    path: str = ""
    typed: bool = False
    """Typed to the minute by somebody who acted before they typed it: it comes after what machines
    saw in that minute."""


def timeline(file: CaseFile) -> list[Moment]:
    """Oldest first; of the same moment in the order of the way."""
    moments = [
        *_seen(file),
        *_opened(file),
        *_worked(file),
        *_breach(file),
        *_released(file),
        *_ended(file),
    ]
    return sorted(moments, key=_place)


def _place(moment: Moment) -> tuple[datetime, bool, datetime]:
    to_the_minute = (moment.at.second, moment.at.microsecond) == (0, 0)
    minute = moment.at.replace(second=0, microsecond=0)
    return minute, moment.typed and to_the_minute, moment.at


def _seen(file: CaseFile) -> Iterator[Moment]:
    for alert in file.alerts:
        tone = "key" if alert.severity.rank >= 3 else ""
        said = alert.explanation or figures(alert.evidence, "event")
        yield Moment(alert.fired, tone, alert.title, said, f"/alerts/{alert.id}")


def _opened(file: CaseFile) -> Iterator[Moment]:
    case = file.case
    told = f" (told by {case.third_party})" if case.third_party else ""
    yield Moment(
        case.opened_at,
        "act",
        f"{case.opened_by} opened the case",
        f"From {ORIGIN[case.origin]}{told}",
    )
    if case.supplier_told_at:
        yield Moment(case.supplier_told_at, "", f"{case.third_party or 'They'} told us", case.known)


def _worked(file: CaseFile) -> Iterator[Moment]:
    for note in file.case.notes:
        yield Moment(note.at, "act", f"{note.by} noted", note.text)
    for step in file.case.containment:
        if step.done_at:
            said = f"{step.done_by}: {CONTAINMENT[step.kind]}"
            yield Moment(step.done_at, "act", said, step.text, typed=True)


def _breach(file: CaseFile) -> Iterator[Moment]:
    breach = file.breach
    if breach is None:
        return
    yield Moment(
        breach.aware_at,
        "act",
        f"Aware, as {breach.confirmed_by} declared",
        f"“{breach.reason}”",
        typed=True,
    )
    if breach.discovered_at:
        yield Moment(breach.discovered_at, "", "A person first looked")
    if file.manifest:
        count = figures(file.customers_reached, "customer")
        yield Moment(
            file.manifest.frozen_at,
            "act",
            f"{file.manifest.frozen_by} froze the affected list, version {file.manifest.version}",
            f"{count} reached or maybe reached",
            f"{file.path}/affected",
        )
    if file.decision:
        yield Moment(
            file.decision.decided_at,
            "act",
            f"{file.decision.decided_by} wrote the decision, version {file.decision.version}",
            "",
            f"{file.path}/decision",
        )


def _released(file: CaseFile) -> Iterator[Moment]:
    if file.approval:
        alone = file.approval.kind is ApprovalKind.BREAK_GLASS
        act = "broke the glass for" if alone else "approved"
        yield Moment(
            file.approval.approved_at,
            "key" if alone else "act",
            f"{file.approval.approved_by} {act} {figures(file.approval.count, 'notice')}",
            file.approval.reason,
            f"{file.path}/delivery",
        )
    for submission in file.submissions:
        yield Moment(
            submission.submitted_at,
            "act",
            f"Reported to {submission.report.authority}",
            f"by {submission.submitted_by}, {submission.channel} {submission.reference}".rstrip(),
            f"{file.path}/report",
            typed=True,
        )


def _tried(file: CaseFile, task: Task) -> Iterator[Moment]:
    for attempt in task.attempts:
        said = f"{attempt.recorded_by}: {task.title}: {CALL_KEPT[attempt.outcome]}"
        path = f"{file.path}/tasks/{quote(task.id)}"
        yield Moment(attempt.at, "act", said, attempt.said or "", path, typed=True)


def _ended(file: CaseFile) -> Iterator[Moment]:
    case = file.case
    for task in case.tasks:
        yield from _tried(file, task)
        if task.done_at and not task.attempts:
            yield Moment(task.done_at, "act", f"{task.done_by}: {task.title}", task.outcome)
    if case.closed_at:
        yield Moment(case.closed_at, "act", "Case closed", case.close_reason)
