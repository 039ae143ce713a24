"""Describe a jurisdiction: whose breaches its regulator is told of, within which limit, and how.

A jurisdiction is one file in `breachdesk/jurisdictions`; the file name is its id and it exports
JURISDICTION. It names entries of the law (`breachdesk/law/*.toml`) by their ids: those hold the
hours, the authority and the form, each with its days, its source and its review date. Everything
else that the program says of the regulator or asks because of it is in the file. No other module
names a jurisdiction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from breachdesk.gdpr.deadlines import LegalDeadline, compute_deadline
from breachdesk.gdpr.filing import ReportFiling
from schemas.casework.affected import Exposure
from schemas.casework.decision import NotificationBasis
from schemas.casework.report import ReportQuestion
from schemas.errors import ConfigurationError
from schemas.law import LawAuthority, LawBook, LawForm, Provision
from schemas.pipeline.plugin import load_plugins

QUESTION_PREFIX = "report_"


@dataclass(frozen=True, slots=True)
class DeadlineExample:
    """Awareness and the deadline that must come of it (ISO, with zone)."""

    title: str
    aware_at: str
    due: str


@dataclass(frozen=True, slots=True)
class ReportExample:
    """Show what a whole report of this form needs, and what an unwritten one lacks."""

    answers: Mapping[str, Any] = field(default_factory=dict)
    """Fields of ReportFacts and their values: every choice of the form that a whole report makes.
    Answers in words are the same for every form."""
    lacking: frozenset[str] = frozenset()
    """Keys of the mandatory questions without an answer while nobody has written anything."""


@dataclass(frozen=True, slots=True)
class RegulatorWords:
    """What screens, letters and documents call a regulator and its report."""

    regulator: str
    """As a sentence names the authority: `the Commission`."""
    rule: str
    """As a sentence names the rule: `Art. 33`, `PECR`."""
    report: str
    """The report in a few words: `the Commission’s report`."""
    step: str
    """The report as a step of the case: `Commission, initial`."""
    decided: str
    """The regulator in a list of those who are told: `Commission`."""
    body: str
    """The regulator and the rule as a heading: `The Commission, under Art. 33`."""
    title: str
    """The decision's question as a heading: `Report to the Commission`."""
    question: str
    """The decision's question in full: `Report to the Commission under Art. 33?`."""
    hint: str
    """What helps to answer it. `{period}` is the time limit, `{except_for}` names the rules that
    replace this one for a part of the breach."""
    record: str
    """The question as a line of the case file."""
    scope: str
    """The end of `The register does not say yet whether 3 customers …`; used where `covers` may
    return None."""
    duty: str = ""
    """What the authority watches over, in a letter: `which watches over data protection in the
    UK`."""
    form: str = ""
    """What a person must know before copying answers into the authority's form."""
    public_names: tuple[str, ...] = ()
    """What letters call the authority and its law. A text that holds one of these names no
    customer and no member of staff, whatever they are called."""


@dataclass(frozen=True, slots=True)
class Jurisdiction:
    """One regulator's rules, words and form."""

    id: str
    title: str
    clock: str
    """Id of the obligation to report, and its kind. A submission here ends it."""
    covers: Callable[[Exposure], bool | None]
    """Whether a reached exposure falls under this rule. None: the register does not say, and the
    decision's answer decides."""
    provision: str
    """Id of the provision that sets the limit."""
    phases: str
    """Id of the provision under which what is not yet known may follow."""
    authority: str
    """Id of the authority that receives the report."""
    form: str
    """Id of the form."""
    questions: Callable[[ReportFiling], tuple[ReportQuestion, ...]]
    """The form's questions in its order, answered from what is known."""
    words: RegulatorWords
    replaces: frozenset[str] = frozenset()
    """Ids of the jurisdictions whose report does not count what this one covers. A report that
    replaces no other is made in addition to it and counts the same people."""
    applies_always: bool = False
    """Whether every installation reports here, named in the settings or not."""
    covers_groups: bool = False
    """Whether people who are no customers count in this report."""
    presumed: bool = False
    """Whether the report is owed until a frozen list shows that nothing falls under it."""
    whatever_the_risk: bool = False
    """Whether all that falls under it is reported. The decision's question is then whether
    anything does; else it is whether a risk is likely enough."""
    communication: NotificationBasis | None = None
    """The rule on telling people that takes the place of Art. 34 for what this one covers."""
    related: tuple[str, ...] = ()
    """Ids of other provisions to read before the decision."""
    checks: Mapping[str, Callable[[ReportFiling], Iterator[tuple[str, str]]]] = field(
        default_factory=dict
    )
    """Contradictions that only this form knows: name, and a function that yields the question's
    key and what speaks against its answer."""
    proposals: Callable[[ReportFiling], Iterable[tuple[str, Any, str]]] = lambda _filing: ()
    """Answers that only this form can take from the documents: field, value and origin."""
    section_hints: Mapping[str, str] = field(default_factory=dict)
    """Hints above a section of the form, by the key of the section's first question."""
    profile_fields: Mapping[str, str] = field(default_factory=dict)
    """Fields of the provider's profile that only this form needs, and what set-up calls them."""
    examples: Sequence[DeadlineExample] = ()
    report_example: ReportExample = ReportExample()

    @property
    def question_key(self) -> str:
        """Key of the decision's question, and name of its field in a form."""
        return f"{QUESTION_PREFIX}{self.id}"

    def get_law(self, law: LawBook, moment: datetime) -> Provision:
        """Return the version in force on the day of awareness. Raises NotFound."""
        return law.get_provision(self.provision, moment)

    def get_authority(self, law: LawBook, moment: datetime) -> LawAuthority:
        """Return the authority. Raises NotFound."""
        return law.get_authority(self.authority, moment)

    def get_form(self, law: LawBook, moment: datetime) -> LawForm:
        """Return the form. Raises NotFound."""
        return law.get_form(self.form, moment)

    def compute_deadline(self, law: LawBook, aware_at: datetime) -> LegalDeadline:
        """Compute the deadline by the law in force at awareness. Raises NotFound, and
        ConfigurationError for a provision that gives no figure."""
        provision = self.get_law(law, aware_at)
        deadline = compute_deadline(provision, aware_at)
        if deadline is None:
            raise ConfigurationError(
                "it gives no hours, days or months",
                place=f"law, {provision.id}",
                remedy="Add the period with its source; see docs/reference/law.md.",
            )
        return deadline


def load_jurisdictions() -> Mapping[str, Jurisdiction]:
    """Load all of them by id. They are found by name, since this package does not import the
    plug-ins."""
    return load_plugins("breachdesk.jurisdictions", "JURISDICTION")


def find_missing(questions: Sequence[ReportQuestion]) -> dict[str, str]:
    """Find mandatory questions that have no answer, or one that is not yet known: {key: which of
    the two}."""
    return {
        q.key: f"{q.question.rstrip('?')}: {'not yet known' if q.unknown else 'not answered'}"
        for q in questions
        if q.mandatory and (q.unknown or not q.answer)
    }
