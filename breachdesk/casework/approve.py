"""Step 8, release: a second person's approval binds to list, texts, decision and sender."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from breachdesk.casework import cases
from breachdesk.casework.authority import require, required
from breachdesk.casework.contact_watch import moved_since_frozen
from breachdesk.casework.decide import unsettled
from breachdesk.casework.groups import affected_groups
from breachdesk.casework.letter_contexts import Documents, documents, told_under_now
from breachdesk.casework.letter_heads import texts_hash
from breachdesk.casework.letters import KeptTexts, Letters, letters
from breachdesk.casework.queueing import queue_letters
from breachdesk.casework.sealing import next_version, seal_hash, sender_hash
from breachdesk.casework.second_person import check_second_person, writers
from breachdesk.casework.senders import check_sender
from breachdesk.casework.standing import check_not_standing
from breachdesk.casework.telephone import telephone_task
from breachdesk.casework.witness import fit_witness, queue_witness
from breachdesk.ports import Renderer, UnitOfWork
from schemas.affected import Recipient
from schemas.approval import Approval, ApprovalKind, SealedTexts
from schemas.errors import BadInput, Conflict, Incomplete, NotAllowed
from schemas.settings import ProviderProfile, SenderSettings, Settings
from schemas.user import Actor, Duty, can_sign_in

PROFILE = {
    "legal_name": "our legal name",
    "company_number": "our company number",
    "registered_address": "our registered address",
    "contact_name": "a named contact",
    "contact_email": "the contact's address",
    "contact_phone": "the contact's telephone",
    "contact_hours": "the contact's hours",
    "complaints": "how to complain to us",
}
"""What both letters must say of us; never invented."""


@dataclass(frozen=True, slots=True)
class Seal:
    """The four hashes, the one over them, and how many people are told."""

    manifest_hash: str
    texts_hash: str
    decision_hash: str
    sender_hash: str
    hash: str
    mails: int
    calls: int

    @property
    def count(self) -> int:
        """What an approver types."""
        return self.mails + self.calls


@dataclass(frozen=True, slots=True)
class Release:
    """What stands behind a seal."""

    seal: Seal
    made: Documents
    letters: Letters


def seal(
    uow: UnitOfWork,
    breach_id: str,
    settings: Settings,
    renderer: Renderer,
    sender: SenderSettings,
    ready: Letters | None = None,
) -> Seal:
    """What approving now would bind to. `ready`: the letters of this very snapshot, where they are
    at hand. Raises Incomplete for missing blocks, blank profile
    fields and blocking problems, NotAllowed for a compromised sender, NotFound for a document
    not written."""
    made = documents(uow, breach_id)
    _check_ready(uow, made, sender)
    ready = ready or letters(uow, breach_id, settings, renderer)
    return _release_of(made, ready, settings, sender).seal


def approve(  # noqa: PLR0913 - what an approval binds to, each by its name
    uow: UnitOfWork,
    actor: Actor,
    breach_id: str,
    *,
    count: int,
    expected_hash: str,
    settings: Settings,
    renderer: Renderer,
    sender: SenderSettings,
    now: datetime,
    kept: KeptTexts | None = None,
) -> Approval:
    """A second person's release: files the approval, queues the letters and opens the telephone
    tasks in one transaction.

    Raises NotAllowed for whoever had a hand in it (`second_person.writers`), BadInput for another
    count, Conflict when anything changed since the seal was shown or an approval of this very seal
    stands, and as `seal`. `kept`: texts that were checked before; every other one is checked now.
    """
    require(actor, Duty.APPROVER, act="approve a release")
    release = _prepare(uow, breach_id, settings, renderer, sender, kept)
    check_second_person(actor, release.made, writers(uow, release.made, settings.notices))
    _check_typed(release.seal, count, expected_hash)
    check_not_standing(uow, breach_id, release.seal.hash, ApprovalKind.SECOND_PERSON)
    approval = _approval(uow, actor, release, sender, ApprovalKind.SECOND_PERSON, now)
    _release(uow, approval, release, settings, sender, now)
    return approval


def break_glass(  # noqa: PLR0913 - as approve, and the witness
    uow: UnitOfWork,
    actor: Actor,
    breach_id: str,
    *,
    count: int,
    expected_hash: str,
    reason: str,
    settings: Settings,
    renderer: Renderer,
    sender: SenderSettings,
    now: datetime,
    kept: KeptTexts | None = None,
) -> Approval:
    """One person alone releases, after a delay, with a reason, under a witness's eyes. A plain
    message to the outsider whom the settings nominate is queued; the letters wait until it was
    handed over.

    Raises NotAllowed where somebody else could approve, and as `fit_witness` and `approve`.
    """
    require(actor, Duty.APPROVER, act="break the glass")
    reason = required(reason, place="reason", remedy="Say why nobody else can approve in time.")
    release = _prepare(uow, breach_id, settings, renderer, sender, kept)
    did = writers(uow, release.made, settings.notices)
    _check_alone(uow, actor, did, settings)
    witness = fit_witness(uow, release.made.breach, settings)
    _check_typed(release.seal, count, expected_hash)
    check_not_standing(uow, breach_id, release.seal.hash, ApprovalKind.BREAK_GLASS)
    delay = timedelta(minutes=settings.notices.break_glass_delay_minutes)
    approval = _approval(
        uow, actor, release, sender, ApprovalKind.BREAK_GLASS, now,
        {
            "reason": reason, "witness": witness, "not_before": now + delay,
            "own_work": did.get(actor.id, ()),
        },
    )  # fmt: skip
    queue_witness(uow, approval, release.made.breach, sender, settings, now)
    _release(uow, approval, release, settings, sender, now)
    return approval


def _prepare(
    uow: UnitOfWork,
    breach_id: str,
    settings: Settings,
    renderer: Renderer,
    sender: SenderSettings,
    kept: KeptTexts | None,
) -> Release:
    made = documents(uow, breach_id)
    _check_ready(uow, made, sender)
    return _release_of(made, letters(uow, breach_id, settings, renderer, kept), settings, sender)


def _check_ready(uow: UnitOfWork, made: Documents, sender: SenderSettings) -> None:
    """What does not ask for the letters."""
    check_sender(uow, made.breach, sender)
    _check_contacts(uow, made)
    _check_decision(uow, made)


def _release_of(
    made: Documents, ready: Letters, settings: Settings, sender: SenderSettings
) -> Release:
    _check_complete(ready, settings.profile)
    texts = texts_hash(ready, sender, made.facts.version)
    parts = (made.manifest.hash, texts, made.decision.hash, sender_hash(sender))
    counts = (len(ready.rendered), len(ready.telephone))
    return Release(Seal(*parts, seal_hash(*parts), *counts), made, ready)


def _check_decision(uow: UnitOfWork, made: Documents) -> None:
    """The list may have been frozen again, or a group recorded, since the decision was sealed."""
    groups = bool(affected_groups(uow, made.breach.case_id))
    open_now = unsettled(made.decision, made.manifest, groups=groups)
    if open_now:
        raise Incomplete(
            open_now,
            place="the decision, against the newest list",
            remedy="Write a new version of the decision.",
        )


def _check_contacts(uow: UnitOfWork, made: Documents) -> None:
    """A letter goes to the frozen address: it must be the one that the register holds."""

    def compare() -> Sequence[str]:
        told = {recipient.customer_id for recipient in made.manifest.recipients}
        customers = {customer.id: customer for customer in uow.customers.some(told)}
        return moved_since_frozen(made.manifest.exposures, made.manifest.recipients, customers)

    key = uow.customers.version(), made.manifest.hash
    moved = uow.remembered("contacts moved since frozen", key, compare)
    if moved:
        raise NotAllowed(
            f"the register holds another contact than the frozen list for {', '.join(moved[:5])}"
            + (f" and {len(moved) - 5} more" if len(moved) > 5 else ""),
            place=made.breach.id,
            remedy="See who changed it and when, then freeze the list again.",
        )


def _check_complete(ready: Letters, profile: ProviderProfile) -> None:
    if not ready.rendered and not ready.telephone:
        raise NotAllowed("nobody is to be told", place="letters", remedy="Nothing to approve.")
    missing = {
        f"profile.{name}": f"{said} is blank"
        for name, said in PROFILE.items()
        if not str(getattr(profile, name)).strip()
    }
    missing |= ready.missing
    missing |= {f"{p.where}: {p.problem}": p.remedy for p in ready.blocking}
    if missing:
        raise Incomplete(missing, place="letters", remedy="Mend these, then approve.")


def _check_alone(uow: UnitOfWork, actor: Actor, did: Collection[str], settings: Settings) -> None:
    """Whoever cannot sign in, or had a hand in it, is nobody to ask."""
    others = [
        user.id
        for user in uow.users.list()
        if Duty.APPROVER in user.duties
        and user.id not in (actor.id, *did)
        and can_sign_in(user, demo=settings.demo)
    ]
    if others:
        raise NotAllowed(
            f"{', '.join(others)} may approve, so the glass stays whole",
            place="break-glass",
            remedy="Ask for their approval.",
        )


def _check_typed(seal: Seal, count: int, expected_hash: str) -> None:
    if expected_hash != seal.hash:
        raise Conflict(
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


def _approval(
    uow: UnitOfWork,
    actor: Actor,
    release: Release,
    sender: SenderSettings,
    kind: ApprovalKind,
    now: datetime,
    more: dict[str, Any] | None = None,
) -> Approval:
    made, bound = release.made, release.seal
    told_under = told_under_now(uow, made.breach)
    approval = Approval(
        breach_id=made.breach.id,
        version=next_version(uow.breaches.latest(Approval, made.breach.id)),
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
        facts_version=made.facts.version,
        told_at=made.told_at,
        ico_told=bool(told_under),
        told_under=told_under,
        audit_head=uow.audit.head().typed,
        **(more or {}),
    )
    uow.breaches.put(approval)
    _audit(uow, approval, made.breach.case_id, now)
    return approval


def _release(
    uow: UnitOfWork,
    approval: Approval,
    release: Release,
    settings: Settings,
    sender: SenderSettings,
    now: datetime,
) -> None:
    ready, breach = release.letters, release.made.breach
    queue_letters(uow, approval, ready, sender, settings.notices, now)
    sealed = SealedTexts(
        breach_id=breach.id,
        version=approval.version,
        approval_hash=approval.hash,
        mails=tuple(mail.model_copy(update={"html": ""}) for mail in ready.rendered),
        scripts=ready.scripts,
    )
    uow.breaches.put(sealed)
    version = approval.facts_version
    calls = [
        telephone_task(breach.id, r, _name(uow, r), version, script.text, r.reason, now)
        for r, script in zip(ready.telephone, ready.calls, strict=True)
    ]
    cases.with_tasks(uow, breach.case_id, calls, now)


def _name(uow: UnitOfWork, recipient: Recipient) -> str:
    return uow.customers.get(recipient.customer_id).name


def _audit(uow: UnitOfWork, approval: Approval, case_id: str, now: datetime) -> None:
    uow.audit.record(
        at=now,
        actor=approval.approved_by,
        act="breach:release:approved"
        if approval.kind is ApprovalKind.SECOND_PERSON
        else "breach:release:glass_broken",
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
