"""Collect, for each body that may have to be notified, the grounds for and against a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from breachdesk.casework.affected.group_records import (
    format_group_line,
    list_affected,
    list_categories,
)
from breachdesk.gdpr import enisa
from breachdesk.gdpr.edpb import EdpbCase, get_edpb_case
from breachdesk.gdpr.jurisdiction import Jurisdiction, load_jurisdictions
from breachdesk.gdpr.raised import (
    DecisionQuestion,
    get_answer,
    get_title,
    list_raised_questions,
    list_scored_categories,
)
from breachdesk.gdpr.regulators import list_applicable, list_scopes
from breachdesk.gdpr.roles import select_reached, under_own_rule
from breachdesk.gdpr.severity import DEFAULT_DPC, EnisaSeverity
from breachdesk.gdpr.tensions import LEVELS
from breachdesk.ports import UnitOfWork
from schemas.casework.affected import BreachEffect, Certainty, EffectCertainty, Exposure
from schemas.casework.affected_group import AffectedGroup
from schemas.casework.breach import Breach
from schemas.casework.decision import Decision, DecisionAnswer, NotificationBasis
from schemas.casework.list_outline import ListOutline
from schemas.customer import DataCategory, DataRole
from schemas.law import LawBook, Provision

GRAVE = 3
"""From this data score on, a kind of data speaks for itself."""


@dataclass(frozen=True, slots=True)
class BodyGrounds:
    """A body that may have to be notified, with the grounds."""

    id: str
    title: str
    law: tuple[Provision, ...]
    is_asked: bool
    """Whether the frozen list brings this body in at all."""
    speaks_for: tuple[str, ...]
    speaks_against: tuple[str, ...]
    unknown: tuple[str, ...] = ()
    answers: tuple[tuple[str, DecisionAnswer], ...] = ()
    """What the newest decision says, by the question's title; none: nothing is to be decided, or
    nobody has."""
    always: bool = False
    """The law leaves nothing to weigh."""


@dataclass(frozen=True)
class _GroundFacts:
    """Facts of a breach that the grounds rest on."""

    breach: Breach
    exposures: Sequence[Exposure]
    decision: Decision | None
    law: LawBook
    promise: str
    reports: dict[str, tuple[Exposure, ...]] = field(default_factory=dict)
    """What counts in each report, by its jurisdiction."""
    groups: tuple[AffectedGroup, ...] = ()
    """People who are no customers."""

    def list_provisions(self, *ids: str) -> tuple[Provision, ...]:
        return tuple(self.law.get_provision(each, self.breach.aware_at) for each in ids)

    def list_answers(self, *questions: str) -> tuple[tuple[str, DecisionAnswer], ...]:
        """Return the answers of the newest decision."""
        if self.decision is None:
            return ()
        answers = [(get_title(q), get_answer(self.decision, q)) for q in questions]
        return tuple((title, answer) for title, answer in answers if answer.asked)

    @property
    def case(self) -> EdpbCase | None:
        number = self.decision.edpb_case if self.decision else None
        return get_edpb_case(number) if number is not None else None

    @property
    def score(self) -> EnisaSeverity | None:
        score = self.decision.severity_score if self.decision else None
        return EnisaSeverity(round(score * 4)) if score is not None else None


def list_reporting_grounds(
    uow: UnitOfWork, breach_id: str, promise: str
) -> tuple[BodyGrounds, ...]:
    """List the grounds for every body, also bodies that the frozen list does not concern. `promise`
    is the published commitment, empty when none is published."""
    breach = uow.breaches.get(breach_id)
    manifest = uow.breaches.find_latest(ListOutline, breach_id)
    exposures = manifest.exposures if manifest else ()
    decision = uow.breaches.find_latest(Decision, breach_id)
    reported_to = uow.law.reported_to
    scopes = list_scopes(decision, exposures, reported_to=reported_to)
    reports = {scope.jurisdiction.id: scope.exposures for scope in scopes}
    groups = list_affected(uow, breach.case_id)
    grounds = _GroundFacts(breach, exposures, decision, uow.law, promise, reports, groups)
    applicable = sorted(
        list_applicable(reported_to, decision), key=lambda j: (j.whatever_the_risk, j.id)
    )
    regulators = [
        _build_owed_regulator(grounds, j) if j.whatever_the_risk else _build_regulator(grounds, j)
        for j in applicable
    ]
    bodies = (_build_people, _build_subscribers, _build_controllers)
    return (*regulators, *(make(grounds) for make in bodies))


def _build_regulator(grounds: _GroundFacts, jurisdiction: Jurisdiction) -> BodyGrounds:
    """Build the grounds for a regulator that is notified where a risk is likely enough."""
    own = grounds.reports.get(jurisdiction.id, ())
    groups = bool(grounds.groups) and jurisdiction.covers_groups
    against = [
        *_list_mild_grounds(own, grounds),
        *_describe_case(grounds.case, must_tell=False, people=False),
    ]
    if grounds.score and grounds.score.score < 2:
        against.append(_describe_score(grounds.score))
    speaks_for = [*_describe_extent(own), *(_describe_group_people(grounds) if groups else ())]
    speaks_for += _describe_case(grounds.case, must_tell=True, people=False)
    if grounds.score and grounds.score.score >= 2:
        speaks_for.append(_describe_score(grounds.score))
    return BodyGrounds(
        id=jurisdiction.id,
        title=jurisdiction.words.body,
        law=grounds.list_provisions(jurisdiction.provision, *jurisdiction.related),
        is_asked=bool(own or groups),
        speaks_for=tuple(speaks_for),
        speaks_against=tuple(against),
        unknown=tuple(_list_unknown(grounds)),
        answers=grounds.list_answers(jurisdiction.question_key),
    )


def _describe_group_people(grounds: _GroundFacts) -> Iterator[str]:
    """Describe affected people who are not customers: their number also counts."""
    for group in grounds.groups:
        yield f"Beside customers: {format_group_line(group)}."


def _build_owed_regulator(grounds: _GroundFacts, jurisdiction: Jurisdiction) -> BodyGrounds:
    """Build the grounds for a regulator that is notified whatever the risk."""
    under = grounds.reports.get(jurisdiction.id, ())
    asks = [e for e in select_reached(grounds.exposures) if jurisdiction.covers(e) is None]
    question = f"The register does not say yet whether {_count_customers(asks)} {jurisdiction.words.scope}."
    return BodyGrounds(
        id=jurisdiction.id,
        title=jurisdiction.words.body,
        law=grounds.list_provisions(jurisdiction.provision, *jurisdiction.related),
        is_asked=bool(under or asks),
        speaks_for=tuple(_describe_extent(under)),
        speaks_against=(),
        unknown=(question,) if asks and not under else (),
        answers=grounds.list_answers(jurisdiction.question_key),
        always=bool(under),
    )


def _build_people(grounds: _GroundFacts) -> BodyGrounds:
    ours = select_reached(grounds.exposures, DataRole.CONTROLLER)
    own = under_own_rule(grounds.decision, grounds.exposures, None)
    speaks_for = [*_list_grave_grounds(own), *_describe_group_people(grounds)]
    speaks_for += _describe_case(grounds.case, must_tell=True, people=True)
    against = [
        *_list_mild_grounds(own, grounds),
        *_describe_case(grounds.case, must_tell=False, people=True),
    ]
    if grounds.score:
        side = speaks_for if grounds.score.score >= 3 else against
        side.append(_describe_score(grounds.score))
    if grounds.promise and ours:
        speaks_for.append(f"Our own promise, whatever the risk: “{grounds.promise}”")
    decision = grounds.decision
    if decision and decision.art34_3_limb:
        against.append(f"Art. 34(3)({decision.art34_3_limb}): {decision.art34_3_evidence}")
    return BodyGrounds(
        id="people",
        title="The people whose account data we hold",
        law=grounds.list_provisions("uk_gdpr_art34_1", "uk_gdpr_art34_3", "own_promise"),
        is_asked=bool(ours or grounds.groups),
        speaks_for=tuple(speaks_for),
        speaks_against=tuple(against),
        unknown=tuple(_list_unknown(grounds)),
        answers=grounds.list_answers(DecisionQuestion.TELL_PEOPLE, DecisionQuestion.OWN_PROMISE),
    )


def _build_subscribers(grounds: _GroundFacts) -> BodyGrounds:
    under = under_own_rule(grounds.decision, grounds.exposures, NotificationBasis.PECR_5A3)
    decision = grounds.decision
    speaks_for = [
        *_list_grave_grounds(under),
        *_describe_case(grounds.case, must_tell=True, people=True),
    ]
    against = [
        *_list_mild_grounds(under, grounds),
        *_describe_case(grounds.case, must_tell=False, people=True),
    ]
    if decision and decision.pecr_unintelligible is not None:
        against.append(f"The data is unintelligible: {decision.pecr_unintelligible}")
    return BodyGrounds(
        id="subscribers",
        title="Subscribers and users, under PECR",
        law=grounds.list_provisions("pecr_5a_3", "pecr_5a_6"),
        is_asked=DecisionQuestion.PECR_SUBSCRIBERS
        in list_raised_questions(grounds.exposures, yes=tuple(load_jurisdictions())),
        speaks_for=tuple(speaks_for),
        speaks_against=tuple(against),
        unknown=("Is an adverse effect on their data or their privacy likely?",)
        if under and not grounds.list_answers(DecisionQuestion.PECR_SUBSCRIBERS)
        else (),
        answers=grounds.list_answers(DecisionQuestion.PECR_SUBSCRIBERS),
    )


def _build_controllers(grounds: _GroundFacts) -> BodyGrounds:
    stored = select_reached(grounds.exposures, DataRole.PROCESSOR)
    return BodyGrounds(
        id="controllers",
        title="Our customers as controllers",
        law=grounds.list_provisions("uk_gdpr_art33_2"),
        is_asked=bool(stored),
        speaks_for=tuple(_describe_extent(stored)),
        speaks_against=(),
        always=bool(stored),
    )


def _describe_extent(exposures: Sequence[Exposure]) -> Iterator[str]:
    if not exposures:
        return
    counts = Counter(e.certainty for e in exposures)
    sure = ", ".join(f"{counts[c]} {c}" for c in Certainty if counts[c])
    yield f"The list names {_count_customers(exposures)}: {sure}."
    yield from _list_grave_grounds(exposures)


def _list_grave_grounds(exposures: Sequence[Exposure]) -> Iterator[str]:
    kinds = _list_categories(exposures)
    grave = [c.value for c in kinds if DEFAULT_DPC[c] >= GRAVE]
    if grave:
        yield f"Kinds of data that can do harm by themselves: {', '.join(grave)}."
    happened = {
        effect
        for exposure in exposures
        for effects in exposure.effects.values()
        for effect, surety in effects.items()
        if surety is EffectCertainty.HAPPENED
    }
    if happened:
        named = ", ".join(e.value for e in BreachEffect if e in happened)
        yield f"Evidence shows what happened to data: {named}."


def _list_mild_grounds(exposures: Sequence[Exposure], grounds: _GroundFacts) -> Iterator[str]:
    if not exposures:
        return
    if all(e.certainty is Certainty.POSSIBLE for e in exposures):
        yield "Nothing shows that anybody's data was reached; it cannot be ruled out."
    kinds = _list_categories(exposures)
    if kinds and all(DEFAULT_DPC[c] < GRAVE for c in kinds):
        yield f"The kinds of data say little by themselves: {', '.join(c.value for c in kinds)}."
    decision = grounds.decision
    if decision and decision.severity and decision.severity.unintelligible:
        yield "The data is marked as unintelligible: encrypted, and the key is safe."
    if decision and decision.safeguards_after:
        yield f"Done since: {decision.safeguards_after}"


def _describe_case(case: EdpbCase | None, *, must_tell: bool, people: bool) -> Iterator[str]:
    """Describe the most similar example case, if it matches."""
    if case is None or (case.people if people else case.authority) is not must_tell:
        return
    whom = "the people" if people else "the authority"
    duty = "had to be told" if must_tell else "did not have to be told"
    yield f"The most alike case ({case.number}, {case.title}): {whom} {duty}. {case.turns_on}"


def _describe_score(score: EnisaSeverity) -> str:
    near = " It lies near a boundary." if score.near_boundary else ""
    return (
        f"The severity score is {score.score:.2f}, {LEVELS[score.level]}: "
        f"{enisa.describe_level(score.level)}{near}"
    )


def _list_unknown(grounds: _GroundFacts) -> Iterator[str]:
    if grounds.score is None:
        yield "The severity is not scored, or not in full."
    if grounds.case is None:
        yield "No example case is named as most alike."
    if not list_scored_categories(
        grounds.decision, grounds.exposures, beside=list_categories(grounds.groups)
    ):
        yield "The kinds of data are not known."


def _list_categories(exposures: Iterable[Exposure]) -> tuple[DataCategory, ...]:
    categories = {c for e in exposures for c in e.categories}
    return tuple(c for c in DataCategory if c in categories)


def _count_customers(exposures: Iterable[Exposure]) -> str:
    count = len({e.customer_id for e in exposures})
    return f"{count:,} customer{'' if count == 1 else 's'}"
