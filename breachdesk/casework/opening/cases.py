"""Open cases by hand, and record lead, notes, containment and tasks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from breachdesk.casework.authority import (
    CASE_PERMISSIONS,
    require_name,
    require_permission,
    require_text,
)
from breachdesk.casework.opening.reopening import build_reopened, record_reopening
from breachdesk.casework.opening.telephone_tasks import is_earlier
from breachdesk.ports import UnitOfWork
from schemas.audit_actions import AuditAction
from schemas.casework.case import (
    Case,
    CaseNote,
    CaseOrigin,
    CaseState,
    CaseTask,
    ContainmentKind,
    ContainmentScope,
    ContainmentStep,
    TaskKind,
)
from schemas.customer import AssetKind
from schemas.errors import BadInput, NotAllowed, NotFound
from schemas.times import convert_to_utc
from schemas.user import Actor, Permission

ANYBODY = tuple(Permission)
SYSTEM = "system:casework"


def open_by_hand(  # noqa: PLR0913 - what a call tells us, each by its name
    uow: UnitOfWork,
    actor: Actor,
    *,
    title: str,
    origin: CaseOrigin,
    third_party: str = "",
    known: str,
    assets: Iterable[str] = (),
    supplier_told_at: datetime | None = None,
    now: datetime,
    drill: bool = False,
) -> Case:
    """Open a case without an alert: a supplier's or customer's call, a lost laptop, a mis-sent
    mail.

    `assets` are `kind:value`. Raises BadInput when a supplier or third party is not named, or a
    time is in the future."""
    require_permission(actor, *CASE_PERMISSIONS, act="open a case")
    _check_origin(origin, third_party, supplier_told_at, now)
    party = third_party.strip()
    if party:
        party = require_name(party, place="third party", remedy="Name it.")
    case = Case(
        id=uow.cases.allocate_id(),
        title=require_name(title, place="title", remedy="Say in a few words what happened."),
        origin=origin,
        third_party=party,
        supplier_told_at=supplier_told_at,
        known=require_text(known, place="what is known", remedy="Write what you know so far."),
        opened_by=actor.id,
        opened_at=now,
        drill=drill,
        assets=tuple(dict.fromkeys(_normalise_asset(asset) for asset in assets if asset.strip())),
    )
    uow.cases.add(case)
    record_case_audit(
        uow, actor, AuditAction.CASE_OPENED_BY_HAND, case, now,
        facts={"origin": origin.value, "assets": len(case.assets), "drill": drill},
        personal={"known": case.known, "third_party": case.third_party},
    )  # fmt: skip
    return case


def add_note(uow: UnitOfWork, actor: Actor, case_id: str, text: str, now: datetime) -> Case:
    """Add a permanent note."""
    require_permission(actor, *ANYBODY, act="add a note")
    note = CaseNote(at=now, by=actor.id, text=require_text(text, place="note", remedy="Write it."))
    case = uow.cases.get(case_id)
    saved = save_case(uow, case, notes=(*case.notes, note))
    record_case_audit(
        uow, actor, AuditAction.CASE_NOTE_ADDED, case, now, personal={"text": note.text}
    )
    return saved


def take_lead(uow: UnitOfWork, actor: Actor, case_id: str, now: datetime) -> Case:
    """Make the actor the lead of the case."""
    require_permission(actor, *CASE_PERMISSIONS, act="lead a case")
    case = get_open_case(uow, case_id)
    saved = save_case(uow, case, lead=actor.id)
    record_case_audit(
        uow, actor, AuditAction.CASE_LEAD_TAKEN, case, now, facts={"before": case.lead}
    )
    return saved


def add_containment(  # noqa: PLR0913 - what is known of a step, each by its name
    uow: UnitOfWork,
    actor: Actor,
    case_id: str,
    kind: ContainmentKind,
    text: str,
    now: datetime,
    done_at: datetime | None = None,
    *,
    concerns: ContainmentScope | None = None,
    customers: tuple[str, ...] = (),
) -> Case:
    """Add a containment step, already done if `done_at` is given. Preserve evidence before
    containing.

    `concerns` says whose part of the incident it is about; with None it is asked later, and no
    report of our own includes the step until then."""
    require_permission(actor, *CASE_PERMISSIONS, act="contain")
    case = get_open_case(uow, case_id)
    _check_not_future(done_at, now, "done at")
    step = ContainmentStep(
        kind=kind,
        text=require_text(text, place="containment", remedy="Say it as a customer may read it."),
        done_at=done_at,
        done_by=actor.id if done_at else None,
        concerns=concerns,
        customers=_check_concerned_customers(concerns, customers),
    )
    saved = save_case(uow, case, containment=(*case.containment, step))
    record_case_audit(
        uow, actor, AuditAction.CASE_CONTAINMENT_ADDED, case, now,
        facts={
            "kind": kind.value,
            "index": len(case.containment),
            "done_at": _format_time(done_at),
            "concerns": concerns,
            "customers": list(step.customers),
        },
        personal={"text": step.text},
    )  # fmt: skip
    return saved


def complete_containment(
    uow: UnitOfWork, actor: Actor, case_id: str, index: int, done_at: datetime, now: datetime
) -> Case:
    """Mark the step as done. Raises NotFound for an unknown step, NotAllowed when it is done."""
    require_permission(actor, *CASE_PERMISSIONS, act="contain")
    case = get_open_case(uow, case_id)
    _check_not_future(done_at, now, "done at")
    step = get_containment_step(case, index)
    if step.done_at is not None:
        raise NotAllowed("it is done already", place=case.id, remedy="Add another step.")
    completed = step.model_copy(update={"done_at": done_at, "done_by": actor.id})
    saved = save_case(uow, case, containment=_replace_step(case.containment, index, completed))
    record_case_audit(
        uow, actor, AuditAction.CASE_CONTAINMENT_DONE, case, now,
        facts={"kind": step.kind.value, "index": index, "done_at": _format_time(done_at)},
    )  # fmt: skip
    return saved


def set_concern(
    uow: UnitOfWork,
    actor: Actor,
    case_id: str,
    index: int,
    concerns: ContainmentScope,
    now: datetime,
    customers: tuple[str, ...] = (),
) -> Case:
    """Set whose part of the incident a step is about. Allowed in a closed case too, since a report
    may follow. Raises NotFound for an unknown step."""
    require_permission(actor, *CASE_PERMISSIONS, act="contain")
    case = uow.cases.get(case_id)
    step = get_containment_step(case, index)
    changed = step.model_copy(
        update={"concerns": concerns, "customers": _check_concerned_customers(concerns, customers)}
    )
    saved = save_case(uow, case, containment=_replace_step(case.containment, index, changed))
    record_case_audit(
        uow, actor, AuditAction.CASE_CONTAINMENT_CONCERN_SAID, case, now,
        facts={
            "index": index,
            "before": step.concerns,
            "concerns": concerns,
            "customers": list(changed.customers),
        },
    )  # fmt: skip
    return saved


def complete_task(
    uow: UnitOfWork, actor: Actor, case_id: str, task_id: str, outcome: str, now: datetime
) -> Case:
    """Complete a task with its outcome. Raises NotAllowed for a telephone task, which only a call
    that reached its reader ends (`telephone_calls.record_call`)."""
    require_permission(actor, *ANYBODY, act="complete a task")
    case = uow.cases.get(case_id)
    task = get_open_task(case, task_id)
    if task.kind is TaskKind.TELEPHONE:
        raise NotAllowed(
            "a telephone task says what came of the call",
            place=task.id,
            remedy="Record the call: reached and told, a message left, nobody, or a wrong number.",
        )
    outcome = require_text(outcome, place="outcome", remedy="Say what came of it.")
    completed = task.model_copy(update={"done_at": now, "done_by": actor.id, "outcome": outcome})
    tasks = tuple(completed if t.id == task_id else t for t in case.tasks)
    saved = save_case(uow, case, tasks=tasks)
    record_case_audit(
        uow, actor, AuditAction.CASE_TASK_DONE, case, now,
        facts={"task": task.id, "kind": task.kind.value}, personal={"outcome": outcome},
    )  # fmt: skip
    return saved


def open_tasks(uow: UnitOfWork, case_id: str, tasks: Iterable[CaseTask], now: datetime) -> Case:
    """Open these tasks unless they exist; the audit names the system as actor. A call about a later
    version of a letter replaces an open one. A closed case is reopened so that the tasks are not
    overlooked."""
    case = uow.cases.get(case_id)
    known = {task.id for task in case.tasks}
    fresh = tuple(task for task in tasks if task.id not in known)
    if not fresh:
        return case
    if case.state is CaseState.CLOSED and not case.erased:
        case = uow.cases.save(build_reopened(case, SYSTEM, fresh[0].reason, now))
        record_reopening(uow, case, SYSTEM, fresh[0].reason, now)
    later: dict[tuple[str | None, str | None], list[CaseTask]] = defaultdict(list)
    for task in fresh:
        later[task.customer_id, task.person_id].append(task)
    tasks_before = tuple(
        _mark_superseded(
            task, later.get((task.customer_id, task.person_id), ()), case.breach_id, now
        )
        for task in case.tasks
    )
    saved = save_case(uow, case, tasks=(*tasks_before, *fresh))
    uow.audit.record(
        at=now,
        actor=SYSTEM,
        action=AuditAction.CASE_TASKS_OPENED,
        subject=case.id,
        facts={"tasks": [task.id for task in fresh]},
        case_id=case.id,
    )
    return saved


def _mark_superseded(
    task: CaseTask, fresh: Iterable[CaseTask], breach_id: str | None, now: datetime
) -> CaseTask:
    """Mark the task as superseded: it notified nobody, and its later version is to be told now."""
    if not any(is_earlier(task, later, breach_id) for later in fresh):
        return task
    text = "A call with a later version of the letter took its place."
    changes = {"done_at": now, "done_by": SYSTEM, "outcome": text}
    return task.model_copy(update=changes)


def build_check_task(
    task_id: str, title: str, reason: str, now: datetime, script: str = ""
) -> CaseTask:
    """Build a task for a person to check something; `script` may name people."""
    return CaseTask(
        id=task_id, kind=TaskKind.CHECK, title=title, opened_at=now, reason=reason, script=script
    )


def _check_origin(
    origin: CaseOrigin, third_party: str, told_at: datetime | None, now: datetime
) -> None:
    if origin is CaseOrigin.ALERT:
        raise BadInput("no alert began it", place="origin", remedy="Say who told us.")
    if origin in (CaseOrigin.PROCESSOR, CaseOrigin.THIRD_PARTY) and not third_party.strip():
        raise BadInput("the other party is not named", place="third party", remedy="Name it.")
    _check_not_future(told_at, now, "told us at")


def _normalise_asset(asset: str) -> str:
    kind, colon, value = asset.strip().partition(":")
    if not colon or not value or kind not in list(AssetKind):
        raise BadInput(
            "this is no asset", place="assets", remedy="Write kind:value, e.g. host:laptop-14."
        )
    return f"{kind}:{value.strip().casefold()}"


def _check_not_future(moment: datetime | None, now: datetime, place: str) -> None:
    if moment is not None and convert_to_utc(moment) > convert_to_utc(now):
        raise BadInput("this time lies in the future", place=place, remedy="Correct it.")


def get_containment_step(case: Case, index: int) -> ContainmentStep:
    """Return the step. Raises NotFound."""
    if not 0 <= index < len(case.containment):
        raise NotFound(f"no containment step {index}", place=case.id, remedy="See the list.")
    return case.containment[index]


def _replace_step(
    steps: tuple[ContainmentStep, ...], index: int, step: ContainmentStep
) -> tuple[ContainmentStep, ...]:
    return (*steps[:index], step, *steps[index + 1 :])


def _check_concerned_customers(
    concerns: ContainmentScope | None, customers: tuple[str, ...]
) -> tuple[str, ...]:
    if customers and concerns is not ContainmentScope.CUSTOMERS_DATA:
        raise BadInput(
            "customers are named, and the step does not concern their data",
            place="whose data the step concerns",
            remedy="Name none, or say that it concerns customers' data.",
        )
    return customers


def get_open_task(case: Case, task_id: str) -> CaseTask:
    """Return the task. Raises NotFound, and NotAllowed when it is done already."""
    task = next((t for t in case.tasks if t.id == task_id), None)
    if task is None:
        raise NotFound(f"no task {task_id}", place=case.id, remedy="See the case's tasks.")
    if task.done_at is not None:
        raise NotAllowed("it is done already", place=task.id, remedy="Add a note instead.")
    return task


def get_open_case(uow: UnitOfWork, case_id: str) -> Case:
    """Return the case. Raises NotAllowed when it is closed."""
    case = uow.cases.get(case_id)
    if case.state is CaseState.CLOSED:
        raise NotAllowed("the case is closed", place=case.id, remedy="Open a new one.")
    return case


def save_case(uow: UnitOfWork, case: Case, **changes: Any) -> Case:
    return uow.cases.save(case.model_copy(update=changes))


def _format_time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def record_case_audit(
    uow: UnitOfWork,
    actor: Actor,
    action: AuditAction,
    case: Case,
    now: datetime,
    *,
    facts: dict[str, Any] | None = None,
    personal: dict[str, str] | None = None,
) -> None:
    uow.audit.record(
        at=now, actor=actor.id, action=action, subject=case.id, facts=facts,
        personal=personal, case_id=case.id,
    )  # fmt: skip
