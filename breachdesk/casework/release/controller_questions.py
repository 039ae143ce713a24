"""Record what controllers ask about the breach of their data, and the answers. The program mails
nothing: a person sends the answer and records it here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from breachdesk.casework.authority import (
    CASE_PERMISSIONS,
    check_not_erased,
    require_permission,
    require_text,
)
from breachdesk.casework.digests import compute_next_version
from breachdesk.casework.record_times import check_past
from breachdesk.casework.release.customer_words import check_own_words
from breachdesk.gdpr import roles
from breachdesk.ports import UnitOfWork
from schemas.audit_actions import AuditAction
from schemas.casework.breach_records import ControllerQuestion, select_newest
from schemas.casework.case_record import ContactRoute
from schemas.casework.list_outline import ListOutline
from schemas.customer import DataRole
from schemas.errors import BadInput, NotAllowed, NotFound
from schemas.settings import ProviderProfile
from schemas.user import Actor, Permission


def record_question(
    uow: UnitOfWork, actor: Actor, question: ControllerQuestion, now: datetime
) -> ControllerQuestion:
    """Record a question of a controller on the frozen list. Raises BadInput for a customer whose
    data we do not process in this breach."""
    require_permission(actor, *CASE_PERMISSIONS, act="record a controller's question")
    if question.customer_id not in list_controllers(uow, question.breach_id):
        raise BadInput(
            "this customer is no controller on the frozen list",
            place="customer",
            remedy="Choose one of the list; freeze it again if one is missing.",
        )
    filed = question.model_copy(
        update={
            "entry": 0,
            "asked_by": require_text(question.asked_by, place="who asked", remedy="Name them."),
            "asked_at": check_past(question.asked_at, now, place="asked at"),
            "question": require_text(question.question, place="question", remedy="Write it down."),
        }
    )
    return _save_question(
        uow, actor, filed, AuditAction.BREACH_CONTROLLER_ASKED, {"question": filed.question}, now
    )


def record_answer(  # noqa: PLR0913 - what was said, each by its name
    uow: UnitOfWork,
    actor: Actor,
    breach_id: str,
    entry: int,
    *,
    answer: str,
    route: ContactRoute,
    answered_at: datetime,
    profile: ProviderProfile,
    now: datetime,
) -> ControllerQuestion:
    """Record the words given to the controller. Raises BadInput when they contain another
    customer's data or the name of one of our staff, NotAllowed when it is answered."""
    require_permission(actor, Permission.RESPONDER, act="answer a controller")
    question = _get_question(uow, breach_id, entry)
    if question.answered_at is not None:
        raise NotAllowed("it is answered", place="question", remedy="Record the next question.")
    words = require_text(answer, place="answer", remedy="Write what they were told.")
    breach = uow.breaches.get(breach_id)
    asked_by = (question.asked_by,)
    check_own_words(
        uow, breach, question.customer_id, words, profile, place="answer", names=asked_by
    )
    filed = question.model_copy(
        update={
            "answered_at": check_past(
                answered_at, now, place="answered at", earliest=question.asked_at
            ),
            "answered_by": actor.id,
            "answer_route": route,
            "answer": words,
        }
    )
    return _save_question(
        uow, actor, filed, AuditAction.BREACH_CONTROLLER_ANSWERED, {"answer": words}, now
    )


def list_questions(uow: UnitOfWork, breach_id: str) -> tuple[ControllerQuestion, ...]:
    """List the newest record of each, in the order in which they were asked."""
    return select_newest(uow.breaches.list_versions(ControllerQuestion, breach_id))


def list_controllers(uow: UnitOfWork, breach_id: str) -> tuple[str, ...]:
    """List customers on the frozen list whose data we process for them, by id."""
    manifest = uow.breaches.find_latest(ListOutline, breach_id)
    exposures = manifest.exposures if manifest else ()
    return tuple(
        sorted({e.customer_id for e in roles.select_reached(exposures, DataRole.PROCESSOR)})
    )


def _get_question(uow: UnitOfWork, breach_id: str, entry: int) -> ControllerQuestion:
    question = next((q for q in list_questions(uow, breach_id) if q.entry == entry), None)
    if question is None:
        raise NotFound("no such question", place=breach_id, remedy="See the list.")
    return question


def _save_question(
    uow: UnitOfWork,
    actor: Actor,
    question: ControllerQuestion,
    action: AuditAction,
    personal: Mapping[str, str],
    now: datetime,
) -> ControllerQuestion:
    """Save as the next document of its entry, or of a new one where `entry` is 0."""
    breach = uow.breaches.get(question.breach_id)
    check_not_erased(uow.cases.get(breach.case_id))
    earlier = uow.breaches.list_versions(ControllerQuestion, breach.id)
    filed = question.model_copy(
        update={
            "version": compute_next_version(earlier[-1] if earlier else None),
            "entry": question.entry or 1 + max((q.entry for q in earlier), default=0),
            "recorded_by": actor.id,
            "recorded_at": now,
        }
    )
    uow.breaches.add_document(filed)
    uow.audit.record(
        at=now, actor=actor.id, action=action, subject=breach.id,
        facts={"entry": filed.entry, "version": filed.version, "customer": filed.customer_id},
        personal=personal, case_id=breach.case_id,
    )  # fmt: skip
    return filed
