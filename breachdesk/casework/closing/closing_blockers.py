"""Find what prevents closing a case: every obligation that is neither met nor waived."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from breachdesk.casework.affected.group_records import format_group_kind, list_affected
from breachdesk.casework.decision.decide import list_growth, list_unsettled
from breachdesk.casework.obligations import get_rule, list_obligations
from breachdesk.casework.opening.causes import is_known
from breachdesk.ports import UnitOfWork
from schemas.casework.case import Case, CaseState
from schemas.casework.case_record import Complaint, SupplierQuestion
from schemas.casework.decision import Decision
from schemas.casework.list_outline import ListOutline
from schemas.casework.notice_states import UNSETTLED
from schemas.casework.obligation import Obligation

NAMED = 5
"""Readers that one obstacle names."""


@dataclass(frozen=True, slots=True)
class ClosingBlocker:
    """One thing to be done before the case may be closed."""

    text: str
    ends_by: str
    page: str
    """Of the case, where it is done."""
    readers: tuple[str, ...] = ()
    """Ids of the customers who are still to be told."""
    customer_id: str | None = None
    """Whom it concerns, where it is about one customer."""
    duty_id: str | None = None
    """Of the obligation that still runs; None: it is something else that is not done."""

    def __str__(self) -> str:
        return self.format_sentence({})

    def format_sentence(self, names: Mapping[str, str]) -> str:
        """Format the blocker as a sentence, with customers called as in `names`, else by their
        id."""
        who = ", ".join(names.get(reader, reader) for reader in self.readers[:NAMED])
        more = len(self.readers) - NAMED
        readers = f" (not told: {who}{f' and {more} more' if more > 0 else ''})" if who else ""
        customer = names.get(self.customer_id or "", self.customer_id)
        whose = f" ({customer})" if customer and not who else ""
        return f"{self.text}{whose}{readers}: it ends by {self.ends_by}"


def closing_blockers(uow: UnitOfWork, case: Case, now: datetime) -> list[ClosingBlocker]:
    """List what prevents closing the case. Empty: it may be closed."""
    duties = list_obligations(uow, case.breach_id, now) if case.breach_id else ()
    return compute_blockers(uow, case, duties)


def compute_blockers(
    uow: UnitOfWork, case: Case, duties: Sequence[Obligation]
) -> list[ClosingBlocker]:
    """List the blockers of a case whose breach's obligations were computed already."""
    if case.erased:
        return []
    blockers = [*_find_task_blockers(case)]
    if case.breach_id is None:
        blockers += _find_record_blockers(uow, case)
    if case.breach_id:
        blockers += _find_document_blockers(uow, case, case.breach_id)
        blockers += [_build_duty_blocker(duty) for duty in duties if duty.running]
        blockers += _find_letter_blockers(uow, case.breach_id)
        blockers += _find_cause_blockers(case)
    return blockers


def _find_task_blockers(case: Case) -> Iterator[ClosingBlocker]:
    waiting = sum(task.done_at is None for task in case.tasks)
    if waiting:
        text = f"{waiting} task{'s are' if waiting > 1 else ' is'} not done"
        yield ClosingBlocker(text, "its outcome, recorded on the page of the task", "#tasks")


def _find_record_blockers(uow: UnitOfWork, case: Case) -> Iterator[ClosingBlocker]:
    """Find what is owed when the case has no breach; obligations cover it otherwise."""
    open_questions = [
        q for q in uow.records.list_of_case(SupplierQuestion, case.id) if q.ended_at is None
    ]
    for question in open_questions:
        text = f"our supplier {question.supplier} has not answered"
        yield ClosingBlocker(text, "its answer, or a record that none will come", "/people")
    for group in list_affected(uow, case.id):
        text = f"{format_group_kind(group)} are recorded as affected, and no breach is confirmed"
        ends_by = "confirming the breach, or taking the group back with a reason"
        yield ClosingBlocker(text, ends_by, "/groups")
    for complaint in uow.records.list_of_case(Complaint, case.id):
        if complaint.ended_at is None:
            yield ClosingBlocker(
                f"{complaint.id} has no outcome", "the recorded outcome", "/people"
            )


def _find_document_blockers(
    uow: UnitOfWork, case: Case, breach_id: str
) -> Iterator[ClosingBlocker]:
    manifest = uow.breaches.find_latest(ListOutline, breach_id)
    decision = uow.breaches.find_latest(Decision, breach_id)
    if manifest is None:
        yield ClosingBlocker("the affected list is not frozen", "freezing it", "/affected")
    if decision is None:
        yield ClosingBlocker("the decision is not written", "writing it", "/decision")
    if manifest is None or decision is None or case.state is CaseState.CLOSED:
        return
    groups = list_affected(uow, case.id)
    open_questions = list_unsettled(
        decision, manifest, groups=bool(groups), reported_to=uow.law.reported_to
    )
    gaps = [
        f"decision {decision.version} leaves something open: {name} {problem}"
        for name, problem in open_questions.items()
    ]
    lists = tuple(uow.breaches.list_versions(ListOutline, breach_id))
    gaps += [
        f"decision {decision.version} says no to one of its questions, and {grown}"
        for grown in list_growth(decision, lists, groups)
    ]
    for text in gaps:
        yield ClosingBlocker(text, "a new version of the decision", "/decision?anew=1")


def _find_cause_blockers(case: Case) -> Iterator[ClosingBlocker]:
    """Require a cause before a breach is closed. Breaches closed by releases without causes are
    left unchanged."""
    if case.state is not CaseState.CLOSED and not is_known(case):
        yield ClosingBlocker(
            "the cause is not said", "choosing it where the case is closed", "#close"
        )


def _build_duty_blocker(duty: Obligation) -> ClosingBlocker:
    title = duty.title[:1].lower() + duty.title[1:]
    readers = tuple(dict.fromkeys(reader.customer_id for reader in duty.owed))
    page = f"/{get_rule(duty.kind).page}"
    return ClosingBlocker(title, duty.ends_by, page, readers, duty.customer_id, duty.id)


def _find_letter_blockers(uow: UnitOfWork, breach_id: str) -> Iterator[ClosingBlocker]:
    waiting = len(uow.notices.list(breach_id=breach_id, statuses=UNSETTLED))
    if waiting:
        text = f"{waiting} letter{'s are' if waiting > 1 else ' is'} not settled"
        yield ClosingBlocker(text, "its end, or settling it by the mail server's log", "/delivery")
