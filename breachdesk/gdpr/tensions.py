"""Where answers, score and example case contradict each other. Each contradiction needs a
reason before a decision is sealed; what is only worth knowing is a remark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from breachdesk.gdpr import roles
from breachdesk.gdpr.edpb import edpb_case
from breachdesk.gdpr.raised import Question, raised
from breachdesk.gdpr.severity import Level, Severity, level
from schemas.affected import Exposure
from schemas.customer import Role
from schemas.decision import Answer, Basis, Decision

LEVELS = {
    Level.LOW: "low",
    Level.MEDIUM: "medium",
    Level.HIGH: "high",
    Level.VERY_HIGH: "very high",
}


GROUNDS = {
    Basis.ART34: "Art. 34",
    Basis.OWN_PROMISE: "our own promise",
    Basis.PECR_5A3: "PECR regulation 5A(3)",
    Basis.ART33_2: "Art. 33(2)",
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
class Tension:
    """One contradiction. `id` stays the same from version to version."""

    id: str
    words: str

    @property
    def title(self) -> str:
        """In a few words, where its id would say nothing to a person."""
        return TITLES[self.id]


@dataclass(frozen=True, slots=True)
class _Question:
    """A decision, read against the list it is about."""

    decision: Decision
    exposures: Sequence[Exposure]
    raised: tuple[Question, ...]
    groups: bool = False
    """People who are no customers are affected too."""

    @property
    def reports(self) -> bool:
        """Is anything reported to the ICO, on whichever form?"""
        tracks = roles.regulator_tracks(self.decision, self.exposures, groups=self.groups)
        return any(t.owed for t in tracks)

    @property
    def tells(self) -> bool:
        """Is anybody told of what we hold as controller? A hold does not count as `no`."""
        free = self.decision.model_copy(update={"hold": None})
        ours = roles.reached(self.exposures, Role.CONTROLLER)
        beside = self.groups and self.decision.tell_people.yes
        return beside or any(roles.bases(free, exposure) for exposure in ours)

    @property
    def exempt(self) -> bool:
        """An exemption of Art. 34(3) or of regulation 5A is relied on, with its evidence."""
        return bool(self.decision.art34_3_limb) or self.decision.pecr_unintelligible is not None

    @property
    def untold(self) -> str | None:
        """Whom the decision finds no duty in law to tell; None: nobody, or an exemption says why."""
        groups = {Question.TELL_PEOPLE: "the people", Question.PECR_SUBSCRIBERS: "subscribers"}
        named = [whom for question, whom in groups.items() if self.no(question)]
        return " and ".join(named) if named and not self.exempt else None

    def no(self, question: Question) -> bool:
        """Was it asked, and answered with no?"""
        answer: Answer = getattr(self.decision, question)
        return question in self.raised and answer.asked and not answer.yes

    def yes(self, question: Question) -> bool:
        """Was it asked, and answered with yes?"""
        return question in self.raised and bool(getattr(self.decision, question).yes)


def tensions(
    decision: Decision, exposures: Sequence[Exposure], *, groups: bool = False
) -> tuple[Tension, ...]:
    """Every contradiction in the decision, in the order of reading. `groups`: people who are no
    customers are affected too."""
    asked = _read(decision, exposures, groups=groups)
    return (*_answers(asked), *_score(asked), *_example(asked))


def _read(decision: Decision, exposures: Sequence[Exposure], *, groups: bool) -> _Question:
    asked = raised(exposures, pecr=decision.pecr.yes, groups=groups)
    return _Question(decision, exposures, asked, groups)


def unexplained(
    decision: Decision, exposures: Sequence[Exposure], *, groups: bool = False
) -> tuple[Tension, ...]:
    """Those that no departure gives a reason of some length for."""
    return tuple(
        t
        for t in tensions(decision, exposures, groups=groups)
        if len(decision.departures.get(t.id, "").strip()) < SHORTEST_REASON
    )


def remarks(
    decision: Decision, exposures: Sequence[Exposure], *, groups: bool = False
) -> tuple[str, ...]:
    """What an approver should know, and what needs no reason."""
    return tuple(_remarks(_read(decision, exposures, groups=groups)))


def _answers(asked: _Question) -> Iterator[Tension]:
    if asked.yes(Question.TELL_PEOPLE) and asked.no(Question.REPORT_TO_ICO):
        yield Tension(
            "high_risk_unreported",
            "A high risk to people is likely, and a risk is said to be unlikely: people are told "
            "under Art. 34, and the ICO is not told under Art. 33.",
        )
    if (
        asked.yes(Question.TELL_PEOPLE)
        and asked.no(Question.PECR_SUBSCRIBERS)
        and asked.decision.pecr_unintelligible is None
    ):
        yield Tension(
            "subscribers_untold",
            "A high risk is likely for people whose account data was reached, and no adverse "
            "effect is likely for subscribers in the same breach.",
        )


def _score(asked: _Question) -> Iterator[Tension]:
    score = asked.decision.severity_score
    if score is None or not any(asked.yes(q) or asked.no(q) for q in Question):
        return
    quarters = round(score * 4)
    named = f"The score is {score:.2f} ({LEVELS[level(quarters)]})"
    if score >= 3 and asked.untold:
        yield Tension(
            "score_untold",
            f"{named}, and the decision finds no duty in law to tell {asked.untold}.",
        )
    if score < 3 and asked.yes(Question.TELL_PEOPLE):
        yield Tension(
            "score_told", f"{named}, and the decision finds that a high risk to people is likely."
        )
    if score >= 2 and not asked.reports and not asked.tells:
        yield Tension("score_silent", f"{named}, and nobody is told and nothing is reported.")
    boundary = Severity(quarters).boundary
    if boundary is not None:
        yield Tension(
            "score_near_boundary",
            f"{named}. It lies within 0.25 of the boundary at {boundary}: one step in one factor "
            "can give another level.",
        )


def _example(asked: _Question) -> Iterator[Tension]:
    number = asked.decision.edpb_case
    if number is None:
        return
    case = edpb_case(number)
    named = f"Case {number} of EDPB 01/2021 ({case.title[0].lower()}{case.title[1:]})"
    if case.authority and asked.no(Question.REPORT_TO_ICO):
        yield Tension(
            "edpb_unreported",
            f"{named} was to be reported to the authority, and this one is not reported under Art. 33.",
        )
    if not case.authority and asked.yes(Question.REPORT_TO_ICO):
        yield Tension(
            "edpb_reported",
            f"{named} was recorded only, and this one is reported to the ICO.",
        )
    if case.people and asked.untold:
        yield Tension(
            "edpb_untold",
            f"In {named[0].lower()}{named[1:]} the people were to be told, and here the decision "
            f"finds no duty in law to tell {asked.untold}.",
        )
    if not case.people and asked.yes(Question.TELL_PEOPLE):
        yield Tension(
            "edpb_told",
            f"In {named[0].lower()}{named[1:]} the people did not have to be told, and here a high "
            "risk to them is found likely.",
        )


def _remarks(asked: _Question) -> Iterator[str]:
    decision = asked.decision
    if asked.no(Question.OWN_PROMISE):
        yield "Account data may have been exposed, and our own promise is said not to bind."
    if asked.yes(Question.OWN_PROMISE) and asked.no(Question.TELL_PEOPLE):
        yield "Art. 34 does not demand it, but our own promise does: people are told."
    if decision.art34_3_limb and decision.own_promise_binds.yes:
        yield "An Art. 34(3) exemption does not cancel our own promise."
    if decision.pecr_unintelligible is not None:
        yield (
            "The exemption of regulation 5A for unintelligible data counts only when the ICO is "
            "satisfied with it."
        )
    yield from _held(asked)
    factors = decision.severity
    if factors and factors.unintelligible and not asked.exempt and asked.tells:
        yield (
            "The data is marked as unintelligible, and no exemption is relied on: people are told "
            "all the same."
        )
    if factors and factors.many_people:
        yield "More than 100 people are affected. The score does not count that."


def _held(asked: _Question) -> Iterator[str]:
    if asked.decision.hold is None:
        return
    yield "A law-enforcement hold is recorded; Art. 33 keeps running."
    ours = roles.reached(asked.exposures, Role.CONTROLLER)
    leaving = sorted({basis for e in ours for basis in roles.bases(asked.decision, e)})
    if leaving:
        named = " and ".join(GROUNDS[basis] for basis in leaving)
        yield f"The hold leaves other grounds: letters leave under {named}."
