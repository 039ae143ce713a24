"""Erase a case's personal data: one person requests it and another carries it out.

The key of the case is destroyed: frozen lists, letters' facts and sealed values of the audit become
unreadable, and the audit chain remains verifiable. What is stored in clear is rewritten: notes,
telephone scripts and evidence lose their contents, and the Art. 33(5) register loses the names of
everybody affected."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from breachdesk.casework.affected.group_records import list_named_people
from breachdesk.casework.authority import require_permission, require_text
from breachdesk.casework.breach import register
from breachdesk.casework.closing import closing_blockers
from breachdesk.casework.records import suppliers
from breachdesk.gdpr.personal_data.redaction import NameRedaction
from breachdesk.ports import UnitOfWork
from schemas.audit_actions import AuditAction
from schemas.casework.affected import Manifest
from schemas.casework.approval import Approval
from schemas.casework.breach import Breach
from schemas.casework.case import CallAttempt, Case, CaseErasure, CaseState
from schemas.casework.decision import Decision
from schemas.casework.letter_facts import NoticeFacts
from schemas.casework.report import ReportFacts
from schemas.customer import Customer, FrozenModel, Person
from schemas.errors import BadInput, NotAllowed
from schemas.settings import ProviderProfile, RetentionSettings, Settings
from schemas.times import convert_to_utc
from schemas.user import Actor, Permission

Doc = TypeVar("Doc", bound=FrozenModel)
ERASED = "(erased)"
RETAINED: tuple[type[Decision | ReportFacts | Approval], ...] = (Decision, ReportFacts, Approval)
"""Documents in clear that the register and the seal rest on."""
_IDS = ("id", "hash", "_by", "kind", "state", "duty", "stage", "origin", "channel", "audit_head")
_CHOSEN = frozenset({"cause", "precision", "data_categories"})
"""Fields that hold a word of a list, never a text."""
LONGEST_REASON = 200


def request_erasure(
    uow: UnitOfWork, actor: Actor, case_id: str, reason: str, settings: Settings, now: datetime
) -> Case:
    """Request the erasure of a case. Raises NotAllowed naming everything that prevents it."""
    require_permission(actor, Permission.RESPONDER, Permission.APPROVER, act="ask for an erasure")
    case = uow.cases.get(case_id)
    _check(uow, case, settings, now)
    reason = require_text(reason, place="reason", remedy="Say why, and name nobody: it stays.")
    if len(reason) > LONGEST_REASON:
        raise BadInput(f"longer than {LONGEST_REASON} characters", place="reason")
    erasure = CaseErasure(requested_by=actor.id, requested_at=now, reason=reason)
    saved = uow.cases.save(case.model_copy(update={"erasure": erasure}))
    uow.audit.record(
        at=now, actor=actor.id, action=AuditAction.CASE_PERSONAL_DATA_ERASURE_REQUESTED, subject=case.id,
        facts={"reason": reason}, case_id=case.id,
    )  # fmt: skip
    return saved


def erase_case(
    uow: UnitOfWork, actor: Actor, case_id: str, settings: Settings, now: datetime
) -> Case:
    """Erase what another person asked to erase. Cannot be undone. Raises NotAllowed for who asked,
    and as `request`."""
    require_permission(actor, Permission.APPROVER, act="carry out an erasure")
    case = uow.cases.get(case_id)
    _check(uow, case, settings, now)
    request = case.erasure
    if request is None:
        raise NotAllowed("nobody asked for it", place=case.id, remedy="Another person asks first.")
    if request.requested_by == actor.id:
        raise NotAllowed(
            "who asked does not carry it out", place=case.id, remedy="A second person must."
        )
    redaction = _build_redaction(uow, case, settings.profile)
    retained = _build_erasure_record(uow, case, redaction)
    erasure = CaseErasure.model_validate(
        {**request.model_dump(), **retained, "erased_by": actor.id, "erased_at": now}
    )
    documents = _rewrite_breach(uow, case, redaction)
    records = sum(uow.alerts.forget(pk) for pk in case.alerts)
    _erase_earlier_values(uow, case, actor, now)
    saved = uow.cases.save(_redact_case(case, redaction).model_copy(update={"erasure": erasure}))
    facts = {"requested_by": request.requested_by, "documents": documents, "records": records}
    uow.audit.erase(case.id, at=now, actor=actor.id, reason=request.reason, facts=facts)
    return saved


def compute_keep_until(case: Case, retention: RetentionSettings) -> datetime | None:
    """Compute the time until which the case must be kept. None: the case is open."""
    if case.closed_at is None:
        return None
    closed = convert_to_utc(case.closed_at)
    months = retention.case_years * 12 if case.breach_id else retention.near_miss_months
    year, month = divmod(closed.year * 12 + closed.month - 1 + months, 12)
    first = closed.replace(year=year, month=month + 1, day=1)
    return first + timedelta(days=closed.day - 1)


def list_obstacles(uow: UnitOfWork, case: Case, settings: Settings, now: datetime) -> Iterable[str]:
    """List why the case may not be erased now, in plain words. Empty: it may."""
    if case.erased:
        yield "its personal data was erased already"
        return
    until = compute_keep_until(case, settings.retention)
    if case.state is not CaseState.CLOSED or until is None:
        yield "the case is not closed"
    elif convert_to_utc(now) < until:
        yield f"it is kept until {until:%d %B %Y} (retention)"
    yield from (obstacle.text for obstacle in closing_blockers.closing_blockers(uow, case, now))
    decision = uow.breaches.find_latest(Decision, case.breach_id) if case.breach_id else None
    hold = decision.hold if decision else None
    if hold is not None and convert_to_utc(hold.review_on) > convert_to_utc(now):
        yield f"a law-enforcement hold is reviewed on {convert_to_utc(hold.review_on):%d %B %Y}"


def _check(uow: UnitOfWork, case: Case, settings: Settings, now: datetime) -> None:
    reasons = list(list_obstacles(uow, case, settings, now))
    if reasons:
        raise NotAllowed("; ".join(reasons), place=case.id, remedy="It stays as it is.")


def _build_redaction(uow: UnitOfWork, case: Case, profile: ProviderProfile) -> NameRedaction:
    """Build a redaction of every customer of the register and everybody on a frozen list of this
    case."""
    ours = (profile.contact_email, profile.contact_phone, profile.witness_email)
    frozen = uow.breaches.list_versions(Manifest, case.breach_id) if case.breach_id else ()
    people = [
        Person(
            id=r.person_id, customer_id=r.customer_id, kind=r.person_kind, name=r.name,
            email=r.email, phone=r.phone,
        )
        for manifest in frozen for r in manifest.recipients
    ]  # fmt: skip
    people += list_named_people(uow, case.id)
    listed = Customer(id="listed", name=ERASED, people=tuple(people))
    return NameRedaction([*uow.customers.list(), listed], keep=[text for text in ours if text])


def _build_erasure_record(uow: UnitOfWork, case: Case, redaction: NameRedaction) -> dict[str, Any]:
    """Build what the register keeps of documents that become unreadable with the key."""
    parties = tuple(redaction.redact(name) for name in suppliers.list_names(uow, case))
    if case.breach_id is None:
        return {"what_happened": redaction.redact(case.known), "suppliers": parties}
    affected = register.summarise_affected(uow, uow.breaches.get(case.breach_id))
    affected["suppliers"] = parties
    facts = uow.breaches.find_latest(NoticeFacts, case.breach_id)
    if facts is not None:
        affected["what_happened"] = redaction.redact(facts.what_happened)
        texts = dict.fromkeys(text for words in facts.words for text in words.consequences)
        affected["effects"] = tuple(redaction.redact(text) for text in texts)
    return affected


def _rewrite_breach(uow: UnitOfWork, case: Case, redaction: NameRedaction) -> list[list[object]]:
    """Rewrite the breach's documents and return the addresses of those that no longer match their
    hashes."""
    if case.breach_id is None:
        return []
    breach: Breach = uow.breaches.get(case.breach_id)
    uow.breaches.save(_redact_document(breach, redaction))
    addresses: list[list[object]] = []
    for kind in RETAINED:
        for document in uow.breaches.list_versions(kind, breach.id):
            uow.breaches.redact(_remove_people(_redact_document(document, redaction)))
            addresses.append([kind.__name__, breach.id, document.version])
    return addresses


def _remove_people(document: FrozenModel) -> FrozenModel:
    if isinstance(document, Decision) and document.hold is not None:
        hold = document.hold.model_copy(update={"asked_by": ERASED})
        return document.model_copy(update={"hold": hold})
    if isinstance(document, Approval) and document.witness:
        return document.model_copy(update={"witness": ERASED})
    if isinstance(document, ReportFacts):
        later = (item.model_copy(update={"who": ERASED}) for item in document.not_yet_known)
        rest = ERASED if document.rest_who else ""
        return document.model_copy(update={"not_yet_known": tuple(later), "rest_who": rest})
    return document


def _erase_earlier_values(uow: UnitOfWork, case: Case, actor: Actor, now: datetime) -> None:
    """Erase values recorded about alerts before they joined a case: no case's key seals them."""
    ids = [uow.alerts.get(pk).id for pk in case.alerts]
    entries = uow.audit.list_about(ids)
    uow.audit.erase_values(
        entries, at=now, actor=actor.id, subject=case.id, reason="erased with the case"
    )


def _redact_case(case: Case, redaction: NameRedaction) -> Case:
    tasks = tuple(
        task.model_copy(
            update={
                "script": _redact_value(task.script),
                "outcome": _redact_value(task.outcome),
                "number": None,
                "attempts": tuple(_redact_attempt(attempt) for attempt in task.attempts),
            }
        )
        for task in case.tasks
    )
    notes = tuple(note.model_copy(update={"text": ERASED}) for note in case.notes)
    stripped = _redact_document(case, redaction)
    account = stripped.near_miss_account
    if account is not None and account.done:
        account = account.model_copy(update={"done": ERASED})
    return stripped.model_copy(
        update={
            "known": _redact_value(case.known), "assets": (), "tasks": tasks, "notes": notes,
            "near_miss_account": account,
        }
    )  # fmt: skip


def _redact_attempt(attempt: CallAttempt) -> CallAttempt:
    named = ("number", "spoken_to", "said", "proof")
    return attempt.model_copy(
        update={name: ERASED for name in named if getattr(attempt, name) is not None}
    )


def _redact_value(text: str) -> str:
    return ERASED if text else text


def _redact_document(document: Doc, redaction: NameRedaction) -> Doc:
    """Remove the names, addresses and numbers of everybody affected from the document's texts."""
    plain = document.model_dump(mode="json")
    return type(document).model_validate(_redact_texts(plain, redaction))


def _redact_texts(value: Any, redaction: NameRedaction, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _redact_texts(part, redaction, key) for key, part in value.items()}
    if isinstance(value, list):
        return [_redact_texts(part, redaction, name) for part in value]
    is_text = isinstance(value, str) and not name.endswith(_IDS) and name not in _CHOSEN
    return redaction.redact(value) if is_text else value
