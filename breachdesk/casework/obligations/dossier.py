"""The documents of one breach that obligations are computed from, read once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from breachdesk.casework.telephone import notice_of
from breachdesk.casework.told import Telling, still_true, tellings
from breachdesk.ports import UnitOfWork
from schemas.affected import NoticeKind, Recipient
from schemas.breach import Breach
from schemas.case import Case, Task, TaskKind
from schemas.decision import Decision
from schemas.letter_facts import NoticeFacts
from schemas.list_outline import ListOutline
from schemas.notice import NoticeRow
from schemas.report import ReportFacts, Submission

Reader = tuple[str, str, NoticeKind]
"""Customer, person, and the kind of letter. What is looked up by it is read once: a list of
thousands must not be searched for each of its readers."""


@dataclass(frozen=True)
class Dossier:
    """A maker reads here, and from `uow` what only it needs."""

    uow: UnitOfWork
    breach: Breach
    case: Case
    now: datetime

    @cached_property
    def manifest(self) -> ListOutline | None:
        """The newest frozen list."""
        return self.uow.breaches.latest(ListOutline, self.breach.id)

    @cached_property
    def decisions(self) -> tuple[Decision, ...]:
        """Oldest first."""
        return tuple(self.uow.breaches.all(Decision, self.breach.id))

    @property
    def decision(self) -> Decision | None:
        return self.decisions[-1] if self.decisions else None

    @cached_property
    def facts(self) -> tuple[NoticeFacts, ...]:
        """Every version of the letters' facts, oldest first."""
        return tuple(self.uow.breaches.all(NoticeFacts, self.breach.id))

    @cached_property
    def submissions(self) -> tuple[Submission, ...]:
        """Of every regulator, in the order in which they were sent."""
        filed = self.uow.breaches.all(Submission, self.breach.id)
        return tuple(sorted(filed, key=lambda s: (s.submitted_at, s.number)))

    @cached_property
    def report_facts(self) -> tuple[ReportFacts, ...]:
        """Oldest first."""
        return tuple(self.uow.breaches.all(ReportFacts, self.breach.id))

    @cached_property
    def rows(self) -> tuple[NoticeRow, ...]:
        """The outbox's rows of this breach."""
        return tuple(self.uow.notices.list(breach_id=self.breach.id))

    @cached_property
    def recipients(self) -> Mapping[tuple[str, NoticeKind], Sequence[Recipient]]:
        """Of the newest list, by customer and letter."""
        found: dict[tuple[str, NoticeKind], list[Recipient]] = defaultdict(list)
        for recipient in self.manifest.recipients if self.manifest else ():
            found[recipient.customer_id, recipient.kind].append(recipient)
        return found

    @cached_property
    def newest_rows(self) -> Mapping[Reader, NoticeRow]:
        """Each reader's newest row of the outbox."""
        return {(row.customer_id, row.person_id, row.kind): row for row in self.rows}

    @cached_property
    def newest_calls(self) -> Mapping[Reader, Task]:
        """Each reader's newest telephone task."""
        found: dict[Reader, Task] = {}
        for task in self.case.tasks:
            notice = notice_of(task, self.breach.id) if task.kind is TaskKind.TELEPHONE else None
            if notice and task.customer_id and task.person_id:
                found[task.customer_id, task.person_id, notice[0]] = task
        return found

    @cached_property
    def first_tellings(self) -> Mapping[Reader, Telling]:
        """How each reader was told first, by a letter of any version that no correction took back."""
        found: dict[Reader, Telling] = {}
        for telling in still_true(self.tellings):
            found.setdefault(telling.reader, telling)
        return found

    @cached_property
    def tellings(self) -> tuple[Telling, ...]:
        """Who was told what, oldest first."""
        return tellings(self.breach.id, self.rows, self.case.tasks)


def dossier_of(uow: UnitOfWork, breach_id: str, now: datetime) -> Dossier:
    """Raises NotFound."""
    breach = uow.breaches.get(breach_id)
    return Dossier(uow, breach, uow.cases.get(breach.case_id), now)
