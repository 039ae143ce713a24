"""Record who else was told of a breach (police, insurer, bank, NCSC, …) or why one need not be."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from breachdesk.casework.authority import (
    check_not_erased,
    require_name,
    require_permission,
    require_text,
)
from breachdesk.casework.digests import compute_next_version
from breachdesk.casework.record_times import check_past, strip_optional
from breachdesk.ports import UnitOfWork
from schemas.audit_actions import AuditAction
from schemas.casework.breach_records import BodyTold, OtherBody, select_newest
from schemas.errors import BadInput, NotFound
from schemas.times import convert_to_utc
from schemas.user import Actor, Permission

BODIES = {
    OtherBody.POLICE: "Police",
    OtherBody.REPORT_FRAUD: "Report Fraud",
    OtherBody.INSURER: "Insurer",
    OtherBody.BANK: "Bank",
    OtherBody.NCSC: "NCSC",
    OtherBody.REGISTRAR: "Domain registrar or registry",
    OtherBody.PAYMENT_PROVIDER: "Payment provider",
    OtherBody.OFCOM: "Ofcom",
    OtherBody.OTHER_AUTHORITY: "Another authority",
    OtherBody.OTHER: "Somebody else",
}
TO_NAME = (OtherBody.OTHER, OtherBody.OTHER_AUTHORITY)


def record_body(uow: UnitOfWork, actor: Actor, document: BodyTold, now: datetime) -> BodyTold:
    """Record the body: as a new entry where `entry` is 0, else over that entry, whose former
    version remains readable. Raises BadInput for an impossible time, and for `not applicable`
    without a reason."""
    require_permission(
        actor, Permission.ANALYST, Permission.RESPONDER, act="record which body was told"
    )
    breach = uow.breaches.get(document.breach_id)
    check_not_erased(uow.cases.get(breach.case_id))
    earlier = uow.breaches.list_versions(BodyTold, breach.id)
    entries = [document.entry for document in earlier]
    if document.entry and document.entry not in entries:
        raise NotFound("no such body", place=breach.id, remedy="See the list.")
    filed = _check_body(document, now).model_copy(
        update={
            "version": compute_next_version(earlier[-1] if earlier else None),
            "entry": document.entry or 1 + max(entries, default=0),
            "recorded_by": actor.id,
            "recorded_at": now,
        }
    )
    uow.breaches.add_document(filed)
    uow.audit.record(
        at=now, actor=actor.id, action=AuditAction.BREACH_BODY_RECORDED, subject=breach.id,
        facts={
            "version": filed.version, "entry": filed.entry, "body": filed.body.value,
            "applicable": filed.applicable,
        },
        personal={"reference": filed.reference or "", "note": filed.note or ""},
        case_id=breach.case_id,
    )  # fmt: skip
    return filed


def list_bodies(uow: UnitOfWork, breach_id: str) -> tuple[BodyTold, ...]:
    """List the newest record of each body, those told and those that need not be."""
    return select_newest(uow.breaches.list_versions(BodyTold, breach_id))


def format_body(document: BodyTold, zone: str) -> str:
    """Format like `Police (Kent Police), told on 22 November 2026, reference 42/7`, without a
    person's name."""
    who = (
        BODIES[document.body]
        if document.name is None
        else f"{BODIES[document.body]} ({document.name})"
    )
    if document.told_at is None:
        return f"{who}, not applicable: {document.note}"
    day = convert_to_utc(document.told_at).astimezone(ZoneInfo(zone))
    mark = f", reference {document.reference}" if document.reference else ""
    return f"{who}, told on {day.day} {day:%B %Y}{mark}"


def list_unanswered_bodies(uow: UnitOfWork, breach_id: str) -> tuple[OtherBody, ...]:
    """List bodies without a record; the open-ended ones are never asked."""
    answered = {document.body for document in list_bodies(uow, breach_id)}
    return tuple(body for body in OtherBody if body not in answered and body not in TO_NAME)


def _check_body(document: BodyTold, now: datetime) -> BodyTold:
    name = document.name
    if document.body in TO_NAME or strip_optional(name) is not None:
        name = require_name(name or "", place="which one", remedy="Name the body.")
    changes: dict[str, object] = {
        "name": strip_optional(name),
        "reference": strip_optional(document.reference),
    }
    changes |= {"told_by": strip_optional(document.told_by), "note": strip_optional(document.note)}
    if not document.applicable:
        why = require_text(
            document.note or "", place="why not", remedy="Say why it need not be told."
        )
        return document.model_copy(
            update=changes | {"note": why, "told_at": None, "told_by": None, "reference": None}
        )
    if document.told_at is None:
        raise BadInput("no time is given", place="told at", remedy="Type day and hour.")
    return document.model_copy(
        update=changes | {"told_at": check_past(document.told_at, now, place="told at")}
    )
