"""Record affected people who are not customers: they are counted, and notified by other means.

The letters of this system are about an account, so nobody of a group gets one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from breachdesk.casework.authority import check_not_erased, require_permission, require_text
from breachdesk.ports import UnitOfWork
from schemas.audit_actions import AuditAction
from schemas.casework.affected import Certainty
from schemas.casework.affected_group import (
    AffectedGroup,
    GroupExemption,
    GroupKind,
    GroupNotification,
    GroupPerson,
    GroupReach,
)
from schemas.casework.case import Case, CaseState
from schemas.casework.report import NumberPrecision
from schemas.customer import DataCategory, Person, PersonKind
from schemas.errors import BadInput, NotAllowed, NotFound
from schemas.times import convert_to_utc
from schemas.user import Actor, Permission

KIND_WORDS = {
    GroupKind.STAFF: "Staff",
    GroupKind.APPLICANT: "Job applicants",
    GroupKind.SUBSCRIBER: "Newsletter subscribers",
    GroupKind.ENQUIRER: "People who sent a form or wrote to us",
    GroupKind.VISITOR: "Visitors",
    GroupKind.SUPPLIER_CONTACT: "Suppliers’ contacts",
    GroupKind.OTHER: "Others",
}
_ABOUT = ("id", "version", "case_id", "recorded_by", "recorded_at", "persons", "tellings")
"""Fields that `change_group` leaves unchanged, besides those that `withdraw_group` and
`record_not_telling` write."""


def list_affected(uow: UnitOfWork, case_id: str) -> tuple[AffectedGroup, ...]:
    """List groups that are affected as known now, in the order in which they were recorded."""
    every = uow.records.list_of_case(AffectedGroup, case_id)
    return tuple(group for group in every if group.withdrawn_at is None)


def list_categories(groups: Iterable[AffectedGroup]) -> frozenset[DataCategory]:
    """List the kinds of data that we hold of these people."""
    return frozenset(c for group in groups for c in group.data_categories)


def format_group_kind(group: AffectedGroup) -> str:
    """Format the kind like `Job applicants`, or as it was typed for other kinds."""
    if group.kind is GroupKind.OTHER and group.kind_words:
        return group.kind_words
    words = KIND_WORDS[group.kind]
    return f"{words} ({group.kind_words})" if group.kind_words else words


def format_group_line(group: AffectedGroup) -> str:
    """Format a group like `Job applicants: exactly 14; all told`, without names."""
    count = "number not known"
    if group.people.value is not None:
        how = "exactly" if group.people.precision is NumberPrecision.EXACT else "about"
        count = f"{how} {group.people.value:,}"
    if group.told_at is not None:
        end = "all told"
    elif group.not_told is not None:
        end = "not told, with a reason"
    else:
        end = f"{group.told:,} told so far"
    return f"{format_group_kind(group)}: {count}; {end}"


def add_group(
    uow: UnitOfWork, actor: Actor, case_id: str, group: AffectedGroup, now: datetime
) -> AffectedGroup:
    """Record a group. Id, case and who records it are filled in here. Raises BadInput for what
    contradicts itself, NotAllowed in a closed case."""
    require_permission(actor, Permission.RESPONDER, act="change who is affected")
    case = _get_open_case(uow, case_id)
    filed = _check_group(group).model_copy(
        update={
            "id": uow.records.allocate_id(AffectedGroup),
            "version": 1,
            "case_id": case.id,
            "recorded_by": actor.id,
            "recorded_at": now,
            "persons": (),
            "tellings": (),
            "not_told": None,
            "withdrawn_at": None,
        }
    )
    uow.records.add(filed)
    _record_audit(uow, actor, AuditAction.CASE_GROUP_ADDED, filed, now)
    return filed


def change_group(
    uow: UnitOfWork, actor: Actor, case_id: str, group: AffectedGroup, now: datetime
) -> AffectedGroup:
    """Change what is known of a group, keeping its people and what they were told. Raises
    EditConflict when somebody changed it meanwhile."""
    require_permission(actor, Permission.RESPONDER, act="change who is affected")
    stored = _get_open_group(uow, case_id, group.id)
    fields: dict[str, Any] = {name: getattr(stored, name) for name in _ABOUT}
    fields |= {"version": group.version, "not_told": stored.not_told}
    changed = _check_group(group.model_copy(update=fields))
    saved = uow.records.save(changed)
    _record_audit(uow, actor, AuditAction.CASE_GROUP_CHANGED, saved, now)
    return saved


def set_group_people(
    uow: UnitOfWork,
    actor: Actor,
    case_id: str,
    group_id: str,
    persons: Sequence[GroupPerson],
    now: datetime,
) -> AffectedGroup:
    """Replace all named people of a group. Raises BadInput when the group is reached otherwise or a
    person occurs twice."""
    require_permission(actor, Permission.RESPONDER, act="name the people of a group")
    group = _get_open_group(uow, case_id, group_id)
    if group.reach is not GroupReach.BY_NAME:
        raise BadInput(
            "this group is not reached by name", place="people", remedy="Change that first."
        )
    _check_once(persons)
    exact = group.people.precision is NumberPrecision.EXACT
    if exact and group.people.value is not None and group.people.value < len(persons):
        raise BadInput(
            f"the list names {len(persons):,} people, and the group is exactly "
            f"{group.people.value:,}",
            place="people",
            remedy="Correct the number or the list.",
        )
    saved = uow.records.save(group.model_copy(update={"persons": tuple(persons)}))
    _record_audit(uow, actor, AuditAction.CASE_GROUP_PEOPLE_NAMED, saved, now)
    return saved


def record_group_telling(
    uow: UnitOfWork,
    actor: Actor,
    case_id: str,
    group_id: str,
    telling: GroupNotification,
    now: datetime,
) -> AffectedGroup:
    """Record that people of a group were notified by other means. Raises BadInput for a future
    time, no people, or more people than there are."""
    require_permission(actor, Permission.RESPONDER, act="record that people were told")
    group = _get_open_group(uow, case_id, group_id)
    if convert_to_utc(telling.told_at) > convert_to_utc(now):
        raise BadInput("this time lies in the future", place="told at", remedy="Correct it.")
    if telling.people < 1:
        raise BadInput("nobody was told", place="how many", remedy="Say how many were told.")
    _check_number(group, telling)
    filed = telling.model_copy(
        update={
            "told_at": convert_to_utc(telling.told_at),
            "recorded_by": actor.id,
            "recorded_at": now,
            "text": require_text(
                telling.text, place="what they were told", remedy="Paste the text."
            ),
            "proof": require_text(
                telling.proof, place="proof", remedy="Say what shows it, and where it is kept."
            ),
        }
    )
    saved = uow.records.save(
        group.model_copy(update={"tellings": (*group.tellings, filed), "not_told": None})
    )
    _record_audit(
        uow,
        actor,
        AuditAction.CASE_GROUP_TOLD,
        saved,
        now,
        people=filed.people,
        means=filed.means.value,
    )
    return saved


def record_not_telling(
    uow: UnitOfWork, actor: Actor, case_id: str, group_id: str, reason: str, now: datetime
) -> AffectedGroup:
    """Record, with its reason, that the group is not notified although the decision notifies
    people. Raises NotAllowed once some of them were notified."""
    require_permission(actor, Permission.RESPONDER, act="decide that a group is not told")
    group = _get_open_group(uow, case_id, group_id)
    if group.tellings:
        raise NotAllowed("some of them were told", place="group", remedy="Tell the others too.")
    why = require_text(reason, place="reason", remedy="Say why no high risk to them is likely.")
    answer = GroupExemption(reason=why, decided_by=actor.id, decided_at=now)
    saved = uow.records.save(group.model_copy(update={"not_told": answer}))
    _record_audit(uow, actor, AuditAction.CASE_GROUP_NOT_TOLD, saved, now)
    return saved


def withdraw_group(
    uow: UnitOfWork, actor: Actor, case_id: str, group_id: str, reason: str, now: datetime
) -> AffectedGroup:
    """Withdraw a group that is not affected after all; the record and its reason are kept. Raises
    NotAllowed once some of them were notified: they are owed a correction, which is recorded as a
    telling."""
    require_permission(actor, Permission.RESPONDER, act="change who is affected")
    group = _get_open_group(uow, case_id, group_id)
    if group.tellings:
        raise NotAllowed(
            "some of them were told that they are affected",
            place="group",
            remedy="Tell them that they are not, and record that as a telling.",
        )
    why = require_text(reason, place="reason", remedy="Say what shows that they are not affected.")
    saved = uow.records.save(
        group.model_copy(
            update={"withdrawn_by": actor.id, "withdrawn_at": now, "withdrawn_reason": why}
        )
    )
    _record_audit(uow, actor, AuditAction.CASE_GROUP_WITHDRAWN, saved, now)
    return saved


def list_untold(groups: Iterable[AffectedGroup]) -> tuple[AffectedGroup, ...]:
    """List groups with people still to be notified, where people are notified under Art. 34."""
    return tuple(g for g in groups if g.told_at is None and g.not_told is None)


def list_named_people(uow: UnitOfWork, case_id: str) -> tuple[Person, ...]:
    """List everybody whom the groups of the case name, for redaction."""
    every = uow.records.list_of_case(AffectedGroup, case_id)
    return tuple(
        Person(
            id=f"{group.id}-{number}",
            customer_id=f"group:{group.id}",
            kind=PersonKind.USER,
            name=person.name,
            email=person.email or "",
            phone=person.phone or "",
        )
        for group in every
        for number, person in enumerate(group.persons, 1)
    )


def _get_open_case(uow: UnitOfWork, case_id: str) -> Case:
    case = uow.cases.get(case_id)
    check_not_erased(case)
    if case.state is CaseState.CLOSED:
        raise NotAllowed("the case is closed", place=case.id, remedy="Open a new one.")
    return case


def get_group(uow: UnitOfWork, case_id: str, group_id: str) -> AffectedGroup:
    """Return a group by its id. Raises NotFound, also for one of another case."""
    group = uow.records.get(AffectedGroup, group_id)
    if group.case_id != case_id:
        raise NotFound("no such group in this case", place=case_id, remedy="Look again.")
    return group


def _get_open_group(uow: UnitOfWork, case_id: str, group_id: str) -> AffectedGroup:
    case = _get_open_case(uow, case_id)
    group = get_group(uow, case.id, group_id)
    if group.withdrawn_at is not None:
        raise NotAllowed("the group was withdrawn", place=case.id, remedy="Record it again.")
    return group


def _check_group(group: AffectedGroup) -> AffectedGroup:
    if group.certainty is Certainty.EXCLUDED:
        raise BadInput("who is not affected is not recorded", place="certainty", remedy="Choose.")
    if not group.data_categories:
        raise BadInput("no data is chosen", place="data", remedy="Choose what it was.")
    if (group.people.value is None) is not (group.people.precision is NumberPrecision.UNKNOWN):
        raise BadInput(
            "the number and how well it is known do not fit", place="people", remedy="Correct it."
        )
    changes: dict[str, Any] = {
        "reason": require_text(group.reason, place="what shows it", remedy="Say it in a sentence."),
        "data_categories": tuple(dict.fromkeys(group.data_categories)),
        "kind_words": (group.kind_words or "").strip() or None,
        "reach_reason": (group.reach_reason or "").strip() or None,
    }
    if group.kind is GroupKind.OTHER:
        require_text(group.kind_words or "", place="who they are", remedy="Say it in a few words.")
    if group.reach is not GroupReach.BY_NAME:
        require_text(
            group.reach_reason or "",
            place="why not by name",
            remedy="Say why, and how they are told instead.",
        )
        if group.persons:
            raise BadInput("their people are named", place="reach", remedy="Take the list out.")
    return group.model_copy(update=changes)


def _check_once(persons: Sequence[GroupPerson]) -> None:
    seen: set[tuple[str, str]] = set()
    for number, person in enumerate(persons, 1):
        if not (person.email or person.phone or person.address):
            raise BadInput(
                "neither address nor telephone number is given",
                place=f"person {number}",
                remedy="Add one, or leave the person out and say so.",
            )
        key = (person.name.casefold(), (person.email or person.phone or "").casefold())
        if key in seen:
            raise BadInput("is listed twice", place=f"person {number}", remedy="Take one out.")
        seen.add(key)


def _check_number(group: AffectedGroup, telling: GroupNotification) -> None:
    """Check that the whole number is at least the number of named people, and equals an exact
    number."""
    total = group.told + telling.people
    least = len(group.persons)
    if group.people.precision is NumberPrecision.EXACT:
        least = max(least, group.people.value or 0)
    if telling.everybody and total < least:
        raise BadInput(
            f"{total:,} were told, and there are {least:,}",
            place="how many",
            remedy="Correct the number, or say that some are left to be told.",
        )


def _record_audit(
    uow: UnitOfWork,
    actor: Actor,
    action: AuditAction,
    group: AffectedGroup,
    now: datetime,
    **facts: Any,
) -> None:
    uow.audit.record(
        at=now,
        actor=actor.id,
        action=action,
        subject=group.case_id or group.id,
        facts={
            "group": group.id,
            "kind": group.kind.value,
            "people": group.people.value,
            "named": len(group.persons),
            **facts,
        },
        personal={"reason": group.reason},
        case_id=group.case_id,
    )
