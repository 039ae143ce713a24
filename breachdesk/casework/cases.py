"""Cases: opened by hand, led, noted, contained, and their tasks done."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from breachdesk.casework.authority import require, required, required_name
from breachdesk.casework.reopening import audit_reopened, opened_again
from breachdesk.casework.telephone import is_earlier
from breachdesk.ports import UnitOfWork
from schemas.case import (
    Case,
    CaseState,
    Concern,
    Containment,
    ContainmentKind,
    Note,
    Origin,
    Task,
    TaskKind,
)
from schemas.customer import AssetKind
from schemas.errors import BadInput, NotAllowed, NotFound
from schemas.times import in_utc
from schemas.user import Actor, Duty

ANYBODY = tuple(Duty)
SYSTEM = "system:casework"
HANDS = (Duty.ANALYST, Duty.RESPONDER)


def open_by_hand(  # noqa: PLR0913 - what a call tells us, each by its name
    uow: UnitOfWork,
    actor: Actor,
    *,
    title: str,
    origin: Origin,
    third_party: str = "",
    known: str,
    assets: Iterable[str] = (),
    supplier_told_at: datetime | None = None,
    now: datetime,
    drill: bool = False,
) -> Case:
    """No alert began it: a supplier's or customer's call, a lost laptop, a mis-sent mail.

    `assets` are `kind:value`. Raises BadInput when a supplier or third party is not named, or a
    time lies in the future.
    """
    require(actor, *HANDS, act="open a case")
    _check_origin(origin, third_party, supplier_told_at, now)
    party = third_party.strip()
    if party:
        party = required_name(party, place="third party", remedy="Name it.")
    case = Case(
        id=uow.cases.next_id(),
        title=required_name(title, place="title", remedy="Say in a few words what happened."),
        origin=origin,
        third_party=party,
        supplier_told_at=supplier_told_at,
        known=required(known, place="what is known", remedy="Write what you know so far."),
        opened_by=actor.id,
        opened_at=now,
        drill=drill,
        assets=tuple(dict.fromkeys(_asset(asset) for asset in assets if asset.strip())),
    )
    uow.cases.add(case)
    audit_case(
        uow, actor, "case:opened:by_hand", case, now,
        facts={"origin": origin.value, "assets": len(case.assets), "drill": drill},
        personal={"known": case.known, "third_party": case.third_party},
    )  # fmt: skip
    return case


def add_note(uow: UnitOfWork, actor: Actor, case_id: str, text: str, now: datetime) -> Case:
    """A note that stays."""
    require(actor, *ANYBODY, act="add a note")
    note = Note(at=now, by=actor.id, text=required(text, place="note", remedy="Write it."))
    case = uow.cases.get(case_id)
    saved = save_case(uow, case, notes=(*case.notes, note))
    audit_case(uow, actor, "case:note:added", case, now, personal={"text": note.text})
    return saved


def take_lead(uow: UnitOfWork, actor: Actor, case_id: str, now: datetime) -> Case:
    """The actor leads the case."""
    require(actor, *HANDS, act="lead a case")
    case = open_case_of(uow, case_id)
    saved = save_case(uow, case, lead=actor.id)
    audit_case(uow, actor, "case:lead:taken", case, now, facts={"before": case.lead})
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
    concerns: Concern | None = None,
    customers: tuple[str, ...] = (),
) -> Case:
    """A containment step, done already if `done_at` is given. Preserve before you contain.

    `concerns` says whose part of the incident it is about; None asks for it later, and no report of
    our own holds the step until then.
    """
    require(actor, *HANDS, act="contain")
    case = open_case_of(uow, case_id)
    _not_in_the_future(done_at, now, "done at")
    step = Containment(
        kind=kind,
        text=required(text, place="containment", remedy="Say it as a customer may read it."),
        done_at=done_at,
        done_by=actor.id if done_at else None,
        concerns=concerns,
        customers=_whose(concerns, customers),
    )
    saved = save_case(uow, case, containment=(*case.containment, step))
    audit_case(
        uow, actor, "case:containment:added", case, now,
        facts={
            "kind": kind.value,
            "index": len(case.containment),
            "done_at": _iso(done_at),
            "concerns": concerns,
            "customers": list(step.customers),
        },
        personal={"text": step.text},
    )  # fmt: skip
    return saved


def complete_containment(
    uow: UnitOfWork, actor: Actor, case_id: str, index: int, done_at: datetime, now: datetime
) -> Case:
    """The step was done. Raises NotFound for no such step, NotAllowed when it is done."""
    require(actor, *HANDS, act="contain")
    case = open_case_of(uow, case_id)
    _not_in_the_future(done_at, now, "done at")
    step = containment_step(case, index)
    if step.done_at is not None:
        raise NotAllowed("it is done already", place=case.id, remedy="Add another step.")
    done = step.model_copy(update={"done_at": done_at, "done_by": actor.id})
    saved = save_case(uow, case, containment=_replaced(case.containment, index, done))
    audit_case(
        uow, actor, "case:containment:done", case, now,
        facts={"kind": step.kind.value, "index": index, "done_at": _iso(done_at)},
    )  # fmt: skip
    return saved


def say_concern(
    uow: UnitOfWork,
    actor: Actor,
    case_id: str,
    index: int,
    concerns: Concern,
    now: datetime,
    customers: tuple[str, ...] = (),
) -> Case:
    """Whose part of the incident a step is about. A closed case may still be asked, since a report
    may follow. Raises NotFound for no such step."""
    require(actor, *HANDS, act="contain")
    case = uow.cases.get(case_id)
    step = containment_step(case, index)
    said = step.model_copy(update={"concerns": concerns, "customers": _whose(concerns, customers)})
    saved = save_case(uow, case, containment=_replaced(case.containment, index, said))
    audit_case(
        uow, actor, "case:containment:concern_said", case, now,
        facts={
            "index": index,
            "before": step.concerns,
            "concerns": concerns,
            "customers": list(said.customers),
        },
    )  # fmt: skip
    return saved


def complete_task(
    uow: UnitOfWork, actor: Actor, case_id: str, task_id: str, outcome: str, now: datetime
) -> Case:
    """Done by, and what came of it. Raises NotAllowed for a telephone task: it ends by a call
    that told its reader (`calls.record_call`)."""
    require(actor, *ANYBODY, act="complete a task")
    case = uow.cases.get(case_id)
    task = open_task(case, task_id)
    if task.kind is TaskKind.TELEPHONE:
        raise NotAllowed(
            "a telephone task says what came of the call",
            place=task.id,
            remedy="Record the call: reached and told, a message left, nobody, or a wrong number.",
        )
    outcome = required(outcome, place="outcome", remedy="Say what came of it.")
    done = task.model_copy(update={"done_at": now, "done_by": actor.id, "outcome": outcome})
    tasks = tuple(done if t.id == task_id else t for t in case.tasks)
    saved = save_case(uow, case, tasks=tasks)
    audit_case(
        uow, actor, "case:task:done", case, now,
        facts={"task": task.id, "kind": task.kind.value}, personal={"outcome": outcome},
    )  # fmt: skip
    return saved


def with_tasks(uow: UnitOfWork, case_id: str, tasks: Iterable[Task], now: datetime) -> Case:
    """Open these tasks unless they are there; for programs, so the audit names the system. A call
    with a later version of a letter takes the place of one that nobody reached. A closed case is
    open again: what is to be done in it would be forgotten."""
    case = uow.cases.get(case_id)
    known = {task.id for task in case.tasks}
    fresh = tuple(task for task in tasks if task.id not in known)
    if not fresh:
        return case
    if case.state is CaseState.CLOSED and not case.erased:
        case = uow.cases.save(opened_again(case, SYSTEM, fresh[0].reason, now))
        audit_reopened(uow, case, SYSTEM, fresh[0].reason, now)
    later: dict[tuple[str | None, str | None], list[Task]] = defaultdict(list)
    for task in fresh:
        later[task.customer_id, task.person_id].append(task)
    kept = tuple(
        _superseded(task, later.get((task.customer_id, task.person_id), ()), case.breach_id, now)
        for task in case.tasks
    )
    saved = save_case(uow, case, tasks=(*kept, *fresh))
    uow.audit.record(
        at=now,
        actor=SYSTEM,
        act="case:tasks:opened",
        subject=case.id,
        facts={"tasks": [task.id for task in fresh]},
        case_id=case.id,
    )
    return saved


def _superseded(task: Task, fresh: Iterable[Task], breach_id: str | None, now: datetime) -> Task:
    """It has told nobody: its later version is to be told now."""
    if not any(is_earlier(task, later, breach_id) for later in fresh):
        return task
    text = "A call with a later version of the letter took its place."
    changes = {"done_at": now, "done_by": SYSTEM, "outcome": text}
    return task.model_copy(update=changes)


def check_task(task_id: str, title: str, reason: str, now: datetime, script: str = "") -> Task:
    """Something a person must look at; `script` may name people."""
    return Task(
        id=task_id, kind=TaskKind.CHECK, title=title, opened_at=now, reason=reason, script=script
    )


def _check_origin(
    origin: Origin, third_party: str, told_at: datetime | None, now: datetime
) -> None:
    if origin is Origin.ALERT:
        raise BadInput("no alert began it", place="origin", remedy="Say who told us.")
    if origin in (Origin.PROCESSOR, Origin.THIRD_PARTY) and not third_party.strip():
        raise BadInput("the other party is not named", place="third party", remedy="Name it.")
    _not_in_the_future(told_at, now, "told us at")


def _asset(asset: str) -> str:
    kind, colon, value = asset.strip().partition(":")
    if not colon or not value or kind not in list(AssetKind):
        raise BadInput(
            "this is no asset", place="assets", remedy="Write kind:value, e.g. host:laptop-14."
        )
    return f"{kind}:{value.strip().casefold()}"


def _not_in_the_future(moment: datetime | None, now: datetime, place: str) -> None:
    if moment is not None and in_utc(moment) > in_utc(now):
        raise BadInput("this time lies in the future", place=place, remedy="Correct it.")


def containment_step(case: Case, index: int) -> Containment:
    """Raises NotFound."""
    if not 0 <= index < len(case.containment):
        raise NotFound(f"no containment step {index}", place=case.id, remedy="See the list.")
    return case.containment[index]


def _replaced(
    steps: tuple[Containment, ...], index: int, step: Containment
) -> tuple[Containment, ...]:
    return (*steps[:index], step, *steps[index + 1 :])


def _whose(concerns: Concern | None, customers: tuple[str, ...]) -> tuple[str, ...]:
    if customers and concerns is not Concern.CUSTOMERS_DATA:
        raise BadInput(
            "customers are named, and the step does not concern their data",
            place="whose data the step concerns",
            remedy="Name none, or say that it concerns customers' data.",
        )
    return customers


def open_task(case: Case, task_id: str) -> Task:
    """Raises NotFound, and NotAllowed when it is done already."""
    task = next((t for t in case.tasks if t.id == task_id), None)
    if task is None:
        raise NotFound(f"no task {task_id}", place=case.id, remedy="See the case's tasks.")
    if task.done_at is not None:
        raise NotAllowed("it is done already", place=task.id, remedy="Add a note instead.")
    return task


def open_case_of(uow: UnitOfWork, case_id: str) -> Case:
    """Return the case. Raises NotAllowed when it is closed."""
    case = uow.cases.get(case_id)
    if case.state is CaseState.CLOSED:
        raise NotAllowed("the case is closed", place=case.id, remedy="Open a new one.")
    return case


def save_case(uow: UnitOfWork, case: Case, **changes: Any) -> Case:
    return uow.cases.save(case.model_copy(update=changes))


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def audit_case(
    uow: UnitOfWork,
    actor: Actor,
    act: str,
    case: Case,
    now: datetime,
    *,
    facts: dict[str, Any] | None = None,
    personal: dict[str, str] | None = None,
) -> None:
    uow.audit.record(
        at=now, actor=actor.id, act=act, subject=case.id, facts=facts,
        personal=personal, case_id=case.id,
    )  # fmt: skip
