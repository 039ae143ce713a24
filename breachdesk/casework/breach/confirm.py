"""Confirm a breach (step 6): a named human declares awareness, and the clocks start. No program
ever does."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from breachdesk.casework.authority import require_permission, require_text
from breachdesk.casework.breach.lateness import list_unexplained_late
from breachdesk.casework.obligations.regulators import check_law
from breachdesk.casework.opening.causes import add_finding, record_cause
from breachdesk.ports import UnitOfWork
from schemas.audit import AuditEntry
from schemas.audit_actions import AuditAction
from schemas.casework.breach import Awareness, Breach
from schemas.casework.case import Case, CaseState
from schemas.casework.cause import CauseFinding
from schemas.errors import BadInput, IncompleteDocument, NotAllowed
from schemas.pipeline.alert import AlertView
from schemas.times import convert_to_utc
from schemas.user import Actor, Permission

EXPLAINED = 40
"""Characters of a reason that explains an awareness before the first alert."""


def confirm_breach(  # noqa: PLR0913 - what the form declares, each by its name
    uow: UnitOfWork,
    actor: Actor,
    case_id: str,
    *,
    reason: str,
    aware_at: datetime,
    occurred_from: datetime | None = None,
    occurred_to: datetime | None = None,
    now: datetime,
    cause: CauseFinding | None = None,
) -> Breach:
    """Confirm that the case is a personal data breach of which we are aware since `aware_at`
    (reasonable certainty; never filled in by a program). `cause` None leaves the recorded one.

    Raises NotAllowed for a case that is confirmed or closed, BadInput for impossible times."""
    require_permission(actor, Permission.RESPONDER, act="confirm a breach")
    case = _get_unconfirmed_case(uow, case_id)
    reason = require_text(reason, place="reason", remedy="Say what makes you reasonably certain.")
    alerts = uow.alerts.get_many(case.alerts)
    detected = min((alert.detected_at for alert in alerts), default=None)
    check_law(uow.law, aware_at)
    _check_aware(aware_at, detected, reason, now)
    _check_window(occurred_from, occurred_to, now)
    breach = Breach(
        id=uow.breaches.allocate_id(),
        case_id=case.id,
        title=case.title,
        drill=case.drill,
        confirmed_by=actor.id,
        confirmed_at=now,
        reason=reason,
        aware_at=convert_to_utc(aware_at),
        detected_at=detected,
        discovered_at=_find_discovered_at(uow, case, alerts),
        supplier_told_at=case.supplier_told_at,
        occurred_from=occurred_from,
        occurred_to=occurred_to,
        awareness=(_build_awareness(actor, aware_at, reason, now),),
    )
    uow.breaches.add(breach)
    known = add_finding(case, cause) if cause else case
    saved = uow.cases.save(
        known.model_copy(update={"state": CaseState.CONFIRMED, "breach_id": breach.id})
    )
    _record_audit(uow, actor, AuditAction.CASE_BREACH_CONFIRMED, breach, reason, now)
    if known is not case:
        record_cause(uow, saved, now)
    return breach


def move_awareness(
    uow: UnitOfWork,
    actor: Actor,
    breach_id: str,
    *,
    aware_at: datetime,
    reason: str,
    now: datetime,
    delay_reasons: str = "",
) -> Breach:
    """Move the time of awareness; every earlier declaration remains visible.

    A responder may make it earlier; where that makes a report late, filed or not, its reasons are
    required at once. Only an approver who did not declare it may make it later, since a clock gains
    time by it. Raises NotAllowed, BadInput, and IncompleteDocument while the reasons are
    missing."""
    require_permission(
        actor, Permission.RESPONDER, Permission.APPROVER, act="declare another time of awareness"
    )
    breach = uow.breaches.get(breach_id)
    reason = require_text(reason, place="reason", remedy="Say what shows the other time.")
    if convert_to_utc(aware_at) == convert_to_utc(breach.aware_at):
        raise BadInput("that is the time declared already", place="aware since")
    if convert_to_utc(aware_at) > convert_to_utc(breach.aware_at):
        _may_move_later(actor, breach)
    else:
        require_permission(actor, Permission.RESPONDER, act="declare an earlier awareness")
    check_law(uow.law, aware_at)
    _check_aware(aware_at, breach.detected_at, reason, now)
    _check_late(uow, breach, aware_at, delay_reasons, now)
    declared = _build_awareness(actor, aware_at, reason, now, delay_reasons)
    history = (*(breach.awareness or (_get_first_awareness(breach),)), declared)
    saved = uow.breaches.save(
        breach.model_copy(update={"aware_at": convert_to_utc(aware_at), "awareness": history})
    )
    _record_audit(uow, actor, AuditAction.BREACH_AWARENESS_MOVED, saved, reason, now)
    return saved


def list_warnings(breach: Breach) -> tuple[str, ...]:
    """List what a regulator would ask about the declared time; none of it blocks."""
    texts = []
    local = convert_to_utc(breach.aware_at)
    if (local.minute, local.second) == (0, 0) and local.hour in (0, 9):
        texts.append("A round time: be ready to say how you know it.")
    hours = 0.0
    if breach.detected_at is not None:
        hours = (local - convert_to_utc(breach.detected_at)).total_seconds() / 3600
    if hours > 48:
        texts.append("More than 48 hours from first alert to awareness: explain it in writing.")
    elif hours > 24:
        texts.append("More than 24 hours from first alert to awareness: be ready to explain.")
    return tuple(texts)


def _get_unconfirmed_case(uow: UnitOfWork, case_id: str) -> Case:
    case = uow.cases.get(case_id)
    if case.state is not CaseState.OPEN or case.breach_id is not None:
        raise NotAllowed(
            f"it is {case.state.value} already", place=case.id, remedy="A case confirms one breach."
        )
    return case


def _check_aware(aware_at: datetime, detected: datetime | None, reason: str, now: datetime) -> None:
    if convert_to_utc(aware_at) > convert_to_utc(now):
        raise BadInput("this time lies in the future", place="aware since", remedy="Correct it.")
    before = detected is not None and convert_to_utc(aware_at) < convert_to_utc(detected)
    if before and len(reason) < EXPLAINED:
        raise BadInput(
            "it lies before the first alert, and the reason does not say how we knew",
            place="aware since",
            remedy="Say in the reason who knew it and how, or correct the time.",
        )


def _check_window(begin: datetime | None, end: datetime | None, now: datetime) -> None:
    for moment, place in ((begin, "it began at"), (end, "it ended at")):
        if moment is not None and convert_to_utc(moment) > convert_to_utc(now):
            raise BadInput("this time lies in the future", place=place, remedy="Correct it.")
    if begin is not None and end is not None and convert_to_utc(end) < convert_to_utc(begin):
        raise BadInput("it ends before it begins", place="it ended at", remedy="Correct it.")


def _may_move_later(actor: Actor, breach: Breach) -> None:
    require_permission(actor, Permission.APPROVER, act="move awareness later")
    if actor.id == breach.confirmed_by:
        raise NotAllowed(
            "who declared awareness cannot move it later alone",
            place=breach.id,
            remedy="A second person who approves must do it.",
        )


def _check_late(
    uow: UnitOfWork, breach: Breach, aware_at: datetime, delay_reasons: str, now: datetime
) -> None:
    late = list_unexplained_late(uow, breach, aware_at, now)
    if late and not delay_reasons.strip():
        raise IncompleteDocument(
            {"reasons for the delay": f"this time makes a report late: {'; '.join(late)}"},
            place="aware since",
            remedy="Say why the report is, or will be, later than the limit. It goes with the report.",
        )


def _find_discovered_at(uow: UnitOfWork, case: Case, alerts: Iterable[AlertView]) -> datetime:
    """Find when a person first acted on one of the alerts, or opened the case."""
    acts = [
        first for a in alerts if (first := _find_first_act(uow.audit.list_entries(subject=a.id)))
    ]
    noticed = [case.near_miss_account.noticed_at] if case.near_miss_account else []
    return min((*acts, *noticed, case.opened_at))


def _find_first_act(entries: Iterable[AuditEntry]) -> datetime | None:
    return next((e.at for e in entries if not e.actor.startswith("system:")), None)


def _build_awareness(
    actor: Actor, aware_at: datetime, reason: str, now: datetime, delay_reasons: str = ""
) -> Awareness:
    return Awareness(
        aware_at=convert_to_utc(aware_at),
        declared_by=actor.id,
        declared_at=now,
        reason=reason,
        delay_reasons=delay_reasons.strip(),
    )


def _get_first_awareness(breach: Breach) -> Awareness:
    return Awareness(
        aware_at=breach.aware_at,
        declared_by=breach.confirmed_by,
        declared_at=breach.confirmed_at,
        reason=breach.reason,
    )


def _record_audit(
    uow: UnitOfWork, actor: Actor, action: AuditAction, breach: Breach, reason: str, now: datetime
) -> None:
    uow.audit.record(
        at=now,
        actor=actor.id,
        action=action,
        subject=breach.id,
        facts={"aware_at": convert_to_utc(breach.aware_at).isoformat(), "version": breach.version},
        personal={"reason": reason},
        case_id=breach.case_id,
    )
