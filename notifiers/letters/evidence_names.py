"""Check names from evidence: of rules, folders and files. An intruder may have chosen them, so a
letter repeats a name, and never a message."""

from __future__ import annotations

import re
from collections.abc import Mapping

from schemas.text_signs import mark_hidden_in_line

LONGEST = 60
"""Characters."""
MOST_WORDS = 8
_SIGNS = re.compile(r"[“”„«»\"<>{}@!?|\\]|://|\bwww\.", re.IGNORECASE)
"""Signs that end our quotation marks, make a link or an address, or call out."""
_DOMAIN = re.compile(r"[^\W\d_][\w-]*\.[^\W\d_]{2,}", re.UNICODE)
_NUMBER = re.compile(r"\d(?:[\s().+-]*\d){8,}")
"""Nine digits and more, as of a telephone; a date has eight."""
_ASKS = re.compile(
    r"\b(?:call|phone|ring|dial|text|contact|visit|click|pay|send|verify|confirm|reply|ask|log ?in)\b",
    re.IGNORECASE,
)
_SHORT_NUMBER = re.compile(r"\d[\s\d()+-]*\d")
_TO_READER = re.compile(r"\b(?:you|your|yours|please|urgent(?:ly)?|immediately)\b", re.IGNORECASE)


def is_plain(name: str, *, file: bool = False) -> bool:
    """Whether it reads as a name. False means that it may be a message to the reader of the letter.
    `file`: an extension follows a dot."""
    words = name.split()
    if not words or len(name) > LONGEST or len(words) > MOST_WORDS:
        return False
    if _SIGNS.search(name) or _NUMBER.search(name):
        return False
    if not file and _DOMAIN.search(name):
        return False
    asks = _ASKS.search(name) and (_SHORT_NUMBER.search(name) or len(words) > 3)
    return not asks and not (_TO_READER.search(name) and len(words) > 2)


def find_plain_rule(details: Mapping[str, str]) -> str | None:
    """Return the mailbox rule's name with hidden characters shown, or None if there is none to
    repeat."""
    rule = mark_hidden_in_line(details.get("rule", ""))
    return rule if is_plain(rule) else None


def list_plain(details: Mapping[str, str], field: str) -> list[str]:
    """List those of `folders` or `files` that read as names."""
    listed = mark_hidden_in_line(details.get(field, "")).split(", ")
    return [name for name in listed if is_plain(name, file=field == "files")]


def is_folder_omitted(details: Mapping[str, str]) -> bool:
    """Whether a folder is left unnamed."""
    return len(list_plain(details, "folders")) < len(details["folders"].split(", "))


def quote_names(names: list[str]) -> list[str]:
    """Quote the names, which are evidence's words and not ours."""
    return [f"“{name}”" for name in names]
