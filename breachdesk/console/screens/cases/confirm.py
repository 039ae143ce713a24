"""Confirming a breach: a named responder declares awareness, by hand, and the clocks start."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework.breach import confirm
from breachdesk.console.screens.cases.near_miss import parse_cause
from breachdesk.console.views.case_progress import build_steps
from breachdesk.console.views.case_view import read_case
from breachdesk.console.views.forms import SubmittedForm
from breachdesk.console.web.permissions import RESPONDER, RESPONDER_OR_APPROVER, requires
from breachdesk.console.web.request_context import Posted, RequestContext, SignedIn
from breachdesk.console.web.screen import Screen
from breachdesk.gdpr.causes import load_cause_list
from breachdesk.ports import UnitOfWork
from schemas.casework.breach import Breach
from schemas.casework.cause import CauseFinding
from schemas.errors import BadInput, BreachDeskError

router = APIRouter()


@router.get("/cases/{case_id}/confirm")
def show_confirmation(case_id: str, context: SignedIn) -> Response:
    """The form; awareness is never pre-filled."""
    return _show(context, case_id, {})


@router.post("/cases/{case_id}/confirm")
@requires(RESPONDER)
def submit_confirmation(case_id: str, context: SignedIn, form: Posted) -> Response:
    """Confirms and goes on to who is affected."""
    return context.submit(
        lambda uow: _confirm_breach(uow, context, case_id, form),
        then=f"/cases/{case_id}/affected",
        message="confirmed",
        on_error=lambda problem: _show(context, case_id, form, problem),
    )


@router.post("/cases/{case_id}/awareness")
@requires(RESPONDER_OR_APPROVER)
def submit_awareness(case_id: str, context: SignedIn, form: Posted) -> Response:
    """Another time of awareness; the earlier declaration stays visible."""
    return context.submit(
        lambda uow: confirm.move_awareness(
            uow,
            context.actor,
            read_case(uow, case_id, context.now).get_breach().id,
            aware_at=form.require_time("other_aware_at", "Aware since"),
            reason=form.get_text("other_reason"),
            delay_reasons=form.get_text("other_delay_reasons"),
            now=context.now,
        ),
        then=f"/cases/{case_id}/confirm",
        message="aware",
        on_error=lambda problem: _show(context, case_id, form, problem),
    )


def _confirm_breach(
    uow: UnitOfWork, context: RequestContext, case_id: str, form: SubmittedForm
) -> Breach:
    return confirm.confirm_breach(
        uow,
        context.actor,
        case_id,
        reason=form.get_text("reason"),
        aware_at=form.require_time("aware_at", "Aware since"),
        occurred_from=form.parse_time("occurred_from", "Began at"),
        occurred_to=form.parse_time("occurred_to", "Ended at"),
        now=context.now,
        cause=_require_cause(context, form),
    )


def _require_cause(context: RequestContext, form: SubmittedForm) -> CauseFinding:
    chosen = parse_cause(context, form)
    if chosen is None:
        raise BadInput(
            "nothing is chosen", place="Cause", remedy="Choose one; “not yet known” is allowed."
        )
    return chosen


def _show(
    context: RequestContext,
    case_id: str,
    typed: Mapping[str, str],
    problem: BreachDeskError | None = None,
) -> Response:
    file = context.look(lambda uow: read_case(uow, case_id, context.now))
    return context.render_page(
        "confirm.html",
        file=file,
        case=file.case,
        case_steps=build_steps(file),
        warnings=confirm.list_warnings(file.breach) if file.breach else (),
        causes=load_cause_list(),
        law=context.dependencies.store.law.get_provisions_at(context.now),
        typed=typed,
        problem=problem,
    )


SCREEN = Screen(id="confirm", router=router)
