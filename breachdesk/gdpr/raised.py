"""Determine which questions of the decision an affected list raises; no other is asked.

A question is named by a key: a `DecisionQuestion`, or the `question_key` of a jurisdiction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum

from breachdesk.gdpr import regulators, roles
from breachdesk.gdpr.jurisdiction import QUESTION_PREFIX, Jurisdiction, load_jurisdictions
from schemas.casework.affected import Exposure
from schemas.casework.decision import NOT_ASKED, Decision, DecisionAnswer, NotificationBasis
from schemas.customer import DataCategory, DataRole


class DecisionQuestion(StrEnum):
    """Questions that no jurisdiction brings, by the decision's own field."""

    TELL_PEOPLE = "tell_people"
    OWN_PROMISE = "own_promise_binds"
    PECR_SUBSCRIBERS = "pecr_subscribers"


TITLES = {
    DecisionQuestion.TELL_PEOPLE: "Tell people under Art. 34",
    DecisionQuestion.OWN_PROMISE: "Our own promise binds",
    DecisionQuestion.PECR_SUBSCRIBERS: "Tell subscribers under PECR",
}
PROVISIONS = {
    DecisionQuestion.TELL_PEOPLE: "uk_gdpr_art34_1",
    DecisionQuestion.OWN_PROMISE: "own_promise",
    DecisionQuestion.PECR_SUBSCRIBERS: "pecr_5a_3",
}
"""What each question rests on, in the law book."""


def find_jurisdiction(key: str) -> Jurisdiction | None:
    """Find the jurisdiction that adds the question. None: no jurisdiction does."""
    if not key.startswith(QUESTION_PREFIX):
        return None
    return load_jurisdictions().get(key.removeprefix(QUESTION_PREFIX))


def get_title(key: str) -> str:
    """Return the question in a few words. A decision may hold the answer of a regulator that no
    longer exists."""
    jurisdiction = find_jurisdiction(key)
    if jurisdiction is not None:
        return jurisdiction.words.title
    gone = key.startswith(QUESTION_PREFIX)
    return key.removeprefix(QUESTION_PREFIX) if gone else TITLES[DecisionQuestion(key)]


def get_provision_id(key: str) -> str:
    """Return the id of the provision that the question rests on."""
    jurisdiction = find_jurisdiction(key)
    return jurisdiction.provision if jurisdiction is not None else PROVISIONS[DecisionQuestion(key)]


def get_answer(decision: Decision, key: str) -> DecisionAnswer:
    """Return the decision's answer; NOT_ASKED where it holds none."""
    if key.startswith(QUESTION_PREFIX):
        return decision.report_answer(key.removeprefix(QUESTION_PREFIX))
    answer: DecisionAnswer = getattr(decision, key, NOT_ASKED)
    return answer


def list_question_keys(
    decision: Decision | None, reported_to: Iterable[str] = ()
) -> tuple[str, ...]:
    """List every possible question in the order of records: whether to report, whom to notify, and
    what a rule of its own covers."""
    applicable = regulators.list_applicable(reported_to, decision)
    return (
        *(j.question_key for j in applicable if not j.whatever_the_risk),
        DecisionQuestion.TELL_PEOPLE,
        DecisionQuestion.OWN_PROMISE,
        *(j.question_key for j in applicable if j.whatever_the_risk),
        DecisionQuestion.PECR_SUBSCRIBERS,
    )


def list_in_asking_order(
    reported_to: Iterable[str] = (), decision: Decision | None = None
) -> tuple[str, ...]:
    """List every possible question: those of a rule of its own come first, because they decide what
    else is asked."""
    applicable = regulators.list_applicable(reported_to, decision)
    return (
        *(j.question_key for j in applicable if j.whatever_the_risk),
        DecisionQuestion.PECR_SUBSCRIBERS,
        *(j.question_key for j in applicable if not j.whatever_the_risk),
        DecisionQuestion.TELL_PEOPLE,
        DecisionQuestion.OWN_PROMISE,
    )


def list_raised_questions(
    exposures: Iterable[Exposure],
    *,
    yes: Collection[str] = (),
    groups: bool = False,
    reported_to: Iterable[str] = (),
    decision: Decision | None = None,
) -> tuple[str, ...]:
    """List keys in the order of asking. `yes`: ids of the jurisdictions whose question counts as
    answered with yes; those of the decision are added. `groups`: people who are not customers are
    affected too; we are controller of their data, and no promise binds."""
    applicable = regulators.list_applicable(reported_to, decision)
    answers = {*yes, *regulators.answered_yes(decision)}
    reached = roles.select_reached(exposures)
    covering = [regulators.select_covering(e, applicable, answers) for e in reached]
    rules = [regulators.find_communication(e, applicable, answers) for e in reached]
    ours = [e.role is DataRole.CONTROLLER for e in reached]
    art34 = groups or any(own and rule is None for own, rule in zip(ours, rules, strict=True))
    is_raised = {
        DecisionQuestion.PECR_SUBSCRIBERS: NotificationBasis.PECR_5A3 in rules,
        DecisionQuestion.TELL_PEOPLE: art34,
        DecisionQuestion.OWN_PROMISE: any(ours),
    } | {
        j.question_key: any(j.covers(e) is not False for e in reached)
        if j.whatever_the_risk
        else (groups and j.covers_groups) or any(j in each for each in covering)
        for j in applicable
    }
    return tuple(key for key in list_in_asking_order(reported_to, decision) if is_raised[key])


def list_scored_categories(
    decision: Decision | None,
    exposures: Sequence[Exposure],
    *,
    beside: Iterable[DataCategory] = (),
) -> tuple[DataCategory, ...]:
    """List the kinds of data that the severity score covers: those of a report of ours, with what
    is held of people who are not customers (`beside`); without any, whatever was reached. Ordered
    as their labels are."""
    own = [e for scope in regulators.list_scopes(decision, exposures) for e in scope.exposures]
    categories = {c for e in own for c in e.categories} | set(beside)
    categories = categories or {c for e in roles.select_reached(exposures) for c in e.categories}
    return tuple(c for c in DataCategory if c in categories)
