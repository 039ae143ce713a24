"""Who was told of what, counted by person: by kind of letter and by the exposures it tells of.

Handed over to the person's mail server, or spoken to, is told; a letter that came back is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial

from breachdesk.casework.telephone import notice_of
from breachdesk.casework.told import Telling, still_true, tellings
from breachdesk.gdpr import roles
from breachdesk.ports import UnitOfWork
from schemas.affected import Exposure, NoticeKind
from schemas.breach import Breach
from schemas.case import CallOutcome, Task
from schemas.list_outline import ListOutline
from schemas.notice import Status
from schemas.notice_states import PENDING

Person = tuple[str, str]
"""Customer and person."""
Reader = tuple[str, str, NoticeKind]


class Reached(StrEnum):
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


TOLD = (Reached.BY_LETTER, Reached.BY_TELEPHONE, Reached.IN_PERSON, Reached.BY_POST)
SPOKEN = {
    CallOutcome.REACHED_AND_TOLD: Reached.BY_TELEPHONE,
    CallOutcome.TOLD_IN_PERSON: Reached.IN_PERSON,
    CallOutcome.LETTER_POSTED: Reached.BY_POST,
}


@dataclass(frozen=True, slots=True)
class PersonTold:
    """One person, one kind of letter."""

    person: Person
    kind: NoticeKind
    reached: Reached
    at: datetime | None = None
    """When they were told; None: they were not."""


@dataclass(frozen=True, slots=True)
class PeopleTold:
    """The people who are to be told of some exposures, each counted once."""

    everybody: tuple[PersonTold, ...] = ()

    @property
    def people(self) -> int:
        return len(self.everybody)

    @property
    def told(self) -> int:
        return sum(self.count(reached) for reached in TOLD)

    @property
    def first(self) -> datetime | None:
        return min(self._times(), default=None)

    @property
    def last(self) -> datetime | None:
        return max(self._times(), default=None)

    def count(self, reached: Reached) -> int:
        return sum(person.reached is reached for person in self.everybody)

    def _times(self) -> Iterator[datetime]:
        yield from (person.at for person in self.everybody if person.at is not None)


def told_of(
    uow: UnitOfWork, breach: Breach, manifest: ListOutline | None, exposures: Iterable[Exposure]
) -> PeopleTold:
    """The list's recipients of letters about these exposures."""
    if manifest is None:
        return PeopleTold()
    wanted = {(e.customer_id, roles.letter_kind(e)) for e in exposures}
    listed = {
        ((r.customer_id, r.person_id), r.kind)
        for r in manifest.recipients
        if (r.customer_id, r.kind) in wanted
    }
    ledger = _Ledger(uow, breach)
    return PeopleTold(tuple(ledger.of(person, kind) for person, kind in sorted(listed)))


def told_of_kind(
    uow: UnitOfWork, breach: Breach, manifest: ListOutline | None, kind: NoticeKind
) -> tuple[PeopleTold, PeopleTold]:
    """Those whom the newest list names for this kind, or who were told rightly; and those who were
    told and whose exposure the list excludes."""
    ledger = _Ledger(uow, breach)
    excluded = manifest.excluded if manifest else ()
    role = roles.role_of(kind)
    listed = {
        (r.customer_id, r.person_id)
        for r in (manifest.recipients if manifest else ())
        if r.kind is kind
    }
    ever = _Ledger(uow, breach, taken_back=True)
    told = [p for p in map(partial(ever.of, kind=kind), ever.people(kind)) if p.at is not None]
    wrongly = {p.person for p in told if (p.person[0], role) in excluded}
    rightly = (listed | {p.person for p in told}) - wrongly
    return (
        PeopleTold(tuple(ledger.of(person, kind) for person in sorted(rightly))),
        PeopleTold(tuple(ever.of(person, kind) for person in sorted(wrongly))),
    )


class _Ledger:
    """Letters, calls and who was told, of one breach, by person and kind of letter. `taken_back`:
    with what a later correction took back."""

    def __init__(self, uow: UnitOfWork, breach: Breach, *, taken_back: bool = False) -> None:
        rows, tasks = uow.notices.list(breach_id=breach.id), uow.cases.get(breach.case_id).tasks
        self._letters: dict[Reader, set[Status]] = {}
        for row in rows:
            reader = (row.customer_id, row.person_id, row.kind)
            self._letters.setdefault(reader, set()).add(row.status)
        self._calls: dict[Reader, list[Task]] = {}
        for task in tasks:
            notice = notice_of(task, breach.id)
            if notice and task.customer_id and task.person_id:
                reader = (task.customer_id, task.person_id, notice[0])
                self._calls.setdefault(reader, []).append(task)
        self._told: dict[Reader, Telling] = {}
        every = tellings(breach.id, rows, tasks)
        counted = every if taken_back else still_true(every)
        for telling in sorted(counted, key=_letters_first):
            self._told.setdefault(telling.reader, telling)

    def people(self, kind: NoticeKind) -> set[Person]:
        """Whoever has a letter, or was told, of this kind."""
        readers = {*self._letters, *self._calls, *self._told}
        return {(customer, person) for customer, person, of in readers if of is kind}

    def of(self, person: Person, kind: NoticeKind) -> PersonTold:
        """How far they were reached, by the best of their letters and calls."""
        reader = (*person, kind)
        telling = self._told.get(reader)
        if telling is None:
            return PersonTold(person, kind, self._still(reader))
        how = SPOKEN[telling.spoken] if telling.spoken else Reached.BY_LETTER
        return PersonTold(person, kind, how, telling.at)

    def _still(self, reader: Reader) -> Reached:
        statuses = self._letters.get(reader, set())
        if Status.UNKNOWN in statuses:
            return Reached.UNKNOWN
        if statuses & set(PENDING):
            return Reached.WAITING
        calls = self._calls.get(reader, [])
        if Status.BOUNCED in statuses:
            return Reached.RETURNED
        if any(task.done_at is None for task in calls):
            return Reached.WAITING
        return Reached.NOT_REACHED if calls else Reached.NOT_BEGUN


def _letters_first(telling: Telling) -> tuple[bool, datetime]:
    return telling.spoken is not None, telling.at
