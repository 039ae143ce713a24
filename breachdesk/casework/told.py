"""Who has been told, by rows and telephone tasks: handed over is told, never `delivered`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from breachdesk.casework.telephone import notice_of
from breachdesk.gdpr.roles import CORRECTED_BY
from schemas.affected import NoticeKind
from schemas.case import CallOutcome, Task, TaskKind
from schemas.notice import NoticeRow
from schemas.notice_states import NOTIFIED


@dataclass(frozen=True, slots=True)
class Telling:
    """One reader was told by one version of the letters."""

    customer_id: str
    person_id: str
    kind: NoticeKind
    version: int
    """Of NoticeFacts."""
    at: datetime
    spoken: CallOutcome | None = None
    """How, where it was no letter by mail."""

    @property
    def reader(self) -> tuple[str, str, NoticeKind]:
        return self.customer_id, self.person_id, self.kind


def tellings(
    breach_id: str, rows: Iterable[NoticeRow], tasks: Iterable[Task]
) -> tuple[Telling, ...]:
    """Every letter that was handed over and every call that reached its reader, oldest first."""
    found = [*_by_mail(rows), *_by_telephone(breach_id, tasks)]
    return tuple(sorted(found, key=lambda telling: telling.at))


def still_true(every: Iterable[Telling]) -> tuple[Telling, ...]:
    """Without what a later correction took back: who was told since that it was not so is told
    nothing now."""
    kept = tuple(every)
    corrected: dict[tuple[str, str, NoticeKind], datetime] = {}
    for telling in kept:
        corrects = CORRECTED_BY.get(telling.kind)
        if corrects is not None:
            corrected[telling.customer_id, telling.person_id, corrects] = telling.at
    return tuple(t for t in kept if t.reader not in corrected or t.at > corrected[t.reader])


def _by_mail(rows: Iterable[NoticeRow]) -> Iterator[Telling]:
    for row in rows:
        if row.status in NOTIFIED and row.handed_over_at is not None:
            yield Telling(row.customer_id, row.person_id, row.kind, row.version, row.handed_over_at)


def _by_telephone(breach_id: str, tasks: Iterable[Task]) -> Iterator[Telling]:
    for task in tasks:
        notice = notice_of(task, breach_id) if task.kind is TaskKind.TELEPHONE else None
        told = task.told
        if notice and told and task.customer_id and task.person_id:
            kind, version = notice
            yield Telling(task.customer_id, task.person_id, kind, version, told.at, told.outcome)
