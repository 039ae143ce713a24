"""Everything a case's pages show, read in one look."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from breachdesk.casework import obligations
from breachdesk.casework.affected.group_records import list_affected
from breachdesk.casework.closing.closing_blockers import ClosingBlocker, compute_blockers
from breachdesk.console.views.pages import get_customer_names
from breachdesk.ports import UnitOfWork
from schemas.casework.affected import Certainty, Exposure
from schemas.casework.affected_group import AffectedGroup
from schemas.casework.approval import Approval
from schemas.casework.breach import Breach
from schemas.casework.breach_records import ControllerQuestion
from schemas.casework.case import Case, CaseState
from schemas.casework.case_record import Complaint
from schemas.casework.decision import Decision
from schemas.casework.letter_facts import NoticeFacts
from schemas.casework.list_outline import ListOutline
from schemas.casework.notice import NoticeRow
from schemas.casework.notice_states import UNSETTLED
from schemas.casework.obligation import Obligation
from schemas.casework.report import ReportFacts, Submission
from schemas.errors import NotFound
from schemas.pipeline.alert import AlertView


@dataclass(frozen=True)
class CaseFile:
    """A case and, once confirmed, the newest version of each of its breach's documents."""

    case: Case
    alerts: tuple[AlertView, ...] = ()
    names: dict[str, str] = field(default_factory=dict)
    breach: Breach | None = None
    manifest: ListOutline | None = None
    decision: Decision | None = None
    facts: NoticeFacts | None = None
    approval: Approval | None = None
    rows: tuple[NoticeRow, ...] = ()
    report: ReportFacts | None = None
    submissions: tuple[Submission, ...] = ()
    obligations: tuple[Obligation, ...] = ()
    paused: bool = False
    groups: tuple[AffectedGroup, ...] = ()
    """People affected who are no customers."""
    obstacles: tuple[ClosingBlocker, ...] = ()
    """What prevents closing the case."""

    @property
    def path(self) -> str:
        """Where its pages are."""
        return f"/cases/{self.case.id}"

    @property
    def is_open(self) -> bool:
        return self.case.state is not CaseState.CLOSED

    @property
    def open_tasks(self) -> int:
        return sum(task.done_at is None for task in self.case.tasks)

    @property
    def reached(self) -> tuple[Exposure, ...]:
        """The frozen exposures that are not excluded."""
        every = self.manifest.exposures if self.manifest else ()
        return sort_by_certainty(e for e in every if e.certainty is not Certainty.EXCLUDED)

    @property
    def customers_reached(self) -> int:
        return len({e.customer_id for e in self.reached})

    @property
    def unsettled(self) -> int:
        """Rows whose end is still to come or not known."""
        return sum(row.status in UNSETTLED for row in self.rows)

    @property
    def released(self) -> bool:
        """The newest approval is of the newest list, decision and facts."""
        if not (self.approval and self.manifest and self.decision and self.facts):
            return False
        approved = self.approval
        return (approved.manifest_hash, approved.decision_hash, approved.facts_version) == (
            self.manifest.hash,
            self.decision.hash,
            self.facts.version,
        )

    def get_breach(self) -> Breach:
        """The breach. Raises NotFound while nobody has confirmed one."""
        if self.breach is None:
            raise NotFound(
                "no breach is confirmed in this case",
                place=self.case.id,
                remedy="Confirm it first; everything else follows from that.",
            )
        return self.breach


def sort_by_certainty(exposures: Iterable[Exposure]) -> tuple[Exposure, ...]:
    """Confirmed before likely before possible before excluded, else as given."""
    order = list(Certainty)
    return tuple(sorted(exposures, key=lambda e: order.index(e.certainty)))


def read_case(uow: UnitOfWork, case_id: str, now: datetime) -> CaseFile:
    """The whole file. Raises NotFound."""
    case = uow.cases.get(case_id)
    file = replace(read_unnamed(uow, case, now), alerts=tuple(uow.alerts.get_many(case.alerts)))
    return replace(
        file,
        names=get_customer_names(
            uow, (*_iterate_customers(file), *_iterate_record_customers(uow, case))
        ),
    )


def read_unnamed(uow: UnitOfWork, case: Case, now: datetime) -> CaseFile:
    """The file without its alerts and names: enough to name the next step of the case."""
    uow.records.read_ahead([case.id])
    groups = list_affected(uow, case.id)
    if case.breach_id is None:
        return CaseFile(case, groups=groups, obstacles=tuple(compute_blockers(uow, case, ())))
    book, breach_id = uow.breaches, case.breach_id
    book.read_ahead([breach_id])
    duties = obligations.list_obligations(uow, breach_id, now)
    return CaseFile(
        case,
        breach=book.get(breach_id),
        manifest=book.find_latest(ListOutline, breach_id),
        decision=book.find_latest(Decision, breach_id),
        facts=book.find_latest(NoticeFacts, breach_id),
        approval=book.find_latest(Approval, breach_id),
        rows=tuple(uow.notices.list(breach_id=breach_id)),
        report=book.find_latest(ReportFacts, breach_id),
        submissions=tuple(book.list_versions(Submission, breach_id)),
        obligations=duties,
        paused=book.is_paused(breach_id),
        groups=groups,
        obstacles=tuple(compute_blockers(uow, case, duties)),
    )


def _iterate_customers(file: CaseFile) -> Iterator[str | None]:
    """Whom pages of the case name; of a frozen list, those that it reaches."""
    for alert in file.alerts:
        yield from alert.customers
        yield alert.organization
    if file.manifest is not None:
        yield from (r.customer_id for r in file.manifest.recipients)
        yield from (e.customer_id for e in file.reached)
    yield from (row.customer_id for row in file.rows)
    yield from (task.customer_id for task in file.case.tasks)
    for step in file.case.containment:
        yield from step.customers
    for duty in file.obligations:
        yield duty.customer_id
        yield from (reader.customer_id for reader in duty.owed)


def _iterate_record_customers(uow: UnitOfWork, case: Case) -> Iterator[str | None]:
    """Whom the records around the case name."""
    for complaint in uow.records.list_of_case(Complaint, case.id):
        yield complaint.customer_id
    if case.breach_id is not None:
        for question in uow.breaches.list_versions(ControllerQuestion, case.breach_id):
            yield question.customer_id
