"""Labels of causes and their sources, read from dated data."""

from __future__ import annotations

import tomllib
from datetime import date
from functools import cache
from importlib import resources

from pydantic import model_validator

from schemas.casework.cause import BreachCause
from schemas.customer import FrozenModel

FILE = "causes.toml"
OPEN_WORDS = frozenset({BreachCause.OTHER, BreachCause.NEVER_FOUND})
"""Causes that say nothing without further words."""


class CauseWords(FrozenModel):
    """One cause as a form, the register and the figures show it."""

    words: str
    hint: str = ""
    covers: tuple[str, ...]
    """Incident types of the list's source that it covers."""


class CauseList(FrozenModel):
    """Every cause, with the source of the list and the day somebody read it."""

    source: str
    reviewed_on: date
    note: str
    causes: dict[BreachCause, CauseWords]

    @model_validator(mode="after")
    def _check_every_cause(self) -> CauseList:
        missing = [cause.value for cause in BreachCause if cause not in self.causes]
        if missing:
            raise ValueError(f"no words for {', '.join(missing)}")
        return self


@cache
def load_cause_list() -> CauseList:
    """Load the installed list."""
    text = resources.files("breachdesk").joinpath("gdpr", FILE).read_text(encoding="utf-8")
    return CauseList.model_validate(tomllib.loads(text))


def describe_cause(cause: BreachCause | str) -> str:
    """Describe a cause like `Lost or stolen device or paper`."""
    return load_cause_list().causes[BreachCause(cause)].words
