"""Who else was told of a breach: police, insurer, bank, NCSC, … or why one need not be."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from breachdesk.casework.authority import not_erased, require, required, required_name
from breachdesk.casework.record_times import optional, past
from breachdesk.casework.sealing import next_version
from breachdesk.ports import UnitOfWork
from schemas.around_breach import Body, BodyTold, newest
from schemas.errors import BadInput, NotFound
from schemas.times import in_utc
from schemas.user import Actor, Duty

BODIES = {
    Body.POLICE: "Police",
    Body.REPORT_FRAUD: "Report Fraud",
    Body.INSURER: "Insurer",
    Body.BANK: "Bank",
    Body.NCSC: "NCSC",
    Body.REGISTRAR: "Domain registrar or registry",
    Body.PAYMENT_PROVIDER: "Payment provider",
    Body.OFCOM: "Ofcom",
    Body.OTHER_AUTHORITY: "Another authority",
    Body.OTHER: "Somebody else",
}
TO_NAME = (Body.OTHER, Body.OTHER_AUTHORITY)


def record_body(uow: UnitOfWork, actor: Actor, told: BodyTold, now: datetime) -> BodyTold:
    """File it: as a new entry where `entry` is 0, else over that entry, whose former version stays
    readable. Raises BadInput for a time that cannot be, and for `not applicable` without a reason.
    """
    require(actor, Duty.ANALYST, Duty.RESPONDER, act="record which body was told")
    breach = uow.breaches.get(told.breach_id)
    not_erased(uow.cases.get(breach.case_id))
    earlier = uow.breaches.all(BodyTold, breach.id)
    entries = [document.entry for document in earlier]
    if told.entry and told.entry not in entries:
        raise NotFound("no such body", place=breach.id, remedy="See the list.")
    filed = _checked(told, now).model_copy(
        update={
            "version": next_version(earlier[-1] if earlier else None),
            "entry": told.entry or 1 + max(entries, default=0),
            "recorded_by": actor.id,
            "recorded_at": now,
        }
    )
    uow.breaches.put(filed)
    uow.audit.record(
        at=now, actor=actor.id, act="breach:body:recorded", subject=breach.id,
        facts={
            "version": filed.version, "entry": filed.entry, "body": filed.body.value,
            "applicable": filed.applicable,
        },
        personal={"reference": filed.reference or "", "note": filed.note or ""},
        case_id=breach.case_id,
    )  # fmt: skip
    return filed


def bodies_told(uow: UnitOfWork, breach_id: str) -> tuple[BodyTold, ...]:
    """The newest word on each body, those told and those that need not be."""
    return newest(uow.breaches.all(BodyTold, breach_id))


def said_of(told: BodyTold, zone: str) -> str:
    """`Police (Kent Police), told on 22 November 2026, reference 42/7`: no person's name."""
    who = BODIES[told.body] if told.name is None else f"{BODIES[told.body]} ({told.name})"
    if told.told_at is None:
        return f"{who}, not applicable: {told.note}"
    day = in_utc(told.told_at).astimezone(ZoneInfo(zone))
    mark = f", reference {told.reference}" if told.reference else ""
    return f"{who}, told on {day.day} {day:%B %Y}{mark}"


def not_asked(uow: UnitOfWork, breach_id: str) -> tuple[Body, ...]:
    """Bodies of which nobody has said anything yet; the open-ended ones are never asked."""
    said = {document.body for document in bodies_told(uow, breach_id)}
    return tuple(body for body in Body if body not in said and body not in TO_NAME)


def _checked(told: BodyTold, now: datetime) -> BodyTold:
    name = told.name
    if told.body in TO_NAME or optional(name) is not None:
        name = required_name(name or "", place="which one", remedy="Name the body.")
    changes: dict[str, object] = {"name": optional(name), "reference": optional(told.reference)}
    changes |= {"told_by": optional(told.told_by), "note": optional(told.note)}
    if not told.applicable:
        why = required(told.note or "", place="why not", remedy="Say why it need not be told.")
        return told.model_copy(
            update=changes | {"note": why, "told_at": None, "told_by": None, "reference": None}
        )
    if told.told_at is None:
        raise BadInput("no time is given", place="told at", remedy="Type day and hour.")
    return told.model_copy(update=changes | {"told_at": past(told.told_at, now, place="told at")})
