"""Model law as dated data: what applies on a day, where a person read it, and when it was last
reviewed.

The entries are in `breachdesk/law/*.toml`; `breachdesk.gdpr.law` reads them. A version is chosen by
the calendar day of the place where the law applies, not by the day in UTC."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Self, TypeVar
from zoneinfo import ZoneInfo

from pydantic import Field, StringConstraints, field_validator, model_validator

from schemas.customer import DataCategory, FrozenModel
from schemas.errors import BadInput, NotFound
from schemas.times import convert_to_utc

Id = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Hours = Annotated[int, Field(gt=0, le=8784, strict=True)]
Days = Annotated[int, Field(gt=0, le=3660, strict=True)]
Months = Annotated[int, Field(gt=0, le=120, strict=True)]
"""A longer period is a slip of the pen; it would run out of the calendar."""


class PeriodStart(StrEnum):
    """From when a period of a provision counts."""

    AWARENESS = "awareness"
    DETECTION = "detection"
    RECEIPT = "receipt"
    """Of a complaint or of another message."""


class ReviewedEntry(FrozenModel):
    """Something a person read somewhere on a day."""

    id: Id
    title: Text
    source: Text
    reviewed_on: date
    verified: bool = False
    """Read on a page of the legislator or the authority; else from memory or from others."""
    note: Text | None = None
    """What the reader should know: doubts, practice, what is about to change."""
    zone: str = "Europe/London"
    """Whose calendar day counts; a file says it once for all its entries."""
    file: str | None = None
    """The operator's own file that corrects the shipped entry; None: it is the shipped one."""

    @field_validator("zone")
    @classmethod
    def _check_zone(cls, zone: str) -> str:
        if not is_zone(zone):
            raise ValueError(f"there is no time zone {zone!r}")
        return zone

    @property
    def name(self) -> str:
        """What a citation begins with."""
        return self.title

    @property
    def review(self) -> str:
        """`reviewed 22 November 2026; not verified against the text`."""
        day = f"reviewed {self.reviewed_on.day} {self.reviewed_on:%B %Y}"
        doubt = None if self.verified else "not verified against the text"
        origin = None if self.file is None else f"as corrected in {self.file}"
        return "; ".join(part for part in (day, doubt, origin) if part)

    @property
    def citation(self) -> str:
        """`UK GDPR Art. 33(1), reviewed 22 November 2026`."""
        return f"{self.name}, {self.review}"


class DatedEntry(ReviewedEntry):
    """One version of something that changes. It holds from `valid_from` to the day before
    `valid_to`."""

    valid_from: date
    valid_to: date | None = None

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.valid_to is not None and self.valid_to <= self.valid_from:
            raise ValueError("valid_to is not later than valid_from")
        return self

    def is_in_force(self, moment: datetime | date) -> bool:
        """Whether this version is in force at the moment, by the place's calendar day."""
        day = _compute_day(moment, self.zone)
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


class Provision(DatedEntry):
    """One version of one rule. It gives hours, days, months, or no period at all."""

    article: Text
    """Citation of the rule, such as `UK GDPR Art. 33(1)`."""
    hours: Hours | None = None
    days: Days | None = None
    months: Months | None = None
    counted_from: PeriodStart = PeriodStart.AWARENESS
    part_of: Id | None = None
    """The provision of which this is a limb."""
    limb: Text | None = None
    """`a`, `b`, …: how people name it."""
    needs: tuple[Id, ...] = ()
    """What else a person must give to rely on it, such as `public_communication`."""

    @model_validator(mode="after")
    def _check_period(self) -> Self:
        if sum(value is not None for value in (self.hours, self.days, self.months)) > 1:
            raise ValueError("it has more than one period: give hours, days or months")
        return self

    @property
    def name(self) -> str:
        return self.article

    @property
    def period(self) -> str | None:
        """`72 hours`, `30 days`, `1 month`; None: no figure is given."""
        for value, unit in ((self.hours, "hour"), (self.days, "day"), (self.months, "month")):
            if value is not None:
                return f"{value} {unit}{'' if value == 1 else 's'}"
        return None


class LawAuthority(DatedEntry):
    """A body that people report to or ring. `title` is its name."""

    short: Text | None = None
    telephone: Text | None = None
    address: Text | None = None
    """None: no person has checked it. Letters leave it out."""
    area: Text | None = None


class FormChoice(FrozenModel):
    """One answer that a form offers."""

    key: Id
    words: Text
    unknown: bool = False
    """It says that the answer is not yet known."""
    categories: tuple[DataCategory, ...] = ()
    """Our own categories of data that fall under it."""


class FormQuestion(FrozenModel):
    """One question of a form, in the form's order."""

    key: Id
    section: Text
    question: Text
    article: Text | None = None
    hint: Text | None = None
    mandatory: bool = False
    choices: tuple[FormChoice, ...] = ()
    """The answers that the form offers; none: the answer is text."""

    def get_choice(self, key: str) -> FormChoice:
        """Raises BadInput naming what the form offers."""
        for choice in self.choices:
            if choice.key == key:
                return choice
        known = ", ".join(choice.key for choice in self.choices)
        raise BadInput(
            f"{key} is no answer of this form",
            place=self.question,
            remedy=f"Use one of: {known}." if known else "It is answered in words.",
        )


class LawForm(DatedEntry):
    """One version of an authority's form."""

    authority: Id
    questions: tuple[FormQuestion, ...] = ()

    @model_validator(mode="after")
    def _check_keys(self) -> Self:
        keys = [question.key for question in self.questions]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise ValueError(f"questions with the same key: {', '.join(twice)}")
        return self

    def list_choices(self, key: str) -> tuple[FormChoice, ...]:
        """List the answers that the form offers to a question; none if it does not ask it."""
        return next((q.choices for q in self.questions if q.key == key), ())

    def get_question(self, key: str) -> FormQuestion:
        """Return the question. Raises NotFound."""
        for question in self.questions:
            if question.key == key:
                return question
        raise NotFound(f"the form {self.id} has no question {key}", remedy="Add it to the form.")


class LawReference(ReviewedEntry):
    """A method or a table that is no law: ENISA's score, the roles of services."""


class LawProblem(FrozenModel):
    """What is wrong with an operator's file; the shipped entry holds meanwhile."""

    place: str
    problem: str


V = TypeVar("V", bound=DatedEntry)


class LawBook(FrozenModel):
    """All entries. Several versions of one id never overlap."""

    provisions: tuple[Provision, ...] = ()
    authorities: tuple[LawAuthority, ...] = ()
    forms: tuple[LawForm, ...] = ()
    references: tuple[LawReference, ...] = ()
    problems: tuple[LawProblem, ...] = ()
    reported_to: tuple[str, ...] = ()
    """Ids of the jurisdictions that this installation reports to, besides the United Kingdom's."""

    def get_provision(self, provision_id: str, moment: datetime | date) -> Provision:
        """Return the version in force at the moment. Raises NotFound."""
        return _get_version(self.provisions, provision_id, moment)

    def get_authority(self, authority_id: str, moment: datetime | date) -> LawAuthority:
        """Return the authority as known at the moment. Raises NotFound."""
        return _get_version(self.authorities, authority_id, moment)

    def get_form(self, form_id: str, moment: datetime | date) -> LawForm:
        """Return the form in use at the moment. Raises NotFound."""
        return _get_version(self.forms, form_id, moment)

    def get_reference(self, reference_id: str) -> LawReference:
        """Return the reference. Raises NotFound."""
        for reference in self.references:
            if reference.id == reference_id:
                return reference
        raise _build_not_found(reference_id, self.references)

    def list_limbs(self, provision_id: str, moment: datetime | date) -> tuple[Provision, ...]:
        """List the limbs of a provision in force at the moment, in the order of the file."""
        return tuple(
            p for p in self.provisions if p.part_of == provision_id and p.is_in_force(moment)
        )

    def get_provisions_at(self, moment: datetime | date) -> Mapping[str, Provision]:
        """Return those in force at the moment, by id, as a template sees them in `law`."""
        return {p.id: p for p in self.provisions if p.is_in_force(moment)}

    def get_authorities_at(self, moment: datetime | date) -> Mapping[str, LawAuthority]:
        """Return those known at the moment, by id."""
        return {a.id: a for a in self.authorities if a.is_in_force(moment)}

    @cached_property
    def entries(self) -> tuple[ReviewedEntry, ...]:
        """Everything that carries a review date."""
        return (*self.provisions, *self.authorities, *self.forms, *self.references)

    def list_in_force(self, day: date) -> tuple[ReviewedEntry, ...]:
        """List the entries in force on the day, and those of the future."""
        return tuple(
            e
            for e in self.entries
            if not (isinstance(e, DatedEntry) and e.valid_to and e.valid_to <= day)
        )


def is_zone(name: object) -> bool:
    """Whether it is the name of a time zone."""
    try:
        return isinstance(name, str) and bool(ZoneInfo(name))
    except (OSError, ValueError, KeyError):
        return False


def _compute_day(moment: datetime | date, zone: str) -> date:
    if isinstance(moment, datetime):
        return convert_to_utc(moment).astimezone(ZoneInfo(zone)).date()
    return moment


def _get_version(versions: Sequence[V], version_id: str, moment: datetime | date) -> V:
    known = [version for version in versions if version.id == version_id]
    if not known:
        raise _build_not_found(version_id, versions)
    for version in known:
        if version.is_in_force(moment):
            return version
    raise NotFound(
        f"no version of {version_id} is in force on {_compute_day(moment, known[0].zone):%Y-%m-%d}",
        place="law",
        remedy="Add the version with its source and review date; see docs/reference/law.md.",
    )


def _build_not_found(missing_id: str, entries: Iterable[ReviewedEntry]) -> NotFound:
    known = ", ".join(sorted({entry.id for entry in entries}))
    return NotFound(f"there is no {missing_id}", place="law", remedy=f"There are: {known}.")
