"""Build the register's fields for notices: who was notified, by kind of letter and role, and when.

Readers who were notified wrongly are never counted as notified; the register lists them
separately."""

from __future__ import annotations

from collections.abc import Iterator

from breachdesk.casework.affected.corrections import Reader, find_wrongly_told
from breachdesk.casework.affected.notification_status import list_tellings
from breachdesk.casework.affected.notified_people import (
    NotifiedPeople,
    ReachStatus,
    compute_told_of_kind,
)
from breachdesk.gdpr.roles import CORRECTION_OF, get_role
from breachdesk.ports import UnitOfWork
from schemas.casework.breach import Breach
from schemas.casework.list_outline import ListOutline
from schemas.casework.notice_kind import NoticeKind
from schemas.casework.register import RegisterNotice


def list_notices(
    uow: UnitOfWork, breach: Breach, manifest: ListOutline | None
) -> list[RegisterNotice]:
    """List one entry for each kind of letter that somebody is to get, or got. Corrections follow
    the letter that they correct."""
    return list(_iterate_notices(uow, breach, manifest))


def _iterate_notices(
    uow: UnitOfWork, breach: Breach, manifest: ListOutline | None
) -> Iterator[RegisterNotice]:
    uncorrected = _find_uncorrected(uow, breach, manifest)
    for kind in CORRECTION_OF:
        owed, wrongly = compute_told_of_kind(uow, breach, manifest, kind)
        if not owed.people and not wrongly.people:
            continue
        corrected = sum((*p.person, kind) not in uncorrected for p in wrongly.everybody)
        yield _build_notice(kind, owed, wrongly, corrected)


def _find_uncorrected(uow: UnitOfWork, breach: Breach, manifest: ListOutline | None) -> set[Reader]:
    """Find readers without a correction since they were last notified wrongly."""
    rows, tasks = uow.notices.list(breach_id=breach.id), uow.cases.get(breach.case_id).tasks
    excluded = manifest.excluded if manifest else ()
    return set(find_wrongly_told(list_tellings(breach.id, rows, tasks), rows, excluded))


def _build_notice(
    kind: NoticeKind, owed: NotifiedPeople, wrongly: NotifiedPeople, corrected: int
) -> RegisterNotice:
    return RegisterNotice(
        kind=kind.value,
        role=get_role(kind).value,
        people=owed.people,
        by_letter=owed.count(ReachStatus.BY_LETTER),
        by_telephone=owed.count(ReachStatus.BY_TELEPHONE),
        in_person=owed.count(ReachStatus.IN_PERSON),
        by_post=owed.count(ReachStatus.BY_POST),
        waiting=owed.count(ReachStatus.WAITING),
        returned=owed.count(ReachStatus.RETURNED),
        unknown=owed.count(ReachStatus.UNKNOWN),
        not_reached=owed.count(ReachStatus.NOT_REACHED),
        not_begun=owed.count(ReachStatus.NOT_BEGUN),
        first_told_at=owed.first,
        last_told_at=owed.last,
        wrongly_told=wrongly.people,
        corrected=corrected,
    )
