"""Open tasks of all cases, and one task: whom, why, what to say, and the outcome."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework.delivery import telephone_calls
from breachdesk.casework.opening import cases
from breachdesk.casework.release.approval_validity import find_call_invalid_reason
from breachdesk.console.views.case_standings import count_cases
from breachdesk.console.views.forms import SubmittedForm
from breachdesk.console.views.navigation import NavigationEntry, NavigationGroup
from breachdesk.console.views.pages import get_customer_names
from breachdesk.console.web.contact_rows import ContactWarnings, build_contact_warnings
from breachdesk.console.web.permissions import ANY_PERMISSION, requires
from breachdesk.console.web.request_context import Posted, RequestContext, SignedIn
from breachdesk.console.web.screen import Screen
from breachdesk.ports import UnitOfWork
from schemas.casework.case import CallOutcome, Case, CaseTask, TaskKind
from schemas.customer import Person
from schemas.errors import BreachDeskError, NotFound
from schemas.paging import PAGE_ROWS

router = APIRouter()
COMPLETED_TASKS = 50
"""Tasks done last that the list shows."""
Pair = tuple[Case, CaseTask]


@router.get("/tasks")
def show_tasks(context: SignedIn, page: int = 1) -> Response:
    """Oldest open one first; the last ones done below."""
    at = max(page, 1)
    waiting, completed, names = context.look(lambda uow: _read(uow, at))
    return context.render_page(
        "tasks.html",
        waiting=waiting[(at - 1) * PAGE_ROWS : at * PAGE_ROWS],
        total=len(waiting),
        done=completed if at == 1 else (),
        names=names,
        page=at,
        pages=-(-len(waiting) // PAGE_ROWS) or 1,
    )


@router.get("/cases/{case_id}/tasks/{task_id:path}")
def show_task(case_id: str, task_id: str, context: SignedIn) -> Response:
    """One task with its script."""
    return _show(context, case_id, task_id, {})


@router.post("/cases/{case_id}/tasks/{task_id:path}")
@requires(ANY_PERMISSION)
def submit_task(case_id: str, task_id: str, context: SignedIn, form: Posted) -> Response:
    """One try of a telephone task, or the outcome of another task in words."""

    def complete_task(uow: UnitOfWork) -> CaseTask:
        case = uow.cases.get(case_id)
        if cases.get_open_task(case, task_id).kind is TaskKind.TELEPHONE:
            saved = _record_call(uow, context, case_id, task_id, form)
        else:
            outcome = form.get_text("outcome")
            saved = cases.complete_task(
                uow, context.actor, case_id, task_id, outcome, now=context.now
            )
        return next(task for task in saved.tasks if task.id == task_id)

    return context.submit(
        complete_task,
        then=lambda task: f"/tasks?done={'task' if task.done_at else 'tried'}",
        message="",
        on_error=lambda problem: _show(context, case_id, task_id, form, problem),
    )


def _record_call(
    uow: UnitOfWork, context: RequestContext, case_id: str, task_id: str, form: SubmittedForm
) -> Case:
    return telephone_calls.record_call(
        uow,
        context.actor,
        case_id,
        task_id,
        form.parse_choice("call_outcome", CallOutcome, "Outcome"),
        now=context.now,
        at=form.parse_time("at", "When"),
        number=form.get_text("number"),
        spoken_to=form.get_text("spoken_to"),
        statement=form.get_text("said"),
        wants_it_in_writing=form.is_ticked("in_writing"),
        proof=form.get_text("proof"),
        next_at=form.parse_time("next_at", "Next try"),
    )


def _read(uow: UnitOfWork, page: int) -> tuple[list[Pair], list[Pair], dict[str, str]]:
    """Every task that waits, in open cases or closed ones, and those done last."""
    waiting = [
        (case, task)
        for case in uow.cases.list_with_open_tasks()
        for task in case.tasks
        if task.done_at is None
    ]
    waiting.sort(key=lambda pair: (pair[1].opened_at, pair[1].id))
    completed = [
        (task.done_at, task.id, case, task)
        for case in uow.cases.list_by_newest_completed_task(COMPLETED_TASKS)
        for task in case.tasks
        if task.done_at is not None
    ]
    newest = [
        (case, task) for *_, case, task in sorted(completed, key=lambda d: d[:2])[-COMPLETED_TASKS:]
    ]
    shown = (*waiting[(page - 1) * PAGE_ROWS : page * PAGE_ROWS], *newest)
    return waiting, newest, get_customer_names(uow, (task.customer_id for _, task in shown))


def _show(
    context: RequestContext,
    case_id: str,
    task_id: str,
    typed: Mapping[str, str],
    problem: BreachDeskError | None = None,
) -> Response:
    case = context.look(lambda uow: uow.cases.get(case_id))
    task = next((t for t in case.tasks if t.id == task_id), None)
    if task is None:
        raise NotFound("no such task", place=case_id, remedy="See the list of tasks.")
    person = context.look(lambda uow: _find_person(uow, task))
    contacts = context.look(lambda uow: _list_contact_warnings(uow, context, case, task))
    number = _find_number(task, person, contacts)
    return context.render_page(
        "task.html",
        case=case,
        task=task,
        person=person,
        contacts=contacts,
        no_call=context.look(lambda uow: find_call_invalid_reason(uow, case, task)),
        number=number,
        names=context.look(lambda uow: get_customer_names(uow, [task.customer_id])),
        typed=typed or {"number": number or ""},
        problem=problem,
    )


def _find_number(task: CaseTask, person: Person | None, contacts: ContactWarnings) -> str | None:
    """The number to ring, the same as the script says. One that came with a change is not rung:
    None, or the one that was held before."""
    if contacts.changed:
        return contacts.changed[0].number or None
    if contacts.added:
        return None
    return task.number or (person.phone if person else None) or None


def _list_contact_warnings(
    uow: UnitOfWork, context: RequestContext, case: Case, task: CaseTask
) -> ContactWarnings:
    """Whoever rings must not ring a number that came with a change."""
    if case.breach_id is None or task.customer_id is None:
        return ContactWarnings()
    breach = uow.breaches.get(case.breach_id)
    return build_contact_warnings(uow, context, breach, {task.customer_id})


def _find_person(uow: UnitOfWork, task: CaseTask) -> Person | None:
    if task.customer_id is None:
        return None
    people = uow.customers.get(task.customer_id).people
    return next((p for p in people if p.id == task.person_id), None)


SCREEN = Screen(
    id="tasks",
    router=router,
    navigation=NavigationEntry(
        "/tasks",
        "Tasks",
        NavigationGroup.WORK,
        order=4,
        query=count_cases,
        number=lambda counts: counts.open_tasks,
    ),
)
