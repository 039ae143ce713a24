"""What the register keeps of the notices: who was told, by kind of letter and role, and when.

Somebody who was told wrongly is never counted among the told: the register says so beside them.
"""

from __future__ import annotations

from collections.abc import Iterator

from breachdesk.casework.corrections import Reader, wrongly_told
from breachdesk.casework.people_told import PeopleTold, Reached, told_of_kind
from breachdesk.casework.told import tellings
from breachdesk.gdpr.roles import CORRECTION_OF, role_of
from breachdesk.ports import UnitOfWork
from schemas.affected import NoticeKind
from schemas.breach import Breach
from schemas.list_outline import ListOutline
from schemas.register import RegisterNotice


def notices(uow: UnitOfWork, breach: Breach, manifest: ListOutline | None) -> list[RegisterNotice]:
    """One for each kind of letter that somebody is to get, or got. Corrections stand beside the
    letter that they correct."""
    return list(_each(uow, breach, manifest))


def _each(
    uow: UnitOfWork, breach: Breach, manifest: ListOutline | None
) -> Iterator[RegisterNotice]:
    uncorrected = _uncorrected(uow, breach, manifest)
    for kind in CORRECTION_OF:
        owed, wrongly = told_of_kind(uow, breach, manifest, kind)
        if not owed.people and not wrongly.people:
            continue
        corrected = sum((*p.person, kind) not in uncorrected for p in wrongly.everybody)
        yield _notice(kind, owed, wrongly, corrected)


def _uncorrected(uow: UnitOfWork, breach: Breach, manifest: ListOutline | None) -> set[Reader]:
    """Who has not learned since they were last told that it was not so."""
    rows, tasks = uow.notices.list(breach_id=breach.id), uow.cases.get(breach.case_id).tasks
    excluded = manifest.excluded if manifest else ()
    return set(wrongly_told(tellings(breach.id, rows, tasks), rows, excluded))


def _notice(
    kind: NoticeKind, owed: PeopleTold, wrongly: PeopleTold, corrected: int
) -> RegisterNotice:
    return RegisterNotice(
        kind=kind.value,
        role=role_of(kind).value,
        people=owed.people,
        by_letter=owed.count(Reached.BY_LETTER),
        by_telephone=owed.count(Reached.BY_TELEPHONE),
        in_person=owed.count(Reached.IN_PERSON),
        by_post=owed.count(Reached.BY_POST),
        waiting=owed.count(Reached.WAITING),
        returned=owed.count(Reached.RETURNED),
        unknown=owed.count(Reached.UNKNOWN),
        not_reached=owed.count(Reached.NOT_REACHED),
        not_begun=owed.count(Reached.NOT_BEGUN),
        first_told_at=owed.first,
        last_told_at=owed.last,
        wrongly_told=wrongly.people,
        corrected=corrected,
    )
