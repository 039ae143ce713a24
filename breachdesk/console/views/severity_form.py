"""The factors of the ENISA 2013 score as a form offers them, with ENISA's words for each value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from breachdesk.console.views.labels import CATEGORY
from breachdesk.gdpr import enisa
from breachdesk.gdpr.enisa import FLAGS, LOSSES
from breachdesk.gdpr.severity import DEFAULT_DPC, MANY_PEOPLE
from schemas.casework.decision import Decision, EffectExtent, SeverityFactors
from schemas.customer import DataCategory
from schemas.errors import BadInput

T = TypeVar("T")
YES_OR_NO = {"yes": True, "no": False}


@dataclass(frozen=True, slots=True)
class FactorChoice:
    """One choice: its label and (value, words)."""

    label: str
    options: tuple[tuple[str, str], ...]
    hint: str | None = None


def build_factors(categories: Iterable[DataCategory]) -> dict[str, FactorChoice]:
    """The choices by field name: one for each category of data, then the others."""
    offered = tuple(categories) or tuple(DataCategory)
    data = {
        format_data_field(category): FactorChoice(
            CATEGORY[category.value], enisa.list_values("data")
        )
        for category in offered
    }
    rest = ("identification", *LOSSES, "malicious")
    return data | {
        name: FactorChoice(enisa.get_label(name), enisa.list_values(name), enisa.get_hint(name))
        for name in rest
    }


def format_data_field(category: DataCategory) -> str:
    """The form's name for the data score of a category."""
    return f"data_{category.value}"


def parse_factors(typed: Mapping[str, str]) -> SeverityFactors | None:
    """What was chosen; None: nothing. Raises BadInput for a value that is not offered."""
    offered = build_factors(DataCategory)
    chosen = {name: _parse_choice(typed, name, factor) for name, factor in offered.items()}
    data = {c: int(v) for c in DataCategory if (v := chosen[format_data_field(c)]) is not None}
    rest = [chosen[name] for name in ("identification", *LOSSES, "malicious")]
    if not any(value is not None for value in rest):
        return None
    return SeverityFactors(
        data=data,
        identification=_get_meaning(
            chosen["identification"], {v: float(v) for v in _list_keys(offered)}
        ),
        **{name: _get_meaning(chosen[name], {e.value: e for e in EffectExtent}) for name in LOSSES},
        malicious=_get_meaning(chosen["malicious"], YES_OR_NO),
        **{flag: bool(typed.get(flag)) for flag in FLAGS},
    )


def _list_keys(offered: Mapping[str, FactorChoice]) -> tuple[str, ...]:
    return tuple(value for value, _ in offered["identification"].options)


def _parse_choice(typed: Mapping[str, str], name: str, factor: FactorChoice) -> str | None:
    value = typed.get(name, "").strip()
    if not value:
        return None
    if value not in {offered for offered, _ in factor.options}:
        raise BadInput("this is not one of the values", place=factor.label)
    return value


def _get_meaning(value: str | None, meanings: Mapping[str, T]) -> T | None:
    return None if value is None else meanings[value]


def propose_scores(categories: Iterable[DataCategory], people: int) -> dict[str, str]:
    """What the form shows before anybody has scored: the data scores to start from."""
    scores = {format_data_field(c): str(DEFAULT_DPC[c]) for c in categories}
    return scores | ({"many_people": "yes"} if people > MANY_PEOPLE else {})


def collect_factor_fields(old: Decision) -> dict[str, str]:
    """The newest decision's factors as the form shows them."""
    factors = old.severity
    if factors is None:
        return {}
    fields = {format_data_field(c): str(score) for c, score in factors.data.items()}
    if factors.identification is not None:
        fields["identification"] = f"{factors.identification:g}"
    fields |= {n: e.value for n in LOSSES if (e := getattr(factors, n)) is not None}
    if factors.malicious is not None:
        fields["malicious"] = "yes" if factors.malicious else "no"
    return fields | {flag: "yes" for flag in FLAGS if getattr(factors, flag)}
