"""Should this be reported? For each body: what speaks for telling it and what against."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from breachdesk.casework.groups import affected_groups, group_line, held_of
from breachdesk.gdpr import enisa
from breachdesk.gdpr.edpb import EdpbCase, edpb_case
from breachdesk.gdpr.raised import TITLES, Question, raised, scored_categories
from breachdesk.gdpr.roles import Track, reached, regulator_tracks
from breachdesk.gdpr.severity import DEFAULT_DPC, Severity
from breachdesk.gdpr.tensions import LEVELS
from breachdesk.ports import UnitOfWork
from schemas.affected import Certainty, Effect, Exposure, Surety
from schemas.affected_group import AffectedGroup
from schemas.breach import Breach
from schemas.customer import DataCategory, Pecr, Role
from schemas.decision import Answer, Decision
from schemas.law import LawBook, Provision
from schemas.list_outline import ListOutline

GRAVE = 3
"""From this data score on, a kind of data speaks for itself."""


@dataclass(frozen=True, slots=True)
class Body:
    """Somebody who may have to be told, and the grounds."""

    id: str
    title: str
    law: tuple[Provision, ...]
    asked: bool
    """Does the frozen list bring this body in at all?"""
    speaks_for: tuple[str, ...]
    speaks_against: tuple[str, ...]
    unknown: tuple[str, ...] = ()
    answers: tuple[tuple[str, Answer], ...] = ()
    """What the newest decision says, by the question's title; none: nothing is to be decided, or
    nobody has."""
    always: bool = False
    """The law leaves nothing to weigh."""


@dataclass(frozen=True)
class _Grounds:
    """What is known of a breach when somebody asks."""

    breach: Breach
    exposures: Sequence[Exposure]
    decision: Decision | None
    law: LawBook
    promise: str
    reports: dict[Track, tuple[Exposure, ...]] = field(default_factory=dict)
    groups: tuple[AffectedGroup, ...] = ()
    """People who are no customers."""

    def provisions(self, *ids: str) -> tuple[Provision, ...]:
        return tuple(self.law.provision(each, self.breach.aware_at) for each in ids)

    def answers(self, *questions: Question) -> tuple[tuple[str, Answer], ...]:
        """Those given in the newest decision."""
        if self.decision is None:
            return ()
        found = [(TITLES[q], getattr(self.decision, q)) for q in questions]
        return tuple((title, answer) for title, answer in found if answer.asked)

    @property
    def case(self) -> EdpbCase | None:
        number = self.decision.edpb_case if self.decision else None
        return edpb_case(number) if number is not None else None

    @property
    def score(self) -> Severity | None:
        score = self.decision.severity_score if self.decision else None
        return Severity(round(score * 4)) if score is not None else None


def reporting_grounds(uow: UnitOfWork, breach_id: str, promise: str) -> tuple[Body, ...]:
    """Every body, those that the frozen list does not bring in too. `promise`: our published words,
    empty where we publish none."""
    breach = uow.breaches.get(breach_id)
    manifest = uow.breaches.latest(ListOutline, breach_id)
    exposures = manifest.exposures if manifest else ()
    decision = uow.breaches.latest(Decision, breach_id)
    reports = {t.track: t.exposures for t in regulator_tracks(decision, exposures)}
    groups = affected_groups(uow, breach.case_id)
    grounds = _Grounds(breach, exposures, decision, uow.law, promise, reports, groups)
    bodies = (_ico, _pecr, _people, _subscribers, _controllers)
    return tuple(make(grounds) for make in bodies)


def _ico(grounds: _Grounds) -> Body:
    own = grounds.reports.get(Track.ICO, ())
    against = [*_small(own, grounds), *_case_words(grounds.case, told=False, people=False)]
    if grounds.score and grounds.score.score < 2:
        against.append(_score_words(grounds.score))
    speaks_for = [*_extent(own), *_beside(grounds)]
    speaks_for += _case_words(grounds.case, told=True, people=False)
    if grounds.score and grounds.score.score >= 2:
        speaks_for.append(_score_words(grounds.score))
    return Body(
        id="ico",
        title="The ICO, under UK GDPR Art. 33",
        law=grounds.provisions("uk_gdpr_art33_1"),
        asked=bool(own or grounds.groups),
        speaks_for=tuple(speaks_for),
        speaks_against=tuple(against),
        unknown=tuple(_open(grounds)),
        answers=grounds.answers(Question.REPORT_TO_ICO),
    )


def _beside(grounds: _Grounds) -> Iterator[str]:
    """People who are no customers: their number counts here too."""
    for group in grounds.groups:
        yield f"Beside customers: {group_line(group)}."


def _pecr(grounds: _Grounds) -> Body:
    under = grounds.reports.get(Track.PECR, ())
    asks = [e for e in reached(grounds.exposures) if e.pecr is Pecr.ASK]
    question = (
        f"The register does not say yet whether {_customers(asks)} use a public electronic "
        "communications service of ours."
    )
    return Body(
        id="pecr",
        title="The ICO, under PECR",
        law=grounds.provisions("pecr_5a_2", "pecr_replaces_uk_gdpr"),
        asked=bool(under or asks),
        speaks_for=tuple(_extent(under)),
        speaks_against=(),
        unknown=(question,) if asks and not under else (),
        answers=grounds.answers(Question.PECR),
        always=bool(under),
    )


def _people(grounds: _Grounds) -> Body:
    ours = reached(grounds.exposures, Role.CONTROLLER)
    own = grounds.reports.get(Track.ICO, ())
    speaks_for = [*_grave(own), *_beside(grounds)]
    speaks_for += _case_words(grounds.case, told=True, people=True)
    against = [*_small(own, grounds), *_case_words(grounds.case, told=False, people=True)]
    if grounds.score:
        side = speaks_for if grounds.score.score >= 3 else against
        side.append(_score_words(grounds.score))
    if grounds.promise and ours:
        speaks_for.append(f"Our own promise, whatever the risk: “{grounds.promise}”")
    decision = grounds.decision
    if decision and decision.art34_3_limb:
        against.append(f"Art. 34(3)({decision.art34_3_limb}): {decision.art34_3_evidence}")
    return Body(
        id="people",
        title="The people whose account data we hold",
        law=grounds.provisions("uk_gdpr_art34_1", "uk_gdpr_art34_3", "own_promise"),
        asked=bool(ours or grounds.groups),
        speaks_for=tuple(speaks_for),
        speaks_against=tuple(against),
        unknown=tuple(_open(grounds)),
        answers=grounds.answers(Question.TELL_PEOPLE, Question.OWN_PROMISE),
    )


def _subscribers(grounds: _Grounds) -> Body:
    under = grounds.reports.get(Track.PECR, ())
    decision = grounds.decision
    speaks_for = [*_grave(under), *_case_words(grounds.case, told=True, people=True)]
    against = [*_small(under, grounds), *_case_words(grounds.case, told=False, people=True)]
    if decision and decision.pecr_unintelligible is not None:
        against.append(f"The data is unintelligible: {decision.pecr_unintelligible}")
    return Body(
        id="subscribers",
        title="Subscribers and users, under PECR",
        law=grounds.provisions("pecr_5a_3", "pecr_5a_6"),
        asked=Question.PECR_SUBSCRIBERS in raised(grounds.exposures, pecr=True),
        speaks_for=tuple(speaks_for),
        speaks_against=tuple(against),
        unknown=("Is an adverse effect on their data or their privacy likely?",)
        if under and not grounds.answers(Question.PECR_SUBSCRIBERS)
        else (),
        answers=grounds.answers(Question.PECR_SUBSCRIBERS),
    )


def _controllers(grounds: _Grounds) -> Body:
    stored = reached(grounds.exposures, Role.PROCESSOR)
    return Body(
        id="controllers",
        title="Our customers as controllers",
        law=grounds.provisions("uk_gdpr_art33_2"),
        asked=bool(stored),
        speaks_for=tuple(_extent(stored)),
        speaks_against=(),
        always=bool(stored),
    )


def _extent(exposures: Sequence[Exposure]) -> Iterator[str]:
    if not exposures:
        return
    found = Counter(e.certainty for e in exposures)
    sure = ", ".join(f"{found[c]} {c}" for c in Certainty if found[c])
    yield f"The list names {_customers(exposures)}: {sure}."
    yield from _grave(exposures)


def _grave(exposures: Sequence[Exposure]) -> Iterator[str]:
    kinds = _categories(exposures)
    grave = [c.value for c in kinds if DEFAULT_DPC[c] >= GRAVE]
    if grave:
        yield f"Kinds of data that can do harm by themselves: {', '.join(grave)}."
    happened = {
        effect
        for exposure in exposures
        for effects in exposure.effects.values()
        for effect, surety in effects.items()
        if surety is Surety.HAPPENED
    }
    if happened:
        named = ", ".join(e.value for e in Effect if e in happened)
        yield f"Evidence shows what happened to data: {named}."


def _small(exposures: Sequence[Exposure], grounds: _Grounds) -> Iterator[str]:
    if not exposures:
        return
    if all(e.certainty is Certainty.POSSIBLE for e in exposures):
        yield "Nothing shows that anybody's data was reached; it cannot be ruled out."
    kinds = _categories(exposures)
    if kinds and all(DEFAULT_DPC[c] < GRAVE for c in kinds):
        yield f"The kinds of data say little by themselves: {', '.join(c.value for c in kinds)}."
    decision = grounds.decision
    if decision and decision.severity and decision.severity.unintelligible:
        yield "The data is marked as unintelligible: encrypted, and the key is safe."
    if decision and decision.safeguards_after:
        yield f"Done since: {decision.safeguards_after}"


def _case_words(case: EdpbCase | None, *, told: bool, people: bool) -> Iterator[str]:
    """What the most alike case says, if it says this."""
    if case is None or (case.people if people else case.authority) is not told:
        return
    whom = "the people" if people else "the authority"
    said = "had to be told" if told else "did not have to be told"
    yield f"The most alike case ({case.number}, {case.title}): {whom} {said}. {case.turns_on}"


def _score_words(score: Severity) -> str:
    near = " It lies near a boundary." if score.near_boundary else ""
    return (
        f"The severity score is {score.score:.2f}, {LEVELS[score.level]}: "
        f"{enisa.meaning(score.level)}{near}"
    )


def _open(grounds: _Grounds) -> Iterator[str]:
    if grounds.score is None:
        yield "The severity is not scored, or not in full."
    if grounds.case is None:
        yield "No example case is named as most alike."
    if not scored_categories(grounds.decision, grounds.exposures, beside=held_of(grounds.groups)):
        yield "The kinds of data are not known."


def _categories(exposures: Iterable[Exposure]) -> tuple[DataCategory, ...]:
    found = {c for e in exposures for c in e.categories}
    return tuple(c for c in DataCategory if c in found)


def _customers(exposures: Iterable[Exposure]) -> str:
    count = len({e.customer_id for e in exposures})
    return f"{count:,} customer{'' if count == 1 else 's'}"
