"""What still stands against closing a case: duties that nobody has met yet."""

from __future__ import annotations

from collections.abc import Iterator

from breachdesk.ports import UnitOfWork
from schemas.affected import Manifest
from schemas.case import Case
from schemas.decision import Decision
from schemas.notice import Status
from schemas.report import Submission

UNSETTLED = (Status.QUEUED, Status.SENDING, Status.DEFERRED, Status.UNKNOWN)


def obstacles(uow: UnitOfWork, case: Case) -> list[str]:
    """In plain words; empty: it may be closed."""
    if case.erased:
        return []
    return [*_tasks(case), *(_duties(uow, case.breach_id) if case.breach_id else ())]


def _tasks(case: Case) -> Iterator[str]:
    waiting = sum(task.done_at is None for task in case.tasks)
    if waiting:
        yield f"{waiting} task{'s' if waiting > 1 else ''} not done"


def _duties(uow: UnitOfWork, breach_id: str) -> Iterator[str]:
    book = uow.breaches
    if book.latest(Manifest, breach_id) is None:
        yield "the affected list is not frozen"
    decision = book.latest(Decision, breach_id)
    if decision is None:
        yield "the decision is not written"
    elif (decision.report_to_ico.yes or decision.pecr.yes) and not book.all(Submission, breach_id):
        yield "the report to the ICO is not submitted"
    waiting = len(uow.notices.list(breach_id=breach_id, statuses=UNSETTLED))
    if waiting:
        yield f"{waiting} letter{'s' if waiting > 1 else ''} not settled"
