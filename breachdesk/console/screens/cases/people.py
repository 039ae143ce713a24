"""People and bodies of one case: suppliers, controllers' receipts and questions, others told."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework.records import informed_bodies, suppliers
from breachdesk.casework.release import controller_questions, receipts
from breachdesk.console.views.case_progress import build_steps
from breachdesk.console.views.case_view import read_case
from breachdesk.console.views.forms import SubmittedForm
from breachdesk.console.web.people_page import read_people
from breachdesk.console.web.permissions import ANALYST_OR_RESPONDER, RESPONDER, requires
from breachdesk.console.web.request_context import Posted, RequestContext, SignedIn
from breachdesk.console.web.screen import Screen
from breachdesk.ports import UnitOfWork
from schemas.casework.breach_records import BodyTold, ControllerQuestion, OtherBody
from schemas.casework.case_record import ContactRoute, SupplierNotice, SupplierQuestion
from schemas.errors import BadInput, BreachDeskError, NotFound

router = APIRouter()


@router.get("/cases/{case_id}/people")
def show_people(case_id: str, context: SignedIn) -> Response:
    """Everybody around the case."""
    return _show(context, case_id, {})


@router.post("/cases/{case_id}/people/supplier")
@requires(ANALYST_OR_RESPONDER)
def submit_supplier_notice(case_id: str, context: SignedIn, form: Posted) -> Response:
    """What a supplier told us."""
    return context.submit(
        lambda uow: suppliers.record_supplier_notice(
            uow, context.actor, case_id, _parse_supplier_notice(context, form), now=context.now
        ),
        then=f"/cases/{case_id}/people#suppliers",
        message="",
        on_error=lambda problem: _show(context, case_id, form, problem),
    )


@router.post("/cases/{case_id}/people/supplier-question")
@requires(ANALYST_OR_RESPONDER)
def submit_supplier_question(case_id: str, context: SignedIn, form: Posted) -> Response:
    """What we asked a supplier."""
    return context.submit(
        lambda uow: suppliers.ask_supplier(
            uow, context.actor, case_id, _parse_supplier_question(context, form), now=context.now
        ),
        then=f"/cases/{case_id}/people#suppliers",
        message="",
        on_error=lambda problem: _show(context, case_id, form, problem),
    )


@router.post("/cases/{case_id}/people/supplier-question/{question_id}")
@requires(ANALYST_OR_RESPONDER)
def submit_supplier_answer(
    case_id: str, question_id: str, context: SignedIn, form: Posted
) -> Response:
    """What came back."""
    return context.submit(
        lambda uow: suppliers.record_supplier_answer(
            uow,
            context.actor,
            case_id,
            question_id,
            answered_at=form.parse_time(f"answered_at:{question_id}", "Answered at") or context.now,
            answered_by=form.get_text(f"answered_by:{question_id}"),
            answer=form.get_text(f"answer:{question_id}"),
            documents=form.list_lines(f"documents:{question_id}"),
            now=context.now,
        ),
        then=f"/cases/{case_id}/people#suppliers",
        message="",
        on_error=lambda problem: _show(context, case_id, form, problem),
    )


@router.post("/cases/{case_id}/people/receipt/{row_id}")
@requires(ANALYST_OR_RESPONDER)
def submit_receipt(case_id: str, row_id: int, context: SignedIn, form: Posted) -> Response:
    """A controller has its pack."""
    file = context.look(lambda uow: read_case(uow, case_id, context.now))
    if row_id not in {row.id for row in file.rows}:
        raise NotFound("no such letter", place=case_id, remedy="See the list of its letters.")
    return context.submit(
        lambda uow: receipts.record_receipt(
            uow,
            context.actor,
            row_id,
            now=context.now,
            confirmed_by=_require_text(form, f"confirmed_by:{row_id}", "Who confirmed"),
            route=form.parse_choice(f"route:{row_id}", ContactRoute, "How"),
            confirmed_at=form.parse_time(f"confirmed_at:{row_id}", "Confirmed at"),
        ),
        then=f"/cases/{case_id}/people",
        message="acknowledged",
        on_error=lambda problem: _show(context, case_id, form, problem),
    )


@router.post("/cases/{case_id}/people/receipt-term")
@requires(RESPONDER)
def submit_receipt_term(case_id: str, context: SignedIn, form: Posted) -> Response:
    """Within how many hours a receipt is asked for."""
    return context.submit(
        lambda uow: receipts.set_receipt_term(
            uow, context.actor, _get_breach_id(uow, context, case_id),
            form.require_number("term_hours", "Hours"), now=context.now,
        ),
        then=f"/cases/{case_id}/people#receipts",
        message="",
        on_error=lambda problem: _show(context, case_id, form, problem),
    )  # fmt: skip


@router.post("/cases/{case_id}/people/question")
@requires(ANALYST_OR_RESPONDER)
def submit_controller_question(case_id: str, context: SignedIn, form: Posted) -> Response:
    """What a controller asks."""
    return context.submit(
        lambda uow: controller_questions.record_question(
            uow,
            context.actor,
            _parse_controller_question(uow, context, case_id, form),
            now=context.now,
        ),
        then=f"/cases/{case_id}/people#questions",
        message="",
        on_error=lambda problem: _show(context, case_id, form, problem),
    )


@router.post("/cases/{case_id}/people/question/{entry}")
@requires(RESPONDER)
def submit_controller_answer(case_id: str, entry: int, context: SignedIn, form: Posted) -> Response:
    """The words that a person gave them."""
    people = context.look(lambda uow: read_people(uow, context, case_id))
    if entry not in {question.entry for question in people.questions}:
        raise NotFound("no such question", place=case_id, remedy="See the list of questions.")
    return context.submit(
        lambda uow: controller_questions.record_answer(
            uow,
            context.actor,
            _get_breach_id(uow, context, case_id),
            entry,
            answer=form.get_text(f"reply:{entry}"),
            route=form.parse_choice(f"reply_route:{entry}", ContactRoute, "How"),
            answered_at=form.parse_time(f"replied_at:{entry}", "Answered at") or context.now,
            profile=context.dependencies.settings.profile,
            now=context.now,
        ),
        then=f"/cases/{case_id}/people#questions",
        message="",
        on_error=lambda problem: _show(context, case_id, form, problem),
    )


@router.post("/cases/{case_id}/people/body")
@requires(ANALYST_OR_RESPONDER)
def submit_body(case_id: str, context: SignedIn, form: Posted) -> Response:
    """Police, insurer, bank, …: told, or not applicable."""
    return context.submit(
        lambda uow: informed_bodies.record_body(
            uow, context.actor, _parse_body(uow, context, case_id, form), now=context.now
        ),
        then=f"/cases/{case_id}/people#bodies",
        message="",
        on_error=lambda problem: _show(context, case_id, form, problem),
    )


def _parse_supplier_notice(context: RequestContext, form: SubmittedForm) -> SupplierNotice:
    return SupplierNotice(
        id="",
        recorded_by=context.user.id,
        recorded_at=context.now,
        supplier=form.get_text("supplier"),
        told_at=form.require_time("told_at", "Told us at"),
        route=form.parse_choice("told_route", ContactRoute, "How they told us"),
        told_by=form.get_text("told_by"),
        said=form.get_text("said"),
        reference=form.get_text("supplier_reference"),
        documents=form.list_lines("documents"),
    )


def _parse_supplier_question(context: RequestContext, form: SubmittedForm) -> SupplierQuestion:
    return SupplierQuestion(
        id="",
        recorded_by=context.user.id,
        recorded_at=context.now,
        supplier=form.get_text("asked_supplier"),
        asked_at=form.parse_time("asked_at", "Asked at") or context.now,
        asked_of=form.get_text("asked_of"),
        question=form.get_text("supplier_question"),
    )


def _parse_controller_question(
    uow: UnitOfWork, context: RequestContext, case_id: str, form: SubmittedForm
) -> ControllerQuestion:
    return ControllerQuestion(
        breach_id=_get_breach_id(uow, context, case_id),
        version=0,
        entry=0,
        recorded_by=context.user.id,
        recorded_at=context.now,
        customer_id=form.get_text("controller"),
        asked_by=form.get_text("controller_person"),
        asked_at=form.parse_time("controller_asked_at", "Asked at") or context.now,
        route=form.parse_choice("controller_route", ContactRoute, "How they asked"),
        question=form.get_text("controller_question"),
    )


def _parse_body(
    uow: UnitOfWork, context: RequestContext, case_id: str, form: SubmittedForm
) -> BodyTold:
    return BodyTold(
        breach_id=_get_breach_id(uow, context, case_id),
        version=0,
        entry=form.parse_number("entry", "Entry") or 0,
        recorded_by=context.user.id,
        recorded_at=context.now,
        body=form.parse_choice("body", OtherBody, "Which body"),
        name=form.get_text("body_name"),
        applicable=form.parse_yes_no("applicable", "Told, or not applicable"),
        told_at=form.parse_time("body_told_at", "Told at"),
        told_by=form.get_text("body_told_by"),
        reference=form.get_text("body_reference"),
        note=form.get_text("body_note"),
    )


def _get_breach_id(uow: UnitOfWork, context: RequestContext, case_id: str) -> str:
    return read_case(uow, case_id, context.now).get_breach().id


def _require_text(form: SubmittedForm, name: str, label: str) -> str:
    text = form.get_text(name)
    if not text:
        raise BadInput("it is empty", place=label, remedy="Write who it was.")
    return text


def _show(
    context: RequestContext,
    case_id: str,
    typed: Mapping[str, str],
    problem: BreachDeskError | None = None,
) -> Response:
    people = context.look(lambda uow: read_people(uow, context, case_id))
    return context.render_page(
        "people.html",
        people=people,
        file=people.file,
        case=people.file.case,
        case_steps=build_steps(people.file),
        typed=typed,
        problem=problem,
    )


SCREEN = Screen(id="people", router=router)
