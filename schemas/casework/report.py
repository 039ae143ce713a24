"""Model regulator reports: one set of facts, each regulator's order, immutable once sent."""

from __future__ import annotations

import re
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from pydantic import Field, model_validator

from schemas.customer import FrozenModel

CHOICE = re.compile(r"[a-z_]+")
"""The key of an answer; an earlier release kept sentences."""


class NumberPrecision(StrEnum):
    """How a number is known."""

    EXACT = "exact"
    APPROXIMATE = "approximate"
    UNKNOWN = "unknown"


class ReportedQuantity(FrozenModel):
    """A number and how well it is known."""

    value: int | None = None
    precision: NumberPrecision = NumberPrecision.UNKNOWN


class NotYetKnown(FrozenModel):
    """Art. 33(4): what follows later, who owes it, by when."""

    what: str
    who: str
    by: datetime
    questions: tuple[str, ...] = ()
    """Keys of the form's questions that it will answer; empty: it answers none of them."""


class PreventionStep(FrozenModel):
    """One step so that the breach does not happen again, and when it is complete."""

    what: str
    on: date
    done: bool = False
    """Complete on that day; else that day is expected."""


class ReportPhase(StrEnum):
    """Art. 33(4): in phases."""

    INITIAL = "initial"
    FOLLOW_UP = "follow_up"
    FINAL = "final"
    """Only in reports that an earlier release kept: no regulator has this category."""


class ReportFacts(FrozenModel):
    """What a person adds to what the breach already says, for one regulator's form.

    A choice holds the key of one answer that the form offers (`schemas.law.FormChoice`); None: not
    answered.
    """

    breach_id: str
    version: int
    written_by: str
    written_at: datetime
    jurisdiction: str | None = None
    """The form they answer; None: of an earlier release, which had one form a breach."""
    stage: ReportPhase = ReportPhase.INITIAL
    last: bool = False
    """A follow-up that we mark as our last."""
    case_reference: str = ""
    spoken: bool | None = None
    """Did we speak to the authority's staff already?"""
    spoken_to: str = Field(default="", repr=False)
    reason: str | None = None
    what_happened: str = Field(default="", repr=False)
    how_found: str = Field(default="", repr=False)
    cyber: str | None = None
    occurred_from: datetime | None = None
    """Of what this form reports, not of the whole incident."""
    occurred_to: datetime | None = None
    discovered_at: datetime | None = None
    people: ReportedQuantity = ReportedQuantity()
    people_kinds: tuple[str, ...] = ()
    people_other: str = Field(default="", repr=False)
    records: ReportedQuantity = ReportedQuantity()
    data_kinds: tuple[str, ...] = ()
    data_other: str = Field(default="", repr=False)
    consequences: str = Field(default="", repr=False)
    actual_harm: str = Field(default="", repr=False)
    likelihood: str | None = None
    high_risk: str | None = None
    harmed: tuple[str, ...] = ()
    """confidentiality, integrity, availability"""
    affected_how: str = Field(default="", repr=False)
    """What was affected, and how."""
    impact: str | None = None
    recovery: str | None = None
    trained: str | None = None
    training: str = Field(default="", repr=False)
    measures_before: str = Field(default="", repr=False)
    measures_after: str = Field(default="", repr=False)
    """Taken or proposed, to address the breach and to mitigate its effects."""
    prevention: tuple[PreventionStep, ...] = Field(default=(), repr=False)
    people_told: str | None = None
    people_told_words: str = Field(default="", repr=False)
    other_bodies: tuple[str, ...] = Field(default=(), repr=False)
    told_bodies: str | None = None
    abroad: str | None = None
    """Are people in other states affected?"""
    abroad_states: tuple[str, ...] = ()
    abroad_authorities: tuple[str, ...] = ()
    """Authorities of other states that were told or will be."""
    code_of_conduct: str | None = None
    code_of_conduct_words: str = ""
    reporter_name: str = Field(default="", repr=False)
    reporter_email: str = Field(default="", repr=False)
    reporter_phone: str = Field(default="", repr=False)
    other_providers: str | None = None
    other_providers_words: str = Field(default="", repr=False)
    means: tuple[str, ...] = ()
    means_other: str = Field(default="", repr=False)
    delay_reasons: str = Field(default="", repr=False)
    """Art. 33(1): mandatory once the limit is over."""
    departures: dict[str, str] = Field(default={}, repr=False)
    """Why an answer departs from the decision, the list or the evidence, by contradiction."""
    not_yet_known: tuple[NotYetKnown, ...] = ()
    rest_who: str = ""
    """Who owes every other question that is not answered."""
    rest_by: datetime | None = None

    @model_validator(mode="before")
    @classmethod
    def _open_earlier_shape(cls, data: Any) -> Any:
        """Convert earlier forms: free text where a choice or a list is now; `final` where there are
        two stages."""
        return _migrate_facts(dict(data)) if isinstance(data, dict) else data


def _migrate_facts(data: dict[str, Any]) -> dict[str, Any]:
    for old, new in (("people_categories", "people_other"), ("record_categories", "data_other")):
        if old in data:
            data[new] = "; ".join(data.pop(old))
    for name in ("likelihood", "high_risk"):
        if isinstance(data.get(name), str):
            data[name] = data[name].replace(" ", "_") or None
    if data.get("stage") == ReportPhase.FINAL:
        data |= {"stage": ReportPhase.FOLLOW_UP, "last": True}
    return data | _migrate_sentences(data)


def _migrate_sentences(data: dict[str, Any]) -> dict[str, Any]:
    """Convert what was text or yes and no, and is a choice or a list now."""
    cyber, people, bodies = (data.get(name) for name in ("cyber", "people_told", "other_bodies"))
    changed: dict[str, Any] = {}
    if isinstance(cyber, bool):
        changed["cyber"] = "yes" if cyber else "no"
    if isinstance(people, str) and not CHOICE.fullmatch(people):
        changed |= {"people_told": None, "people_told_words": people}
    if isinstance(bodies, str):
        changed["other_bodies"] = tuple(filter(None, bodies.splitlines()))
    return changed


class ReportQuestion(FrozenModel):
    """One question of a regulator's form and our answer, in the form's order."""

    key: str
    section: str
    question: str
    answer: str
    mandatory: bool = False
    article: str = ""
    unknown: bool = False
    """The answer is that it is not yet known."""


class ReportContradiction(FrozenModel):
    """An answer against the sealed decision, the frozen list or the evidence."""

    key: str
    question: str
    """The key of the question that it is about."""
    words: str
    reason: str = Field(default="", repr=False)
    """The reason for the answer; empty: none was given."""


class RegulatorReport(FrozenModel):
    """A report as it would be filed: what could be found of people is replaced."""

    breach_id: str
    jurisdiction: str
    version: int
    stage: ReportPhase
    authority: str
    prepared_at: datetime
    drill: bool
    questions: tuple[ReportQuestion, ...]
    last: bool = False
    """We mark it as our last."""
    missing: dict[str, str] = {}
    owed: tuple[NotYetKnown, ...] = ()
    """What is not yet known, named with who owes it by when."""
    contradictions: tuple[ReportContradiction, ...] = ()
    """Stored with the report, never sent with it."""
    hash: str = ""

    @property
    def complete(self) -> bool:
        """Every question that must be answered is, and nothing is owed."""
        return not self.missing and not self.owed


class Submission(FrozenModel):
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
