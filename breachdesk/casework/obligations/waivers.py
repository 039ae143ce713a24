"""Waiving an obligation: by a named person, with a reason, and undone in the same manner."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from breachdesk.casework.authority import not_erased, require, required
from breachdesk.casework.obligations.dossier import dossier_of
from breachdesk.casework.obligations.kinds import RULES
from breachdesk.casework.obligations.registry import computed
from breachdesk.casework.sealing import next_version
from breachdesk.ports import UnitOfWork
from schemas.breach import Breach
from schemas.errors import BadInput, NotAllowed, NotFound
from schemas.obligation import Obligation, Waiver, WaiverRequest, WaiverUndone
from schemas.user import Actor, Duty

EXPLAINED = 40
"""Characters that a reason needs at least."""


def waive(
    uow: UnitOfWork,
    actor: Actor,
    breach_id: str,
    obligation_id: str,
    reason: str,
    now: datetime,
    covers: Sequence[str] = (),
) -> Waiver | WaiverRequest:
    """A running obligation need not be met. A statutory one is only asked for: an approver who did
    not ask waives it with `confirm_waiver`.

    `covers`: keys of the readers who need not be told (`Owed.key`); empty: all who are owed it now.
    Raises NotAllowed for an obligation that does not run or cannot be waived, BadInput for a
    reason without substance.
    """
    require(actor, Duty.RESPONDER, act="waive a duty")
    breach, due = _running(uow, breach_id, obligation_id, now)
    said, keys = _reason(reason), _keys(due, covers)
    if RULES[due.kind].second_person:
        return _request(uow, actor, breach, due, said, keys, now)
    return _file(uow, actor, breach, due, said, keys, now, None)


def confirm_waiver(
    uow: UnitOfWork,
    actor: Actor,
    breach_id: str,
    obligation_id: str,
    reason: str,
    now: datetime,
) -> Waiver:
    """A second person waives what another asked for. Raises NotAllowed for who asked, and where
    nobody asked."""
    require(actor, Duty.APPROVER, act="waive a statutory duty")
    breach, due = _running(uow, breach_id, obligation_id, now)
    asked = due.requested
    if asked is None:
        raise NotAllowed(
            "nobody asked for it", place=obligation_id, remedy="A responder asks, with a reason."
        )
    if asked.asked_by == actor.id:
        raise NotAllowed(
            "who asked for it does not waive it",
            place=obligation_id,
            remedy="A second person must.",
        )
    return _file(uow, actor, breach, due, _reason(reason), asked.covers, now, asked.asked_by)


def undo_waiver(
    uow: UnitOfWork,
    actor: Actor,
    breach_id: str,
    obligation_id: str,
    reason: str,
    now: datetime,
) -> WaiverUndone:
    """The obligation runs again from when it started; a request for a waiver is withdrawn. Raises
    NotFound when there is neither."""
    require(actor, Duty.RESPONDER, Duty.APPROVER, act="undo a waiver")
    breach = _breach(uow, breach_id)
    if not _standing(uow, breach_id, obligation_id):
        raise NotFound("it is not waived", place=obligation_id, remedy="See the list of duties.")
    undone = WaiverUndone(
        breach_id=breach.id,
        version=next_version(uow.breaches.latest(WaiverUndone, breach.id)),
        obligation_id=obligation_id,
        undone_by=actor.id,
        undone_at=now,
        reason=required(reason, place="reason", remedy="Say why it is owed after all."),
    )
    uow.breaches.put(undone)
    _audit(uow, actor, "breach:waiver:undone", breach, obligation_id, undone.reason, now)
    return undone


def _standing(uow: UnitOfWork, breach_id: str, obligation_id: str) -> bool:
    book = uow.breaches
    ends = [
        u.undone_at for u in book.all(WaiverUndone, breach_id) if u.obligation_id == obligation_id
    ]
    begins = [
        w.waived_at for w in book.all(Waiver, breach_id) if w.obligation_id == obligation_id
    ] + [r.asked_at for r in book.all(WaiverRequest, breach_id) if r.obligation_id == obligation_id]
    return bool(begins) and (not ends or max(begins) > max(ends))


def _breach(uow: UnitOfWork, breach_id: str) -> Breach:
    breach = uow.breaches.get(breach_id)
    not_erased(uow.cases.get(breach.case_id))
    return breach


def _running(
    uow: UnitOfWork, breach_id: str, obligation_id: str, now: datetime
) -> tuple[Breach, Obligation]:
    breach = _breach(uow, breach_id)
    every = computed(dossier_of(uow, breach_id, now))
    due = next((o for o in every if o.id == obligation_id), None)
    if due is None:
        raise NotFound(
            "there is no such duty", place=obligation_id, remedy="See the list of duties."
        )
    if not due.running:
        raise NotAllowed(
            "it does not run", place=obligation_id, remedy="There is nothing to waive."
        )
    rule = RULES[due.kind]
    if not rule.waivable:
        raise NotAllowed(
            "it cannot be waived", place=obligation_id, remedy=f"It ends by {rule.ends_by}."
        )
    return breach, due


def _reason(reason: str) -> str:
    said = required(reason, place="reason", remedy="Say why it need not be met.")
    if len(said) < EXPLAINED:
        raise BadInput(
            "the reason is too short for whoever asks later",
            place="reason",
            remedy=f"Say in at least {EXPLAINED} characters what makes it unnecessary.",
        )
    return said


def _keys(due: Obligation, covers: Sequence[str]) -> tuple[str, ...]:
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
    asked = WaiverRequest(
        breach_id=breach.id,
        version=next_version(uow.breaches.latest(WaiverRequest, breach.id)),
        obligation_id=due.id,
        asked_by=actor.id,
        asked_at=now,
        reason=reason,
        covers=covers,
    )
    uow.breaches.put(asked)
    _audit(uow, actor, "breach:waiver:requested", breach, due.id, reason, now)
    return asked


def _file(
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
        version=next_version(uow.breaches.latest(Waiver, breach.id)),
        obligation_id=due.id,
        waived_by=actor.id,
        waived_at=now,
        reason=reason,
        asked_by=asked_by,
        covers=covers,
    )
    uow.breaches.put(waiver)
    _audit(uow, actor, "breach:waiver:filed", breach, due.id, reason, now)
    return waiver


def _audit(
    uow: UnitOfWork,
    actor: Actor,
    act: str,
    breach: Breach,
    obligation_id: str,
    reason: str,
    now: datetime,
) -> None:
    uow.audit.record(
        at=now,
        actor=actor.id,
        act=act,
        subject=breach.id,
        facts={"obligation": obligation_id},
        personal={"reason": reason},
        case_id=breach.case_id,
    )
