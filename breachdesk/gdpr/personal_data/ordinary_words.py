"""Classify a single word: whether it identifies a firm or is common in letters.

The lists are data in this package, each with its source."""

from __future__ import annotations

from enum import IntEnum
from functools import cache
from importlib.resources import files


class WordRarity(IntEnum):
    """How rare a single word is."""

    COMMON = 0
    """Usual in letters, a post, a month, or a number."""
    FIRST_NAME = 1
    PLACE = 2
    RARE = 3
    """An English word that letters seldom hold."""
    COINED = 4
    """No English word: whoever writes it means a name."""


def classify_word(word: str) -> WordRarity:
    """Classify one folded word."""
    if word.isdigit() or word in load_words("common") or word in load_words("roles"):
        return WordRarity.COMMON
    if word in load_words("places"):
        return WordRarity.PLACE
    if is_first_name(word):
        return WordRarity.FIRST_NAME
    return WordRarity.RARE if is_english(word) else WordRarity.COINED


def is_english(word: str) -> bool:
    """Whether a dictionary has it, or its form without a plural's ending."""
    if word in load_words("common") or word in load_words("dictionary"):
        return True
    return word.endswith("s") and (
        word[:-1] in load_words("common") or word[:-1] in load_words("dictionary")
    )


def is_first_name(word: str) -> bool:
    """Whether it is given to people in the United Kingdom, even where it is an English word too."""
    return word in load_words("first_names")


@cache
def load_words(name: str) -> frozenset[str]:
    """Load the words of one list, folded."""
    text = files("breachdesk.gdpr").joinpath(f"words/{name}.txt").read_text(encoding="utf-8")
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return frozenset(word for line in lines for word in line.split())
