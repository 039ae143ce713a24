"""Open tasks of all cases, and one task: whom, why, what to say, and the outcome."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework import calls, cases
from breachdesk.casework.standing import why_no_call
from breachdesk.console.contact_rows import ContactWarnings, contact_warnings
from breachdesk.console.desk import Desk, Posted, Signed
from breachdesk.console.forms import Form
from breachdesk.console.pages import customer_names
from breachdesk.ports import UnitOfWork
from schemas.case import CallOutcome, Case, Task, TaskKind
from schemas.customer import Person
from schemas.errors import BreachDeskError, NotFound
from schemas.paging import PAGE_ROWS

router = APIRouter()
DONE = 50
"""Tasks done last that the list shows."""
Pair = tuple[Case, Task]


@router.get("/tasks")
def tasks(desk: Signed, page: int = 1) -> Response:
    """Oldest open one first; the last ones done below."""
    at = max(page, 1)
    waiting, done, names = desk.look(lambda uow: _read(uow, at))
    return desk.page(
        "tasks.html",
        waiting=waiting[(at - 1) * PAGE_ROWS : at * PAGE_ROWS],
        total=len(waiting),
        done=done if at == 1 else (),
        names=names,
        page=at,
        pages=-(-len(waiting) // PAGE_ROWS) or 1,
    )


@router.get("/cases/{case_id}/tasks/{task_id:path}")
def task(case_id: str, task_id: str, desk: Signed) -> Response:
    """One task with its script."""
    return _show(desk, case_id, task_id, {})


@router.post("/cases/{case_id}/tasks/{task_id:path}")
def complete(case_id: str, task_id: str, desk: Signed, form: Posted) -> Response:
    """One try of a telephone task, or the outcome of another task in words."""

    def work(uow: UnitOfWork) -> Task:
        case = uow.cases.get(case_id)
        if cases.open_task(case, task_id).kind is TaskKind.TELEPHONE:
            saved = _record_call(uow, desk, case_id, task_id, form)
        else:
            outcome = form.text("outcome")
            saved = cases.complete_task(uow, desk.actor, case_id, task_id, outcome, now=desk.now)
        return next(task for task in saved.tasks if task.id == task_id)

    return desk.attempt(
        work,
        then=lambda task: f"/tasks?done={'task' if task.done_at else 'tried'}",
        done="",
        again=lambda problem: _show(desk, case_id, task_id, form, problem),
    )


def _record_call(uow: UnitOfWork, desk: Desk, case_id: str, task_id: str, form: Form) -> Case:
    return calls.record_call(
        uow,
        desk.actor,
        case_id,
        task_id,
        form.word("call_outcome", CallOutcome, "What came of it"),
        now=desk.now,
        at=form.when("at", "When"),
        number=form.text("number"),
        spoken_to=form.text("spoken_to"),
        said=form.text("said"),
        wants_it_in_writing=form.ticked("in_writing"),
        proof=form.text("proof"),
        next_at=form.when("next_at", "Next try"),
    )


def _read(uow: UnitOfWork, page: int) -> tuple[list[Pair], list[Pair], dict[str, str]]:
    """Every task that waits, in open cases or closed ones, and those done last."""
    waiting = [
        (case, task)
        for case in uow.cases.with_open_tasks()
        for task in case.tasks
        if task.done_at is None
    ]
    waiting.sort(key=lambda pair: (pair[1].opened_at, pair[1].id))
    done = [
        (task.done_at, task.id, case, task)
        for case in uow.cases.with_newest_done_tasks(DONE)
        for task in case.tasks
        if task.done_at is not None
    ]
    newest = [(case, task) for *_, case, task in sorted(done, key=lambda d: d[:2])[-DONE:]]
    shown = (*waiting[(page - 1) * PAGE_ROWS : page * PAGE_ROWS], *newest)
    return waiting, newest, customer_names(uow, (task.customer_id for _, task in shown))


def _show(
    desk: Desk,
    case_id: str,
    task_id: str,
    typed: Mapping[str, str],
    problem: BreachDeskError | None = None,
) -> Response:
    case = desk.look(lambda uow: uow.cases.get(case_id))
    found = next((t for t in case.tasks if t.id == task_id), None)
    if found is None:
        raise NotFound("no such task", place=case_id, remedy="See the list of tasks.")
    person = desk.look(lambda uow: _person(uow, found))
    contacts = desk.look(lambda uow: _contacts(uow, desk, case, found))
    number = _number(found, person, contacts)
    return desk.page(
        "task.html",
        case=case,
        task=found,
        person=person,
        contacts=contacts,
        no_call=desk.look(lambda uow: why_no_call(uow, case, found)),
        number=number,
        names=desk.look(lambda uow: customer_names(uow, [found.customer_id])),
        typed=typed or {"number": number or ""},
        problem=problem,
    )


def _number(task: Task, person: Person | None, contacts: ContactWarnings) -> str | None:
    """The number to ring, the same as the script says. One that came with a change is not rung:
    None, or the one that was held before."""
    if contacts.changed:
        return contacts.changed[0].number or None
    if contacts.added:
        return None
    return task.number or (person.phone if person else None) or None


def _contacts(uow: UnitOfWork, desk: Desk, case: Case, task: Task) -> ContactWarnings:
    """Whoever rings must not ring a number that came with a change."""
    if case.breach_id is None or task.customer_id is None:
        return ContactWarnings()
    breach = uow.breaches.get(case.breach_id)
    return contact_warnings(uow, desk, breach, {task.customer_id})


def _person(uow: UnitOfWork, task: Task) -> Person | None:
    if task.customer_id is None:
        return None
    people = uow.customers.get(task.customer_id).people
    return next((p for p in people if p.id == task.person_id), None)
