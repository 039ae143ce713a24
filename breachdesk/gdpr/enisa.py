"""Texts of ENISA's tables for each value of the severity score."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from breachdesk.gdpr.severity import MANY_PEOPLE, SeverityLevel
from schemas.casework.decision import SeverityFactors

REFERENCE = "enisa_2013"
"""Of the law book."""
LOSSES = ("confidentiality", "integrity", "availability")
FLAGS = {
    "many_people": f"More than {MANY_PEOPLE} people are affected",
    "unintelligible": "The data is unintelligible: encrypted, and the key is safe",
}


@cache
def _load_tables() -> Mapping[str, Mapping[str, str]]:
    text = (files("breachdesk") / "guidance" / f"{REFERENCE}.toml").read_text(encoding="utf-8")
    tables: dict[str, Any] = tomllib.loads(text)
    return tables


def get_label(factor: str) -> str:
    """Return the label of a factor: `data`, `identification`, `confidentiality`, …"""
    return _load_tables()[factor]["label"]


def get_hint(factor: str) -> str | None:
    """Return what the factor asks, where its label does not say it."""
    return _load_tables()[factor].get("hint")


def list_values(factor: str) -> tuple[tuple[str, str], ...]:
    """List a factor's values with their texts, in the order of the table."""
    return tuple((k, v) for k, v in _load_tables()[factor].items() if k not in ("label", "hint"))


def describe_value(factor: str, value: str) -> str:
    """Describe one value of a factor."""
    return _load_tables()[factor][value]


def describe_level(level: SeverityLevel) -> str:
    """Describe what a level means for the people."""
    return _load_tables()["levels"][level.value]


def describe_factors(factors: SeverityFactors) -> tuple[tuple[str, str], ...]:
    """Describe each (factor, chosen value) in the table's texts, the flags last."""
    rows = [
        (f"{get_label('data')}: {category.value}", describe_value("data", str(score)))
        for category, score in factors.data.items()
    ]
    for factor, value in _generate_choices(factors):
        rows.append(
            (get_label(factor), "not scored" if value is None else describe_value(factor, value))
        )
    return (
        *rows,
        *((label_text, "yes") for flag, label_text in FLAGS.items() if getattr(factors, flag)),
    )


def _generate_choices(factors: SeverityFactors) -> Iterator[tuple[str, str | None]]:
    ease = factors.identification
    yield "identification", None if ease is None else f"{ease:g}"
    for loss in LOSSES:
        extent = getattr(factors, loss)
        yield loss, None if extent is None else extent.value
    intent = factors.malicious
    yield "malicious", None if intent is None else ("yes" if intent else "no")
