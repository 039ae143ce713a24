"""Eighteen example cases of EDPB Guidelines 01/2021 and their conclusions."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from schemas.customer import FrozenModel
from schemas.errors import NotFound

REFERENCE = "edpb_01_2021"
"""Of the law book: where they are written and when a person last looked."""


class EdpbCase(FrozenModel):
    """One case, retold. Every one of them is recorded internally."""

    number: int
    group: str
    title: str
    story: str
    turns_on: str
    """What the conclusion depended on."""
    authority: bool
    """Was the authority to be told?"""
    people: bool
    """Were the people to be told?"""

    @property
    def concluded(self) -> str:
        """`report it, and tell the people`"""
        if self.authority and self.people:
            return "report it, and tell the people"
        return "report it, without telling the people" if self.authority else "record it only"


@cache
def list_edpb_cases() -> tuple[EdpbCase, ...]:
    """List all cases, by number."""
    text = (files("breachdesk") / "guidance" / f"{REFERENCE}.toml").read_text(encoding="utf-8")
    return tuple(EdpbCase.model_validate(row) for row in tomllib.loads(text)["cases"])


def get_edpb_case(number: int) -> EdpbCase:
    """Return the case. Raises NotFound."""
    for case in list_edpb_cases():
        if case.number == number:
            return case
    raise NotFound(f"no case {number} in EDPB 01/2021", place="EDPB case", remedy="Use 1 to 18.")
