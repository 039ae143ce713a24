"""Find where answers, score and example case contradict each other. Each contradiction needs a
reason before a decision is sealed; a remark needs none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from breachdesk.gdpr import regulators, roles
from breachdesk.gdpr.edpb import get_edpb_case
from breachdesk.gdpr.jurisdiction import Jurisdiction
from breachdesk.gdpr.raised import (
    DecisionQuestion,
    find_jurisdiction,
    get_answer,
    list_raised_questions,
)
from breachdesk.gdpr.severity import EnisaSeverity, SeverityLevel, compute_level
from schemas.casework.affected import Exposure
from schemas.casework.decision import Decision, NotificationBasis
from schemas.customer import DataRole

LEVELS = {
    SeverityLevel.LOW: "low",
    SeverityLevel.MEDIUM: "medium",
    SeverityLevel.HIGH: "high",
    SeverityLevel.VERY_HIGH: "very high",
}


GROUNDS = {
    NotificationBasis.ART34: "Art. 34",
    NotificationBasis.OWN_PROMISE: "our own promise",
    NotificationBasis.PECR_5A3: "PECR regulation 5A(3)",
    NotificationBasis.ART33_2: "Art. 33(2)",
}
SHORTEST_REASON = 20
"""Characters that the reason for a contradiction needs at least."""


TITLES = {
    "high_risk_unreported": "A high risk, and no report",
    "subscribers_untold": "People told, subscribers not",
    "score_untold": "The score, and nobody told by law",
    "score_told": "The score, and people told by law",
    "score_silent": "The score, and silence",
    "score_near_boundary": "A score near a boundary",
    "edpb_unreported": "The example was reported",
    "edpb_reported": "The example was not reported",
    "edpb_untold": "The example's people were told",
    "edpb_told": "The example's people were not told",
}


@dataclass(frozen=True, slots=True)
class DecisionTension:
    """One contradiction. `id` stays the same from version to version."""

    id: str
    words: str

    @property
    def title(self) -> str:
        """In a few words, where its id would say nothing to a person."""
        return TITLES[self.id]


@dataclass(frozen=True, slots=True)
class _DecisionView:
    """A decision, read against the list it is about."""

    decision: Decision
    exposures: Sequence[Exposure]
    raised: tuple[str, ...]
    groups: bool = False
    """People who are no customers are affected too."""

    @property
    def reports(self) -> bool:
        """Whether anything is reported to a regulator, on whichever form."""
        scopes = regulators.list_scopes(self.decision, self.exposures, groups=self.groups)
        return any(scope.owed for scope in scopes)

    @property
    def tells(self) -> bool:
        """Whether anybody is notified of what we hold as controller. A hold does not count as
        `no`."""
        free = self.decision.model_copy(update={"hold": None})
        ours = roles.select_reached(self.exposures, DataRole.CONTROLLER)
        beside = self.groups and self.decision.tell_people.yes
        return beside or any(roles.compute_bases(free, exposure) for exposure in ours)

    @property
    def exempt(self) -> bool:
        """An exemption of Art. 34(3) or of regulation 5A is relied on, with its evidence."""
        return bool(self.decision.art34_3_limb) or self.decision.pecr_unintelligible is not None

    @property
    def untold(self) -> str | None:
        """Readers whom the decision finds no duty in law to notify. None: nobody, or an exemption
        says why."""
        groups = {
            DecisionQuestion.TELL_PEOPLE: "the people",
            DecisionQuestion.PECR_SUBSCRIBERS: "subscribers",
        }
        named = [whom for question, whom in groups.items() if self.is_no(question)]
        return " and ".join(named) if named and not self.exempt else None

    def is_no(self, question: str) -> bool:
        """Whether it was asked, and answered with no."""
        answer = get_answer(self.decision, question)
        return question in self.raised and answer.asked and not answer.yes

    def is_yes(self, question: str) -> bool:
        """Whether it was asked, and answered with yes."""
        return question in self.raised and get_answer(self.decision, question).yes

    @property
    def reporting(self) -> tuple[Jurisdiction, ...]:
        """The jurisdictions whose question, raised here, is whether to report."""
        jurisdictions = map(find_jurisdiction, self.raised)
        return tuple(j for j in jurisdictions if j is not None and not j.whatever_the_risk)

    @property
    def unreported(self) -> tuple[Jurisdiction, ...]:
        """Those to which the decision says not to report."""
        return tuple(j for j in self.reporting if self.is_no(j.question_key))

    @property
    def reported(self) -> tuple[Jurisdiction, ...]:
        """Those to which the decision says to report."""
        return tuple(j for j in self.reporting if self.is_yes(j.question_key))


def list_tensions(
    decision: Decision, exposures: Sequence[Exposure], *, groups: bool = False
) -> tuple[DecisionTension, ...]:
    """List every contradiction in the decision, in the order of reading. `groups`: people who are
    not customers are affected too."""
    view = _read_decision(decision, exposures, groups=groups)
    return (*_compare_answers(view), *_compare_score(view), *_compare_example(view))


def _read_decision(
    decision: Decision, exposures: Sequence[Exposure], *, groups: bool
) -> _DecisionView:
    questions = list_raised_questions(exposures, decision=decision, groups=groups)
    return _DecisionView(decision, exposures, questions, groups)


def list_unexplained(
    decision: Decision, exposures: Sequence[Exposure], *, groups: bool = False
) -> tuple[DecisionTension, ...]:
    """List contradictions without a departure that gives a long enough reason."""
    return tuple(
        t
        for t in list_tensions(decision, exposures, groups=groups)
        if len(decision.departures.get(t.id, "").strip()) < SHORTEST_REASON
    )


def list_remarks(
    decision: Decision, exposures: Sequence[Exposure], *, groups: bool = False
) -> tuple[str, ...]:
    """List what an approver should know, and what needs no reason."""
    return tuple(_generate_remarks(_read_decision(decision, exposures, groups=groups)))


def _compare_answers(view: _DecisionView) -> Iterator[DecisionTension]:
    if view.is_yes(DecisionQuestion.TELL_PEOPLE) and view.unreported:
        untold = " and ".join(
            f"{j.words.regulator} is not told under {j.words.rule}" for j in view.unreported
        )
        yield DecisionTension(
            "high_risk_unreported",
            "A high risk to people is likely, and a risk is said to be unlikely: people are told "
            f"under Art. 34, and {untold}.",
        )
    if (
        view.is_yes(DecisionQuestion.TELL_PEOPLE)
        and view.is_no(DecisionQuestion.PECR_SUBSCRIBERS)
        and view.decision.pecr_unintelligible is None
    ):
        yield DecisionTension(
            "subscribers_untold",
            "A high risk is likely for people whose account data was reached, and no adverse "
            "effect is likely for subscribers in the same breach.",
        )


def _compare_score(view: _DecisionView) -> Iterator[DecisionTension]:
    score = view.decision.severity_score
    if score is None or not any(view.is_yes(q) or view.is_no(q) for q in view.raised):
        return
    quarters = round(score * 4)
    named = f"The score is {score:.2f} ({LEVELS[compute_level(quarters)]})"
    if score >= 3 and view.untold:
        yield DecisionTension(
            "score_untold",
            f"{named}, and the decision finds no duty in law to tell {view.untold}.",
        )
    if score < 3 and view.is_yes(DecisionQuestion.TELL_PEOPLE):
        yield DecisionTension(
            "score_told", f"{named}, and the decision finds that a high risk to people is likely."
        )
    if score >= 2 and not view.reports and not view.tells:
        yield DecisionTension(
            "score_silent", f"{named}, and nobody is told and nothing is reported."
        )
    boundary = EnisaSeverity(quarters).boundary
    if boundary is not None:
        yield DecisionTension(
            "score_near_boundary",
            f"{named}. It lies within 0.25 of the boundary at {boundary}: one step in one factor "
            "can give another level.",
        )


def _compare_example(view: _DecisionView) -> Iterator[DecisionTension]:
    number = view.decision.edpb_case
    if number is None:
        return
    case = get_edpb_case(number)
    named = f"Case {number} of EDPB 01/2021 ({case.title[0].lower()}{case.title[1:]})"
    if case.authority and view.unreported:
        rules = " and ".join(j.words.rule for j in view.unreported)
        yield DecisionTension(
            "edpb_unreported",
            f"{named} was to be reported to the authority, and this one is not reported under "
            f"{rules}.",
        )
    if not case.authority and view.reported:
        authorities = " and ".join(dict.fromkeys(j.words.regulator for j in view.reported))
        yield DecisionTension(
            "edpb_reported",
            f"{named} was recorded only, and this one is reported to {authorities}.",
        )
    if case.people and view.untold:
        yield DecisionTension(
            "edpb_untold",
            f"In {named[0].lower()}{named[1:]} the people were to be told, and here the decision "
            f"finds no duty in law to tell {view.untold}.",
        )
    if not case.people and view.is_yes(DecisionQuestion.TELL_PEOPLE):
        yield DecisionTension(
            "edpb_told",
            f"In {named[0].lower()}{named[1:]} the people did not have to be told, and here a high "
            "risk to them is found likely.",
        )


def _generate_remarks(view: _DecisionView) -> Iterator[str]:
    decision = view.decision
    if view.is_no(DecisionQuestion.OWN_PROMISE):
        yield "Account data may have been exposed, and our own promise is said not to bind."
    if view.is_yes(DecisionQuestion.OWN_PROMISE) and view.is_no(DecisionQuestion.TELL_PEOPLE):
        yield "Art. 34 does not demand it, but our own promise does: people are told."
    if decision.art34_3_limb and decision.own_promise_binds.yes:
        yield "An Art. 34(3) exemption does not cancel our own promise."
    if decision.pecr_unintelligible is not None:
        yield (
            "The exemption of regulation 5A for unintelligible data counts only when "
            f"{_name_telecoms_regulators(decision)} is satisfied with it."
        )
    yield from _generate_hold_remarks(view)
    factors = decision.severity
    if factors and factors.unintelligible and not view.exempt and view.tells:
        yield (
            "The data is marked as unintelligible, and no exemption is relied on: people are told "
            "all the same."
        )
    if factors and factors.many_people:
        yield "More than 100 people are affected. The score does not count that."


def _name_telecoms_regulators(decision: Decision) -> str:
    rules = regulators.list_applicable(decision=decision)
    telecoms = [j for j in rules if j.communication is NotificationBasis.PECR_5A3]
    return " or ".join(dict.fromkeys(j.words.regulator for j in telecoms))


def _generate_hold_remarks(view: _DecisionView) -> Iterator[str]:
    if view.decision.hold is None:
        return
    yield "A law-enforcement hold is recorded; Art. 33 keeps running."
    ours = roles.select_reached(view.exposures, DataRole.CONTROLLER)
    leaving = sorted({basis for e in ours for basis in roles.compute_bases(view.decision, e)})
    if leaving:
        named = " and ".join(GROUNDS[basis] for basis in leaving)
        yield f"The hold leaves other grounds: letters leave under {named}."
