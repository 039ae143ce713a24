"""What still stands against closing a case: every duty that nobody has met or waived yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from breachdesk.casework.causes import is_known
from breachdesk.casework.decide import grown_since, unsettled
from breachdesk.casework.groups import affected_groups, group_words
from breachdesk.casework.obligations import RULES, obligations_of
from breachdesk.ports import UnitOfWork
from schemas.case import Case, CaseState
from schemas.case_record import Complaint, SupplierQuestion
from schemas.decision import Decision
from schemas.list_outline import ListOutline
from schemas.notice_states import UNSETTLED
from schemas.obligation import Obligation

NAMED = 5
"""Readers that one obstacle names."""


@dataclass(frozen=True, slots=True)
class Obstacle:
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
        return self.said({})

    def said(self, names: Mapping[str, str]) -> str:
        """In a sentence. `names` by the customer's id; whoever it lacks is named by the id."""
        who = ", ".join(names.get(reader, reader) for reader in self.readers[:NAMED])
        more = len(self.readers) - NAMED
        told = f" (not told: {who}{f' and {more} more' if more > 0 else ''})" if who else ""
        customer = names.get(self.customer_id or "", self.customer_id)
        whose = f" ({customer})" if customer and not who else ""
        return f"{self.text}{whose}{told}: it ends by {self.ends_by}"


def obstacles(uow: UnitOfWork, case: Case, now: datetime) -> list[Obstacle]:
    """Empty: it may be closed."""
    duties = obligations_of(uow, case.breach_id, now) if case.breach_id else ()
    return obstacles_among(uow, case, duties)


def obstacles_among(uow: UnitOfWork, case: Case, duties: Sequence[Obligation]) -> list[Obstacle]:
    """As `obstacles`, where the obligations of the breach were computed already."""
    if case.erased:
        return []
    found = [*_tasks(case)]
    if case.breach_id is None:
        found += _records(uow, case)
    if case.breach_id:
        found += _documents(uow, case, case.breach_id)
        found += [_duty(duty) for duty in duties if duty.running]
        found += _letters(uow, case.breach_id)
        found += _cause(case)
    return found


def _tasks(case: Case) -> Iterator[Obstacle]:
    waiting = sum(task.done_at is None for task in case.tasks)
    if waiting:
        text = f"{waiting} task{'s are' if waiting > 1 else ' is'} not done"
        yield Obstacle(text, "its outcome, recorded on the page of the task", "#tasks")


def _records(uow: UnitOfWork, case: Case) -> Iterator[Obstacle]:
    """What is owed without a breach; with one, obligations say it."""
    open_questions = [
        q for q in uow.records.of_case(SupplierQuestion, case.id) if q.ended_at is None
    ]
    for question in open_questions:
        text = f"our supplier {question.supplier} has not answered"
        yield Obstacle(text, "its answer, or a record that none will come", "/people")
    for group in affected_groups(uow, case.id):
        text = f"{group_words(group)} are recorded as affected, and no breach is confirmed"
        ends_by = "confirming the breach, or taking the group back with a reason"
        yield Obstacle(text, ends_by, "/groups")
    for complaint in uow.records.of_case(Complaint, case.id):
        if complaint.ended_at is None:
            yield Obstacle(f"{complaint.id} has no outcome", "the recorded outcome", "/people")


def _documents(uow: UnitOfWork, case: Case, breach_id: str) -> Iterator[Obstacle]:
    manifest = uow.breaches.latest(ListOutline, breach_id)
    decision = uow.breaches.latest(Decision, breach_id)
    if manifest is None:
        yield Obstacle("the affected list is not frozen", "freezing it", "/affected")
    if decision is None:
        yield Obstacle("the decision is not written", "writing it", "/decision")
    if manifest is None or decision is None or case.state is CaseState.CLOSED:
        return
    groups = affected_groups(uow, case.id)
    left = [
        f"decision {decision.version} leaves something open: {name} {problem}"
        for name, problem in unsettled(decision, manifest, groups=bool(groups)).items()
    ]
    lists = tuple(uow.breaches.all(ListOutline, breach_id))
    left += [
        f"decision {decision.version} says no to one of its questions, and {grown}"
        for grown in grown_since(decision, lists, groups)
    ]
    for text in left:
        yield Obstacle(text, "a new version of the decision", "/decision?anew=1")


def _cause(case: Case) -> Iterator[Obstacle]:
    """Asked before a breach is closed; one that was closed before it was asked stays as it is."""
    if case.state is not CaseState.CLOSED and not is_known(case):
        yield Obstacle("the cause is not said", "choosing it where the case is closed", "#close")


def _duty(duty: Obligation) -> Obstacle:
    title = duty.title[:1].lower() + duty.title[1:]
    readers = tuple(dict.fromkeys(reader.customer_id for reader in duty.owed))
    page = f"/{RULES[duty.kind].page}"
    return Obstacle(title, duty.ends_by, page, readers, duty.customer_id, duty.id)


def _letters(uow: UnitOfWork, breach_id: str) -> Iterator[Obstacle]:
    waiting = len(uow.notices.list(breach_id=breach_id, statuses=UNSETTLED))
    if waiting:
        text = f"{waiting} letter{'s are' if waiting > 1 else ' is'} not settled"
        yield Obstacle(text, "its end, or settling it by the mail server's log", "/delivery")
