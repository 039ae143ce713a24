"""People affected who are no customers: recorded, named, told by other means."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fastapi import APIRouter, Request
from starlette.responses import Response

from breachdesk.casework.affected import group_records
from breachdesk.casework.imports.group_sheets import read_people
from breachdesk.console.views.case_progress import build_steps
from breachdesk.console.views.case_view import read_case
from breachdesk.console.views.forms import SubmittedForm
from breachdesk.console.web.permissions import RESPONDER, requires
from breachdesk.console.web.request_context import Posted, RequestContext, SignedIn
from breachdesk.console.web.screen import Screen
from breachdesk.console.web.uploads import store_upload
from breachdesk.ports import UnitOfWork
from schemas.casework.affected import BreachEffect, Certainty, EffectCertainty
from schemas.casework.affected_group import (
    AffectedGroup,
    GroupKind,
    GroupNotification,
    GroupReach,
    NotificationMeans,
)
from schemas.casework.report import NumberPrecision, ReportedQuantity
from schemas.customer import DataCategory
from schemas.errors import BadInput, BreachDeskError

router = APIRouter()
NEW = "new"
"""Which form was refused: the one for a further group, or that of a group by its id."""


@router.get("/cases/{case_id}/groups")
def show_groups(case_id: str, context: SignedIn) -> Response:
    """Every group of the case, and the form for one more."""
    return _show(context, case_id, {}, NEW)


@router.post("/cases/{case_id}/groups")
@requires(RESPONDER)
def submit_group(case_id: str, context: SignedIn, form: Posted) -> Response:
    """One more group."""
    return _submit_change(
        context,
        case_id,
        form,
        NEW,
        lambda uow: group_records.add_group(
            uow, context.actor, case_id, _parse_group(form, context, case_id), context.now
        ),
        "group",
    )


@router.post("/cases/{case_id}/groups/{group_id}")
@requires(RESPONDER)
def submit_group_change(case_id: str, group_id: str, context: SignedIn, form: Posted) -> Response:
    """What is known of it is another now."""

    def change_group(uow: UnitOfWork) -> AffectedGroup:
        typed = _parse_group(form, context, case_id)
        version = form.require_number("version", "Version")
        known = typed.model_copy(update={"id": group_id, "version": version})
        return group_records.change_group(uow, context.actor, case_id, known, context.now)

    return _submit_change(context, case_id, form, group_id, change_group, "group")


@router.post("/cases/{case_id}/groups/{group_id}/people")
@requires(RESPONDER)
def submit_people(
    request: Request, case_id: str, group_id: str, context: SignedIn, form: Posted
) -> Response:
    """The named people, from a file; they take the place of those named before."""
    upload = request.state.files.get("file")

    def set_people(uow: UnitOfWork) -> AffectedGroup:
        with store_upload(upload) as (path, _):
            persons = read_people(path)
        return group_records.set_group_people(
            uow, context.actor, case_id, group_id, persons, context.now
        )

    return _submit_change(context, case_id, form, group_id, set_people, "group-people")


@router.post("/cases/{case_id}/groups/{group_id}/told")
@requires(RESPONDER)
def submit_telling(case_id: str, group_id: str, context: SignedIn, form: Posted) -> Response:
    """Some or all of them were told, by other means than our letters."""
    return _submit_change(
        context,
        case_id,
        form,
        group_id,
        lambda uow: group_records.record_group_telling(
            uow, context.actor, case_id, group_id, _parse_telling(form, context), context.now
        ),
        "group-told",
    )


@router.post("/cases/{case_id}/groups/{group_id}/not-told")
@requires(RESPONDER)
def submit_not_telling(case_id: str, group_id: str, context: SignedIn, form: Posted) -> Response:
    """They are not told, with the reason."""
    return _submit_change(
        context,
        case_id,
        form,
        group_id,
        lambda uow: group_records.record_not_telling(
            uow, context.actor, case_id, group_id, form.get_text("not_told"), context.now
        ),
        "group",
    )


@router.post("/cases/{case_id}/groups/{group_id}/withdraw")
@requires(RESPONDER)
def submit_withdrawal(case_id: str, group_id: str, context: SignedIn, form: Posted) -> Response:
    """They are not affected after all, with the reason."""
    return _submit_change(
        context,
        case_id,
        form,
        group_id,
        lambda uow: group_records.withdraw_group(
            uow, context.actor, case_id, group_id, form.get_text("withdrawn"), context.now
        ),
        "group",
    )


def _submit_change(
    context: RequestContext,
    case_id: str,
    form: SubmittedForm,
    which: str,
    work: Callable[[UnitOfWork], AffectedGroup],
    message: str,
) -> Response:
    def change_known_group(uow: UnitOfWork) -> AffectedGroup:
        if which != NEW:
            group_records.get_group(uow, case_id, which)
        return work(uow)

    return context.submit(
        change_known_group,
        then=f"/cases/{case_id}/groups",
        message=message,
        on_error=lambda problem: _show(context, case_id, form, which, problem),
    )


def _parse_group(form: SubmittedForm, context: RequestContext, case_id: str) -> AffectedGroup:
    return AffectedGroup(
        id="",
        case_id=case_id,
        recorded_by=context.user.id,
        recorded_at=context.now,
        kind=form.parse_choice("kind", GroupKind, "Who they are"),
        kind_words=form.get_text("kind_words"),
        certainty=form.parse_choice("certainty", Certainty, "How sure"),
        reason=form.get_text("reason"),
        people=_parse_quantity(form),
        data_categories=tuple(_parse_words(form, "category", DataCategory)),
        effects=_parse_effects(form),
        reach=form.parse_choice("reach", GroupReach, "How they are reached"),
        reach_reason=form.get_text("reach_reason"),
    )


def _parse_words(form: SubmittedForm, name: str, kind: type[DataCategory]) -> list[DataCategory]:
    try:
        return [kind(word) for word in form.list_values(name)]
    except ValueError:
        raise BadInput("no such word", place="data", remedy="Choose from the list.") from None


def _parse_effects(form: SubmittedForm) -> dict[BreachEffect, EffectCertainty]:
    """Of each effect what its choice says; empty: nothing of the kind is known."""
    return {
        effect: form.parse_choice(f"effect_{effect}", EffectCertainty, "What happened to it")
        for effect in BreachEffect
        if form.get_text(f"effect_{effect}")
    }


def _parse_quantity(form: SubmittedForm) -> ReportedQuantity:
    return ReportedQuantity(
        value=form.parse_number("people", "How many"),
        precision=form.parse_choice("people_precision", NumberPrecision, "How many"),
    )


def _parse_telling(form: SubmittedForm, context: RequestContext) -> GroupNotification:
    return GroupNotification(
        told_at=form.require_time("told_at", "Told at"),
        recorded_by=context.user.id,
        recorded_at=context.now,
        means=form.parse_choice("means", NotificationMeans, "How"),
        people=form.require_number("told_people", "How many were told"),
        text=form.get_text("told_text"),
        proof=form.get_text("proof"),
        everybody=form.is_ticked("everybody"),
    )


def collect_fields(group: AffectedGroup) -> dict[str, str]:
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
    context: RequestContext,
    case_id: str,
    typed: Mapping[str, str],
    which: str,
    problem: BreachDeskError | None = None,
) -> Response:
    file, every = context.look(
        lambda uow: (
            read_case(uow, case_id, context.now),
            uow.records.list_of_case(AffectedGroup, case_id),
        )
    )
    chosen = typed.list_values("category") if isinstance(typed, SubmittedForm) else ()
    return context.render_page(
        "groups.html",
        file=file,
        case=file.case,
        case_steps=build_steps(file),
        groups=every,
        group_words=group_records.format_group_kind,
        typed_of=collect_fields,
        typed=typed,
        chosen=chosen,
        which=which,
        NEW=NEW,
        problem=problem,
    )


SCREEN = Screen(id="groups", router=router)
