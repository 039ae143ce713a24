"""How much a single word says: does it name a firm, or does it stand in any letter?

The lists are data beside this module, each with its source.
"""

from __future__ import annotations

from enum import IntEnum
from functools import cache
from importlib.resources import files


class Weight(IntEnum):
    """What a word is when it stands alone."""

    COMMON = 0
    """Usual in letters, a post, a month, or a number."""
    FIRST_NAME = 1
    PLACE = 2
    RARE = 3
    """An English word that letters seldom hold."""
    COINED = 4
    """No English word: whoever writes it means a name."""


def weight(word: str) -> Weight:
    """Of one folded word."""
    if word.isdigit() or word in listed("common") or word in listed("roles"):
        return Weight.COMMON
    if word in listed("places"):
        return Weight.PLACE
    if is_first_name(word):
        return Weight.FIRST_NAME
    return Weight.RARE if is_english(word) else Weight.COINED


def is_english(word: str) -> bool:
    """Does a dictionary have it, or what is left without a plural's ending?"""
    if word in listed("common") or word in listed("dictionary"):
        return True
    return word.endswith("s") and (
        word[:-1] in listed("common") or word[:-1] in listed("dictionary")
    )


def is_first_name(word: str) -> bool:
    """Is it given to people in the United Kingdom, even where it is an English word too?"""
    return word in listed("first_names")


@cache
def listed(name: str) -> frozenset[str]:
    """The words of one list, folded."""
    text = files("breachdesk.gdpr").joinpath(f"words/{name}.txt").read_text(encoding="utf-8")
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return frozenset(word for line in lines for word in line.split())
