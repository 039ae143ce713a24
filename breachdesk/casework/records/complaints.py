"""Log, acknowledge, answer and erase complaints about how we handle data (DPA 2018 s.164A)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from breachdesk.casework.authority import (
    CASE_PERMISSIONS,
    check_not_erased,
    require_name,
    require_permission,
    require_text,
)
from breachdesk.casework.record_times import check_past, strip_optional
from breachdesk.gdpr.deadlines import compute_deadline
from breachdesk.ports import UnitOfWork
from schemas.audit_actions import AuditAction
from schemas.casework.case import CaseState
from schemas.casework.case_record import Complaint
from schemas.errors import NotAllowed, NotFound
from schemas.law import Provision
from schemas.settings import RetentionSettings
from schemas.times import convert_to_utc
from schemas.user import Actor, Permission

LAW = "dpa2018_s164a"


def add_complaint(uow: UnitOfWork, actor: Actor, complaint: Complaint, now: datetime) -> Complaint:
    """Add a complaint about a case, or about none. The law of the day on which it was received sets
    the day until which it must be acknowledged. Raises NotFound for an unknown customer or case,
    NotAllowed for a closed case."""
    require_permission(actor, *CASE_PERMISSIONS, act="log a complaint")
    if complaint.case_id is not None:
        case = uow.cases.get(complaint.case_id)
        check_not_erased(case)
        if case.state is CaseState.CLOSED:
            raise NotAllowed("the case is closed", place=case.id, remedy="Log it without a case.")
    if complaint.customer_id is not None:
        uow.customers.get(complaint.customer_id)
    received = check_past(complaint.received_at, now, place="received at")
    filed = complaint.model_copy(
        update={
            "id": uow.records.allocate_id(Complaint),
            "recorded_by": actor.id,
            "recorded_at": now,
            "complainant": require_name(
                complaint.complainant, place="who complains", remedy="Write the name they gave."
            ),
            "contact": strip_optional(complaint.contact),
            "received_at": received,
            "about": require_text(complaint.about, place="what about", remedy="Write it down."),
            "acknowledge_by": compute_acknowledge_by(uow, received),
        }
    )
    uow.records.add(filed)
    _record_audit(
        uow, actor, AuditAction.COMPLAINT_RECEIVED_LOGGED, filed, now, {"about": filed.about}
    )
    return filed


def acknowledge_complaint(
    uow: UnitOfWork, actor: Actor, complaint_id: str, words: str, at: datetime, now: datetime
) -> Complaint:
    """Record the acknowledgement that a person sent; `words` say how, and what was said. Raises
    NotAllowed when it was acknowledged before."""
    require_permission(actor, *CASE_PERMISSIONS, act="record an acknowledgement")
    complaint = uow.records.get(Complaint, complaint_id)
    if complaint.acknowledged_at is not None:
        raise NotAllowed("it is acknowledged", place=complaint.id, remedy="Answer it.")
    saved = uow.records.save(
        complaint.model_copy(
            update={
                "acknowledged_at": check_past(
                    at, now, place="acknowledged at", earliest=complaint.received_at
                ),
                "acknowledged_by": actor.id,
                "acknowledgement": require_text(
                    words, place="acknowledgement", remedy="Say how it was sent."
                ),
            }
        )
    )
    personal = {"acknowledgement": saved.acknowledgement or ""}
    _record_audit(uow, actor, AuditAction.COMPLAINT_RECEIPT_ACKNOWLEDGED, saved, now, personal)
    return saved


def answer_complaint(
    uow: UnitOfWork, actor: Actor, complaint_id: str, outcome: str, at: datetime, now: datetime
) -> Complaint:
    """Record the outcome that a person gave, which ends the complaint. It also acknowledges one
    that was not acknowledged. Raises NotAllowed when the outcome is recorded."""
    require_permission(actor, Permission.RESPONDER, act="record the outcome of a complaint")
    complaint = uow.records.get(Complaint, complaint_id)
    if complaint.answered_at is not None:
        raise NotAllowed("its outcome is recorded", place=complaint.id, remedy="Look at it.")
    earliest = complaint.acknowledged_at or complaint.received_at
    informed_at = check_past(at, now, place="told them at", earliest=earliest)
    changes: dict[str, object] = {
        "answered_at": informed_at,
        "answered_by": actor.id,
        "outcome": require_text(outcome, place="outcome", remedy="Say what they were told."),
    }
    if complaint.acknowledged_at is None:
        changes |= {"acknowledged_at": informed_at, "acknowledged_by": actor.id}
    saved = uow.records.save(complaint.model_copy(update=changes))
    _record_audit(
        uow, actor, AuditAction.COMPLAINT_OUTCOME_TOLD, saved, now, {"outcome": saved.outcome or ""}
    )
    return saved


def compute_acknowledge_by(uow: UnitOfWork, received_at: datetime) -> datetime | None:
    """Compute the acknowledgement's due time. None: no such law was in force on the day."""
    law = find_provision(uow, received_at)
    deadline = None if law is None else compute_deadline(law, received_at)
    return None if deadline is None else deadline.due


def find_provision(uow: UnitOfWork, day: datetime) -> Provision | None:
    """Find the law of the day. None: there was none."""
    try:
        return uow.law.get_provision(LAW, day)
    except NotFound:
        return None


def erase_complaint(
    uow: UnitOfWork,
    actor: Actor,
    complaint_id: str,
    reason: str,
    retention: RetentionSettings,
    now: datetime,
) -> None:
    """Destroy the key of a complaint that belongs to no case; one of a case goes with the case.
    Raises NotAllowed before its retention is over."""
    require_permission(actor, Permission.APPROVER, act="erase a complaint")
    complaint = uow.records.get(Complaint, complaint_id)
    against = list(list_erasure_obstacles(complaint, retention, now))
    if against:
        raise NotAllowed("; ".join(against), place=complaint.id, remedy="It stays as it is.")
    why = require_text(reason, place="reason", remedy="Say why, and name nobody: it stays.")
    uow.audit.erase(complaint.scope, at=now, actor=actor.id, reason=why)


def list_erasure_obstacles(
    complaint: Complaint, retention: RetentionSettings, now: datetime
) -> Iterator[str]:
    """List why it may not be erased now; empty: it may."""
    if complaint.case_id is not None:
        yield f"it goes with its case, {complaint.case_id}"
        return
    if complaint.answered_at is None:
        yield "its outcome is not recorded"
        return
    until = convert_to_utc(complaint.answered_at) + timedelta(days=30 * retention.near_miss_months)
    if convert_to_utc(now) < until:
        yield f"it is kept until {until:%d %B %Y}"


def _record_audit(
    uow: UnitOfWork,
    actor: Actor,
    action: AuditAction,
    complaint: Complaint,
    now: datetime,
    personal: Mapping[str, str],
) -> None:
    uow.audit.record(
        at=now, actor=actor.id, action=action, subject=complaint.id,
        facts={"case": complaint.case_id}, personal=personal, case_id=complaint.scope,
    )  # fmt: skip
