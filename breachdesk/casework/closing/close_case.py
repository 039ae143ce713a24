"""Close a case; refused while one of its obligations is open."""

from __future__ import annotations

from datetime import datetime

from breachdesk.casework.authority import require_permission, require_text
from breachdesk.casework.closing.closing_blockers import closing_blockers
from breachdesk.casework.opening.cases import get_open_case, record_case_audit, save_case
from breachdesk.casework.opening.causes import add_finding, check_known, record_cause
from breachdesk.ports import UnitOfWork
from schemas.audit_actions import AuditAction
from schemas.casework.case import Case, CaseState
from schemas.casework.cause import CauseFinding
from schemas.errors import NotAllowed
from schemas.text_signs import mark_hidden_in_line
from schemas.user import Actor, Permission


def close_case(
    uow: UnitOfWork,
    actor: Actor,
    case_id: str,
    reason: str,
    near_miss: bool,
    now: datetime,
    cause: CauseFinding | None = None,
) -> Case:
    """Close the case. Raises NotAllowed naming every duty that is still open, or when the cause of
    a breach or near miss was not said; a breach is never a near miss. `cause`: None leaves it as it
    was said."""
    require_permission(actor, Permission.RESPONDER, act="close a case")
    case = get_open_case(uow, case_id)
    reason = require_text(reason, place="reason", remedy="Say how it ended.")
    if near_miss and case.breach_id:
        raise NotAllowed("a confirmed breach is no near miss", place=case.id, remedy="Close it.")
    if cause is not None:
        case = add_finding(case, cause)
    blockers = closing_blockers(uow, case, now)
    if blockers:
        names = {
            customer.id: mark_hidden_in_line(customer.name) for customer in uow.customers.list()
        }
        reasons = "; ".join(obstacle.format_sentence(names) for obstacle in blockers)
        raise NotAllowed(reasons, place=case.id, remedy="Finish these first, or waive what may be.")
    if near_miss or case.breach_id:
        check_known(case)
    saved = save_case(
        uow, case, state=CaseState.CLOSED, closed_at=now, close_reason=reason, near_miss=near_miss
    )
    record_case_audit(
        uow, actor, AuditAction.CASE_STATE_CLOSED, case, now,
        facts={"near_miss": near_miss}, personal={"reason": reason},
    )  # fmt: skip
    if cause is not None and cause in saved.cause_findings:
        record_cause(uow, saved, now)
    return saved
