"""The factors of the ENISA 2013 score (v1.0, tables 1–3) as a form offers them."""

from __future__ import annotations

from dataclasses import dataclass

from breachdesk.console.forms import Form
from schemas.errors import BadInput


@dataclass(frozen=True, slots=True)
class Factor:
    """One choice: its label and (value, words)."""

    label: str
    options: tuple[tuple[str, str], ...]


FACTORS = {
    "dpc": Factor(
        "Data",
        (
            ("1", "1: simple, such as contact data"),
            ("2", "2: behaviour, or simple data that says more"),
            ("3", "3: financial, or data that says a lot"),
            ("4", "4: sensitive, or credentials that unlock it"),
        ),
    ),
    "ei": Factor(
        "Ease of identification",
        (
            ("0.25", "0.25: negligible"),
            ("0.5", "0.5: limited"),
            ("0.75", "0.75: significant"),
            ("1", "1: maximum"),
        ),
    ),
    "confidentiality": Factor(
        "Confidentiality",
        (
            ("0", "0: nobody unauthorised saw it"),
            ("0.25", "0.25: known recipients saw it"),
            ("0.5", "0.5: unknown recipients saw it"),
        ),
    ),
    "integrity": Factor(
        "Integrity",
        (
            ("0", "0: nothing altered"),
            ("0.25", "0.25: altered, can be put right"),
            ("0.5", "0.5: altered, cannot be put right"),
        ),
    ),
    "availability": Factor(
        "Availability",
        (
            ("0", "0: nothing lost"),
            ("0.25", "0.25: lost for a time"),
            ("0.5", "0.5: lost for good"),
        ),
    ),
    "intent": Factor("Intent", (("0", "0: an accident"), ("0.5", "0.5: malicious"))),
}


def read_factors(form: Form) -> dict[str, float]:
    """The factors that were chosen. Raises BadInput for a value that is not offered."""
    return {name: _factor(form, name) for name in FACTORS if form.text(name)}


def _factor(form: Form, name: str) -> float:
    if form.text(name) not in {value for value, _ in FACTORS[name].options}:
        raise BadInput("this is not one of the values", place=FACTORS[name].label)
    return float(form.text(name))
