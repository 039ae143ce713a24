"""ENISA 2013 severity: SE = DPC × EI + CB, in integer quarters. It advises; people decide.

Source: ENISA, Recommendations for a methodology of the assessment of severity of personal data
breaches, v1.0, December 2013.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from schemas.customer import DataCategory
from schemas.errors import BadInput

QUARTERS_EI = (1, 2, 3, 4)
MAX_CB = 8
"""Quarters: 0 … 2."""


class Level(StrEnum):
    """Bands of SE: below 2, 3, 4, and from 4 on."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    VERY_HIGH = "very_high"


class Base(StrEnum):
    """The four kinds of data of Assessment Table 1."""

    SIMPLE = "simple"
    BEHAVIOURAL = "behavioural"
    FINANCIAL = "financial"
    SENSITIVE = "sensitive"


BASE_SCORE = {Base.SIMPLE: 1, Base.BEHAVIOURAL: 2, Base.FINANCIAL: 3, Base.SENSITIVE: 4}
ADJUSTMENTS = {
    Base.SIMPLE: range(4),
    Base.BEHAVIOURAL: range(-1, 3),
    Base.FINANCIAL: range(-2, 2),
    Base.SENSITIVE: range(-3, 1),
}
DEFAULT_DPC: Mapping[DataCategory, int] = {
    DataCategory.IDENTITY: 1,
    DataCategory.CONTACT: 1,
    DataCategory.MARKETING: 1,
    DataCategory.PROFILE: 2,
    DataCategory.TECHNICAL: 2,
    DataCategory.USAGE: 2,
    DataCategory.TRAFFIC: 2,
    DataCategory.TRANSACTION: 2,
    DataCategory.FINANCIAL: 3,
    DataCategory.CREDENTIALS: 4,
    DataCategory.MAIL: 4,
    DataCategory.FILES: 4,
    DataCategory.WEBSITE: 4,
    DataCategory.BACKUP: 4,
    DataCategory.HEALTH: 4,
}
"""Where a person starts from: what customers store is the worst until they narrow it, and
credentials count as what they open."""


class Extent(StrEnum):
    """How far confidentiality, integrity or availability was lost."""

    NONE = "none"
    SOME = "some"
    """Known recipients; altered but recoverable; temporarily gone."""
    FULL = "full"
    """Unknown recipients; not recoverable; gone for good."""


CB_QUARTERS = {Extent.NONE: 0, Extent.SOME: 1, Extent.FULL: 2}


@dataclass(frozen=True, slots=True)
class Circumstances:
    """CB: additive, 0 … 2."""

    confidentiality: Extent = Extent.NONE
    integrity: Extent = Extent.NONE
    availability: Extent = Extent.NONE
    malicious: bool = False

    @property
    def quarters(self) -> int:
        lost = (self.confidentiality, self.integrity, self.availability)
        return sum(CB_QUARTERS[extent] for extent in lost) + (2 if self.malicious else 0)


@dataclass(frozen=True, slots=True)
class Severity:
    """A score in quarters and what it means. Flags stand beside the number, never in it."""

    quarters: int
    many_people: bool = False
    """More than 100 individuals."""
    unintelligible: bool = False
    """Encrypted and the key is safe: a candidate for Art. 34(3)(a)."""

    @property
    def score(self) -> float:
        """0.25 … 6.00."""
        return self.quarters / 4

    @property
    def level(self) -> Level:
        return level(self.quarters)

    @property
    def near_boundary(self) -> bool:
        """Within 0.25 of a band's boundary: look twice."""
        return any(abs(self.quarters - boundary) <= 1 for boundary in (8, 12, 16))


def data_score(base: Base, adjustment: int = 0) -> int:
    """DPC of one kind of data, 1 … 4. Raises BadInput for a step the table does not know."""
    if adjustment not in ADJUSTMENTS[base]:
        steps = ADJUSTMENTS[base]
        raise BadInput(
            f"{base} data is adjusted by whole steps from {steps[0]} to {steps[-1]}",
            place="severity, data processing context",
            remedy="Take a step of ENISA's table.",
        )
    return min(4, max(1, BASE_SCORE[base] + adjustment))


def severity(
    dpc: tuple[int, ...],
    ei_quarters: int,
    circumstances: Circumstances,
    *,
    many_people: bool = False,
    unintelligible: bool = False,
) -> Severity:
    """Of several categories the highest DPC counts. Raises BadInput for a value out of range."""
    _check(dpc, ei_quarters)
    quarters = max(dpc) * ei_quarters + circumstances.quarters
    return Severity(quarters, many_people, unintelligible)


def level(quarters: int) -> Level:
    """< 2 low, < 3 medium, < 4 high, else very high."""
    bands = ((8, Level.LOW), (12, Level.MEDIUM), (16, Level.HIGH))
    return next((name for below, name in bands if quarters < below), Level.VERY_HIGH)


def from_factors(dpc: float, ei: float, cb: float) -> Severity:
    """The three factors as a person types them. Raises BadInput when one is no step of ENISA's."""
    ei_quarters, cb_quarters = _quarters(ei, "ease of identification"), _quarters(cb, "CB")
    if not 0 <= cb_quarters <= MAX_CB:
        raise BadInput("circumstances lie between 0 and 2", place="severity, CB")
    if dpc != int(dpc):
        raise BadInput("a data score is a whole number from 1 to 4", place="severity, DPC")
    _check((int(dpc),), ei_quarters)
    return Severity(int(dpc) * ei_quarters + cb_quarters)


def _quarters(value: float, name: str) -> int:
    if value * 4 != int(value * 4):
        raise BadInput("it is no multiple of 0.25", place=f"severity, {name}")
    return int(value * 4)


def _check(dpc: tuple[int, ...], ei_quarters: int) -> None:
    if not dpc or any(score not in (1, 2, 3, 4) for score in dpc):
        raise BadInput("a data score is a whole number from 1 to 4", place="severity, DPC")
    if ei_quarters not in QUARTERS_EI:
        raise BadInput("it is one of 0.25, 0.5, 0.75, 1", place="severity, ease of identification")
