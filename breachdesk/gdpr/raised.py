"""Which questions of the decision an affected list raises: no other is asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

from breachdesk.gdpr import roles
from schemas.affected import Exposure
from schemas.customer import DataCategory, Pecr, Role
from schemas.decision import Decision


class Question(StrEnum):
    """By the decision's own field."""

    REPORT_TO_ICO = "report_to_ico"
    TELL_PEOPLE = "tell_people"
    OWN_PROMISE = "own_promise_binds"
    PECR = "pecr"
    PECR_SUBSCRIBERS = "pecr_subscribers"


TITLES = {
    Question.REPORT_TO_ICO: "Report to the ICO",
    Question.TELL_PEOPLE: "Tell people under Art. 34",
    Question.OWN_PROMISE: "Our own promise binds",
    Question.PECR: "PECR",
    Question.PECR_SUBSCRIBERS: "Tell subscribers under PECR",
}


PROVISIONS = {
    Question.REPORT_TO_ICO: "uk_gdpr_art33_1",
    Question.TELL_PEOPLE: "uk_gdpr_art34_1",
    Question.OWN_PROMISE: "own_promise",
    Question.PECR: "pecr_5a_2",
    Question.PECR_SUBSCRIBERS: "pecr_5a_3",
}
"""What each question rests on, in the law book."""


def raised(
    exposures: Iterable[Exposure], *, pecr: bool, groups: bool = False
) -> tuple[Question, ...]:
    """In the order of asking. `pecr`: what a service that still asks counts as. `groups`: people who
    are no customers are affected too; we are controller of their data, and no promise binds."""
    reached = roles.reached(exposures)
    telecoms = {Pecr.YES, Pecr.ASK} if pecr else {Pecr.YES}
    ours = [e for e in reached if e.role is Role.CONTROLLER]
    others = groups or any(e.pecr not in telecoms for e in ours)
    asked = {
        Question.PECR: any(e.pecr is not Pecr.NO for e in reached),
        Question.PECR_SUBSCRIBERS: any(e.pecr in telecoms for e in reached),
        Question.REPORT_TO_ICO: others,
        Question.TELL_PEOPLE: others,
        Question.OWN_PROMISE: bool(ours),
    }
    return tuple(question for question, it_is in asked.items() if it_is)


def scored_categories(
    decision: Decision | None,
    exposures: Sequence[Exposure],
    *,
    beside: Iterable[DataCategory] = (),
) -> tuple[DataCategory, ...]:
    """The kinds of data that the severity score is of: what stands in a report of ours, with what
    is held of people who are no customers (`beside`); where nothing does, whatever was reached. In
    the order of the words for them."""
    own = [e for track in roles.regulator_tracks(decision, exposures) for e in track.exposures]
    found = {c for e in own for c in e.categories} | set(beside)
    found = found or {c for e in roles.reached(exposures) for c in e.categories}
    return tuple(c for c in DataCategory if c in found)
