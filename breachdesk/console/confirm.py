"""Confirming a breach: a named responder declares awareness, by hand, and the clocks start."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework import confirm
from breachdesk.console.case_file import read_case
from breachdesk.console.desk import Desk, Posted, Signed
from breachdesk.console.forms import Form
from breachdesk.console.near_miss import cause_of
from breachdesk.console.way import way
from breachdesk.gdpr.causes import cause_list
from breachdesk.ports import UnitOfWork
from schemas.breach import Breach
from schemas.cause import CauseFinding
from schemas.errors import BadInput, BreachDeskError

router = APIRouter()


@router.get("/cases/{case_id}/confirm")
def ask(case_id: str, desk: Signed) -> Response:
    """The form; awareness is never pre-filled."""
    return _show(desk, case_id, {})


@router.post("/cases/{case_id}/confirm")
def declare(case_id: str, desk: Signed, form: Posted) -> Response:
    """Confirms and goes on to who is affected."""
    return desk.attempt(
        lambda uow: _declare(uow, desk, case_id, form),
        then=f"/cases/{case_id}/affected",
        done="confirmed",
        again=lambda problem: _show(desk, case_id, form, problem),
    )


@router.post("/cases/{case_id}/awareness")
def move(case_id: str, desk: Signed, form: Posted) -> Response:
    """Another time of awareness; the earlier declaration stays visible."""
    return desk.attempt(
        lambda uow: confirm.move_awareness(
            uow,
            desk.actor,
            read_case(uow, case_id, desk.now).known_breach().id,
            aware_at=form.must_when("other_aware_at", "Aware since"),
            reason=form.text("other_reason"),
            delay_reasons=form.text("other_delay_reasons"),
            now=desk.now,
        ),
        then=f"/cases/{case_id}/confirm",
        done="aware",
        again=lambda problem: _show(desk, case_id, form, problem),
    )


def _declare(uow: UnitOfWork, desk: Desk, case_id: str, form: Form) -> Breach:
    return confirm.confirm(
        uow,
        desk.actor,
        case_id,
        reason=form.text("reason"),
        aware_at=form.must_when("aware_at", "Aware since"),
        occurred_from=form.when("occurred_from", "It began at"),
        occurred_to=form.when("occurred_to", "It ended at"),
        now=desk.now,
        cause=_chosen(desk, form),
    )


def _chosen(desk: Desk, form: Form) -> CauseFinding:
    chosen = cause_of(desk, form)
    if chosen is None:
        raise BadInput(
            "nothing is chosen", place="Cause", remedy="Choose one; “not yet known” may be said."
        )
    return chosen


def _show(
    desk: Desk, case_id: str, typed: Mapping[str, str], problem: BreachDeskError | None = None
) -> Response:
    file = desk.look(lambda uow: read_case(uow, case_id, desk.now))
    return desk.page(
        "confirm.html",
        file=file,
        case=file.case,
        way=way(file),
        warnings=confirm.warnings(file.breach) if file.breach else (),
        causes=cause_list(),
        law=desk.house.store.law.provisions_at(desk.now),
        typed=typed,
        problem=problem,
    )
