"""The words of causes and where they come from, read from dated data."""

from __future__ import annotations

import tomllib
from datetime import date
from functools import cache
from importlib import resources

from pydantic import model_validator

from schemas.cause import Cause
from schemas.customer import Frozen

FILE = "causes.toml"
OPEN_WORDS = frozenset({Cause.OTHER, Cause.NEVER_FOUND})
"""Causes that say nothing without further words."""


class CauseWords(Frozen):
    """One cause as a form, the register and the figures show it."""

    words: str
    hint: str = ""
    covers: tuple[str, ...]
    """The ICO's incident types that it covers."""


class CauseList(Frozen):
    """Every cause, with the source of the list and the day somebody read it."""

    source: str
    reviewed_on: date
    note: str
    causes: dict[Cause, CauseWords]

    @model_validator(mode="after")
    def _holds_every_cause(self) -> CauseList:
        left_out = [cause.value for cause in Cause if cause not in self.causes]
        if left_out:
            raise ValueError(f"no words for {', '.join(left_out)}")
        return self


@cache
def cause_list() -> CauseList:
    """The list as installed."""
    text = resources.files("breachdesk").joinpath("gdpr", FILE).read_text(encoding="utf-8")
    return CauseList.model_validate(tomllib.loads(text))


def cause_words(cause: Cause | str) -> str:
    """`Lost or stolen device or paper`"""
    return cause_list().causes[Cause(cause)].words
