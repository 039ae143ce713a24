"""Record near misses in one act, or open a case when it may have been a breach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from breachdesk.casework.authority import (
    CASE_PERMISSIONS,
    LONGEST_TEXT,
    require_permission,
    require_text,
)
from breachdesk.casework.opening.causes import add_finding, build_finding, record_cause
from breachdesk.ports import UnitOfWork
from schemas.audit_actions import AuditAction
from schemas.casework.case import Case, CaseNote, CaseOrigin, CaseState
from schemas.casework.cause import BreachCause
from schemas.casework.near_miss import NearMiss
from schemas.casework.report import NumberPrecision, ReportedQuantity
from schemas.customer import DataCategory
from schemas.errors import BadInput, NotAllowed
from schemas.text_signs import LONGEST_NAME, mark_hidden_in_line
from schemas.times import convert_to_utc
from schemas.user import Actor


@dataclass(frozen=True, slots=True)
class NearMissForm:
    """Fields of the short form."""

    what: str = field(repr=False)
    noticed_at: datetime
    cause: BreachCause
    cause_words: str | None = field(default=None, repr=False)
    categories: Sequence[DataCategory] = ()
    people: ReportedQuantity = field(default_factory=ReportedQuantity)
    why_no_breach: str | None = field(default=None, repr=False)
    done: str | None = field(default=None, repr=False)


def record_near_miss(
    uow: UnitOfWork, actor: Actor, account: NearMissForm, now: datetime, *, drill: bool = False
) -> Case:
    """Record a near miss as a closed case in the register.

    Raises BadInput for a future time, an unknown cause, or no reason why it was no breach."""
    require_permission(actor, *CASE_PERMISSIONS, act="record a near miss")
    why = require_text(
        account.why_no_breach or "",
        place="why it was no breach",
        remedy="Say what shows it. If you are not sure, open a case instead.",
    )
    if account.cause is BreachCause.NOT_YET_KNOWN:
        raise BadInput(
            "it is not yet known, so nobody can say that it was no breach",
            place="cause",
            remedy="Choose the cause, or open a case instead.",
        )
    case = _build_case(uow, actor, account, now, drill=drill).model_copy(
        update={
            "state": CaseState.CLOSED,
            "near_miss": True,
            "closed_at": now,
            "close_reason": why,
        }
    )
    uow.cases.add(case)
    _record_audit(uow, actor, AuditAction.CASE_NEAR_MISS_RECORDED, case, now)
    record_cause(uow, case, now)
    return case


def open_case_instead(
    uow: UnitOfWork, actor: Actor, account: NearMissForm, now: datetime, *, drill: bool = False
) -> Case:
    """Open a case with the form's content: it may be a breach."""
    require_permission(actor, *CASE_PERMISSIONS, act="open a case")
    case = _build_case(uow, actor, account, now, drill=drill)
    uow.cases.add(case)
    _record_audit(uow, actor, AuditAction.CASE_OPENED_BY_HAND, case, now)
    record_cause(uow, case, now)
    return case


def reopen_as_doubtful(
    uow: UnitOfWork, actor: Actor, case_id: str, reason: str, now: datetime
) -> Case:
    """Reopen a recorded near miss that may be a breach, with the form's content.

    Raises NotAllowed for a case that is no near miss, or whose personal data was erased."""
    require_permission(actor, *CASE_PERMISSIONS, act="open a near miss again")
    case = uow.cases.get(case_id)
    if not case.near_miss or case.erased:
        why = "its personal data was erased" if case.erased else "it is no near miss"
        raise NotAllowed(why, place=case.id, remedy="Open a new case.")
    reason = require_text(reason, place="reason", remedy="Say what makes it worth another look.")
    before = CaseNote(
        at=case.closed_at or now,
        by=case.opened_by,
        text=f"Recorded as a near miss, because: {case.close_reason}",
    )
    account = case.near_miss_account
    if account is not None:
        account = account.model_copy(update={"doubted_by": actor.id, "doubted_at": now})
    reopened = uow.cases.save(
        case.model_copy(
            update={
                "state": CaseState.OPEN,
                "near_miss": False,
                "closed_at": None,
                "close_reason": "",
                "near_miss_account": account,
                "notes": (*case.notes, before, CaseNote(at=now, by=actor.id, text=reason)),
            }
        )
    )
    uow.audit.record(
        at=now, actor=actor.id, action=AuditAction.CASE_NEAR_MISS_DOUBTED, subject=case.id,
        personal={"reason": reason}, case_id=case.id,
    )  # fmt: skip
    return reopened


def _build_case(
    uow: UnitOfWork, actor: Actor, account: NearMissForm, now: datetime, *, drill: bool
) -> Case:
    what = require_text(account.what, place="what happened", remedy="Say it in a sentence.")
    if convert_to_utc(account.noticed_at) > convert_to_utc(now):
        raise BadInput("this time lies in the future", place="noticed at", remedy="Correct it.")
    _check_people(account.people)
    cause_finding = build_finding(actor.id, account.cause, account.cause_words, now)
    case = Case(
        id=uow.cases.allocate_id(),
        title=mark_hidden_in_line(what.splitlines()[0])[:LONGEST_NAME],
        origin=CaseOrigin.OWN,
        known=what,
        opened_by=actor.id,
        opened_at=now,
        drill=drill,
        near_miss_account=NearMiss(
            noticed_at=convert_to_utc(account.noticed_at),
            recorded_by=actor.id,
            recorded_at=now,
            data_categories=tuple(dict.fromkeys(account.categories)),
            people=account.people,
            why_no_breach=_strip_optional(account.why_no_breach, "why it was no breach"),
            done=_strip_optional(account.done, "what was done"),
        ),
    )
    return add_finding(case, cause_finding)


def _strip_optional(text: str | None, place: str) -> str | None:
    stripped = (text or "").strip()
    if len(stripped) > LONGEST_TEXT:
        raise BadInput("it is too long", place=place, remedy="Write fewer words.")
    return stripped or None


def _check_people(people: ReportedQuantity) -> None:
    if (people.value is None) is not (people.precision is NumberPrecision.UNKNOWN):
        raise BadInput(
            "the number and how well it is known do not fit",
            place="people",
            remedy="Type the number, or say that it is not known.",
        )


def _record_audit(
    uow: UnitOfWork, actor: Actor, action: AuditAction, case: Case, now: datetime
) -> None:
    account = case.near_miss_account
    personal: dict[str, Any] = {"known": case.known}
    if account is not None and account.why_no_breach:
        personal["why_no_breach"] = account.why_no_breach
    uow.audit.record(
        at=now, actor=actor.id, action=action, subject=case.id,
        facts={"cause": case.cause.value if case.cause else None, "drill": case.drill},
        personal=personal, case_id=case.id,
    )  # fmt: skip
