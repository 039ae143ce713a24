"""Regulator reports: one canonical set of facts, each regulator's order, immutable once sent."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from schemas.customer import Frozen


class Precision(StrEnum):
    """How a number is known."""

    EXACT = "exact"
    APPROXIMATE = "approximate"
    UNKNOWN = "unknown"


class Quantity(Frozen):
    """A number and how well it is known."""

    value: int | None = None
    precision: Precision = Precision.UNKNOWN


class NotYetKnown(Frozen):
    """Art. 33(4): what follows later, who owes it, by when."""

    what: str
    who: str
    by: datetime


class ReportStage(StrEnum):
    """Art. 33(4): in phases."""

    INITIAL = "initial"
    FOLLOW_UP = "follow_up"
    FINAL = "final"


class ReportFacts(Frozen):
    """What a person adds to what the breach already says."""

    breach_id: str
    version: int
    written_by: str
    written_at: datetime
    stage: ReportStage = ReportStage.INITIAL
    case_reference: str = ""
    what_happened: str = ""
    how_found: str = ""
    cyber: bool | None = None
    people: Quantity = Quantity()
    people_categories: tuple[str, ...] = ()
    records: Quantity = Quantity()
    record_categories: tuple[str, ...] = ()
    consequences: str = ""
    actual_harm: str = ""
    likelihood: str = "not yet known"
    high_risk: str = "not yet known"
    training: str = ""
    measures_before: str = ""
    measures_after: str = ""
    people_told: str = ""
    other_bodies: str = ""
    delay_reasons: str = ""
    """Art. 33(1): mandatory once 72 hours are over."""
    not_yet_known: tuple[NotYetKnown, ...] = ()


class Question(Frozen):
    """One question of a regulator's form and our answer, in the form's order."""

    key: str
    section: str
    question: str
    answer: str
    mandatory: bool = False
    article: str = ""


class RegulatorReport(Frozen):
    """A report as it would be filed: what could be found of people is replaced."""

    breach_id: str
    jurisdiction: str
    version: int
    stage: ReportStage
    authority: str
    prepared_at: datetime
    drill: bool
    questions: tuple[Question, ...]
    missing: dict[str, str] = {}
    hash: str = ""


class Submission(Frozen):
    """A recorded submission: the only thing that stops the regulator's clock."""

    breach_id: str
    jurisdiction: str
    number: int
    submitted_at: datetime
    submitted_by: str
    channel: str
    reference: str = ""
    report_hash: str
    report: RegulatorReport = Field(repr=False)
