"""Who has been told, by rows and telephone tasks: handed over is told, never `delivered`."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from breachdesk.ports import UnitOfWork
from schemas.affected import Manifest, NoticeKind
from schemas.breach import Breach
from schemas.case import Task, TaskKind
from schemas.notice import Status

TOLD = (Status.HANDED_OVER, Status.DELIVERED)


def told_at(
    uow: UnitOfWork, breach: Breach, manifest: Manifest | None, kind: NoticeKind
) -> datetime | None:
    """When the last recipient of this kind was told; None while one waits, or there is none."""
    owed = {
        (r.customer_id, r.person_id)
        for r in (manifest.recipients if manifest else ())
        if r.kind is kind
    }
    when = _told(uow, breach, kind)
    if not owed or not owed <= when.keys():
        return None
    return max(when[person] for person in owed)


def counts(uow: UnitOfWork, breach: Breach) -> dict[str, int]:
    """Letters by status, and `telephoned`; the witness's message is no letter."""
    rows = uow.notices.list(breach_id=breach.id)
    found = Counter(r.status.value for r in rows if r.kind is not NoticeKind.WITNESS)
    done = sum(task.done_at is not None for task in _calls(uow, breach))
    if done:
        found["telephoned"] = done
    return dict(sorted(found.items()))


def _told(uow: UnitOfWork, breach: Breach, kind: NoticeKind) -> dict[tuple[str, str], datetime]:
    when = {
        (row.customer_id, row.person_id): row.handed_over_at
        for row in uow.notices.list(breach_id=breach.id, statuses=TOLD)
        if row.kind is kind and row.handed_over_at is not None
    }
    for task in _calls(uow, breach):
        if task.done_at and f"-{kind}-" in task.id and task.customer_id and task.person_id:
            when.setdefault((task.customer_id, task.person_id), task.done_at)
    return when


def _calls(uow: UnitOfWork, breach: Breach) -> list[Task]:
    tasks = uow.cases.get(breach.case_id).tasks
    return [t for t in tasks if t.kind is TaskKind.TELEPHONE and breach.id in t.id]
