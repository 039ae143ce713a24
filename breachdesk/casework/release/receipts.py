"""Record receipts: a controller confirms that it has the pack, and is reminded until it does."""

from __future__ import annotations

from datetime import datetime

from breachdesk.casework.authority import check_not_erased, require_permission
from breachdesk.casework.digests import compute_next_version
from breachdesk.casework.record_times import check_past, strip_optional
from breachdesk.casework.release import notice_facts
from breachdesk.casework.release.letter_contexts import format_reference
from breachdesk.ports import UnitOfWork
from schemas.audit_actions import AuditAction
from schemas.casework.breach import Breach
from schemas.casework.breach_records import Receipt, ReceiptTerm
from schemas.casework.case_record import ContactRoute
from schemas.casework.notice import NoticeRow
from schemas.errors import BadInput
from schemas.user import Actor, Permission

MOST_HOURS = 720


def record_receipt(
    uow: UnitOfWork,
    actor: Actor,
    row_id: int,
    now: datetime,
    *,
    confirmed_by: str | None = None,
    route: ContactRoute | None = None,
    confirmed_at: datetime | None = None,
) -> NoticeRow:
    """Record that the reader confirmed receipt; for a controller's pack, also who said so and how.
    Raises NotAllowed for a letter that is not on its way or was confirmed before."""
    require_permission(actor, Permission.ANALYST, Permission.RESPONDER, act="record a receipt")
    before = uow.notices.get(row_id)
    when = check_past(
        confirmed_at or now, now, place="confirmed at", earliest=before.handed_over_at
    )
    row = notice_facts.acknowledge_notice(uow, actor, row_id, now)
    if not row.kind.spec.needs_receipt:
        return row
    filed = uow.breaches.list_versions(Receipt, row.breach_id)
    version = compute_next_version(filed[-1] if filed else None)
    uow.breaches.add_document(
        Receipt(
            breach_id=row.breach_id, version=version, entry=version,
            recorded_by=actor.id, recorded_at=now,
            customer_id=row.customer_id, person_id=row.person_id, letter=row.version,
            confirmed_at=when, confirmed_by=strip_optional(confirmed_by), route=route,
        )
    )  # fmt: skip
    return row


def set_receipt_term(
    uow: UnitOfWork, actor: Actor, breach_id: str, hours: int, now: datetime
) -> ReceiptTerm:
    """Set within how many hours of the handing over a receipt is owed. Raises BadInput."""
    require_permission(actor, Permission.RESPONDER, act="set the term for receipts")
    breach = uow.breaches.get(breach_id)
    check_not_erased(uow.cases.get(breach.case_id))
    if not 1 <= hours <= MOST_HOURS:
        raise BadInput("this is no term", place="hours", remedy=f"Type 1 to {MOST_HOURS}.")
    version = compute_next_version(uow.breaches.find_latest(ReceiptTerm, breach_id))
    term = ReceiptTerm(
        breach_id=breach_id, version=version, hours=hours, set_by=actor.id, set_at=now
    )
    uow.breaches.add_document(term)
    uow.audit.record(
        at=now, actor=actor.id, action=AuditAction.BREACH_RECEIPTS_TERM_SET, subject=breach_id,
        facts={"version": version, "hours": hours}, case_id=breach.case_id,
    )  # fmt: skip
    return term


def format_reminder(breach: Breach, row: NoticeRow, firm: str) -> str:
    """Format what to say on the telephone, or to write, to a controller that has not confirmed."""
    mark = format_reference(breach, row.customer_id)
    say = (
        f"Say: “This is {firm}. We sent you a letter about a data breach. Its reference is {mark}. "
        "Have you received it? Has whoever looks after data protection for you read it?”"
    )
    lost = (
        "If they have not: ask them to look among unwanted mail. If it is not there, check their "
        "address by ringing a number that you already hold, then send it again."
    )
    have = "If they have: write down who confirmed it, and when."
    never = "Ask for no password. Offer that they ring back on a number that they already have."
    return f"{say}\n{have}\n{lost}\n{never}"
