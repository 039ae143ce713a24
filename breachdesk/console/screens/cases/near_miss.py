"""A near miss in one short form; a case instead when nobody is sure."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework.opening import causes, near_misses
from breachdesk.console.views.forms import SubmittedForm
from breachdesk.console.web.permissions import ANALYST_OR_RESPONDER, requires
from breachdesk.console.web.request_context import Posted, RequestContext, SignedIn
from breachdesk.console.web.screen import Screen
from breachdesk.gdpr.causes import load_cause_list
from breachdesk.ports import UnitOfWork
from schemas.casework.case import Case
from schemas.casework.cause import BreachCause, CauseFinding
from schemas.casework.report import NumberPrecision, ReportedQuantity
from schemas.customer import DataCategory
from schemas.errors import BadInput, BreachDeskError

router = APIRouter()
CASE = "case"
"""The value of the button that opens a case instead."""


@router.get("/near-misses/new")
def show_near_miss_form(context: SignedIn) -> Response:
    """The empty form."""
    return _show(context, {})


@router.post("/near-misses/new")
@requires(ANALYST_OR_RESPONDER)
def submit_near_miss(context: SignedIn, form: Posted) -> Response:
    """Keeps it in the register, or opens a case with what was typed."""
    as_case = form.get_text("becomes") == CASE
    return context.submit(
        lambda uow: _record_near_miss(uow, context, form, as_case=as_case),
        then=lambda case: f"/cases/{case.id}" if as_case else "/register",
        message="case-opened" if as_case else "near-miss",
        on_error=lambda problem: _show(context, form, problem),
    )


@router.post("/cases/{case_id}/doubt")
@requires(ANALYST_OR_RESPONDER)
def submit_doubt(case_id: str, context: SignedIn, form: Posted) -> Response:
    """Opens a recorded near miss again."""
    return context.submit(
        lambda uow: near_misses.reopen_as_doubtful(
            uow, context.actor, case_id, form.get_text("doubt"), context.now
        ),
        then=f"/cases/{case_id}",
        message="case-opened",
        on_error=_raise_problem,
    )


@router.post("/cases/{case_id}/cause")
@requires(ANALYST_OR_RESPONDER)
def submit_cause(case_id: str, context: SignedIn, form: Posted) -> Response:
    """Keeps what the cause is; what was said before stays."""
    return context.submit(
        lambda uow: causes.set_cause(
            uow,
            context.actor,
            case_id,
            form.parse_choice("cause", BreachCause, "Cause"),
            form.get_text("cause_words"),
            context.now,
        ),
        then=f"/cases/{case_id}#cause",
        message="cause",
        on_error=_raise_problem,
    )


def parse_cause(context: RequestContext, form: SubmittedForm) -> CauseFinding | None:
    """The cause that a form of another screen asks; None when its choice was left open."""
    if not form.get_text("cause"):
        return None
    cause = form.parse_choice("cause", BreachCause, "Cause")
    return causes.build_finding(context.user.id, cause, form.get_text("cause_words"), context.now)


def _raise_problem(problem: BreachDeskError) -> Response:
    raise problem


def _record_near_miss(
    uow: UnitOfWork, context: RequestContext, form: SubmittedForm, *, as_case: bool
) -> Case:
    account = near_misses.NearMissForm(
        what=form.get_text("what"),
        noticed_at=form.require_time("noticed_at", "Noticed at"),
        cause=form.parse_choice("cause", BreachCause, "Cause"),
        cause_words=form.get_text("cause_words"),
        categories=_parse_categories(form),
        people=_parse_people(form),
        why_no_breach=form.get_text("why_no_breach"),
        done=form.get_text("measures"),
    )
    act = near_misses.open_case_instead if as_case else near_misses.record_near_miss
    return act(uow, context.actor, account, context.now, drill=context.dependencies.is_drill)


def _parse_categories(form: SubmittedForm) -> tuple[DataCategory, ...]:
    try:
        return tuple(DataCategory(word) for word in form.list_values("category"))
    except ValueError:
        raise BadInput("no such data", place="data", remedy="Choose from the list.") from None


def _parse_people(form: SubmittedForm) -> ReportedQuantity:
    count = form.parse_number("people", "People")
    if count is None:
        return ReportedQuantity()
    precision = (
        NumberPrecision.APPROXIMATE if form.is_ticked("people_about") else NumberPrecision.EXACT
    )
    return ReportedQuantity(value=count, precision=precision)


def _show(
    context: RequestContext, typed: Mapping[str, str], problem: BreachDeskError | None = None
) -> Response:
    chosen = typed.list_values("category") if isinstance(typed, SubmittedForm) else ()
    return context.render_page(
        "near_miss.html",
        typed=typed,
        chosen=chosen,
        problem=problem,
        causes=load_cause_list(),
        CASE=CASE,
    )


SCREEN = Screen(id="near_miss", router=router)
