"""Find who has been notified, by rows and telephone tasks: handed over counts, never as
`delivered`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from breachdesk.casework.opening.telephone_tasks import get_notice
from breachdesk.gdpr.roles import CORRECTED_BY
from schemas.casework.case import CallOutcome, CaseTask, TaskKind
from schemas.casework.notice import NoticeRow
from schemas.casework.notice_kind import NoticeKind
from schemas.casework.notice_states import NOTIFIED


@dataclass(frozen=True, slots=True)
class ReaderTelling:
    """One reader, notified by one version of the letters."""

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


def list_tellings(
    breach_id: str, rows: Iterable[NoticeRow], tasks: Iterable[CaseTask]
) -> tuple[ReaderTelling, ...]:
    """List every letter that was handed over and every call that reached its reader, oldest
    first."""
    rows_and_calls = [*_iterate_by_mail(rows), *_iterate_by_telephone(breach_id, tasks)]
    return tuple(sorted(rows_and_calls, key=lambda telling: telling.at))


def omit_taken_back(every: Iterable[ReaderTelling]) -> tuple[ReaderTelling, ...]:
    """Omit what a later correction took back: its reader counts as not notified now."""
    valid = tuple(every)
    corrected: dict[tuple[str, str, NoticeKind], datetime] = {}
    for telling in valid:
        corrects = CORRECTED_BY.get(telling.kind)
        if corrects is not None:
            corrected[telling.customer_id, telling.person_id, corrects] = telling.at
    return tuple(t for t in valid if t.reader not in corrected or t.at > corrected[t.reader])


def _iterate_by_mail(rows: Iterable[NoticeRow]) -> Iterator[ReaderTelling]:
    for row in rows:
        if row.status in NOTIFIED and row.handed_over_at is not None:
            yield ReaderTelling(
                row.customer_id, row.person_id, row.kind, row.version, row.handed_over_at
            )


def _iterate_by_telephone(breach_id: str, tasks: Iterable[CaseTask]) -> Iterator[ReaderTelling]:
    for task in tasks:
        notice = get_notice(task, breach_id) if task.kind is TaskKind.TELEPHONE else None
        telling = task.told
        if notice and telling and task.customer_id and task.person_id:
            kind, version = notice
            yield ReaderTelling(
                task.customer_id, task.person_id, kind, version, telling.at, telling.outcome
            )
