"""Complaints: all of them with their days, one with what was said to it, and their file."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework.breach.complaints_export import export_csv as as_csv_text
from breachdesk.casework.records import complaints
from breachdesk.console.screens.cases.letters import build_download
from breachdesk.console.views.forms import SubmittedForm
from breachdesk.console.views.navigation import NavigationEntry, NavigationGroup
from breachdesk.console.views.pages import get_customer_names
from breachdesk.console.web.permissions import ANALYST_OR_RESPONDER, APPROVER, RESPONDER, requires
from breachdesk.console.web.request_context import Posted, RequestContext, SignedIn
from breachdesk.console.web.screen import Screen
from schemas.casework.case import CaseState
from schemas.casework.case_record import Complaint, ContactRoute
from schemas.errors import BreachDeskError
from schemas.paging import PageRequest

router = APIRouter()
PAGE = 50
CHOICES = 50
"""Open cases that the form offers, the newest; others are named by their id."""
OPEN = (CaseState.OPEN, CaseState.CONFIRMED)


@router.get("/complaints")
def show_complaints(context: SignedIn, page: int = 1) -> Response:
    """What is due first on top."""
    return _render_list(context, page, {})


@router.get("/complaints.csv")
def export_complaints(context: SignedIn) -> Response:
    """For a spreadsheet."""
    rows = context.look(lambda uow: uow.records.list_page(Complaint))
    name = f"complaints-{context.now:%Y-%m-%d}.csv"
    return build_download(as_csv_text(rows).encode(), "text/csv; charset=utf-8", name)


@router.post("/complaints/new")
@requires(ANALYST_OR_RESPONDER)
def submit_complaint(context: SignedIn, form: Posted) -> Response:
    """A complaint came."""
    return context.submit(
        lambda uow: complaints.add_complaint(
            uow, context.actor, _parse_complaint(context, form), now=context.now
        ),
        then=lambda complaint: f"/complaints/{complaint.id}",
        message="complaint",
        on_error=lambda problem: _render_list(context, 1, form, problem),
    )


@router.get("/complaints/{complaint_id}")
def show_complaint(complaint_id: str, context: SignedIn) -> Response:
    """What was said, and what is owed."""
    return _render_complaint(context, complaint_id, {})


@router.post("/complaints/{complaint_id}/acknowledge")
@requires(ANALYST_OR_RESPONDER)
def submit_acknowledgement(complaint_id: str, context: SignedIn, form: Posted) -> Response:
    """We told them that we have it."""
    return context.submit(
        lambda uow: complaints.acknowledge_complaint(
            uow,
            context.actor,
            complaint_id,
            form.get_text("acknowledgement"),
            form.parse_time("acknowledged_at", "Acknowledged at") or context.now,
            now=context.now,
        ),
        then=f"/complaints/{complaint_id}",
        message="",
        on_error=lambda problem: _render_complaint(context, complaint_id, form, problem),
    )


@router.post("/complaints/{complaint_id}/answer")
@requires(RESPONDER)
def submit_answer(complaint_id: str, context: SignedIn, form: Posted) -> Response:
    """We told them the outcome."""
    return context.submit(
        lambda uow: complaints.answer_complaint(
            uow,
            context.actor,
            complaint_id,
            form.get_text("outcome"),
            form.parse_time("answered_at", "Told them at") or context.now,
            now=context.now,
        ),
        then=f"/complaints/{complaint_id}",
        message="",
        on_error=lambda problem: _render_complaint(context, complaint_id, form, problem),
    )


@router.post("/complaints/{complaint_id}/erase")
@requires(APPROVER)
def submit_erasure(complaint_id: str, context: SignedIn, form: Posted) -> Response:
    """Its time is over."""
    return context.submit(
        lambda uow: complaints.erase_complaint(
            uow,
            context.actor,
            complaint_id,
            form.get_text("erase_reason"),
            context.dependencies.settings.retention,
            now=context.now,
        ),
        then="/complaints",
        message="complaint_erased",
        on_error=lambda problem: _render_complaint(context, complaint_id, form, problem),
    )


def _parse_complaint(context: RequestContext, form: SubmittedForm) -> Complaint:
    return Complaint(
        id="",
        case_id=form.get_text("case").strip().upper() or None,
        recorded_by=context.user.id,
        recorded_at=context.now,
        complainant=form.get_text("complainant"),
        contact=form.get_text("complaint_contact"),
        customer_id=form.get_text("complaint_customer") or None,
        received_at=form.require_time("received_at", "Received at"),
        route=form.parse_choice("complaint_route", ContactRoute, "Received by"),
        about=form.get_text("about"),
    )


def _render_list(
    context: RequestContext,
    page: int,
    typed: Mapping[str, str],
    problem: BreachDeskError | None = None,
) -> Response:
    at = max(page, 1)
    rows, total, running, names, open_cases = context.look(
        lambda uow: (
            page_rows := uow.records.list_page(Complaint, begin=(at - 1) * PAGE, limit=PAGE),
            uow.records.count(Complaint),
            uow.records.count(Complaint, running=True),
            get_customer_names(uow, (complaint.customer_id for complaint in page_rows)),
            uow.cases.list_page(PageRequest(CHOICES), states=OPEN),
        )
    )
    return context.render_page(
        "complaints.html",
        complaints=rows,
        total=total,
        running=running,
        names=names,
        cases=open_cases,
        page=at,
        pages=-(-total // PAGE) or 1,
        typed={"case": context.request.query_params.get("case", ""), **typed},
        problem=problem,
    )


def _render_complaint(
    context: RequestContext,
    complaint_id: str,
    typed: Mapping[str, str],
    problem: BreachDeskError | None = None,
) -> Response:
    complaint, names, law = context.look(
        lambda uow: (
            opened := uow.records.get(Complaint, complaint_id),
            get_customer_names(uow, [opened.customer_id]),
            complaints.find_provision(uow, opened.received_at),
        )
    )
    against = list(
        complaints.list_erasure_obstacles(
            complaint, context.dependencies.settings.retention, context.now
        )
    )
    return context.render_page(
        "complaint.html",
        complaint=complaint,
        names=names,
        law=law,
        against=against,
        typed=typed,
        problem=problem,
    )


SCREEN = Screen(
    id="complaints",
    router=router,
    navigation=NavigationEntry(
        "/complaints",
        "Complaints",
        NavigationGroup.RECORDS,
        order=3,
        query=lambda uow: uow.records.count(Complaint, running=True),
    ),
)
