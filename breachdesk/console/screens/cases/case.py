"""One case: its steps and obligations, what happened, who is affected, containment, tasks, notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework.closing.close_case import close_case
from breachdesk.casework.opening import cases, reopening, triage
from breachdesk.console.screens.cases.near_miss import parse_cause
from breachdesk.console.views import labels
from breachdesk.console.views.case_progress import build_steps, find_next_step
from breachdesk.console.views.case_view import CaseFile, read_case
from breachdesk.console.views.forms import SubmittedForm
from breachdesk.console.views.timeline import build_timeline
from breachdesk.console.web.contact_rows import ContactWarnings, build_contact_warnings
from breachdesk.console.web.permissions import (
    ANALYST_OR_RESPONDER,
    ANY_PERMISSION,
    RESPONDER,
    requires,
)
from breachdesk.console.web.request_context import Posted, RequestContext, SignedIn
from breachdesk.console.web.screen import Screen
from breachdesk.gdpr.causes import load_cause_list
from breachdesk.ports import UnitOfWork
from schemas.casework.case import Case, ContainmentKind, ContainmentScope
from schemas.customer import DataRole
from schemas.errors import BreachDeskError
from schemas.paging import PageRequest
from schemas.pipeline.alert import AlertState, AlertView

router = APIRouter()
OF_CUSTOMER = "customer:"


class StepConcern(TypedDict):
    """Which part of the incident a containment step concerns."""

    concerns: ContainmentScope
    customers: tuple[str, ...]


@router.get("/cases/{case_id}")
def show_case(case_id: str, context: SignedIn) -> Response:
    """The case."""
    return _show(context, case_id, {})


@router.post("/cases/{case_id}/note")
@requires(ANY_PERMISSION)
def submit_note(case_id: str, context: SignedIn, form: Posted) -> Response:
    """A note."""
    return context.submit(
        lambda uow: cases.add_note(
            uow, context.actor, case_id, form.get_text("note"), now=context.now
        ),
        then=f"/cases/{case_id}",
        message="noted",
        on_error=lambda problem: _show(context, case_id, form, problem),
    )


@router.post("/cases/{case_id}/lead")
@requires(ANALYST_OR_RESPONDER)
def submit_lead(case_id: str, context: SignedIn, form: Posted) -> Response:
    """Whoever asks leads it."""
    return context.submit(
        lambda uow: cases.take_lead(uow, context.actor, case_id, now=context.now),
        then=f"/cases/{case_id}",
        message="lead",
        on_error=lambda problem: _show(context, case_id, form, problem),
    )


@router.post("/cases/{case_id}/link")
@requires(ANALYST_OR_RESPONDER)
def submit_link(case_id: str, context: SignedIn, form: Posted) -> Response:
    """One more alert."""
    return context.submit(
        lambda uow: triage.link_alert(
            uow, context.actor, case_id, uow.alerts.get(form.get_text("alert")).pk, now=context.now
        ),
        then=f"/cases/{case_id}",
        message="linked",
        on_error=lambda problem: _show(context, case_id, form, problem),
    )


@router.post("/cases/{case_id}/containment")
@requires(ANALYST_OR_RESPONDER)
def submit_containment(case_id: str, context: SignedIn, form: Posted) -> Response:
    """A step to take, or one already taken when its time is typed."""
    return context.submit(
        lambda uow: cases.add_containment(
            uow,
            context.actor,
            case_id,
            form.parse_choice("kind", ContainmentKind, "What kind of step"),
            form.get_text("containment"),
            now=context.now,
            done_at=form.parse_time("done_at", "Done at"),
            **_parse_concern(form),
        ),
        then=f"/cases/{case_id}#containment",
        message="",
        on_error=lambda problem: _show(context, case_id, form, problem),
    )


@router.post("/cases/{case_id}/containment/{index}/concern")
@requires(ANALYST_OR_RESPONDER)
def submit_concern(case_id: str, index: int, context: SignedIn, form: Posted) -> Response:
    """Whose data a step concerns."""

    def set_concern(uow: UnitOfWork) -> Case:
        cases.get_containment_step(uow.cases.get(case_id), index)
        return cases.set_concern(
            uow, context.actor, case_id, index, now=context.now, **_parse_concern(form)
        )

    return context.submit(
        set_concern,
        then=f"/cases/{case_id}#containment",
        message="",
        on_error=lambda problem: _show(context, case_id, form, problem),
    )


@router.post("/cases/{case_id}/containment/{index}")
@requires(ANALYST_OR_RESPONDER)
def submit_completion(case_id: str, index: int, context: SignedIn, form: Posted) -> Response:
    """It was done at the typed time, or just now."""
    return context.submit(
        lambda uow: cases.complete_containment(
            uow,
            context.actor,
            case_id,
            index,
            form.parse_time("completed_at", "Done at") or context.now,
            now=context.now,
        ),
        then=f"/cases/{case_id}#containment",
        message="",
        on_error=lambda problem: _show(context, case_id, form, problem),
    )


@router.post("/cases/{case_id}/close")
@requires(RESPONDER)
def submit_closing(case_id: str, context: SignedIn, form: Posted) -> Response:
    """With a reason; a near miss is marked as such."""
    return context.submit(
        lambda uow: close_case(
            uow,
            context.actor,
            case_id,
            form.get_text("close_reason"),
            form.is_ticked("near_miss"),
            now=context.now,
            cause=parse_cause(context, form),
        ),
        then=f"/cases/{case_id}",
        message="closed",
        on_error=lambda problem: _show(context, case_id, form, problem),
    )


@router.post("/cases/{case_id}/reopen")
@requires(RESPONDER)
def submit_reopening(case_id: str, context: SignedIn, form: Posted) -> Response:
    """A closed case is open again, with a reason."""
    return context.submit(
        lambda uow: reopening.reopen_case(
            uow, context.actor, case_id, form.get_text("reopen"), now=context.now
        ),
        then=f"/cases/{case_id}",
        message="case-reopened",
        on_error=lambda problem: _show(context, case_id, form, problem),
    )


def _show(
    context: RequestContext,
    case_id: str,
    typed: Mapping[str, str],
    problem: BreachDeskError | None = None,
) -> Response:
    file, linkable, contacts = context.look(lambda uow: _read(uow, context, case_id))
    return context.render_page(
        "case.html",
        file=file,
        case=file.case,
        typed=typed,
        problem=problem,
        case_steps=build_steps(file),
        next=find_next_step(file),
        timeline=build_timeline(file),
        linkable=linkable,
        contacts=contacts,
        causes=load_cause_list(),
        concerns=_list_concerns(file),
    )


def _parse_concern(form: SubmittedForm) -> StepConcern:
    """The chosen part of the incident; `customer:` names the one customer whose data it is."""
    text = form.get_text("concern")
    if text.startswith(OF_CUSTOMER):
        customer = text.removeprefix(OF_CUSTOMER)
        return {"concerns": ContainmentScope.CUSTOMERS_DATA, "customers": (customer,)}
    return {
        "concerns": form.parse_choice("concern", ContainmentScope, "Whose data it concerns"),
        "customers": (),
    }


def _list_concerns(file: CaseFile) -> list[tuple[str, str]]:
    """The whole, ours, every customer's, and that of each customer reached."""
    touched = {e.customer_id for e in file.reached if e.role is DataRole.PROCESSOR}
    whole = [(concern.value, labels.CONCERN[concern.value]) for concern in ContainmentScope]
    return whole + [
        (f"{OF_CUSTOMER}{id_}", f"What {file.names.get(id_, id_)} keeps with us")
        for id_ in sorted(touched)
    ]


def _read(
    uow: UnitOfWork, context: RequestContext, case_id: str
) -> tuple[CaseFile, Sequence[AlertView], ContactWarnings]:
    file = read_case(uow, case_id, context.now)
    contacts: ContactWarnings = ContactWarnings()
    if file.breach is not None and file.manifest is not None:
        told_customers = {recipient.customer_id for recipient in file.manifest.recipients}
        contacts = build_contact_warnings(uow, context, file.breach, told_customers)
    return file, uow.alerts.list_page(PageRequest(), states=(AlertState.NEW,)).rows, contacts


SCREEN = Screen(id="case", router=router)
