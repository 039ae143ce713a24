"""Triage alerts (step 5): assign, comment, dismiss with a reason, or open a case."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from breachdesk.casework.authority import require_permission, require_text
from breachdesk.ports import UnitOfWork
from schemas.audit_actions import AuditAction
from schemas.casework.case import Case, CaseNote, CaseOrigin, CaseState
from schemas.errors import BadInput, EditConflict, NotAllowed
from schemas.pipeline.alert import AlertState, AlertView
from schemas.text_signs import LONGEST_NAME, mark_hidden_in_line
from schemas.user import Actor, Permission

TRIAGE = (Permission.ANALYST, Permission.RESPONDER)


def assign_alert(
    uow: UnitOfWork,
    actor: Actor,
    alert_pk: int,
    version: int,
    assignee: str | None,
    now: datetime,
) -> AlertView:
    """Assign the alert; None: to nobody. Raises BadInput for an unknown account."""
    require_permission(actor, *TRIAGE, act="assign an alert")
    if assignee is not None and assignee != actor.id and uow.users.get(assignee) is None:
        raise BadInput(f"no account {assignee}", place="assignee", remedy="Name an account.")
    alert = uow.alerts.update(alert_pk, version, assignee=assignee)
    _record_audit(uow, actor, AuditAction.ALERT_ASSIGNEE_SET, alert, now, assignee=assignee)
    return alert


def add_comment(uow: UnitOfWork, actor: Actor, alert_pk: int, text: str, now: datetime) -> CaseNote:
    """Add a note that remains with the alert and is shown in its case."""
    require_permission(actor, *Permission, act="comment")
    note = CaseNote(
        at=now, by=actor.id, text=require_text(text, place="comment", remedy="Write it.")
    )
    uow.alerts.add_comment(alert_pk, note)
    alert = uow.alerts.get(alert_pk)
    uow.audit.record(
        at=now,
        actor=actor.id,
        action=AuditAction.ALERT_COMMENT_ADDED,
        subject=alert.id,
        personal={"text": note.text},
        case_id=alert.case_id,
    )
    return note


def dismiss_alert(
    uow: UnitOfWork,
    actor: Actor,
    alert_pk: int,
    version: int,
    fingerprint: str,
    reason: str,
    now: datetime,
) -> AlertView:
    """Dismiss the alert as it was shown. Raises EditConflict when its customers, categories,
    entities or severity changed since, NotAllowed when it is in a case."""
    require_permission(actor, *TRIAGE, act="dismiss an alert")
    reason = require_text(reason, place="reason", remedy="Say why nothing follows from this alert.")
    seen = uow.alerts.get(alert_pk)
    if seen.state is AlertState.CASE:
        raise NotAllowed("it is in a case", place=seen.id, remedy="Close the case instead.")
    if seen.fingerprint != fingerprint:
        raise EditConflict("the alert has grown since", place=seen.id, remedy="Look at it again.")
    alert = uow.alerts.update(
        alert_pk, version, state=AlertState.DISMISSED, dismissed_reason=reason, assignee=actor.id
    )
    uow.audit.record(
        at=now,
        actor=actor.id,
        action=AuditAction.ALERT_STATE_DISMISSED,
        subject=alert.id,
        facts={"fingerprint": fingerprint},
        personal={"reason": reason},
    )
    return alert


def reopen_alert(
    uow: UnitOfWork, actor: Actor, alert_pk: int, version: int, reason: str, now: datetime
) -> AlertView:
    """Return a dismissed alert to new. Raises NotAllowed in any other state."""
    require_permission(actor, *TRIAGE, act="reopen an alert")
    reason = require_text(reason, place="reason", remedy="Say what makes it worth another look.")
    seen = uow.alerts.get(alert_pk)
    if seen.state is not AlertState.DISMISSED:
        raise NotAllowed("only a dismissed alert is reopened", place=seen.id, remedy="Look again.")
    alert = uow.alerts.update(alert_pk, version, state=AlertState.NEW, dismissed_reason=None)
    uow.audit.record(
        at=now,
        actor=actor.id,
        action=AuditAction.ALERT_STATE_REOPENED,
        subject=alert.id,
        personal={"reason": reason},
    )
    return alert


def open_case(
    uow: UnitOfWork,
    actor: Actor,
    alert_pks: Iterable[int],
    title: str,
    now: datetime,
    drill: bool = False,  # noqa: FBT002 - the contract's signature
) -> Case:
    """Open a case of one or more alerts. Raises NotAllowed when one of them is in a case
    already."""
    require_permission(actor, *TRIAGE, act="open a case")
    pks = tuple(dict.fromkeys(uow.alerts.get(pk).pk for pk in alert_pks))
    if not pks:
        raise BadInput("no alert was chosen", place="alerts", remedy="Choose one, or open by hand.")
    case = Case(
        id=uow.cases.allocate_id(),
        title=_clean_title(title),
        origin=CaseOrigin.ALERT,
        opened_by=actor.id,
        opened_at=now,
        drill=drill,
        alerts=pks,
    )
    uow.cases.add(case)
    for pk in pks:
        _add_to_case(uow, pk, case)
    uow.audit.record(
        at=now,
        actor=actor.id,
        action=AuditAction.CASE_OPENED_FROM_ALERTS,
        subject=case.id,
        facts={"alerts": [uow.alerts.get(pk).id for pk in pks], "drill": drill},
        case_id=case.id,
    )
    return case


def _clean_title(title: str) -> str:
    """Clean and shorten a title: an alert's own may contain anything that a log named, so it is not
    refused."""
    text = require_text(title, place="title", remedy="Say in a few words what it looks like.")
    return mark_hidden_in_line(text)[:LONGEST_NAME]


def link_alert(uow: UnitOfWork, actor: Actor, case_id: str, alert_pk: int, now: datetime) -> Case:
    """Link one more alert to an open case. Raises NotAllowed for a closed case or an alert of
    another case."""
    require_permission(actor, *TRIAGE, act="link an alert")
    case, alert = uow.cases.get(case_id), uow.alerts.get(alert_pk)
    if case.state is CaseState.CLOSED:
        raise NotAllowed("the case is closed", place=case.id, remedy="Open a new one.")
    _add_to_case(uow, alert.pk, case)
    saved = uow.cases.save(case.model_copy(update={"alerts": (*case.alerts, alert.pk)}))
    uow.audit.record(
        at=now,
        actor=actor.id,
        action=AuditAction.CASE_ALERT_LINKED,
        subject=case.id,
        facts={"alert": alert.id},
        case_id=case.id,
    )
    return saved


def _add_to_case(uow: UnitOfWork, pk: int, case: Case) -> None:
    alert = uow.alerts.get(pk)
    if alert.state is AlertState.CASE:
        raise NotAllowed(f"it is in {alert.case_id}", place=alert.id, remedy="Open that case.")
    uow.alerts.update(
        alert.pk, alert.version, state=AlertState.CASE, case_id=case.id, dismissed_reason=None
    )


def _record_audit(
    uow: UnitOfWork,
    actor: Actor,
    action: AuditAction,
    alert: AlertView,
    now: datetime,
    **facts: object,
) -> None:
    uow.audit.record(
        at=now, actor=actor.id, action=action, subject=alert.id, facts=facts, case_id=alert.case_id
    )
