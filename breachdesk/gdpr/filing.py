"""Gather everything a regulator's form is answered from, and format the answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from schemas.casework.affected import BreachEffect, Exposure
from schemas.casework.affected_group import AffectedGroup
from schemas.casework.breach import Breach
from schemas.casework.case import Case, ContainmentScope, ContainmentStep
from schemas.casework.decision import Decision
from schemas.casework.report import (
    NumberPrecision,
    ReportedQuantity,
    ReportFacts,
    ReportQuestion,
    Submission,
)
from schemas.customer import DataCategory
from schemas.law import FormQuestion, LawForm
from schemas.settings import ProviderProfile
from schemas.times import convert_to_utc

UNKNOWN = "Not yet known"
HARM = {
    BreachEffect.SEEN: "confidentiality",
    BreachEffect.COPIED: "confidentiality",
    BreachEffect.ALTERED: "integrity",
    BreachEffect.LOST: "availability",
    BreachEffect.UNAVAILABLE: "availability",
}
"""What an effect on data takes away from it."""


@dataclass(frozen=True, slots=True)
class NotifiedCount:
    """How many of the people of this report were notified, each counted once."""

    people: int = 0
    by_letter: int = 0
    by_telephone: int = 0
    in_person: int = 0
    by_post: int = 0
    by_other_means: int = 0
    """People who are no customers: our own mail, a public notice, another way."""
    unknown: int = 0
    waiting: int = 0
    returned: int = 0
    not_reached: int = 0
    not_begun: int = 0
    decided_not: int = 0
    """People of a group that we decided not to tell, with reasons."""
    unnumbered: int = 0
    """Groups whose number nobody knows yet and of whom somebody is still to be told."""

    @property
    def everybody(self) -> bool:
        """Whether everybody was notified, as far as is known."""
        return bool(self.people) and self.notified == self.people and not self.unnumbered

    @property
    def notified(self) -> int:
        named = self.by_letter + self.by_telephone + self.in_person + self.by_post
        return named + self.by_other_means


@dataclass(frozen=True, slots=True)
class ReportFiling:
    """What is known of a breach when a report is made."""

    breach: Breach
    case: Case
    profile: ProviderProfile
    form: LawForm
    facts: ReportFacts | None
    """None: nobody has written them yet."""
    decision: Decision | None
    exposures: Sequence[Exposure]
    """Of those we report for on this form: reached ones only."""
    due: datetime
    now: datetime
    submissions: Sequence[Submission] = ()
    notified: NotifiedCount = NotifiedCount()
    notice_text: str = ""
    """What the letters say, without anybody's name."""
    limit: str = "the limit"
    """`72 hours`: how long the law gives, in words."""
    whole: bool = True
    """The incident's times are those of the report: it is about the whole incident, or nothing in
    the incident has times of its own."""
    groups: Sequence[AffectedGroup] = ()
    """People who are no customers, in a report under Art. 33: we are controller of their data."""
    delay_reasons: str = field(default="", repr=False)
    """Given when awareness was moved; the report's own come first."""

    @property
    def written(self) -> ReportFacts:
        """Answers of a person, or blank ones."""
        return self.facts or ReportFacts(
            breach_id=self.breach.id, version=0, written_by="", written_at=self.now
        )

    @property
    def first(self) -> Submission | None:
        """Earliest submission, if any."""
        return min(self.submissions, key=lambda s: s.submitted_at, default=None)

    @property
    def late(self) -> bool:
        """The first report is, or would now be, later than the limit."""
        at = self.first.submitted_at if self.first else self.now
        return convert_to_utc(at) > convert_to_utc(self.due)

    @property
    def detected_at(self) -> datetime | None:
        """The first alert that names what this report is about."""
        alerted = [e.alerted_at for e in self.exposures if e.alerted_at is not None]
        return min(alerted, default=self.breach.detected_at if self.whole else None)

    @property
    def occurred(self) -> tuple[datetime | None, datetime | None]:
        """By the evidence of what this report is about, else by the incident if that is the
        same."""
        began = [e.first for e in self.exposures if e.first is not None]
        ended = [e.last for e in self.exposures if e.last is not None]
        breach = self.breach
        return (
            min(began, default=breach.occurred_from if self.whole else None),
            max(ended, default=breach.occurred_to if self.whole else None),
        )

    @property
    def discovered_at(self) -> datetime | None:
        """When a person first looked, if the incident is what this report is about."""
        return self.breach.discovered_at if self.whole else None

    @property
    def categories(self) -> tuple[DataCategory, ...]:
        """Categories that we hold, of the exposures of this report."""
        categories = {c for e in self.exposures for c in e.categories}
        categories |= {c for group in self.groups for c in group.data_categories}
        return tuple(c for c in DataCategory if c in categories)

    @property
    def harmed(self) -> tuple[str, ...]:
        """Confidentiality, integrity, availability, by the effects on the frozen list."""
        effects = {HARM[x] for e in self.exposures for of in e.effects.values() for x in of}
        effects |= {HARM[x] for group in self.groups for x in group.effects}
        return tuple(k for k in ("confidentiality", "integrity", "availability") if k in effects)

    @property
    def steps(self) -> tuple[ContainmentStep, ...]:
        """Containment that is done and that this report may tell of."""
        return tuple(c for c in self.case.containment if c.done_at and self.is_about_step(c))

    @property
    def unasked_steps(self) -> int:
        """Number of done steps without a recorded concern."""
        return sum(bool(c.done_at) and c.concerns is None for c in self.case.containment)

    def is_about_step(self, step: ContainmentStep) -> bool:
        """Whether the step belongs to this report: a report of our own never includes a customer's
        incident."""
        return step.concerns in (ContainmentScope.EVERYTHING, ContainmentScope.OUR_DATA)

    def format_moment(self, moment: datetime | None) -> str:
        """Format like `22 November 2026 at 9:12am GMT`; empty for None."""
        if moment is None:
            return ""
        local = moment.astimezone(ZoneInfo(self.profile.zone))
        clock = f"{local:%I:%M}".lstrip("0") + f"{local:%p}".lower()
        return f"{local.day} {local:%B %Y} at {clock} {local:%Z}"


@dataclass(frozen=True, slots=True)
class FormAnswer:
    """An answer in words, and what the form cannot know of it."""

    text: str = field(default="", repr=False)
    unknown: bool = False
    must: bool | None = None
    """Whether it has to be answered here; None: as the form says."""


Answers = Mapping[str, FormAnswer | str]
"""What a regulator's form is answered with, by question."""


def answer_form(filing: ReportFiling, answers: Answers) -> tuple[ReportQuestion, ...]:
    """Answer the form's questions in its order; those without an entry are not asked of this
    breach. `{limit}` in a question becomes the period that the law gives."""
    return tuple(
        _build_question(question, answers[question.key], filing.limit)
        for question in filing.form.questions
        if question.key in answers
    )


def _build_question(
    question: FormQuestion, given_answer: FormAnswer | str, limit: str
) -> ReportQuestion:
    answer = FormAnswer(given_answer) if isinstance(given_answer, str) else given_answer
    return ReportQuestion(
        key=question.key,
        section=question.section,
        question=question.question.replace("{limit}", limit),
        answer=answer.text.strip(),
        mandatory=question.mandatory if answer.must is None else answer.must,
        article=question.article or "",
        unknown=answer.unknown,
    )


def answer_choice(form: LawForm, key: str, choice: str | None, *words: str) -> FormAnswer:
    """Answer with the form's text for the choice, followed by the person's own."""
    texts = [text.strip() for text in words if text.strip()]
    if choice is None:
        return FormAnswer("\n".join(texts)) if texts else FormAnswer()
    option = form.get_question(key).get_choice(choice)
    return FormAnswer("\n".join((option.words, *texts)), unknown=option.unknown)


def answer_choices(form: LawForm, key: str, choices: Iterable[str], other: str = "") -> FormAnswer:
    """Answer with the ticked choices of a list, one a line, in the form's order."""
    ticked_keys, question = set(choices), form.get_question(key)
    options = [c for c in question.choices if c.key in ticked_keys]
    lines = [c.words for c in options if not (c.key == "other" and other.strip())]
    if other.strip():
        lines.append(f"Other: {other.strip()}")
    unknown = any(c.unknown for c in options)
    return FormAnswer(format_list(lines) if len(lines) != 1 else lines[0], unknown=unknown)


def answer_quantity(number: ReportedQuantity) -> FormAnswer:
    """Answer like `about 64 (approximate)`, `64 (exact)`, `Not yet known`."""
    if number.value is None:
        return FormAnswer(UNKNOWN, unknown=True)
    if number.precision is NumberPrecision.UNKNOWN:
        return FormAnswer(f"up to {number.value:,} (uncertain)")
    if number.precision is NumberPrecision.APPROXIMATE:
        return FormAnswer(f"about {number.value:,} (approximate)")
    return FormAnswer(f"{number.value:,} (exact)")


def format_list(items: Iterable[str]) -> str:
    """Format one item a line."""
    return "\n".join(f"- {item}" for item in items if item)
