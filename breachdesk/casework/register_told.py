"""What the register keeps of the notices: who was told, by kind of letter and role, and when.

Somebody who was told wrongly is never counted among the told: the register says so beside them.
"""

from __future__ import annotations

from collections.abc import Iterator

from breachdesk.casework.people_told import PeopleTold, Reached, told_of_kind
from breachdesk.gdpr.roles import CORRECTION_OF, role_of
from breachdesk.ports import UnitOfWork
from schemas.affected import Manifest, NoticeKind
from schemas.breach import Breach
from schemas.register import RegisterNotice


def notices(uow: UnitOfWork, breach: Breach, manifest: Manifest | None) -> list[RegisterNotice]:
    """One for each kind of letter that somebody is to get, or got. Corrections stand beside the
    letter that they correct."""
    return list(_each(uow, breach, manifest))


def _each(uow: UnitOfWork, breach: Breach, manifest: Manifest | None) -> Iterator[RegisterNotice]:
    for kind, correction in CORRECTION_OF.items():
        owed, wrongly = told_of_kind(uow, breach, manifest, kind)
        if not owed.people and not wrongly.people:
            continue
        yield _notice(kind, owed, wrongly, _told_of(uow, breach, correction, wrongly))


def _told_of(uow: UnitOfWork, breach: Breach, correction: NoticeKind, wrongly: PeopleTold) -> int:
    """How many of the wrongly told have had their correction."""
    everybody, _ = told_of_kind(uow, breach, None, correction)
    at = {person.person: person.at for person in everybody.everybody if person.at is not None}
    return sum(
        person.at is not None and (told := at.get(person.person)) is not None and told > person.at
        for person in wrongly.everybody
    )


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
