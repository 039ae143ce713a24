"""What controllers ask about the breach of their data, and what a person answered. Nothing is
mailed by the program: a person sends the answer and records it here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from breachdesk.casework.authority import not_erased, require, required
from breachdesk.casework.own_words import check_own_words
from breachdesk.casework.record_times import past
from breachdesk.casework.sealing import next_version
from breachdesk.gdpr import roles
from breachdesk.ports import UnitOfWork
from schemas.around_breach import ControllerQuestion, newest
from schemas.case_record import Route
from schemas.customer import Role
from schemas.errors import BadInput, NotAllowed, NotFound
from schemas.list_outline import ListOutline
from schemas.settings import ProviderProfile
from schemas.user import Actor, Duty

HANDS = (Duty.ANALYST, Duty.RESPONDER)


def record_question(
    uow: UnitOfWork, actor: Actor, question: ControllerQuestion, now: datetime
) -> ControllerQuestion:
    """A controller on the frozen list asked. Raises BadInput for a customer whose data we do not
    process in this breach."""
    require(actor, *HANDS, act="record a controller's question")
    if question.customer_id not in controllers(uow, question.breach_id):
        raise BadInput(
            "this customer is no controller on the frozen list",
            place="customer",
            remedy="Choose one of the list; freeze it again if one is missing.",
        )
    filed = question.model_copy(
        update={
            "entry": 0,
            "asked_by": required(question.asked_by, place="who asked", remedy="Name them."),
            "asked_at": past(question.asked_at, now, place="asked at"),
            "question": required(question.question, place="question", remedy="Write it down."),
        }
    )
    return _file(uow, actor, filed, "breach:controller:asked", {"question": filed.question}, now)


def record_answer(  # noqa: PLR0913 - what was said, each by its name
    uow: UnitOfWork,
    actor: Actor,
    breach_id: str,
    entry: int,
    *,
    answer: str,
    route: Route,
    answered_at: datetime,
    profile: ProviderProfile,
    now: datetime,
) -> ControllerQuestion:
    """These words were given to the controller. Raises BadInput when another customer's data or
    the name of one of our staff stands in them, NotAllowed when it is answered."""
    require(actor, Duty.RESPONDER, act="answer a controller")
    question = _question(uow, breach_id, entry)
    if question.answered_at is not None:
        raise NotAllowed("it is answered", place="question", remedy="Record the next question.")
    words = required(answer, place="answer", remedy="Write what they were told.")
    breach = uow.breaches.get(breach_id)
    asked_by = (question.asked_by,)
    check_own_words(
        uow, breach, question.customer_id, words, profile, place="answer", names=asked_by
    )
    filed = question.model_copy(
        update={
            "answered_at": past(answered_at, now, place="answered at", earliest=question.asked_at),
            "answered_by": actor.id,
            "answer_route": route,
            "answer": words,
        }
    )
    return _file(uow, actor, filed, "breach:controller:answered", {"answer": words}, now)


def questions(uow: UnitOfWork, breach_id: str) -> tuple[ControllerQuestion, ...]:
    """The newest word on each, in the order in which they were asked."""
    return newest(uow.breaches.all(ControllerQuestion, breach_id))


def controllers(uow: UnitOfWork, breach_id: str) -> tuple[str, ...]:
    """Customers on the frozen list whose data we process for them, by id."""
    manifest = uow.breaches.latest(ListOutline, breach_id)
    exposures = manifest.exposures if manifest else ()
    return tuple(sorted({e.customer_id for e in roles.reached(exposures, Role.PROCESSOR)}))


def _question(uow: UnitOfWork, breach_id: str, entry: int) -> ControllerQuestion:
    question = next((q for q in questions(uow, breach_id) if q.entry == entry), None)
    if question is None:
        raise NotFound("no such question", place=breach_id, remedy="See the list.")
    return question


def _file(
    uow: UnitOfWork,
    actor: Actor,
    question: ControllerQuestion,
    act: str,
    personal: Mapping[str, str],
    now: datetime,
) -> ControllerQuestion:
    """As the next document of its entry, or of a new one where `entry` is 0."""
    breach = uow.breaches.get(question.breach_id)
    not_erased(uow.cases.get(breach.case_id))
    earlier = uow.breaches.all(ControllerQuestion, breach.id)
    filed = question.model_copy(
        update={
            "version": next_version(earlier[-1] if earlier else None),
            "entry": question.entry or 1 + max((q.entry for q in earlier), default=0),
            "recorded_by": actor.id,
            "recorded_at": now,
        }
    )
    uow.breaches.put(filed)
    uow.audit.record(
        at=now, actor=actor.id, act=act, subject=breach.id,
        facts={"entry": filed.entry, "version": filed.version, "customer": filed.customer_id},
        personal=personal, case_id=breach.case_id,
    )  # fmt: skip
    return filed
