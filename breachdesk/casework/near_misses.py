"""Near misses: recorded in one act, or opened as a case when it is not sure that it was none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from breachdesk.casework.authority import LONGEST_TEXT, require, required
from breachdesk.casework.causes import audit_cause, finding, with_cause
from breachdesk.ports import UnitOfWork
from schemas.case import Case, CaseState, Note, Origin
from schemas.cause import Cause
from schemas.customer import DataCategory
from schemas.errors import BadInput, NotAllowed
from schemas.near_miss import NearMiss
from schemas.report import Precision, Quantity
from schemas.signs import LONGEST_NAME, shown_in_line
from schemas.times import in_utc
from schemas.user import Actor, Duty

HANDS = (Duty.ANALYST, Duty.RESPONDER)


@dataclass(frozen=True, slots=True)
class Account:
    """What the short form asks."""

    what: str = field(repr=False)
    noticed_at: datetime
    cause: Cause
    cause_words: str | None = field(default=None, repr=False)
    categories: Sequence[DataCategory] = ()
    people: Quantity = field(default_factory=Quantity)
    why_no_breach: str | None = field(default=None, repr=False)
    done: str | None = field(default=None, repr=False)


def record(
    uow: UnitOfWork, actor: Actor, account: Account, now: datetime, *, drill: bool = False
) -> Case:
    """A closed case that stands in the register as a near miss.

    Raises BadInput for a time ahead, a cause that is not known, or no reason why it was no breach.
    """
    require(actor, *HANDS, act="record a near miss")
    why = required(
        account.why_no_breach or "",
        place="why it was no breach",
        remedy="Say what shows it. If you are not sure, open a case instead.",
    )
    if account.cause is Cause.NOT_YET_KNOWN:
        raise BadInput(
            "it is not yet known, so nobody can say that it was no breach",
            place="cause",
            remedy="Choose the cause, or open a case instead.",
        )
    case = _case(uow, actor, account, now, drill=drill).model_copy(
        update={
            "state": CaseState.CLOSED,
            "near_miss": True,
            "closed_at": now,
            "close_reason": why,
        }
    )
    uow.cases.add(case)
    _audit(uow, actor, "case:near_miss:recorded", case, now)
    audit_cause(uow, case, now)
    return case


def open_instead(
    uow: UnitOfWork, actor: Actor, account: Account, now: datetime, *, drill: bool = False
) -> Case:
    """An open case with what was typed: it may be a breach."""
    require(actor, *HANDS, act="open a case")
    case = _case(uow, actor, account, now, drill=drill)
    uow.cases.add(case)
    _audit(uow, actor, "case:opened:by_hand", case, now)
    audit_cause(uow, case, now)
    return case


def doubt(uow: UnitOfWork, actor: Actor, case_id: str, reason: str, now: datetime) -> Case:
    """A recorded near miss may be a breach after all: its case is open again, with what was typed.

    Raises NotAllowed for a case that is no near miss, or whose personal data was erased.
    """
    require(actor, *HANDS, act="open a near miss again")
    case = uow.cases.get(case_id)
    if not case.near_miss or case.erased:
        why = "its personal data was erased" if case.erased else "it is no near miss"
        raise NotAllowed(why, place=case.id, remedy="Open a new case.")
    reason = required(reason, place="reason", remedy="Say what makes it worth another look.")
    before = Note(
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
                "notes": (*case.notes, before, Note(at=now, by=actor.id, text=reason)),
            }
        )
    )
    uow.audit.record(
        at=now, actor=actor.id, act="case:near_miss:doubted", subject=case.id,
        personal={"reason": reason}, case_id=case.id,
    )  # fmt: skip
    return reopened


def _case(uow: UnitOfWork, actor: Actor, account: Account, now: datetime, *, drill: bool) -> Case:
    what = required(account.what, place="what happened", remedy="Say it in a sentence.")
    if in_utc(account.noticed_at) > in_utc(now):
        raise BadInput("this time lies in the future", place="noticed at", remedy="Correct it.")
    _check_people(account.people)
    said = finding(actor.id, account.cause, account.cause_words, now)
    case = Case(
        id=uow.cases.next_id(),
        title=shown_in_line(what.splitlines()[0])[:LONGEST_NAME],
        origin=Origin.OWN,
        known=what,
        opened_by=actor.id,
        opened_at=now,
        drill=drill,
        near_miss_account=NearMiss(
            noticed_at=in_utc(account.noticed_at),
            recorded_by=actor.id,
            recorded_at=now,
            data_categories=tuple(dict.fromkeys(account.categories)),
            people=account.people,
            why_no_breach=_optional(account.why_no_breach, "why it was no breach"),
            done=_optional(account.done, "what was done"),
        ),
    )
    return with_cause(case, said)


def _optional(text: str | None, place: str) -> str | None:
    stripped = (text or "").strip()
    if len(stripped) > LONGEST_TEXT:
        raise BadInput("it is too long", place=place, remedy="Write fewer words.")
    return stripped or None


def _check_people(people: Quantity) -> None:
    if (people.value is None) is not (people.precision is Precision.UNKNOWN):
        raise BadInput(
            "the number and how well it is known do not fit",
            place="people",
            remedy="Type the number, or say that it is not known.",
        )


def _audit(uow: UnitOfWork, actor: Actor, act: str, case: Case, now: datetime) -> None:
    account = case.near_miss_account
    personal: dict[str, Any] = {"known": case.known}
    if account is not None and account.why_no_breach:
        personal["why_no_breach"] = account.why_no_breach
    uow.audit.record(
        at=now, actor=actor.id, act=act, subject=case.id,
        facts={"cause": case.cause.value if case.cause else None, "drill": case.drill},
        personal=personal, case_id=case.id,
    )  # fmt: skip
