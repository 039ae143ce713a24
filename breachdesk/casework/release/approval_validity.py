"""Check whether the approval of a queued notice is still valid. Any later version voids it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from breachdesk.casework.digests import compute_approval_seal, compute_sender_hash, has_hash
from breachdesk.casework.opening.telephone_tasks import find_recipient, get_notice
from breachdesk.casework.release.senders import find_sender
from breachdesk.ports import UnitOfWork
from schemas.casework.affected import Manifest
from schemas.casework.approval import Approval, ApprovalKind
from schemas.casework.case import Case, CaseTask
from schemas.casework.decision import Decision
from schemas.casework.letter_facts import NoticeFacts
from schemas.casework.notice import NoticeRow
from schemas.casework.notice_states import ENDED_UNSENT
from schemas.errors import EditConflict
from schemas.settings import Settings
from schemas.times import convert_to_utc


def find_approval(uow: UnitOfWork, row: NoticeRow) -> Approval | None:
    """Find the newest approval with the row's seal; for a witness's row, the one of its version."""
    filed = reversed(uow.breaches.list_versions(Approval, row.breach_id))
    if not row.kind.spec.needs_manifest:
        return next((a for a in filed if a.version == row.version), None)
    return next((a for a in filed if a.hash == row.approval_hash), None)


def find_last_approved_at(uow: UnitOfWork, rows: Sequence[NoticeRow]) -> datetime | None:
    """Find when the newest of these rows was approved. None: none has an approval."""
    seals = {(row.breach_id, row.approval_hash, row.kind): row for row in rows}
    approvals = [find_approval(uow, row) for row in seals.values()]
    return max((a.approved_at for a in approvals if a is not None), default=None)


def invalid_reason(uow: UnitOfWork, row: NoticeRow, settings: Settings | None = None) -> str:
    """Find why the row's approval is no longer valid; empty: it is valid. Without settings the
    sender is not compared."""
    approval = find_approval(uow, row)
    if approval is None or compute_approval_seal(approval) != approval.hash:
        return "there is no approval with this seal"
    if settings is not None and _compute_sender_hash(settings, approval) != approval.sender_hash:
        return "the sender's settings changed after approval"
    if not row.kind.spec.needs_manifest:
        return ""
    return _compare_documents(uow, row.breach_id, approval)


def check_approval_invalid(uow: UnitOfWork, breach_id: str, seal: str, kind: ApprovalKind) -> None:
    """Raise EditConflict when the newest approval has this very seal and is still in effect.

    It may be approved again once letters of it expired or were skipped, and by a second person
    after one person alone released it."""
    newest = uow.breaches.find_latest(Approval, breach_id)
    if newest is None or newest.hash != seal:
        return
    joined = newest.kind is ApprovalKind.BREAK_GLASS and kind is ApprovalKind.SECOND_PERSON
    if not joined and not has_unsent(uow, newest):
        raise EditConflict(
            f"approval {newest.version}, given by {newest.approved_by} at "
            f"{convert_to_utc(newest.approved_at):%d %B %Y %H:%M} UTC, is of this very seal and is valid",
            place=breach_id,
            remedy="See the delivery. A change of the seal may be approved again.",
        )


def has_unsent(uow: UnitOfWork, approval: Approval) -> bool:
    """Whether a letter of the approval expired or was skipped: only a new approval queues it
    again."""
    rows = uow.notices.list(breach_id=approval.breach_id, statuses=ENDED_UNSENT)
    return any(r.approval_hash == approval.hash and r.kind.spec.needs_manifest for r in rows)


def find_call_invalid_reason(uow: UnitOfWork, case: Case, task: CaseTask) -> str | None:
    """Find why the words of an open call are no longer valid, as a letter with them would not
    leave. None: they are valid, or it replaces no letter."""
    notice = get_notice(task, case.breach_id) if case.breach_id and not case.erased else None
    if case.breach_id is None or notice is None or task.done_at is not None:
        return None
    approval = uow.breaches.find_latest(Approval, case.breach_id)
    manifest = uow.breaches.find_latest(Manifest, case.breach_id)
    if approval is None or manifest is None:
        return "there is no approval of it"
    if find_recipient(manifest, task.customer_id or "", task.person_id or "", notice[0]) is None:
        return "this reader is no longer on the affected list"
    if approval.facts_version != notice[1]:
        return "a later approval took its place"
    return _compare_documents(uow, case.breach_id, approval) or None


def _compare_documents(uow: UnitOfWork, breach_id: str, approval: Approval) -> str:
    book = uow.breaches
    newest = book.find_latest(Approval, breach_id)
    manifest = book.find_latest(Manifest, breach_id)
    if newest is None or newest.hash != approval.hash:
        return "a later approval took its place"
    # Its own hash was checked when the letter was rendered again (casework.letter_contexts.documents).
    if manifest is None or manifest.hash != approval.manifest_hash:
        return "the affected list changed after approval"
    decision = book.find_latest(Decision, breach_id)
    if decision is None or not has_hash(decision, approval.decision_hash):
        return "the decision changed after approval"
    facts = book.find_latest(NoticeFacts, breach_id)
    if facts is None or facts.version != approval.facts_version:
        return "the letters' facts changed after approval"
    return ""


def _compute_sender_hash(settings: Settings, approval: Approval) -> str:
    sender = find_sender(settings, approval.sender_id)
    return compute_sender_hash(sender) if sender else ""
