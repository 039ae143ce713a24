"""Record calls for telephone tasks: every attempt is kept, and a reader counts as notified only by
one that reached them."""

from __future__ import annotations

from datetime import datetime

from breachdesk.casework.authority import require_name, require_permission, require_text
from breachdesk.casework.obligations import list_obligations
from breachdesk.casework.opening import cases
from breachdesk.casework.opening.telephone_tasks import get_notice, is_earlier
from breachdesk.ports import UnitOfWork
from schemas.audit_actions import AuditAction
from schemas.casework.case import RUNG, TELLS, CallAttempt, CallOutcome, Case, CaseTask, TaskKind
from schemas.errors import BadInput, NotAllowed
from schemas.times import convert_to_utc
from schemas.user import Actor

SPOKEN = (CallOutcome.REACHED_AND_TOLD, CallOutcome.TOLD_IN_PERSON)
ENDS = TELLS | {CallOutcome.NOT_NEEDED}
OUTCOME_TEXTS = {
    CallOutcome.REACHED_AND_TOLD: "reached and told by telephone",
    CallOutcome.TOLD_IN_PERSON: "told in person",
    CallOutcome.LETTER_POSTED: "letter posted",
    CallOutcome.NOT_NEEDED: "not needed any more",
}


def record_call(  # noqa: PLR0913 - what came of a call, each by its name
    uow: UnitOfWork,
    actor: Actor,
    case_id: str,
    task_id: str,
    outcome: CallOutcome,
    *,
    now: datetime,
    at: datetime | None = None,
    number: str = "",
    spoken_to: str = "",
    statement: str = "",
    wants_it_in_writing: bool = False,
    proof: str = "",
    next_at: datetime | None = None,
) -> Case:
    """Record one attempt to call. Reaching the reader completes the task and every earlier one of
    the same letter; a message, no answer or a wrong number leave it open.

    `at` is the time of the call; None: just now. Raises BadInput for missing or impossible values,
    NotAllowed for another kind of task, and for `not needed` while the reader is owed the call."""
    require_permission(actor, *cases.ANYBODY, act="complete a task")
    case = uow.cases.get(case_id)
    task = cases.get_open_task(case, task_id)
    if task.kind is not TaskKind.TELEPHONE:
        raise NotAllowed("it is no telephone task", place=task.id, remedy="Write its outcome.")
    attempt = CallAttempt(
        outcome=outcome,
        at=convert_to_utc(at or now),
        recorded_by=actor.id,
        recorded_at=now,
        number=_require_number(number) if outcome in RUNG else None,
        spoken_to=_check_spoken_to(spoken_to, outcome),
        said=_check_statement(statement, outcome),
        wants_it_in_writing=wants_it_in_writing,
        proof=_require_proof(proof) if outcome is CallOutcome.LETTER_POSTED else None,
        next_at=None if outcome in ENDS else next_at,
    )
    _check_times(attempt, task, now)
    if outcome is CallOutcome.NOT_NEEDED:
        _check_not_owed(uow, case, task, now)
    saved = uow.cases.save(case.model_copy(update={"tasks": _update_tasks(case, task, attempt)}))
    _record_audit(uow, actor, saved, task, attempt)
    return saved


def _update_tasks(case: Case, task: CaseTask, attempt: CallAttempt) -> tuple[CaseTask, ...]:
    completed = task.model_copy(update={"attempts": (*task.attempts, attempt)})
    if attempt.outcome not in ENDS:
        return tuple(completed if t.id == task.id else t for t in case.tasks)
    completed = complete_call_task(completed, attempt, _format_attempt(attempt))
    is_told = attempt.outcome in TELLS
    return tuple(
        completed
        if t.id == task.id
        else complete_call_task(t, attempt, "told with a later version of the letter")
        if is_told and is_earlier(t, task, case.breach_id)
        else t
        for t in case.tasks
    )


def complete_call_task(task: CaseTask, attempt: CallAttempt, outcome: str) -> CaseTask:
    """Complete the task at the time of the attempt."""
    return task.model_copy(
        update={
            "done_at": attempt.recorded_at,
            "done_by": attempt.recorded_by,
            "outcome": outcome,
        }
    )


def _format_attempt(attempt: CallAttempt) -> str:
    whom = f": {attempt.spoken_to}" if attempt.spoken_to else ""
    parts = [f"{OUTCOME_TEXTS[attempt.outcome]}{whom}", attempt.proof, attempt.said]
    if attempt.wants_it_in_writing:
        parts.append("They ask for it in writing")
    text = ". ".join(part.rstrip(".") for part in parts if part)
    return text[:1].upper() + text[1:] + "."


def _require_number(number: str) -> str:
    return require_name(number, place="number", remedy="Write the number that was rung.")


def _check_spoken_to(name: str, outcome: CallOutcome) -> str | None:
    if outcome in SPOKEN or name.strip():
        return require_name(name, place="spoken to", remedy="Name whom you told.")
    return None


def _require_proof(proof: str) -> str:
    return require_text(
        proof, place="proof", remedy="Name the proof of posting and where it is kept."
    )


def _check_statement(statement: str, outcome: CallOutcome) -> str | None:
    if outcome in (*SPOKEN, CallOutcome.NOT_NEEDED) or statement.strip():
        remedy = "Write what they said, or why it is not needed."
        return require_text(statement, place="what was said", remedy=remedy)
    return None


def _check_times(attempt: CallAttempt, task: CaseTask, now: datetime) -> None:
    if attempt.at > convert_to_utc(now):
        raise BadInput("this time lies in the future", place="when", remedy="Correct it.")
    if attempt.at < convert_to_utc(task.opened_at).replace(second=0, microsecond=0):
        raise BadInput(
            "it lies before the task was opened", place="when", remedy="Correct the time."
        )
    if attempt.next_at is not None and convert_to_utc(attempt.next_at) <= convert_to_utc(now):
        raise BadInput("it lies in the past", place="next try", remedy="Set a later time.")


def _check_not_owed(uow: UnitOfWork, case: Case, task: CaseTask, now: datetime) -> None:
    """Raise NotAllowed when the reader of the call is still to be notified."""
    notice = get_notice(task, case.breach_id) if case.breach_id else None
    if case.breach_id is None or notice is None:
        return
    key = f"{task.customer_id}/{task.person_id}/{notice[0]}"
    every = list_obligations(uow, case.breach_id, now)
    owed = [o.title for o in every if o.running and key in {reader.key for reader in o.owed}]
    if owed:
        raise NotAllowed(
            f"this reader is still to be told ({'; '.join(owed)})",
            place=task.id,
            remedy="Tell them, or have the duty waived for them first.",
        )


def _record_audit(
    uow: UnitOfWork, actor: Actor, case: Case, task: CaseTask, attempt: CallAttempt
) -> None:
    named = ("number", "spoken_to", "said", "proof")
    uow.audit.record(
        at=attempt.recorded_at,
        actor=actor.id,
        action=AuditAction.CASE_CALL_RECORDED,
        subject=case.id,
        facts={
            "task": task.id,
            "outcome": attempt.outcome.value,
            "at": attempt.at.isoformat(),
            "in_writing": attempt.wants_it_in_writing,
            "next_at": attempt.next_at.isoformat() if attempt.next_at else None,
        },
        personal={name: text for name in named if (text := getattr(attempt, name))},
        case_id=case.id,
    )
