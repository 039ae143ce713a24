"""A near miss in one short form; a case instead when nobody is sure."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework import causes, near_misses
from breachdesk.console.desk import Desk, Posted, Signed
from breachdesk.console.forms import Form
from breachdesk.gdpr.causes import cause_list
from breachdesk.ports import UnitOfWork
from schemas.case import Case
from schemas.cause import Cause, CauseFinding
from schemas.customer import DataCategory
from schemas.errors import BadInput, BreachDeskError
from schemas.report import Precision, Quantity

router = APIRouter()
CASE = "case"
"""The value of the button that opens a case instead."""


@router.get("/near-misses/new")
def new(desk: Signed) -> Response:
    """The empty form."""
    return _show(desk, {})


@router.post("/near-misses/new")
def record(desk: Signed, form: Posted) -> Response:
    """Keeps it in the register, or opens a case with what was typed."""
    as_case = form.text("becomes") == CASE
    return desk.attempt(
        lambda uow: _record(uow, desk, form, as_case=as_case),
        then=lambda case: f"/cases/{case.id}" if as_case else "/register",
        done="case-opened" if as_case else "near-miss",
        again=lambda problem: _show(desk, form, problem),
    )


@router.post("/cases/{case_id}/doubt")
def doubt(case_id: str, desk: Signed, form: Posted) -> Response:
    """Opens a recorded near miss again."""
    return desk.attempt(
        lambda uow: near_misses.doubt(uow, desk.actor, case_id, form.text("doubt"), desk.now),
        then=f"/cases/{case_id}",
        done="case-opened",
        again=_refused,
    )


@router.post("/cases/{case_id}/cause")
def say_cause(case_id: str, desk: Signed, form: Posted) -> Response:
    """Keeps what the cause is; what was said before stays."""
    return desk.attempt(
        lambda uow: causes.say_cause(
            uow,
            desk.actor,
            case_id,
            form.word("cause", Cause, "Cause"),
            form.text("cause_words"),
            desk.now,
        ),
        then=f"/cases/{case_id}#cause",
        done="cause",
        again=_refused,
    )


def cause_of(desk: Desk, form: Form) -> CauseFinding | None:
    """The cause that a form of another screen asks; None when its choice was left open."""
    if not form.text("cause"):
        return None
    cause = form.word("cause", Cause, "Cause")
    return causes.finding(desk.user.id, cause, form.text("cause_words"), desk.now)


def _refused(problem: BreachDeskError) -> Response:
    raise problem


def _record(uow: UnitOfWork, desk: Desk, form: Form, *, as_case: bool) -> Case:
    account = near_misses.Account(
        what=form.text("what"),
        noticed_at=form.must_when("noticed_at", "Noticed at"),
        cause=form.word("cause", Cause, "Cause"),
        cause_words=form.text("cause_words"),
        categories=_categories(form),
        people=_people(form),
        why_no_breach=form.text("why_no_breach"),
        done=form.text("measures"),
    )
    act = near_misses.open_instead if as_case else near_misses.record
    return act(uow, desk.actor, account, desk.now, drill=desk.house.is_drill)


def _categories(form: Form) -> tuple[DataCategory, ...]:
    try:
        return tuple(DataCategory(word) for word in form.every("category"))
    except ValueError:
        raise BadInput("no such data", place="data", remedy="Choose from the list.") from None


def _people(form: Form) -> Quantity:
    count = form.whole("people", "People")
    if count is None:
        return Quantity()
    precision = Precision.APPROXIMATE if form.ticked("people_about") else Precision.EXACT
    return Quantity(value=count, precision=precision)


def _show(desk: Desk, typed: Mapping[str, str], problem: BreachDeskError | None = None) -> Response:
    chosen = typed.every("category") if isinstance(typed, Form) else ()
    return desk.page(
        "near_miss.html",
        typed=typed,
        chosen=chosen,
        problem=problem,
        causes=cause_list(),
        CASE=CASE,
    )
