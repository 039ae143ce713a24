"""Read once the documents of one breach that obligations are computed from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from breachdesk.casework.affected.notification_status import (
    ReaderTelling,
    list_tellings,
    omit_taken_back,
)
from breachdesk.casework.opening.telephone_tasks import get_notice
from breachdesk.ports import UnitOfWork
from schemas.casework.affected import Recipient
from schemas.casework.breach import Breach
from schemas.casework.case import Case, CaseTask, TaskKind
from schemas.casework.decision import Decision
from schemas.casework.letter_facts import NoticeFacts
from schemas.casework.list_outline import ListOutline
from schemas.casework.notice import NoticeRow
from schemas.casework.notice_kind import NoticeKind
from schemas.casework.report import ReportFacts, Submission

Reader = tuple[str, str, NoticeKind]
"""Customer, person, and the kind of letter. What is looked up by it is read once: a list of
thousands must not be searched for each of its readers."""


@dataclass(frozen=True)
class BreachDossier:
    """A maker reads here, and from `uow` what only it needs."""

    uow: UnitOfWork
    breach: Breach
    case: Case
    now: datetime

    @cached_property
    def manifest(self) -> ListOutline | None:
        """Newest frozen list."""
        return self.uow.breaches.find_latest(ListOutline, self.breach.id)

    @cached_property
    def decisions(self) -> tuple[Decision, ...]:
        """All decisions, oldest first."""
        return tuple(self.uow.breaches.list_versions(Decision, self.breach.id))

    @property
    def decision(self) -> Decision | None:
        return self.decisions[-1] if self.decisions else None

    @cached_property
    def facts(self) -> tuple[NoticeFacts, ...]:
        """Every version of the letters' facts, oldest first."""
        return tuple(self.uow.breaches.list_versions(NoticeFacts, self.breach.id))

    @cached_property
    def submissions(self) -> tuple[Submission, ...]:
        """Of every regulator, in the order in which they were sent."""
        filed = self.uow.breaches.list_versions(Submission, self.breach.id)
        return tuple(sorted(filed, key=lambda s: (s.submitted_at, s.number)))

    @cached_property
    def report_facts(self) -> tuple[ReportFacts, ...]:
        """All versions of the report's facts, oldest first."""
        return tuple(self.uow.breaches.list_versions(ReportFacts, self.breach.id))

    @cached_property
    def rows(self) -> tuple[NoticeRow, ...]:
        """Rows of the outbox of this breach."""
        return tuple(self.uow.notices.list(breach_id=self.breach.id))

    @cached_property
    def recipients(self) -> Mapping[tuple[str, NoticeKind], Sequence[Recipient]]:
        """Of the newest list, by customer and letter."""
        by_kind: dict[tuple[str, NoticeKind], list[Recipient]] = defaultdict(list)
        for recipient in self.manifest.recipients if self.manifest else ():
            by_kind[recipient.customer_id, recipient.kind].append(recipient)
        return by_kind

    @cached_property
    def newest_rows(self) -> Mapping[Reader, NoticeRow]:
        """Newest row of the outbox for each reader."""
        return {(row.customer_id, row.person_id, row.kind): row for row in self.rows}

    @cached_property
    def newest_calls(self) -> Mapping[Reader, CaseTask]:
        """Newest telephone task for each reader."""
        newest: dict[Reader, CaseTask] = {}
        for task in self.case.tasks:
            notice = get_notice(task, self.breach.id) if task.kind is TaskKind.TELEPHONE else None
            if notice and task.customer_id and task.person_id:
                newest[task.customer_id, task.person_id, notice[0]] = task
        return newest

    @cached_property
    def first_tellings(self) -> Mapping[Reader, ReaderTelling]:
        """How each reader was first notified, by a letter of any version that no correction took
        back."""
        first: dict[Reader, ReaderTelling] = {}
        for telling in omit_taken_back(self.tellings):
            first.setdefault(telling.reader, telling)
        return first

    @cached_property
    def tellings(self) -> tuple[ReaderTelling, ...]:
        """All letters and calls that reached their readers, oldest first."""
        return list_tellings(self.breach.id, self.rows, self.case.tasks)


def build_dossier(uow: UnitOfWork, breach_id: str, now: datetime) -> BreachDossier:
    """Read the breach's documents. Raises NotFound."""
    breach = uow.breaches.get(breach_id)
    return BreachDossier(uow, breach, uow.cases.get(breach.case_id), now)
