"""Open tasks on cases when evidence changes."""

from __future__ import annotations

from datetime import datetime

from breachdesk.stores.batches.alert_rows import StoredAlert
from breachdesk.stores.books.cases import SqlCaseBook
from schemas.casework.case import CaseTask, TaskKind
from schemas.errors import NotFound


def open_joined_task(
    book: SqlCaseBook, mine: StoredAlert, other: StoredAlert, now: datetime
) -> None:
    """Tell the case of `mine` that its alert and one of another case are one episode."""
    task = CaseTask(
        id=f"cases-joined-{other.case_id}",
        kind=TaskKind.CASES_JOINED,
        title=f"Look at {other.case_id} too: its alert turned out to be the same activity",
        opened_at=now,
        reason=(
            f"Alerts {mine.id} and {other.id} joined. Cases are never merged by the program: "
            "decide which one goes on and say so in the other."
        ),
    )
    _open_task(book, str(mine.case_id), task)


def open_unsupported_task(book: SqlCaseBook, alert: StoredAlert, now: datetime) -> None:
    """Tell the case that today's rules no longer raise its alert."""
    task = CaseTask(
        id=f"unsupported-{alert.pk}",
        kind=TaskKind.UNSUPPORTED_EVIDENCE,
        title=f"Check alert {alert.id}: the rules as they are now no longer raise it",
        opened_at=now,
        reason="A rule or a parser changed. The alert and its evidence were kept as they were.",
    )
    _open_task(book, str(alert.case_id), task)


def _open_task(book: SqlCaseBook, case_id: str, task: CaseTask) -> None:
    try:
        case = book.get(case_id)
    except NotFound:
        # The stream must not stop for a task that has no home; the audit entry names the case.
        return
    if all(known.id != task.id for known in case.tasks):
        book.save(case.model_copy(update={"tasks": (*case.tasks, task)}))
