"""The documents of one breach that obligations are computed from, read once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from breachdesk.casework.told import Telling, tellings
from breachdesk.ports import UnitOfWork
from schemas.affected import Manifest
from schemas.breach import Breach
from schemas.case import Case
from schemas.decision import Decision
from schemas.letter_facts import NoticeFacts
from schemas.notice import NoticeRow
from schemas.report import ReportFacts, Submission


@dataclass(frozen=True)
class Dossier:
    """A maker reads here, and from `uow` what only it needs."""

    uow: UnitOfWork
    breach: Breach
    case: Case
    now: datetime

    @cached_property
    def manifest(self) -> Manifest | None:
        """The newest frozen list."""
        return self.uow.breaches.latest(Manifest, self.breach.id)

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
    def tellings(self) -> tuple[Telling, ...]:
        """Who was told what, oldest first."""
        return tellings(self.breach.id, self.rows, self.case.tasks)


def dossier_of(uow: UnitOfWork, breach_id: str, now: datetime) -> Dossier:
    """Raises NotFound."""
    breach = uow.breaches.get(breach_id)
    return Dossier(uow, breach, uow.cases.get(breach.case_id), now)
