"""The factors of the ENISA 2013 score as a form offers them, with ENISA's words for each value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from breachdesk.console.words import CATEGORY
from breachdesk.gdpr import enisa
from breachdesk.gdpr.enisa import FLAGS, LOSSES
from breachdesk.gdpr.severity import DEFAULT_DPC, MANY_PEOPLE
from schemas.customer import DataCategory
from schemas.decision import Decision, Extent, SeverityFactors
from schemas.errors import BadInput

T = TypeVar("T")
YES_OR_NO = {"yes": True, "no": False}


@dataclass(frozen=True, slots=True)
class Factor:
    """One choice: its label and (value, words)."""

    label: str
    options: tuple[tuple[str, str], ...]
    hint: str | None = None


def factors_for(categories: Iterable[DataCategory]) -> dict[str, Factor]:
    """The choices by field name: one for each category of data, then the others."""
    offered = tuple(categories) or tuple(DataCategory)
    data = {
        data_field(category): Factor(CATEGORY[category.value], enisa.values("data"))
        for category in offered
    }
    rest = ("identification", *LOSSES, "malicious")
    return data | {
        name: Factor(enisa.label(name), enisa.values(name), enisa.hint(name)) for name in rest
    }


def data_field(category: DataCategory) -> str:
    """The form's name for the data score of a category."""
    return f"data_{category.value}"


def read_factors(typed: Mapping[str, str]) -> SeverityFactors | None:
    """What was chosen; None: nothing. Raises BadInput for a value that is not offered."""
    offered = factors_for(DataCategory)
    chosen = {name: _chosen(typed, name, factor) for name, factor in offered.items()}
    data = {c: int(v) for c in DataCategory if (v := chosen[data_field(c)]) is not None}
    rest = [chosen[name] for name in ("identification", *LOSSES, "malicious")]
    if not any(value is not None for value in rest):
        return None
    return SeverityFactors(
        data=data,
        identification=_as(chosen["identification"], {v: float(v) for v in _keys(offered)}),
        **{name: _as(chosen[name], {e.value: e for e in Extent}) for name in LOSSES},
        malicious=_as(chosen["malicious"], YES_OR_NO),
        **{flag: bool(typed.get(flag)) for flag in FLAGS},
    )


def _keys(offered: Mapping[str, Factor]) -> tuple[str, ...]:
    return tuple(value for value, _ in offered["identification"].options)


def _chosen(typed: Mapping[str, str], name: str, factor: Factor) -> str | None:
    value = typed.get(name, "").strip()
    if not value:
        return None
    if value not in {offered for offered, _ in factor.options}:
        raise BadInput("this is not one of the values", place=factor.label)
    return value


def _as(value: str | None, meanings: Mapping[str, T]) -> T | None:
    return None if value is None else meanings[value]


def proposed(categories: Iterable[DataCategory], people: int) -> dict[str, str]:
    """What the form shows before anybody has scored: the data scores to start from."""
    found = {data_field(c): str(DEFAULT_DPC[c]) for c in categories}
    return found | ({"many_people": "yes"} if people > MANY_PEOPLE else {})


def factors_before(old: Decision) -> dict[str, str]:
    """The newest decision's factors as the form shows them."""
    factors = old.severity
    if factors is None:
        return {}
    found = {data_field(c): str(score) for c, score in factors.data.items()}
    if factors.identification is not None:
        found["identification"] = f"{factors.identification:g}"
    found |= {n: e.value for n in LOSSES if (e := getattr(factors, n)) is not None}
    if factors.malicious is not None:
        found["malicious"] = "yes" if factors.malicious else "no"
    return found | {flag: "yes" for flag in FLAGS if getattr(factors, flag)}
