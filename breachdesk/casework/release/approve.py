"""Release (step 8): a second person's approval binds to list, texts, decision and sender."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from breachdesk.casework.affected.contact_changes import list_moved_customers
from breachdesk.casework.affected.group_records import list_affected
from breachdesk.casework.authority import require_permission, require_text
from breachdesk.casework.decision.decide import list_unsettled
from breachdesk.casework.digests import compute_next_version, compute_seal_hash, compute_sender_hash
from breachdesk.casework.opening import cases
from breachdesk.casework.opening.telephone_tasks import build_telephone_task
from breachdesk.casework.release.approval_validity import check_approval_invalid
from breachdesk.casework.release.letter_contexts import (
    LetterDocuments,
    get_documents,
    list_reported_jurisdictions,
)
from breachdesk.casework.release.letter_headers import compute_texts_hash
from breachdesk.casework.release.letters import CheckedTextLookup, LetterSet, render_letters
from breachdesk.casework.release.outbox_rows import enqueue_letters
from breachdesk.casework.release.second_person import check_second_person, list_writers
from breachdesk.casework.release.senders import check_sender
from breachdesk.casework.release.witness import enqueue_witness, require_fit
from breachdesk.ports import DocumentRenderer, UnitOfWork
from schemas.audit_actions import AuditAction
from schemas.casework.affected import Recipient
from schemas.casework.approval import Approval, ApprovalKind, SealedTexts
from schemas.errors import BadInput, EditConflict, IncompleteDocument, NotAllowed
from schemas.profile_fields import list_missing_fields
from schemas.settings import ProviderProfile, SenderSettings, Settings
from schemas.user import Actor, Permission, can_sign_in


@dataclass(frozen=True, slots=True)
class ReleaseSeal:
    """The four hashes, the one over them, and how many people are notified."""

    manifest_hash: str
    texts_hash: str
    decision_hash: str
    sender_hash: str
    hash: str
    mails: int
    calls: int

    @property
    def count(self) -> int:
        """Number that an approver types."""
        return self.mails + self.calls


@dataclass(frozen=True, slots=True)
class PreparedRelease:
    """The documents and texts behind a seal."""

    seal: ReleaseSeal
    documents: LetterDocuments
    letters: LetterSet


def compute_seal(
    uow: UnitOfWork,
    breach_id: str,
    settings: Settings,
    renderer: DocumentRenderer,
    sender: SenderSettings,
    ready: LetterSet | None = None,
) -> ReleaseSeal:
    """Compute what approving now would bind to. `ready` are the letters of this very snapshot,
    where available. Raises IncompleteDocument for missing blocks, blank profile fields and blocking
    problems, NotAllowed for a compromised sender, NotFound for a document not written."""
    letter_documents = get_documents(uow, breach_id)
    _check_ready(uow, letter_documents, sender)
    ready = ready or render_letters(uow, breach_id, settings, renderer)
    return _build_release(letter_documents, ready, settings, sender).seal


def approve(  # noqa: PLR0913 - what an approval binds to, each by its name
    uow: UnitOfWork,
    actor: Actor,
    breach_id: str,
    *,
    count: int,
    expected_hash: str,
    settings: Settings,
    renderer: DocumentRenderer,
    sender: SenderSettings,
    now: datetime,
    checked_texts: CheckedTextLookup | None = None,
) -> Approval:
    """Approve as a second person: file the approval, queue the letters and open the telephone
    tasks in one transaction.

    Raises NotAllowed for everybody listed by `second_person.list_writers`, BadInput for another
    count, EditConflict when anything changed since the seal was shown or an approval of this very
    seal is in effect, and as `compute_seal`. `checked_texts` returns texts that were checked
    before; every other one is checked now."""
    require_permission(actor, Permission.APPROVER, act="approve a release")
    release = _prepare(uow, breach_id, settings, renderer, sender, checked_texts)
    check_second_person(
        actor, release.documents, list_writers(uow, release.documents, settings.notices)
    )
    _check_typed(release.seal, count, expected_hash)
    check_approval_invalid(uow, breach_id, release.seal.hash, ApprovalKind.SECOND_PERSON)
    approval = _build_approval(uow, actor, release, sender, ApprovalKind.SECOND_PERSON, now)
    _release(uow, approval, release, settings, sender, now)
    return approval


def approve_break_glass(  # noqa: PLR0913 - as approve, and the witness
    uow: UnitOfWork,
    actor: Actor,
    breach_id: str,
    *,
    count: int,
    expected_hash: str,
    reason: str,
    settings: Settings,
    renderer: DocumentRenderer,
    sender: SenderSettings,
    now: datetime,
    checked_texts: CheckedTextLookup | None = None,
) -> Approval:
    """Release as one person alone, after a delay, with a reason and a witness. A plain message to
    the outsider whom the settings nominate is queued; the letters wait until it was handed over.

    Raises NotAllowed where somebody else could approve, and as `require_fit` and `approve`."""
    require_permission(actor, Permission.APPROVER, act="break the glass")
    reason = require_text(reason, place="reason", remedy="Say why nobody else can approve in time.")
    release = _prepare(uow, breach_id, settings, renderer, sender, checked_texts)
    did = list_writers(uow, release.documents, settings.notices)
    _check_alone(uow, actor, did, settings)
    witness = require_fit(uow, release.documents.breach, settings)
    _check_typed(release.seal, count, expected_hash)
    check_approval_invalid(uow, breach_id, release.seal.hash, ApprovalKind.BREAK_GLASS)
    delay = timedelta(minutes=settings.notices.break_glass_delay_minutes)
    approval = _build_approval(
        uow, actor, release, sender, ApprovalKind.BREAK_GLASS, now,
        {
            "reason": reason, "witness": witness, "not_before": now + delay,
            "own_work": did.get(actor.id, ()),
        },
    )  # fmt: skip
    enqueue_witness(uow, approval, release.documents.breach, sender, settings, now)
    _release(uow, approval, release, settings, sender, now)
    return approval


def _prepare(
    uow: UnitOfWork,
    breach_id: str,
    settings: Settings,
    renderer: DocumentRenderer,
    sender: SenderSettings,
    checked_texts: CheckedTextLookup | None,
) -> PreparedRelease:
    letter_documents = get_documents(uow, breach_id)
    _check_ready(uow, letter_documents, sender)
    return _build_release(
        letter_documents,
        render_letters(uow, breach_id, settings, renderer, checked_texts),
        settings,
        sender,
    )


def _check_ready(
    uow: UnitOfWork, letter_documents: LetterDocuments, sender: SenderSettings
) -> None:
    """Check what needs no rendered letters."""
    check_sender(uow, letter_documents.breach, sender)
    _check_contacts(uow, letter_documents)
    _check_decision(uow, letter_documents)


def _build_release(
    letter_documents: LetterDocuments, ready: LetterSet, settings: Settings, sender: SenderSettings
) -> PreparedRelease:
    _check_complete(ready, settings.profile)
    texts = compute_texts_hash(ready, sender, letter_documents.facts.version)
    parts = (
        letter_documents.manifest.hash,
        texts,
        letter_documents.decision.hash,
        compute_sender_hash(sender),
    )
    counts = (len(ready.rendered), len(ready.telephone))
    return PreparedRelease(
        ReleaseSeal(*parts, compute_seal_hash(*parts), *counts), letter_documents, ready
    )


def _check_decision(uow: UnitOfWork, letter_documents: LetterDocuments) -> None:
    """Check that the decision covers the newest list and groups, which may be later than its
    sealing."""
    groups = bool(list_affected(uow, letter_documents.breach.case_id))
    open_now = list_unsettled(
        letter_documents.decision,
        letter_documents.manifest,
        groups=groups,
        reported_to=uow.law.reported_to,
    )
    if open_now:
        raise IncompleteDocument(
            open_now,
            place="the decision, against the newest list",
            remedy="Write a new version of the decision.",
        )


def _check_contacts(uow: UnitOfWork, letter_documents: LetterDocuments) -> None:
    """Check that each letter's frozen address is the one in the register."""

    def compare() -> Sequence[str]:
        recipient_ids = {
            recipient.customer_id for recipient in letter_documents.manifest.recipients
        }
        customers = {customer.id: customer for customer in uow.customers.list_by_ids(recipient_ids)}
        return list_moved_customers(
            letter_documents.manifest.exposures, letter_documents.manifest.recipients, customers
        )

    key = uow.customers.get_version(), letter_documents.manifest.hash
    moved = uow.get_cached("contacts moved since frozen", key, compare)
    if moved:
        raise NotAllowed(
            f"the register holds another contact than the frozen list for {', '.join(moved[:5])}"
            + (f" and {len(moved) - 5} more" if len(moved) > 5 else ""),
            place=letter_documents.breach.id,
            remedy="See who changed it and when, then freeze the list again.",
        )


def _check_complete(ready: LetterSet, profile: ProviderProfile) -> None:
    if not ready.rendered and not ready.telephone:
        raise NotAllowed("nobody is to be told", place="letters", remedy="Nothing to approve.")
    missing = list_missing_fields(profile) | ready.missing
    missing |= {f"{p.where}: {p.problem}": p.remedy for p in ready.blocking}
    if missing:
        raise IncompleteDocument(missing, place="letters", remedy="Mend these, then approve.")


def _check_alone(uow: UnitOfWork, actor: Actor, did: Collection[str], settings: Settings) -> None:
    """Check that nobody else can approve: a person who cannot sign in, or who wrote a part, does
    not count."""
    others = [
        user.id
        for user in uow.users.list()
        if Permission.APPROVER in user.permissions
        and user.id not in (actor.id, *did)
        and can_sign_in(user, demo=settings.demo)
    ]
    if others:
        raise NotAllowed(
            f"break-glass refused: {', '.join(others)} may approve",
            place="break-glass",
            remedy="Ask for their approval.",
        )


def _check_typed(seal: ReleaseSeal, count: int, expected_hash: str) -> None:
    if expected_hash != seal.hash:
        raise EditConflict(
            "the list, a text, the decision or the sender changed since you looked",
            place="approval",
            remedy="Reload, read again, then approve.",
        )
    if count != seal.count:
        raise BadInput(
            f"you typed {count}, and {seal.count} would be told",
            place="count",
            remedy="Look at the list again.",
        )


def _build_approval(
    uow: UnitOfWork,
    actor: Actor,
    release: PreparedRelease,
    sender: SenderSettings,
    kind: ApprovalKind,
    now: datetime,
    more: dict[str, Any] | None = None,
) -> Approval:
    letter_documents, bound = release.documents, release.seal
    jurisdictions = list_reported_jurisdictions(uow, letter_documents.breach)
    approval = Approval(
        breach_id=letter_documents.breach.id,
        version=compute_next_version(
            uow.breaches.find_latest(Approval, letter_documents.breach.id)
        ),
        kind=kind,
        approved_by=actor.id,
        approved_at=now,
        manifest_hash=bound.manifest_hash,
        texts_hash=bound.texts_hash,
        decision_hash=bound.decision_hash,
        sender_hash=bound.sender_hash,
        hash=bound.hash,
        count=bound.count,
        sender_id=sender.id,
        facts_version=letter_documents.facts.version,
        told_at=letter_documents.written_at,
        report_recorded=bool(jurisdictions),
        told_under=jurisdictions,
        audit_head=uow.audit.get_head().typed,
        **(more or {}),
    )
    uow.breaches.add_document(approval)
    _record_audit(uow, approval, letter_documents.breach.case_id, now)
    return approval


def _release(
    uow: UnitOfWork,
    approval: Approval,
    release: PreparedRelease,
    settings: Settings,
    sender: SenderSettings,
    now: datetime,
) -> None:
    ready, breach = release.letters, release.documents.breach
    enqueue_letters(uow, approval, ready, sender, settings.notices, now)
    sealed = SealedTexts(
        breach_id=breach.id,
        version=approval.version,
        approval_hash=approval.hash,
        mails=tuple(mail.model_copy(update={"html": ""}) for mail in ready.rendered),
        scripts=ready.scripts,
    )
    uow.breaches.add_document(sealed)
    version = approval.facts_version
    calls = [
        build_telephone_task(
            breach.id, r, _get_customer_name(uow, r), version, script.text, r.reason, now
        )
        for r, script in zip(ready.telephone, ready.calls, strict=True)
    ]
    cases.open_tasks(uow, breach.case_id, calls, now)


def _get_customer_name(uow: UnitOfWork, recipient: Recipient) -> str:
    return uow.customers.get(recipient.customer_id).name


def _record_audit(uow: UnitOfWork, approval: Approval, case_id: str, now: datetime) -> None:
    uow.audit.record(
        at=now,
        actor=approval.approved_by,
        action=AuditAction.BREACH_RELEASE_APPROVED
        if approval.kind is ApprovalKind.SECOND_PERSON
        else AuditAction.BREACH_RELEASE_GLASS_BROKEN,
        subject=approval.breach_id,
        facts={
            "version": approval.version,
            "hash": approval.hash,
            "parts": {
                "manifest": approval.manifest_hash,
                "texts": approval.texts_hash,
                "decision": approval.decision_hash,
                "sender": approval.sender_hash,
            },
            "count": approval.count,
            "not_before": approval.not_before.isoformat() if approval.not_before else None,
            "own_work": list(approval.own_work),
        },
        personal={"reason": approval.reason, "witness": approval.witness}
        if approval.witness
        else None,
        case_id=case_id,
    )
