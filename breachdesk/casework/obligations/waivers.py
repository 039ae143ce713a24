"""Waive an obligation: by a named person, with a reason, and undone in the same manner."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from breachdesk.casework.authority import check_not_erased, require_permission, require_text
from breachdesk.casework.digests import compute_next_version
from breachdesk.casework.obligations.dossier import build_dossier
from breachdesk.casework.obligations.kinds import get_rule
from breachdesk.casework.obligations.registry import compute_obligations
from breachdesk.ports import UnitOfWork
from schemas.audit_actions import AuditAction
from schemas.casework.breach import Breach
from schemas.casework.obligation import Obligation, Waiver, WaiverRequest, WaiverUndone
from schemas.errors import BadInput, NotAllowed, NotFound
from schemas.user import Actor, Permission

EXPLAINED = 40
"""Characters that a reason needs at least."""


def waive_obligation(
    uow: UnitOfWork,
    actor: Actor,
    breach_id: str,
    obligation_id: str,
    reason: str,
    now: datetime,
    covers: Sequence[str] = (),
) -> Waiver | WaiverRequest:
    """Waive a running obligation. A statutory one is only requested: an approver who did not
    request it waives it with `confirm_waiver`.

    `covers` are keys of readers who need not be notified (`PendingReader.key`); empty: all who are
    owed it now. Raises NotAllowed for an obligation that does not run or cannot be waived, BadInput
    for a reason without substance."""
    require_permission(actor, Permission.RESPONDER, act="waive a duty")
    breach, due = _get_running(uow, breach_id, obligation_id, now)
    text, keys = _require_reason(reason), _get_covered_keys(due, covers)
    if get_rule(due.kind).second_person:
        return _request(uow, actor, breach, due, text, keys, now)
    return _save_waiver(uow, actor, breach, due, text, keys, now, None)


def confirm_waiver(
    uow: UnitOfWork,
    actor: Actor,
    breach_id: str,
    obligation_id: str,
    reason: str,
    now: datetime,
) -> Waiver:
    """Confirm, as a second person, a waiver that another requested. Raises NotAllowed for the
    requester, and where nobody requested one."""
    require_permission(actor, Permission.APPROVER, act="waive a statutory duty")
    breach, due = _get_running(uow, breach_id, obligation_id, now)
    request = due.requested
    if request is None:
        raise NotAllowed(
            "nobody asked for it", place=obligation_id, remedy="A responder asks, with a reason."
        )
    if request.asked_by == actor.id:
        raise NotAllowed(
            "who asked for it does not waive it",
            place=obligation_id,
            remedy="A second person must.",
        )
    return _save_waiver(
        uow, actor, breach, due, _require_reason(reason), request.covers, now, request.asked_by
    )


def undo_waiver(
    uow: UnitOfWork,
    actor: Actor,
    breach_id: str,
    obligation_id: str,
    reason: str,
    now: datetime,
) -> WaiverUndone:
    """Undo a waiver or withdraw a request; the obligation runs again from its start. Raises
    NotFound when there is neither."""
    require_permission(actor, Permission.RESPONDER, Permission.APPROVER, act="undo a waiver")
    breach = _get_breach(uow, breach_id)
    if not _has_waiver(uow, breach_id, obligation_id):
        raise NotFound("it is not waived", place=obligation_id, remedy="See the list of duties.")
    undone = WaiverUndone(
        breach_id=breach.id,
        version=compute_next_version(uow.breaches.find_latest(WaiverUndone, breach.id)),
        obligation_id=obligation_id,
        undone_by=actor.id,
        undone_at=now,
        reason=require_text(reason, place="reason", remedy="Say why it is owed after all."),
    )
    uow.breaches.add_document(undone)
    _record_audit(
        uow, actor, AuditAction.BREACH_WAIVER_UNDONE, breach, obligation_id, undone.reason, now
    )
    return undone


def _has_waiver(uow: UnitOfWork, breach_id: str, obligation_id: str) -> bool:
    book = uow.breaches
    ends = [
        u.undone_at
        for u in book.list_versions(WaiverUndone, breach_id)
        if u.obligation_id == obligation_id
    ]
    begins = [
        w.waived_at
        for w in book.list_versions(Waiver, breach_id)
        if w.obligation_id == obligation_id
    ] + [
        r.asked_at
        for r in book.list_versions(WaiverRequest, breach_id)
        if r.obligation_id == obligation_id
    ]
    return bool(begins) and (not ends or max(begins) > max(ends))


def _get_breach(uow: UnitOfWork, breach_id: str) -> Breach:
    breach = uow.breaches.get(breach_id)
    check_not_erased(uow.cases.get(breach.case_id))
    return breach


def _get_running(
    uow: UnitOfWork, breach_id: str, obligation_id: str, now: datetime
) -> tuple[Breach, Obligation]:
    breach = _get_breach(uow, breach_id)
    every = compute_obligations(build_dossier(uow, breach_id, now))
    due = next((o for o in every if o.id == obligation_id), None)
    if due is None:
        raise NotFound(
            "there is no such duty", place=obligation_id, remedy="See the list of duties."
        )
    if not due.running:
        raise NotAllowed(
            "it does not run", place=obligation_id, remedy="There is nothing to waive."
        )
    rule = get_rule(due.kind)
    if not rule.waivable:
        raise NotAllowed(
            "it cannot be waived", place=obligation_id, remedy=f"It ends by {rule.ends_by}."
        )
    return breach, due


def _require_reason(reason: str) -> str:
    text = require_text(reason, place="reason", remedy="Say why it need not be met.")
    if len(text) < EXPLAINED:
        raise BadInput(
            "the reason is too short for whoever asks later",
            place="reason",
            remedy=f"Say in at least {EXPLAINED} characters what makes it unnecessary.",
        )
    return text


def _get_covered_keys(due: Obligation, covers: Sequence[str]) -> tuple[str, ...]:
    owed = tuple(reader.key for reader in due.owed)
    unknown = set(covers) - set(owed)
    if unknown:
        raise BadInput("it is not owed to that reader", place="who", remedy="Reload the page.")
    return tuple(covers) or owed


def _request(
    uow: UnitOfWork,
    actor: Actor,
    breach: Breach,
    due: Obligation,
    reason: str,
    covers: tuple[str, ...],
    now: datetime,
) -> WaiverRequest:
    request = WaiverRequest(
        breach_id=breach.id,
        version=compute_next_version(uow.breaches.find_latest(WaiverRequest, breach.id)),
        obligation_id=due.id,
        asked_by=actor.id,
        asked_at=now,
        reason=reason,
        covers=covers,
    )
    uow.breaches.add_document(request)
    _record_audit(uow, actor, AuditAction.BREACH_WAIVER_REQUESTED, breach, due.id, reason, now)
    return request


def _save_waiver(
    uow: UnitOfWork,
    actor: Actor,
    breach: Breach,
    due: Obligation,
    reason: str,
    covers: tuple[str, ...],
    now: datetime,
    asked_by: str | None,
) -> Waiver:
    waiver = Waiver(
        breach_id=breach.id,
        version=compute_next_version(uow.breaches.find_latest(Waiver, breach.id)),
        obligation_id=due.id,
        waived_by=actor.id,
        waived_at=now,
        reason=reason,
        asked_by=asked_by,
        covers=covers,
    )
    uow.breaches.add_document(waiver)
    _record_audit(uow, actor, AuditAction.BREACH_WAIVER_FILED, breach, due.id, reason, now)
    return waiver


def _record_audit(
    uow: UnitOfWork,
    actor: Actor,
    action: AuditAction,
    breach: Breach,
    obligation_id: str,
    reason: str,
    now: datetime,
) -> None:
    uow.audit.record(
        at=now,
        actor=actor.id,
        action=action,
        subject=breach.id,
        facts={"obligation": obligation_id},
        personal={"reason": reason},
        case_id=breach.case_id,
    )
