"""Record the letters' facts (step 8), and what people report of delivery."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from breachdesk.casework.authority import check_not_erased, require_permission, require_text
from breachdesk.casework.digests import compute_digest, compute_next_version
from breachdesk.casework.opening import cases
from breachdesk.casework.opening.telephone_tasks import (
    build_telephone_task,
    find_recipient,
    find_sealed_script,
)
from breachdesk.casework.release.letters import LetterSet, render_letters
from breachdesk.casework.release.reader_facts import check_words
from breachdesk.ports import UnitOfWork
from schemas.audit_actions import AuditAction
from schemas.casework.affected import Manifest
from schemas.casework.approval import Approval
from schemas.casework.letter_facts import (
    ExposureWords,
    NoticeFacts,
    ReaderStanding,
    describe_readers,
)
from schemas.casework.notice import DeliveryStatus, NoticeRow
from schemas.casework.notice_actions import ACTION_OF_RESOLUTION
from schemas.casework.notice_states import BOUNCEABLE, CONFIRMABLE, NOTIFIED, RESOLUTIONS
from schemas.customer import DataRole
from schemas.errors import BadInput, EditConflict, IncompleteDocument, NotAllowed
from schemas.times import convert_to_utc
from schemas.user import Actor, Permission

RESEND_AFTER = timedelta(minutes=15)
"""An unclear end may be tried again this long after intent, by a person or by policy."""


def write_facts(uow: UnitOfWork, actor: Actor, facts: NoticeFacts, now: datetime) -> NoticeFacts:
    """File the next version of what both letters say; a later one voids an approval. Raises
    IncompleteDocument naming what is missing, BadInput for what cannot be."""
    require_permission(actor, Permission.RESPONDER, act="write the letters' facts")
    breach = uow.breaches.get(facts.breach_id)
    check_not_erased(uow.cases.get(breach.case_id))
    _check_facts(facts, now)
    version = compute_next_version(uow.breaches.find_latest(NoticeFacts, breach.id))
    filed = facts.model_copy(update={"version": version, "written_by": actor.id, "written_at": now})
    uow.breaches.add_document(filed)
    uow.audit.record(
        at=now,
        actor=actor.id,
        action=AuditAction.BREACH_FACTS_WRITTEN,
        subject=breach.id,
        facts={"version": version, "hash": compute_digest(filed.model_dump(mode="json"))},
        case_id=breach.case_id,
    )
    return filed


def record_bounce(
    uow: UnitOfWork, actor: Actor, row_id: int, reason: str, now: datetime
) -> NoticeRow:
    """Record a bounce and open a telephone task. Nothing is mailed again."""
    require_permission(actor, Permission.ANALYST, Permission.RESPONDER, act="record a bounce")
    reason = require_text(reason, place="bounce", remedy="Write what the message said.")
    row = uow.notices.get(row_id)
    bounced = _settle(
        uow, row, DeliveryStatus.BOUNCED, f"bounced, recorded by {actor.id}", BOUNCEABLE, now
    )
    _record_audit(uow, actor, AuditAction.NOTICE_BOUNCE_RECORDED, row, now, {"reason": reason})
    open_call(uow, bounced, "the mail came back", now)
    return bounced


def resolve_unknown(
    uow: UnitOfWork,
    actor: Actor,
    row_id: int,
    outcome: DeliveryStatus,
    evidence: str,
    now: datetime,
) -> NoticeRow:
    """Settle an unclear end by the mail server's log: handed over, bounced, or, 15 minutes after
    the attempt began, queued to be sent once more with the same Message-ID."""
    require_permission(actor, Permission.RESPONDER, act="settle an unknown end")
    evidence = require_text(evidence, place="evidence", remedy="Say what the server's log shows.")
    row = uow.notices.get(row_id)
    if outcome not in RESOLUTIONS:
        allowed = ", ".join(status.value for status in RESOLUTIONS)
        raise BadInput(f"{outcome} settles nothing", place="outcome", remedy=f"Use {allowed}.")
    if outcome is DeliveryStatus.QUEUED:
        _check_old_enough(row, now)
    if outcome is DeliveryStatus.HANDED_OVER:
        _check_not_own_witness(uow, actor, row)
    resolved = _settle(uow, row, outcome, f"settled by {actor.id}", (DeliveryStatus.UNKNOWN,), now)
    _record_audit(uow, actor, ACTION_OF_RESOLUTION[outcome], row, now, {"evidence": evidence})
    if outcome is DeliveryStatus.BOUNCED:
        open_call(uow, resolved, "the mail came back", now)
    return resolved


def acknowledge_notice(uow: UnitOfWork, actor: Actor, row_id: int, now: datetime) -> NoticeRow:
    """Record that the reader confirmed receipt; only this makes a notice delivered."""
    require_permission(actor, Permission.ANALYST, Permission.RESPONDER, act="record a receipt")
    row = uow.notices.get(row_id)
    _check_not_own_witness(uow, actor, row)
    confirmed = _settle(
        uow, row, DeliveryStatus.DELIVERED, f"receipt confirmed to {actor.id}", CONFIRMABLE, now
    )
    _record_audit(uow, actor, AuditAction.NOTICE_RECEIPT_CONFIRMED, row, now, {})
    return confirmed


def pause_notices(
    uow: UnitOfWork,
    actor: Actor,
    breach_id: str,
    paused: bool,
    now: datetime,
) -> None:
    """Pause or resume the breach's mail; dispatchers check it between messages."""
    require_permission(
        actor, Permission.RESPONDER, Permission.APPROVER, act="stop or resume the mail"
    )
    breach = uow.breaches.get(breach_id)
    uow.breaches.pause(breach_id, paused)
    uow.audit.record(
        at=now,
        actor=actor.id,
        action=AuditAction.BREACH_MAIL_PAUSED if paused else AuditAction.BREACH_MAIL_RESUMED,
        subject=breach_id,
        case_id=breach.case_id,
    )


def open_call(uow: UnitOfWork, row: NoticeRow, reason: str, now: datetime) -> None:
    """Open the telephone task of a row that mail did not reach, with the approved words; once a
    person and letter."""
    breach = uow.breaches.get(row.breach_id)
    if not row.kind.spec.needs_manifest:
        title = "Tell the witness of the break-glass release by telephone"
        task = cases.build_check_task(f"witness-{row.breach_id}-v{row.version}", title, reason, now)
        cases.open_tasks(uow, breach.case_id, [task], now)
        return
    manifest = uow.breaches.find_latest(Manifest, row.breach_id)
    whose = (row.customer_id, row.person_id, row.kind)
    recipient = find_recipient(manifest, *whose) if manifest else None
    if recipient is not None:
        name = uow.customers.get(row.customer_id).name
        script = find_sealed_script(uow, row)
        task = build_telephone_task(breach.id, recipient, name, row.version, script, reason, now)
        cases.open_tasks(uow, breach.case_id, [task], now)


def _settle(
    uow: UnitOfWork,
    row: NoticeRow,
    status: DeliveryStatus,
    reason: str,
    expected: Sequence[DeliveryStatus],
    now: datetime,
) -> NoticeRow:
    changes: dict[str, Any] = {"status": status, "status_reason": reason, "next_attempt_at": None}
    if status in NOTIFIED and row.handed_over_at is None:
        # A letter was told when it began. What waits for the witness waits from today.
        begun = row.intent_at if row.kind.spec.pausable else None
        changes["handed_over_at"] = begun or now
    updated = row.model_copy(update=changes)
    if row.status not in expected:
        raise NotAllowed(
            f"it is {row.status.value}", place=f"notice {row.id}", remedy="Look at it again."
        )
    if not uow.notices.update(updated, expected=[row.status]):
        raise EditConflict("it changed meanwhile", place=f"notice {row.id}", remedy="Reload.")
    return updated


def _check_not_own_witness(uow: UnitOfWork, actor: Actor, row: NoticeRow) -> None:
    """Raise NotAllowed for the person who released alone: another must confirm that the witness's
    message arrived."""
    if row.kind.spec.needs_manifest:
        return
    approvals = uow.breaches.list_versions(Approval, row.breach_id)
    if any(a.version == row.version and a.approved_by == actor.id for a in approvals):
        raise NotAllowed(
            "who released by break-glass does not settle the message to the witness",
            place=f"notice {row.id}",
            remedy="Ask a colleague, or write to the witness again.",
        )


def _check_old_enough(row: NoticeRow, now: datetime) -> None:
    if (
        row.intent_at is not None
        and convert_to_utc(now) < convert_to_utc(row.intent_at) + RESEND_AFTER
    ):
        raise NotAllowed(
            "it may be sent again only 15 minutes after the attempt began",
            place=f"notice {row.id}",
            remedy="Look in the mail server's log for its Message-ID first.",
        )


def _check_facts(facts: NoticeFacts, now: datetime) -> None:
    if not facts.what_happened.strip():
        raise IncompleteDocument({"what happened": "is empty"}, place="letters' facts")
    if facts.next_update is not None and convert_to_utc(facts.next_update) <= convert_to_utc(now):
        raise BadInput("it lies in the past", place="next update", remedy="Promise a later time.")
    check_words(facts.words)
    for words in facts.words:
        _check_own(words)


def _check_own(words: ExposureWords) -> None:
    whose = describe_readers(words)
    if (words.not_involved or "").strip() and not (words.not_involved_evidence or "").strip():
        raise IncompleteDocument(
            {"not involved": "may be said only where evidence shows it; name the evidence"},
            place=whose,
        )
    corrects = words.standing is ReaderStanding.CORRECTED
    if (
        words.role is DataRole.CONTROLLER
        and not corrects
        and words.steps
        and not 3 <= len(words.steps) <= 5
    ):
        raise BadInput(
            f"{len(words.steps)} steps", place=f"what to do, {whose}", remedy="Give three to five."
        )
    if words.no_sub_processors and words.sub_processors:
        raise BadInput(
            "it names sub-processors and says that there are none",
            place=f"sub-processors, {whose}",
            remedy="Keep one of the two.",
        )


def _record_audit(
    uow: UnitOfWork,
    actor: Actor,
    action: AuditAction,
    row: NoticeRow,
    now: datetime,
    personal: dict[str, str],
) -> None:
    uow.audit.record(
        at=now,
        actor=actor.id,
        action=action,
        subject=row.breach_id,
        facts={"notice": row.id, "from": row.status.value, "attempt": row.attempt_id},
        personal=personal,
        case_id=uow.breaches.get(row.breach_id).case_id,
    )


__all__ = [
    "LetterSet",
    "acknowledge_notice",
    "open_call",
    "pause_notices",
    "record_bounce",
    "render_letters",
    "resolve_unknown",
    "write_facts",
]
