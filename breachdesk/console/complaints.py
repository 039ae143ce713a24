"""Complaints: all of them with their days, one with what was said to it, and their file."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework import complaints
from breachdesk.casework.complaints_file import as_csv as as_csv_text
from breachdesk.console.desk import Desk, Posted, Signed
from breachdesk.console.forms import Form
from breachdesk.console.notice import saved
from breachdesk.console.pages import customer_names
from schemas.case import CaseState
from schemas.case_record import Complaint, Route
from schemas.errors import BreachDeskError
from schemas.paging import PageRequest

router = APIRouter()
PAGE = 50
CHOICES = 50
"""Open cases that the form offers, the newest; others are named by their id."""
OPEN = (CaseState.OPEN, CaseState.CONFIRMED)


@router.get("/complaints")
def show(desk: Signed, page: int = 1) -> Response:
    """What is due first on top."""
    return _list(desk, page, {})


@router.get("/complaints.csv")
def as_csv(desk: Signed) -> Response:
    """For a spreadsheet."""
    rows = desk.look(lambda uow: uow.records.page(Complaint))
    name = f"complaints-{desk.now:%Y-%m-%d}.csv"
    return saved(as_csv_text(rows).encode(), "text/csv; charset=utf-8", name)


@router.post("/complaints/new")
def log(desk: Signed, form: Posted) -> Response:
    """A complaint came."""
    return desk.attempt(
        lambda uow: complaints.log(uow, desk.actor, _complaint(desk, form), now=desk.now),
        then=lambda complaint: f"/complaints/{complaint.id}",
        done="complaint",
        again=lambda problem: _list(desk, 1, form, problem),
    )


@router.get("/complaints/{complaint_id}")
def one(complaint_id: str, desk: Signed) -> Response:
    """What was said, and what is owed."""
    return _one(desk, complaint_id, {})


@router.post("/complaints/{complaint_id}/acknowledge")
def acknowledge(complaint_id: str, desk: Signed, form: Posted) -> Response:
    """We told them that we have it."""
    return desk.attempt(
        lambda uow: complaints.acknowledge(
            uow,
            desk.actor,
            complaint_id,
            form.text("acknowledgement"),
            form.when("acknowledged_at", "Acknowledged at") or desk.now,
            now=desk.now,
        ),
        then=f"/complaints/{complaint_id}",
        done="",
        again=lambda problem: _one(desk, complaint_id, form, problem),
    )


@router.post("/complaints/{complaint_id}/answer")
def answer(complaint_id: str, desk: Signed, form: Posted) -> Response:
    """We told them the outcome."""
    return desk.attempt(
        lambda uow: complaints.answer(
            uow,
            desk.actor,
            complaint_id,
            form.text("outcome"),
            form.when("answered_at", "Told them at") or desk.now,
            now=desk.now,
        ),
        then=f"/complaints/{complaint_id}",
        done="",
        again=lambda problem: _one(desk, complaint_id, form, problem),
    )


@router.post("/complaints/{complaint_id}/erase")
def erase(complaint_id: str, desk: Signed, form: Posted) -> Response:
    """Its time is over."""
    return desk.attempt(
        lambda uow: complaints.erase(
            uow,
            desk.actor,
            complaint_id,
            form.text("erase_reason"),
            desk.house.settings.retention,
            now=desk.now,
        ),
        then="/complaints",
        done="complaint_erased",
        again=lambda problem: _one(desk, complaint_id, form, problem),
    )


def _complaint(desk: Desk, form: Form) -> Complaint:
    return Complaint(
        id="",
        case_id=form.text("case").strip().upper() or None,
        recorded_by=desk.user.id,
        recorded_at=desk.now,
        complainant=form.text("complainant"),
        contact=form.text("complaint_contact"),
        customer_id=form.text("complaint_customer") or None,
        received_at=form.must_when("received_at", "Received at"),
        route=form.word("complaint_route", Route, "How it came"),
        about=form.text("about"),
    )


def _list(
    desk: Desk, page: int, typed: Mapping[str, str], problem: BreachDeskError | None = None
) -> Response:
    at = max(page, 1)
    rows, total, running, names, open_cases = desk.look(
        lambda uow: (
            found := uow.records.page(Complaint, begin=(at - 1) * PAGE, limit=PAGE),
            uow.records.count(Complaint),
            uow.records.count(Complaint, running=True),
            customer_names(uow, (complaint.customer_id for complaint in found)),
            uow.cases.page(PageRequest(CHOICES), states=OPEN),
        )
    )
    return desk.page(
        "complaints.html",
        complaints=rows,
        total=total,
        running=running,
        names=names,
        cases=open_cases,
        page=at,
        pages=-(-total // PAGE) or 1,
        typed={"case": desk.request.query_params.get("case", ""), **typed},
        problem=problem,
    )


def _one(
    desk: Desk,
    complaint_id: str,
    typed: Mapping[str, str],
    problem: BreachDeskError | None = None,
) -> Response:
    complaint, names, law = desk.look(
        lambda uow: (
            found := uow.records.get(Complaint, complaint_id),
            customer_names(uow, [found.customer_id]),
            complaints.provision(uow, found.received_at),
        )
    )
    against = list(complaints.standing_against(complaint, desk.house.settings.retention, desk.now))
    return desk.page(
        "complaint.html",
        complaint=complaint,
        names=names,
        law=law,
        against=against,
        typed=typed,
        problem=problem,
    )
