"""Count notified people, by kind of letter and by exposure.

A letter handed over to the person's mail server, or a call, notifies; a letter that came back does
not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial

from breachdesk.casework.affected.notification_status import (
    ReaderTelling,
    list_tellings,
    omit_taken_back,
)
from breachdesk.casework.opening.telephone_tasks import get_notice
from breachdesk.gdpr import roles
from breachdesk.ports import UnitOfWork
from schemas.casework.affected import Exposure
from schemas.casework.breach import Breach
from schemas.casework.case import CallOutcome, CaseTask
from schemas.casework.list_outline import ListOutline
from schemas.casework.notice import DeliveryStatus
from schemas.casework.notice_kind import NoticeKind
from schemas.casework.notice_states import PENDING

Person = tuple[str, str]
"""Customer and person."""
Reader = tuple[str, str, NoticeKind]


class ReachStatus(StrEnum):
    """How far one person was reached, the best first."""

    BY_LETTER = "by_letter"
    BY_TELEPHONE = "by_telephone"
    IN_PERSON = "in_person"
    BY_POST = "by_post"
    UNKNOWN = "unknown"
    WAITING = "waiting"
    RETURNED = "returned"
    """The letter came back and nobody has spoken to them."""
    NOT_REACHED = "not_reached"
    """Telephoned, and neither reached nor told."""
    NOT_BEGUN = "not_begun"


INFORMED = (
    ReachStatus.BY_LETTER,
    ReachStatus.BY_TELEPHONE,
    ReachStatus.IN_PERSON,
    ReachStatus.BY_POST,
)
SPOKEN = {
    CallOutcome.REACHED_AND_TOLD: ReachStatus.BY_TELEPHONE,
    CallOutcome.TOLD_IN_PERSON: ReachStatus.IN_PERSON,
    CallOutcome.LETTER_POSTED: ReachStatus.BY_POST,
}


@dataclass(frozen=True, slots=True)
class NotifiedPerson:
    """One person and one kind of letter."""

    person: Person
    kind: NoticeKind
    reached: ReachStatus
    at: datetime | None = None
    """When they were told; None: they were not."""


@dataclass(frozen=True, slots=True)
class NotifiedPeople:
    """The people to be notified of some exposures, each counted once."""

    everybody: tuple[NotifiedPerson, ...] = ()

    @property
    def people(self) -> int:
        return len(self.everybody)

    @property
    def informed_count(self) -> int:
        return sum(self.count(reached) for reached in INFORMED)

    @property
    def first(self) -> datetime | None:
        return min(self._iterate_times(), default=None)

    @property
    def last(self) -> datetime | None:
        return max(self._iterate_times(), default=None)

    def count(self, reached: ReachStatus) -> int:
        return sum(person.reached is reached for person in self.everybody)

    def _iterate_times(self) -> Iterator[datetime]:
        yield from (person.at for person in self.everybody if person.at is not None)


def compute_told(
    uow: UnitOfWork, breach: Breach, manifest: ListOutline | None, exposures: Iterable[Exposure]
) -> NotifiedPeople:
    """Count the list's recipients of letters about these exposures."""
    if manifest is None:
        return NotifiedPeople()
    owed_kinds = {(e.customer_id, kind) for e in exposures for kind in roles.list_letter_kinds(e)}
    listed = {
        ((r.customer_id, r.person_id), r.kind)
        for r in manifest.recipients
        if (r.customer_id, r.kind) in owed_kinds
    }
    ledger = _TellingLedger(uow, breach)
    return NotifiedPeople(
        tuple(ledger.find_status(person, kind) for person, kind in sorted(listed))
    )


def compute_told_of_kind(
    uow: UnitOfWork, breach: Breach, manifest: ListOutline | None, kind: NoticeKind
) -> tuple[NotifiedPeople, NotifiedPeople]:
    """Return those whom the newest list names for this kind, or who were notified rightly; and
    those who were notified and whose exposure the list excludes."""
    ledger = _TellingLedger(uow, breach)
    excluded = manifest.excluded if manifest else ()
    role = roles.get_role(kind)
    listed = {
        (r.customer_id, r.person_id)
        for r in (manifest.recipients if manifest else ())
        if r.kind is kind
    }
    ever = _TellingLedger(uow, breach, taken_back=True)
    informed = [
        p
        for p in map(partial(ever.find_status, kind=kind), ever.list_people(kind))
        if p.at is not None
    ]
    wrongly = {p.person for p in informed if (p.person[0], role) in excluded}
    rightly = (listed | {p.person for p in informed}) - wrongly
    return (
        NotifiedPeople(tuple(ledger.find_status(person, kind) for person in sorted(rightly))),
        NotifiedPeople(tuple(ever.find_status(person, kind) for person in sorted(wrongly))),
    )


class _TellingLedger:
    """Letters, calls and notified readers of one breach, by person and kind of letter. `taken_back`
    includes what a later correction took back."""

    def __init__(self, uow: UnitOfWork, breach: Breach, *, taken_back: bool = False) -> None:
        rows, tasks = uow.notices.list(breach_id=breach.id), uow.cases.get(breach.case_id).tasks
        self._letters: dict[Reader, set[DeliveryStatus]] = {}
        for row in rows:
            reader = (row.customer_id, row.person_id, row.kind)
            self._letters.setdefault(reader, set()).add(row.status)
        self._calls: dict[Reader, list[CaseTask]] = {}
        for task in tasks:
            notice = get_notice(task, breach.id)
            if notice and task.customer_id and task.person_id:
                reader = (task.customer_id, task.person_id, notice[0])
                self._calls.setdefault(reader, []).append(task)
        self._tellings: dict[Reader, ReaderTelling] = {}
        every = list_tellings(breach.id, rows, tasks)
        counted = every if taken_back else omit_taken_back(every)
        for telling in sorted(counted, key=_get_sort_key):
            self._tellings.setdefault(telling.reader, telling)

    def list_people(self, kind: NoticeKind) -> set[Person]:
        """List everybody who has a letter, or was notified, of this kind."""
        readers = {*self._letters, *self._calls, *self._tellings}
        return {(customer, person) for customer, person, of in readers if of is kind}

    def find_status(self, person: Person, kind: NoticeKind) -> NotifiedPerson:
        """Find how far the person was reached, by the best of their letters and calls."""
        reader = (*person, kind)
        telling = self._tellings.get(reader)
        if telling is None:
            return NotifiedPerson(person, kind, self._get_open_status(reader))
        how = SPOKEN[telling.spoken] if telling.spoken else ReachStatus.BY_LETTER
        return NotifiedPerson(person, kind, how, telling.at)

    def _get_open_status(self, reader: Reader) -> ReachStatus:
        statuses = self._letters.get(reader, set())
        if DeliveryStatus.UNKNOWN in statuses:
            return ReachStatus.UNKNOWN
        if statuses & set(PENDING):
            return ReachStatus.WAITING
        calls = self._calls.get(reader, [])
        if DeliveryStatus.BOUNCED in statuses:
            return ReachStatus.RETURNED
        if any(task.done_at is None for task in calls):
            return ReachStatus.WAITING
        return ReachStatus.NOT_REACHED if calls else ReachStatus.NOT_BEGUN


def _get_sort_key(telling: ReaderTelling) -> tuple[bool, datetime]:
    return telling.spoken is not None, telling.at
