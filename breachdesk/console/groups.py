"""People affected who are no customers: recorded, named, told by other means."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fastapi import APIRouter, Request
from starlette.responses import Response

from breachdesk.casework import groups
from breachdesk.casework.group_sheets import read_people
from breachdesk.console.case_file import read_case
from breachdesk.console.desk import Desk, Posted, Signed
from breachdesk.console.forms import Form
from breachdesk.console.uploads import stored
from breachdesk.console.way import way
from breachdesk.ports import UnitOfWork
from schemas.affected import Certainty, Effect, Surety
from schemas.affected_group import (
    AffectedGroup,
    GroupKind,
    GroupReach,
    GroupTelling,
    TellingMeans,
)
from schemas.customer import DataCategory
from schemas.errors import BadInput, BreachDeskError
from schemas.report import Precision, Quantity

router = APIRouter()
NEW = "new"
"""Which form was refused: the one for a further group, or that of a group by its id."""


@router.get("/cases/{case_id}/groups")
def show(case_id: str, desk: Signed) -> Response:
    """Every group of the case, and the form for one more."""
    return _show(desk, case_id, {}, NEW)


@router.post("/cases/{case_id}/groups")
def add(case_id: str, desk: Signed, form: Posted) -> Response:
    """One more group."""
    return _attempt(
        desk,
        case_id,
        form,
        NEW,
        lambda uow: groups.add_group(
            uow, desk.actor, case_id, _group(form, desk, case_id), desk.now
        ),
        "group",
    )


@router.post("/cases/{case_id}/groups/{group_id}")
def change(case_id: str, group_id: str, desk: Signed, form: Posted) -> Response:
    """What is known of it is another now."""

    def work(uow: UnitOfWork) -> AffectedGroup:
        typed = _group(form, desk, case_id)
        version = form.must_whole("version", "Version")
        known = typed.model_copy(update={"id": group_id, "version": version})
        return groups.change_group(uow, desk.actor, case_id, known, desk.now)

    return _attempt(desk, case_id, form, group_id, work, "group")


@router.post("/cases/{case_id}/groups/{group_id}/people")
def name_people(
    request: Request, case_id: str, group_id: str, desk: Signed, form: Posted
) -> Response:
    """The named people, from a file; they take the place of those named before."""
    upload = request.state.files.get("file")

    def work(uow: UnitOfWork) -> AffectedGroup:
        with stored(upload) as (path, _):
            persons = read_people(path)
        return groups.set_people(uow, desk.actor, case_id, group_id, persons, desk.now)

    return _attempt(desk, case_id, form, group_id, work, "group-people")


@router.post("/cases/{case_id}/groups/{group_id}/told")
def told(case_id: str, group_id: str, desk: Signed, form: Posted) -> Response:
    """Some or all of them were told, by other means than our letters."""
    return _attempt(
        desk,
        case_id,
        form,
        group_id,
        lambda uow: groups.record_telling(
            uow, desk.actor, case_id, group_id, _telling(form, desk), desk.now
        ),
        "group-told",
    )


@router.post("/cases/{case_id}/groups/{group_id}/not-told")
def not_told(case_id: str, group_id: str, desk: Signed, form: Posted) -> Response:
    """They are not told, with the reason."""
    return _attempt(
        desk,
        case_id,
        form,
        group_id,
        lambda uow: groups.decide_not_to_tell(
            uow, desk.actor, case_id, group_id, form.text("not_told"), desk.now
        ),
        "group",
    )


@router.post("/cases/{case_id}/groups/{group_id}/withdraw")
def withdraw(case_id: str, group_id: str, desk: Signed, form: Posted) -> Response:
    """They are not affected after all, with the reason."""
    return _attempt(
        desk,
        case_id,
        form,
        group_id,
        lambda uow: groups.withdraw(
            uow, desk.actor, case_id, group_id, form.text("withdrawn"), desk.now
        ),
        "group",
    )


def _attempt(
    desk: Desk,
    case_id: str,
    form: Form,
    which: str,
    work: Callable[[UnitOfWork], AffectedGroup],
    done: str,
) -> Response:
    def known(uow: UnitOfWork) -> AffectedGroup:
        if which != NEW:
            groups.group_of_case(uow, case_id, which)
        return work(uow)

    return desk.attempt(
        known,
        then=f"/cases/{case_id}/groups",
        done=done,
        again=lambda problem: _show(desk, case_id, form, which, problem),
    )


def _group(form: Form, desk: Desk, case_id: str) -> AffectedGroup:
    return AffectedGroup(
        id="",
        case_id=case_id,
        recorded_by=desk.user.id,
        recorded_at=desk.now,
        kind=form.word("kind", GroupKind, "Who they are"),
        kind_words=form.text("kind_words"),
        certainty=form.word("certainty", Certainty, "How sure"),
        reason=form.text("reason"),
        people=_quantity(form),
        data_categories=tuple(_words(form, "category", DataCategory)),
        effects=_effects(form),
        reach=form.word("reach", GroupReach, "How they are reached"),
        reach_reason=form.text("reach_reason"),
    )


def _words(form: Form, name: str, kind: type[DataCategory]) -> list[DataCategory]:
    try:
        return [kind(word) for word in form.every(name)]
    except ValueError:
        raise BadInput("no such word", place="data", remedy="Choose from the list.") from None


def _effects(form: Form) -> dict[Effect, Surety]:
    """Of each effect what its choice says; empty: nothing of the kind is known."""
    return {
        effect: form.word(f"effect_{effect}", Surety, "What happened to it")
        for effect in Effect
        if form.text(f"effect_{effect}")
    }


def _quantity(form: Form) -> Quantity:
    return Quantity(
        value=form.whole("people", "How many"),
        precision=form.word("people_precision", Precision, "How many"),
    )


def _telling(form: Form, desk: Desk) -> GroupTelling:
    return GroupTelling(
        told_at=form.must_when("told_at", "Told at"),
        recorded_by=desk.user.id,
        recorded_at=desk.now,
        means=form.word("means", TellingMeans, "How"),
        people=form.must_whole("told_people", "How many were told"),
        text=form.text("told_text"),
        proof=form.text("proof"),
        everybody=form.ticked("everybody"),
    )


def typed_of(group: AffectedGroup) -> dict[str, str]:
    """A recorded group as its form shows it."""
    shown = {
        "kind": group.kind.value,
        "kind_words": group.kind_words or "",
        "certainty": group.certainty.value,
        "reason": group.reason,
        "people": "" if group.people.value is None else str(group.people.value),
        "people_precision": group.people.precision.value,
        "reach": group.reach.value,
        "reach_reason": group.reach_reason or "",
        "version": str(group.version),
    }
    return shown | {f"effect_{effect}": surety.value for effect, surety in group.effects.items()}


def _show(
    desk: Desk,
    case_id: str,
    typed: Mapping[str, str],
    which: str,
    problem: BreachDeskError | None = None,
) -> Response:
    file, every = desk.look(
        lambda uow: (
            read_case(uow, case_id, desk.now),
            uow.records.of_case(AffectedGroup, case_id),
        )
    )
    chosen = typed.every("category") if isinstance(typed, Form) else ()
    return desk.page(
        "groups.html",
        file=file,
        case=file.case,
        way=way(file),
        groups=every,
        group_words=groups.group_words,
        typed_of=typed_of,
        typed=typed,
        chosen=chosen,
        which=which,
        NEW=NEW,
        problem=problem,
    )
