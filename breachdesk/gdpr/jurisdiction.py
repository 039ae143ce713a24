"""What a jurisdiction is: dated law, a dated authority, and its form's questions in order.

A jurisdiction is one file in `breachdesk/jurisdictions`; the file name is its id and it exports
JURISDICTION. Nothing in it is a constant of the code: each number stands in a row with the days on
which it holds, where it was read and when it was last looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from breachdesk.gdpr.deadlines import Deadline, in_hours
from breachdesk.gdpr.filing import Filing
from schemas.errors import NotFound
from schemas.obligation import Duty
from schemas.report import Question
from schemas.times import in_utc


@dataclass(frozen=True, slots=True)
class Law:
    """One version of a duty. In force from `valid_from` to the day before `valid_to`."""

    valid_from: date
    hours: int
    article: str
    source: str
    reviewed_on: date
    valid_to: date | None = None
    verified: bool = True
    """Read on a public page of the authority or the legislator; else from memory."""

    @property
    def citation(self) -> str:
        """`UK GDPR Art. 33(1), reviewed 2026-11-22`."""
        known = "" if self.verified else ", not verified against the text"
        return f"{self.article}, reviewed {self.reviewed_on:%Y-%m-%d}{known}"


@dataclass(frozen=True, slots=True)
class Authority:
    """Who receives the report, as known at a time."""

    valid_from: date
    name: str
    address: str
    telephone: str
    source: str
    reviewed_on: date
    valid_to: date | None = None
    note: str = ""


Dated = TypeVar("Dated", Law, Authority)


@dataclass(frozen=True, slots=True)
class Example:
    """Awareness and the deadline that must come of it (ISO, with zone)."""

    title: str
    aware_at: str
    due: str


@dataclass(frozen=True, slots=True)
class Jurisdiction:
    """One regulator's rules and form."""

    id: str
    title: str
    duty: Duty
    """The clock that a submission here stops."""
    law: Sequence[Law]
    authority: Sequence[Authority]
    questions: Callable[[Filing], tuple[Question, ...]]
    """The form's questions in its order, answered from what is known."""
    examples: Sequence[Example] = ()

    def law_at(self, moment: datetime) -> Law:
        """The version in force on the day of awareness. Raises NotFound."""
        return _in_force(self.law, moment, self.id)

    def authority_at(self, moment: datetime) -> Authority:
        """Raises NotFound."""
        return _in_force(self.authority, moment, self.id)

    def deadline(self, aware_at: datetime) -> Deadline:
        """By the law in force at awareness."""
        return in_hours(aware_at, self.law_at(aware_at).hours)


def _in_force(versions: Sequence[Dated], moment: datetime, place: str) -> Dated:
    day = in_utc(moment).date()
    for version in versions:
        if version.valid_from <= day and (version.valid_to is None or day < version.valid_to):
            return version
    raise NotFound(
        f"no version is in force on {day:%Y-%m-%d}",
        place=f"breachdesk/jurisdictions/{place}.py",
        remedy="Add the version with its source and review date.",
    )


def missing(questions: Sequence[Question]) -> dict[str, str]:
    """Mandatory questions without an answer: {key: what to fill in}."""
    return {
        q.key: f"{q.question} is not answered" for q in questions if q.mandatory and not q.answer
    }
