"""Close a case: refused while a duty of it is open."""

from __future__ import annotations

from datetime import datetime

from breachdesk.casework.authority import require, required
from breachdesk.casework.cases import audit_case, open_case_of, save_case
from breachdesk.casework.causes import audit_cause, check_known, with_cause
from breachdesk.casework.closing import obstacles
from breachdesk.ports import UnitOfWork
from schemas.case import Case, CaseState
from schemas.cause import CauseFinding
from schemas.errors import NotAllowed
from schemas.signs import shown_in_line
from schemas.user import Actor, Duty


def close_case(
    uow: UnitOfWork,
    actor: Actor,
    case_id: str,
    reason: str,
    near_miss: bool,
    now: datetime,
    cause: CauseFinding | None = None,
) -> Case:
    """Close the case. Raises NotAllowed naming every duty that is still open, or when the cause of a breach or near
    miss was not said; a breach is never a near miss. `cause`: None leaves it as it was said."""
    require(actor, Duty.RESPONDER, act="close a case")
    case = open_case_of(uow, case_id)
    reason = required(reason, place="reason", remedy="Say how it ended.")
    if near_miss and case.breach_id:
        raise NotAllowed("a confirmed breach is no near miss", place=case.id, remedy="Close it.")
    if cause is not None:
        case = with_cause(case, cause)
    left = obstacles(uow, case, now)
    if left:
        names = {customer.id: shown_in_line(customer.name) for customer in uow.customers.list()}
        said = "; ".join(obstacle.said(names) for obstacle in left)
        raise NotAllowed(said, place=case.id, remedy="Finish these first, or waive what may be.")
    if near_miss or case.breach_id:
        check_known(case)
    saved = save_case(
        uow, case, state=CaseState.CLOSED, closed_at=now, close_reason=reason, near_miss=near_miss
    )
    audit_case(
        uow, actor, "case:state:closed", case, now,
        facts={"near_miss": near_miss}, personal={"reason": reason},
    )  # fmt: skip
    if cause is not None and cause in saved.cause_findings:
        audit_cause(uow, saved, now)
    return saved
