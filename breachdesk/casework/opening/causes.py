"""Record the cause of a case; required before a breach or a near miss is closed."""

from __future__ import annotations

from datetime import datetime

from breachdesk.casework.authority import LONGEST_TEXT, require_permission, require_text
from breachdesk.gdpr.causes import OPEN_WORDS
from breachdesk.ports import UnitOfWork
from schemas.audit_actions import AuditAction
from schemas.casework.case import Case
from schemas.casework.cause import BreachCause, CauseFinding
from schemas.errors import BadInput, NotAllowed
from schemas.user import Actor, Permission


def set_cause(
    uow: UnitOfWork,
    actor: Actor,
    case_id: str,
    cause: BreachCause,
    words: str | None,
    now: datetime,
) -> Case:
    """Say what the cause is; what was said before stays. Raises NotAllowed for an erased case and
    BadInput as `finding`."""
    require_permission(actor, Permission.ANALYST, Permission.RESPONDER, act="say the cause")
    case = uow.cases.get(case_id)
    if case.erased:
        raise NotAllowed("its personal data was erased", place=case.id, remedy="It stays as it is.")
    saved = uow.cases.save(add_finding(case, build_finding(actor.id, cause, words, now)))
    record_cause(uow, saved, now)
    return saved


def build_finding(
    said_by: str, cause: BreachCause, words: str | None, now: datetime
) -> CauseFinding:
    """Build a finding. Raises BadInput when this cause needs words and none are given."""
    text = (words or "").strip()
    if cause in OPEN_WORDS:
        remedy = "Say what it was." if cause is BreachCause.OTHER else "Say what was looked at."
        require_text(text, place="cause in words", remedy=remedy)
    if len(text) > LONGEST_TEXT:
        raise BadInput("it is too long", place="cause in words", remedy="Write fewer words.")
    return CauseFinding(cause=cause, words=text or None, said_by=said_by, said_at=now)


def add_finding(case: Case, finding: CauseFinding) -> Case:
    """Add a finding to the case; repeating one changes nothing."""
    last = case.cause_findings[-1] if case.cause_findings else None
    if last is not None and (last.cause, last.words) == (finding.cause, finding.words):
        return case
    return case.model_copy(update={"cause_findings": (*case.cause_findings, finding)})


def is_known(case: Case) -> bool:
    """Whether a cause other than `not yet known` was recorded."""
    return case.cause not in (None, BreachCause.NOT_YET_KNOWN)


def check_known(case: Case) -> None:
    """Raise NotAllowed while the cause of a breach or near miss is not recorded."""
    if not is_known(case):
        raise NotAllowed(
            "the cause is not said",
            place=case.id,
            remedy="Choose it; if it was looked for and not found, say what was looked at.",
        )


def record_cause(uow: UnitOfWork, case: Case, now: datetime) -> None:
    """Write down what the case's newest finding says."""
    finding = case.cause_findings[-1]
    uow.audit.record(
        at=now, actor=finding.said_by, action=AuditAction.CASE_CAUSE_SAID, subject=case.id,
        facts={"cause": finding.cause.value},
        personal={"words": finding.words} if finding.words else None,
        case_id=case.id,
    )  # fmt: skip
