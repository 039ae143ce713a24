"""Which questions of the decision an affected list raises: no other is asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

from breachdesk.gdpr import roles
from schemas.casework.affected import Exposure
from schemas.casework.decision import Decision
from schemas.customer import DataCategory, DataRole, PecrStatus


class DecisionQuestion(StrEnum):
    """By the decision's own field."""

    REPORT_TO_ICO = "report_to_ico"
    TELL_PEOPLE = "tell_people"
    OWN_PROMISE = "own_promise_binds"
    PECR = "pecr"
    PECR_SUBSCRIBERS = "pecr_subscribers"


TITLES = {
    DecisionQuestion.REPORT_TO_ICO: "Report to the ICO",
    DecisionQuestion.TELL_PEOPLE: "Tell people under Art. 34",
    DecisionQuestion.OWN_PROMISE: "Our own promise binds",
    DecisionQuestion.PECR: "PECR",
    DecisionQuestion.PECR_SUBSCRIBERS: "Tell subscribers under PECR",
}


PROVISIONS = {
    DecisionQuestion.REPORT_TO_ICO: "uk_gdpr_art33_1",
    DecisionQuestion.TELL_PEOPLE: "uk_gdpr_art34_1",
    DecisionQuestion.OWN_PROMISE: "own_promise",
    DecisionQuestion.PECR: "pecr_5a_2",
    DecisionQuestion.PECR_SUBSCRIBERS: "pecr_5a_3",
}
"""What each question rests on, in the law book."""


def list_raised_questions(
    exposures: Iterable[Exposure], *, pecr: bool, groups: bool = False
) -> tuple[DecisionQuestion, ...]:
    """In the order of asking. `pecr`: what a service that still asks counts as. `groups`: people who
    are no customers are affected too; we are controller of their data, and no promise binds."""
    reached = roles.select_reached(exposures)
    telecoms = {PecrStatus.YES, PecrStatus.ASK} if pecr else {PecrStatus.YES}
    ours = [e for e in reached if e.role is DataRole.CONTROLLER]
    others = groups or any(e.pecr not in telecoms for e in ours)
    questions = {
        DecisionQuestion.PECR: any(e.pecr is not PecrStatus.NO for e in reached),
        DecisionQuestion.PECR_SUBSCRIBERS: any(e.pecr in telecoms for e in reached),
        DecisionQuestion.REPORT_TO_ICO: others,
        DecisionQuestion.TELL_PEOPLE: others,
        DecisionQuestion.OWN_PROMISE: bool(ours),
    }
    return tuple(question for question, it_is in questions.items() if it_is)


def list_scored_categories(
    decision: Decision | None,
    exposures: Sequence[Exposure],
    *,
    beside: Iterable[DataCategory] = (),
) -> tuple[DataCategory, ...]:
    """The kinds of data that the severity score is of: what stands in a report of ours, with what
    is held of people who are no customers (`beside`); where nothing does, whatever was reached. In
    the order of the words for them."""
    own = [
        e for track in roles.compute_regulator_tracks(decision, exposures) for e in track.exposures
    ]
    categories = {c for e in own for c in e.categories} | set(beside)
    categories = categories or {c for e in roles.select_reached(exposures) for c in e.categories}
    return tuple(c for c in DataCategory if c in categories)
