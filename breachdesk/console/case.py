"""One case: its way and obligations, what happened, who is affected, containment, tasks, notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework import cases, reopening, triage
from breachdesk.casework.close_case import close_case
from breachdesk.console import words
from breachdesk.console.case_file import CaseFile, read_case
from breachdesk.console.contact_rows import ContactWarnings, contact_warnings
from breachdesk.console.desk import Desk, Posted, Signed
from breachdesk.console.forms import Form
from breachdesk.console.near_miss import cause_of
from breachdesk.console.timeline import timeline
from breachdesk.console.way import next_step, way
from breachdesk.gdpr.causes import cause_list
from breachdesk.ports import UnitOfWork
from schemas.alert import AlertState, AlertView
from schemas.case import Case, Concern, ContainmentKind
from schemas.customer import Role
from schemas.errors import BreachDeskError
from schemas.paging import PageRequest

router = APIRouter()
OF_CUSTOMER = "customer:"


class Whose(TypedDict):
    """Which part of the incident a containment step concerns."""

    concerns: Concern
    customers: tuple[str, ...]


@router.get("/cases/{case_id}")
def case(case_id: str, desk: Signed) -> Response:
    """The case."""
    return _show(desk, case_id, {})


@router.post("/cases/{case_id}/note")
def add_note(case_id: str, desk: Signed, form: Posted) -> Response:
    """A note."""
    return desk.attempt(
        lambda uow: cases.add_note(uow, desk.actor, case_id, form.text("note"), now=desk.now),
        then=f"/cases/{case_id}",
        done="noted",
        again=lambda problem: _show(desk, case_id, form, problem),
    )


@router.post("/cases/{case_id}/lead")
def take_lead(case_id: str, desk: Signed, form: Posted) -> Response:
    """Whoever asks leads it."""
    return desk.attempt(
        lambda uow: cases.take_lead(uow, desk.actor, case_id, now=desk.now),
        then=f"/cases/{case_id}",
        done="lead",
        again=lambda problem: _show(desk, case_id, form, problem),
    )


@router.post("/cases/{case_id}/link")
def link(case_id: str, desk: Signed, form: Posted) -> Response:
    """One more alert."""
    return desk.attempt(
        lambda uow: triage.link_alert(
            uow, desk.actor, case_id, uow.alerts.get(form.text("alert")).pk, now=desk.now
        ),
        then=f"/cases/{case_id}",
        done="linked",
        again=lambda problem: _show(desk, case_id, form, problem),
    )


@router.post("/cases/{case_id}/containment")
def add_containment(case_id: str, desk: Signed, form: Posted) -> Response:
    """A step to take, or one already taken when its time is typed."""
    return desk.attempt(
        lambda uow: cases.add_containment(
            uow,
            desk.actor,
            case_id,
            form.word("kind", ContainmentKind, "What kind of step"),
            form.text("containment"),
            now=desk.now,
            done_at=form.when("done_at", "Done at"),
            **_concern(form),
        ),
        then=f"/cases/{case_id}#containment",
        done="",
        again=lambda problem: _show(desk, case_id, form, problem),
    )


@router.post("/cases/{case_id}/containment/{index}/concern")
def say_concern(case_id: str, index: int, desk: Signed, form: Posted) -> Response:
    """Whose data a step concerns."""

    def work(uow: UnitOfWork) -> Case:
        cases.containment_step(uow.cases.get(case_id), index)
        return cases.say_concern(uow, desk.actor, case_id, index, now=desk.now, **_concern(form))

    return desk.attempt(
        work,
        then=f"/cases/{case_id}#containment",
        done="",
        again=lambda problem: _show(desk, case_id, form, problem),
    )


@router.post("/cases/{case_id}/containment/{index}")
def complete_containment(case_id: str, index: int, desk: Signed, form: Posted) -> Response:
    """It was done at the typed time, or just now."""
    return desk.attempt(
        lambda uow: cases.complete_containment(
            uow,
            desk.actor,
            case_id,
            index,
            form.when("completed_at", "Done at") or desk.now,
            now=desk.now,
        ),
        then=f"/cases/{case_id}#containment",
        done="",
        again=lambda problem: _show(desk, case_id, form, problem),
    )


@router.post("/cases/{case_id}/close")
def close(case_id: str, desk: Signed, form: Posted) -> Response:
    """With a reason; a near miss is marked as such."""
    return desk.attempt(
        lambda uow: close_case(
            uow,
            desk.actor,
            case_id,
            form.text("close_reason"),
            form.ticked("near_miss"),
            now=desk.now,
            cause=cause_of(desk, form),
        ),
        then=f"/cases/{case_id}",
        done="closed",
        again=lambda problem: _show(desk, case_id, form, problem),
    )


@router.post("/cases/{case_id}/reopen")
def reopen(case_id: str, desk: Signed, form: Posted) -> Response:
    """A closed case is open again, with a reason."""
    return desk.attempt(
        lambda uow: reopening.reopen(uow, desk.actor, case_id, form.text("reopen"), now=desk.now),
        then=f"/cases/{case_id}",
        done="case-reopened",
        again=lambda problem: _show(desk, case_id, form, problem),
    )


def _show(
    desk: Desk, case_id: str, typed: Mapping[str, str], problem: BreachDeskError | None = None
) -> Response:
    file, linkable, contacts = desk.look(lambda uow: _read(uow, desk, case_id))
    return desk.page(
        "case.html",
        file=file,
        case=file.case,
        typed=typed,
        problem=problem,
        way=way(file),
        next=next_step(file),
        timeline=timeline(file),
        linkable=linkable,
        contacts=contacts,
        causes=cause_list(),
        concerns=_concerns(file),
    )


def _concern(form: Form) -> Whose:
    """The chosen part of the incident; `customer:` names the one customer whose data it is."""
    said = form.text("concern")
    if said.startswith(OF_CUSTOMER):
        customer = said.removeprefix(OF_CUSTOMER)
        return {"concerns": Concern.CUSTOMERS_DATA, "customers": (customer,)}
    return {"concerns": form.word("concern", Concern, "Whose data it concerns"), "customers": ()}


def _concerns(file: CaseFile) -> list[tuple[str, str]]:
    """The whole, ours, every customer's, and that of each customer reached."""
    touched = {e.customer_id for e in file.reached if e.role is Role.PROCESSOR}
    whole = [(concern.value, words.CONCERN[concern.value]) for concern in Concern]
    return whole + [
        (f"{OF_CUSTOMER}{id_}", f"What {file.names.get(id_, id_)} keeps with us")
        for id_ in sorted(touched)
    ]


def _read(
    uow: UnitOfWork, desk: Desk, case_id: str
) -> tuple[CaseFile, Sequence[AlertView], ContactWarnings]:
    file = read_case(uow, case_id, desk.now)
    contacts: ContactWarnings = ContactWarnings()
    if file.breach is not None and file.manifest is not None:
        told = {recipient.customer_id for recipient in file.manifest.recipients}
        contacts = contact_warnings(uow, desk, file.breach, told)
    return file, uow.alerts.page(PageRequest(), states=(AlertState.NEW,)).rows, contacts
