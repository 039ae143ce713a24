"""Reopen a closed case: by a person with a reason, or because a task is open."""

from __future__ import annotations

from datetime import datetime

from breachdesk.casework.authority import check_not_erased, require_permission, require_text
from breachdesk.ports import UnitOfWork
from schemas.audit_actions import AuditAction
from schemas.casework.case import Case, CaseNote, CaseState
from schemas.errors import NotAllowed
from schemas.user import Actor, Permission


def reopen_case(uow: UnitOfWork, actor: Actor, case_id: str, reason: str, now: datetime) -> Case:
    """Reopen a case, keeping its closing reason as a note. Raises NotAllowed for a case that is
    open, a near miss, and one whose personal data was erased."""
    require_permission(actor, Permission.RESPONDER, act="open a case again")
    case = uow.cases.get(case_id)
    check_not_erased(case)
    if case.state is not CaseState.CLOSED:
        raise NotAllowed("it is not closed", place=case.id, remedy="Go on with it.")
    if case.near_miss:
        raise NotAllowed(
            "it is a near miss", place=case.id, remedy="Say what makes it worth another look."
        )
    text = require_text(reason, place="reason", remedy="Say what is to be done again.")
    saved = uow.cases.save(build_reopened(case, actor.id, text, now))
    record_reopening(uow, saved, actor.id, text, now)
    return saved


def build_reopened(case: Case, by: str, reason: str, now: datetime) -> Case:
    """Build the case as it was before closing, with both reasons as notes."""
    notes = [CaseNote(at=now, by=by, text=f"Opened again, because: {reason}")]
    if case.closed_at is not None:
        before = f"Closed on {case.closed_at:%d %B %Y}, because: {case.close_reason}"
        notes.insert(0, CaseNote(at=now, by=by, text=before))
    return case.model_copy(
        update={
            "state": CaseState.CONFIRMED if case.breach_id else CaseState.OPEN,
            "closed_at": None,
            "close_reason": "",
            "notes": (*case.notes, *notes),
        }
    )


def record_reopening(uow: UnitOfWork, case: Case, by: str, reason: str, now: datetime) -> None:
    """Record the reopening in the same transaction."""
    uow.audit.record(
        at=now,
        actor=by,
        action=AuditAction.CASE_STATE_REOPENED,
        subject=case.id,
        personal={"reason": reason},
        case_id=case.id,
    )
