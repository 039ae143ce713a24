"""Compute ENISA 2013 severity: SE = DPC × EI + CB, in integer quarters. It advises; people decide.

Source: ENISA, Recommendations for a methodology of the assessment of severity of personal data
breaches, v1.0, December 2013."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite

from schemas.casework.decision import EffectExtent, SeverityFactors
from schemas.customer import DataCategory
from schemas.errors import BadInput

QUARTERS_EI = (1, 2, 3, 4)
BOUNDARIES = (2, 3, 4)
MAX_CB = 8
"""Quarters: 0 … 2."""


class SeverityLevel(StrEnum):
    """Bands of SE: below 2, 3, 4, and from 4 on."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    VERY_HIGH = "very_high"


class DataKindScore(StrEnum):
    """The four kinds of data of Assessment Table 1."""

    SIMPLE = "simple"
    BEHAVIOURAL = "behavioural"
    FINANCIAL = "financial"
    SENSITIVE = "sensitive"


BASE_SCORE = {
    DataKindScore.SIMPLE: 1,
    DataKindScore.BEHAVIOURAL: 2,
    DataKindScore.FINANCIAL: 3,
    DataKindScore.SENSITIVE: 4,
}
ADJUSTMENTS = {
    DataKindScore.SIMPLE: range(4),
    DataKindScore.BEHAVIOURAL: range(-1, 3),
    DataKindScore.FINANCIAL: range(-2, 2),
    DataKindScore.SENSITIVE: range(-3, 1),
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


CB_QUARTERS = {
    EffectExtent.NOTHING: 0,
    EffectExtent.NONE: 0,
    EffectExtent.SOME: 1,
    EffectExtent.FULL: 2,
}
MANY_PEOPLE = 100
"""More than these raise ENISA's flag."""


@dataclass(frozen=True, slots=True)
class BreachCircumstances:
    """CB: additive, 0 … 2."""

    confidentiality: EffectExtent = EffectExtent.NONE
    integrity: EffectExtent = EffectExtent.NONE
    availability: EffectExtent = EffectExtent.NONE
    malicious: bool = False

    @property
    def quarters(self) -> int:
        lost = (self.confidentiality, self.integrity, self.availability)
        return sum(CB_QUARTERS[extent] for extent in lost) + (2 if self.malicious else 0)


@dataclass(frozen=True, slots=True)
class EnisaSeverity:
    """A score in quarters and its level. Flags are separate from the number."""

    quarters: int
    many_people: bool = False
    """More than 100 individuals."""
    unintelligible: bool = False
    """Encrypted and the key is safe: a candidate for Art. 34(3)(a)."""

    @property
    def score(self) -> float:
        """Score from 0.25 to 6.00."""
        return self.quarters / 4

    @property
    def level(self) -> SeverityLevel:
        return compute_level(self.quarters)

    @property
    def near_boundary(self) -> bool:
        """Within 0.25 of a band's boundary: look twice."""
        return self.boundary is not None

    @property
    def boundary(self) -> int | None:
        """Nearby boundary: 2, 3 or 4."""
        return next((b for b in BOUNDARIES if abs(self.quarters - 4 * b) <= 1), None)


def compute_data_score(base: DataKindScore, adjustment: int = 0) -> int:
    """Compute DPC of one kind of data, 1 … 4. Raises BadInput for a step the table does not
    know."""
    if adjustment not in ADJUSTMENTS[base]:
        steps = ADJUSTMENTS[base]
        raise BadInput(
            f"{base} data is adjusted by whole steps from {steps[0]} to {steps[-1]}",
            place="severity, data processing context",
            remedy="Take a step of ENISA's table.",
        )
    return min(4, max(1, BASE_SCORE[base] + adjustment))


def compute_severity(
    dpc: tuple[int, ...],
    ei_quarters: int,
    circumstances: BreachCircumstances,
    *,
    many_people: bool = False,
    unintelligible: bool = False,
) -> EnisaSeverity:
    """Compute the severity; of several categories the highest DPC counts. Raises BadInput for a
    value out of range."""
    _check_ranges(dpc, ei_quarters)
    quarters = max(dpc) * ei_quarters + circumstances.quarters
    return EnisaSeverity(quarters, many_people, unintelligible)


def compute_level(quarters: int) -> SeverityLevel:
    """Compute the level: < 2 low, < 3 medium, < 4 high, else very high."""
    bands = ((8, SeverityLevel.LOW), (12, SeverityLevel.MEDIUM), (16, SeverityLevel.HIGH))
    return next((name for below, name in bands if quarters < below), SeverityLevel.VERY_HIGH)


def find_missing(factors: SeverityFactors, categories: Iterable[DataCategory]) -> tuple[str, ...]:
    """Find what is not scored yet, in plain words; `categories` are all that the affected list
    names."""
    unscored = [c.value for c in categories if c not in factors.data]
    parts = [f"data: {category}" for category in unscored]
    if not factors.data and not unscored:
        parts.append("data")
    factor_values = {
        "ease of identification": factors.identification,
        "confidentiality": factors.confidentiality,
        "integrity": factors.integrity,
        "availability": factors.availability,
        "intent": factors.malicious,
    }
    return (*parts, *(name for name, value in factor_values.items() if value is None))


def compute_factor_severity(
    factors: SeverityFactors, categories: Iterable[DataCategory]
) -> EnisaSeverity | None:
    """Compute the severity. None: a factor is not scored. Raises BadInput for a value that ENISA
    does not know."""
    for score in factors.data.values():
        _check_ranges((score,), QUARTERS_EI[0])
    if factors.identification is not None:
        _check_ranges((1,), _convert_to_quarters(factors.identification, "ease of identification"))
    if find_missing(factors, categories):
        return None
    assert factors.identification is not None
    lost = (factors.confidentiality, factors.integrity, factors.availability)
    confidentiality, integrity, availability = (extent or EffectExtent.NOTHING for extent in lost)
    return compute_severity(
        tuple(factors.data.values()),
        _convert_to_quarters(factors.identification, "ease of identification"),
        BreachCircumstances(confidentiality, integrity, availability, bool(factors.malicious)),
        many_people=bool(factors.many_people),
        unintelligible=bool(factors.unintelligible),
    )


def compute_from_factors(dpc: float, ei: float, cb: float) -> EnisaSeverity:
    """Compute from the three factors as a person types them. Raises BadInput when one is no step of
    ENISA's."""
    ei_quarters, cb_quarters = (
        _convert_to_quarters(ei, "ease of identification"),
        _convert_to_quarters(cb, "CB"),
    )
    if not 0 <= cb_quarters <= MAX_CB:
        raise BadInput("circumstances lie between 0 and 2", place="severity, CB")
    if not isfinite(dpc) or dpc != int(dpc):
        raise BadInput("a data score is a whole number from 1 to 4", place="severity, DPC")
    _check_ranges((int(dpc),), ei_quarters)
    return EnisaSeverity(int(dpc) * ei_quarters + cb_quarters)


def _convert_to_quarters(value: float, name: str) -> int:
    if not isfinite(value) or value * 4 != int(value * 4):
        raise BadInput("it is no multiple of 0.25", place=f"severity, {name}")
    return int(value * 4)


def _check_ranges(dpc: tuple[int, ...], ei_quarters: int) -> None:
    if not dpc or any(score not in (1, 2, 3, 4) for score in dpc):
        raise BadInput("a data score is a whole number from 1 to 4", place="severity, DPC")
    if ei_quarters not in QUARTERS_EI:
        raise BadInput("it is one of 0.25, 0.5, 0.75, 1", place="severity, ease of identification")
