"""People and bodies of one case: suppliers, controllers' receipts and questions, others told."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework import bodies, controller_questions, receipts, suppliers
from breachdesk.console.case_file import read_case
from breachdesk.console.desk import Desk, Posted, Signed
from breachdesk.console.forms import Form
from breachdesk.console.people_view import read_people
from breachdesk.console.way import way
from breachdesk.ports import UnitOfWork
from schemas.around_breach import Body, BodyTold, ControllerQuestion
from schemas.case_record import Route, SupplierNotice, SupplierQuestion
from schemas.errors import BadInput, BreachDeskError, NotFound

router = APIRouter()


@router.get("/cases/{case_id}/people")
def show(case_id: str, desk: Signed) -> Response:
    """Everybody around the case."""
    return _show(desk, case_id, {})


@router.post("/cases/{case_id}/people/supplier")
def supplier_told_us(case_id: str, desk: Signed, form: Posted) -> Response:
    """What a supplier told us."""
    return desk.attempt(
        lambda uow: suppliers.record_notice(
            uow, desk.actor, case_id, _notice(desk, form), now=desk.now
        ),
        then=f"/cases/{case_id}/people#suppliers",
        done="",
        again=lambda problem: _show(desk, case_id, form, problem),
    )


@router.post("/cases/{case_id}/people/supplier-question")
def ask_supplier(case_id: str, desk: Signed, form: Posted) -> Response:
    """What we asked a supplier."""
    return desk.attempt(
        lambda uow: suppliers.ask(uow, desk.actor, case_id, _asked(desk, form), now=desk.now),
        then=f"/cases/{case_id}/people#suppliers",
        done="",
        again=lambda problem: _show(desk, case_id, form, problem),
    )


@router.post("/cases/{case_id}/people/supplier-question/{question_id}")
def supplier_answered(case_id: str, question_id: str, desk: Signed, form: Posted) -> Response:
    """What came back."""
    return desk.attempt(
        lambda uow: suppliers.record_answer(
            uow,
            desk.actor,
            case_id,
            question_id,
            answered_at=form.when(f"answered_at:{question_id}", "Answered at") or desk.now,
            answered_by=form.text(f"answered_by:{question_id}"),
            answer=form.text(f"answer:{question_id}"),
            documents=form.lines(f"documents:{question_id}"),
            now=desk.now,
        ),
        then=f"/cases/{case_id}/people#suppliers",
        done="",
        again=lambda problem: _show(desk, case_id, form, problem),
    )


@router.post("/cases/{case_id}/people/receipt/{row_id}")
def confirm_receipt(case_id: str, row_id: int, desk: Signed, form: Posted) -> Response:
    """A controller has its pack."""
    file = desk.look(lambda uow: read_case(uow, case_id, desk.now))
    if row_id not in {row.id for row in file.rows}:
        raise NotFound("no such letter", place=case_id, remedy="See the list of its letters.")
    return desk.attempt(
        lambda uow: receipts.record_receipt(
            uow,
            desk.actor,
            row_id,
            now=desk.now,
            confirmed_by=_needed(form, f"confirmed_by:{row_id}", "Who confirmed"),
            route=form.word(f"route:{row_id}", Route, "How"),
            confirmed_at=form.when(f"confirmed_at:{row_id}", "Confirmed at"),
        ),
        then=f"/cases/{case_id}/people",
        done="acknowledged",
        again=lambda problem: _show(desk, case_id, form, problem),
    )


@router.post("/cases/{case_id}/people/receipt-term")
def set_term(case_id: str, desk: Signed, form: Posted) -> Response:
    """Within how many hours a receipt is asked for."""
    return desk.attempt(
        lambda uow: receipts.set_term(
            uow, desk.actor, _breach_id(uow, desk, case_id),
            form.must_whole("term_hours", "Hours"), now=desk.now,
        ),
        then=f"/cases/{case_id}/people#receipts",
        done="",
        again=lambda problem: _show(desk, case_id, form, problem),
    )  # fmt: skip


@router.post("/cases/{case_id}/people/question")
def controller_asked(case_id: str, desk: Signed, form: Posted) -> Response:
    """What a controller asks."""
    return desk.attempt(
        lambda uow: controller_questions.record_question(
            uow, desk.actor, _question(uow, desk, case_id, form), now=desk.now
        ),
        then=f"/cases/{case_id}/people#questions",
        done="",
        again=lambda problem: _show(desk, case_id, form, problem),
    )


@router.post("/cases/{case_id}/people/question/{entry}")
def controller_answered(case_id: str, entry: int, desk: Signed, form: Posted) -> Response:
    """The words that a person gave them."""
    people = desk.look(lambda uow: read_people(uow, desk, case_id))
    if entry not in {question.entry for question in people.questions}:
        raise NotFound("no such question", place=case_id, remedy="See the list of questions.")
    return desk.attempt(
        lambda uow: controller_questions.record_answer(
            uow,
            desk.actor,
            _breach_id(uow, desk, case_id),
            entry,
            answer=form.text(f"reply:{entry}"),
            route=form.word(f"reply_route:{entry}", Route, "How"),
            answered_at=form.when(f"replied_at:{entry}", "Answered at") or desk.now,
            profile=desk.house.settings.profile,
            now=desk.now,
        ),
        then=f"/cases/{case_id}/people#questions",
        done="",
        again=lambda problem: _show(desk, case_id, form, problem),
    )


@router.post("/cases/{case_id}/people/body")
def body_told(case_id: str, desk: Signed, form: Posted) -> Response:
    """Police, insurer, bank, …: told, or not applicable."""
    return desk.attempt(
        lambda uow: bodies.record_body(
            uow, desk.actor, _body(uow, desk, case_id, form), now=desk.now
        ),
        then=f"/cases/{case_id}/people#bodies",
        done="",
        again=lambda problem: _show(desk, case_id, form, problem),
    )


def _notice(desk: Desk, form: Form) -> SupplierNotice:
    return SupplierNotice(
        id="",
        recorded_by=desk.user.id,
        recorded_at=desk.now,
        supplier=form.text("supplier"),
        told_at=form.must_when("told_at", "Told us at"),
        route=form.word("told_route", Route, "How they told us"),
        told_by=form.text("told_by"),
        said=form.text("said"),
        reference=form.text("supplier_reference"),
        documents=form.lines("documents"),
    )


def _asked(desk: Desk, form: Form) -> SupplierQuestion:
    return SupplierQuestion(
        id="",
        recorded_by=desk.user.id,
        recorded_at=desk.now,
        supplier=form.text("asked_supplier"),
        asked_at=form.when("asked_at", "Asked at") or desk.now,
        asked_of=form.text("asked_of"),
        question=form.text("supplier_question"),
    )


def _question(uow: UnitOfWork, desk: Desk, case_id: str, form: Form) -> ControllerQuestion:
    return ControllerQuestion(
        breach_id=_breach_id(uow, desk, case_id),
        version=0,
        entry=0,
        recorded_by=desk.user.id,
        recorded_at=desk.now,
        customer_id=form.text("controller"),
        asked_by=form.text("controller_person"),
        asked_at=form.when("controller_asked_at", "Asked at") or desk.now,
        route=form.word("controller_route", Route, "How they asked"),
        question=form.text("controller_question"),
    )


def _body(uow: UnitOfWork, desk: Desk, case_id: str, form: Form) -> BodyTold:
    return BodyTold(
        breach_id=_breach_id(uow, desk, case_id),
        version=0,
        entry=form.whole("entry", "Entry") or 0,
        recorded_by=desk.user.id,
        recorded_at=desk.now,
        body=form.word("body", Body, "Which body"),
        name=form.text("body_name"),
        applicable=form.yes("applicable", "Told, or not applicable"),
        told_at=form.when("body_told_at", "Told at"),
        told_by=form.text("body_told_by"),
        reference=form.text("body_reference"),
        note=form.text("body_note"),
    )


def _breach_id(uow: UnitOfWork, desk: Desk, case_id: str) -> str:
    return read_case(uow, case_id, desk.now).known_breach().id


def _needed(form: Form, name: str, label: str) -> str:
    text = form.text(name)
    if not text:
        raise BadInput("it is empty", place=label, remedy="Write who it was.")
    return text


def _show(
    desk: Desk, case_id: str, typed: Mapping[str, str], problem: BreachDeskError | None = None
) -> Response:
    people = desk.look(lambda uow: read_people(uow, desk, case_id))
    return desk.page(
        "people.html",
        people=people,
        file=people.file,
        case=people.file.case,
        way=way(people.file),
        typed=typed,
        problem=problem,
    )
