"""Decide by its neighbours whether an ordinary word is used as a name."""

from __future__ import annotations

import re
from collections.abc import Sequence

from breachdesk.gdpr.personal_data.firm_names import SURE_LEGAL_FORMS
from breachdesk.gdpr.personal_data.folding import FoldedToken
from breachdesk.gdpr.personal_data.known_names import NameRule
from breachdesk.gdpr.personal_data.ordinary_words import WordRarity, classify_word

BLOCK, WARN = "block", "warn"
_FIRM_BEFORE = frozenset(
    ("customer", "client", "firm", "company", "business", "practice", "called", "named")
)
_HARMED = frozenset(
    (
        "attacked",
        "hit",
        "breached",
        "compromised",
        "affected",
        "hacked",
        "robbed",
        "infected",
        "reached",
        "targeted",
        "told",
        "first",
    )
)
_PLACE_BEFORE = frozenset(
    (
        "in",
        "near",
        "from",
        "to",
        "at",
        "of",
        "around",
        "outside",
        "inside",
        "between",
        "greater",
        "north",
        "south",
        "east",
        "west",
        "central",
        "upper",
        "lower",
        "new",
        "old",
        "our",
        "your",
        "the",
        "and",
        "or",
        "via",
        "through",
        "towards",
    )
)
_PLACE_AFTER = frozenset(
    (
        "road",
        "street",
        "lane",
        "avenue",
        "square",
        "office",
        "offices",
        "centre",
        "center",
        "city",
        "county",
        "area",
        "region",
        "station",
        "airport",
        "university",
        "council",
        "branch",
        "site",
        "postcode",
    )
)
_ENDS = re.compile(r"[.!?:;•*\n]")

_BY_CAPITALS = {
    NameRule.CAPITAL: (BLOCK, WARN),
    NameRule.CAPITALS: (BLOCK, None),
    NameRule.LOOK: (WARN, None),
}
"""What a rule says of words that are capitalised, and of words that are not."""


def classify_name(
    rule: NameRule, text: str, tokens: Sequence[FoldedToken], place: int, length: int
) -> str | None:
    """Return `block`, `warn`, or None: these words name nobody here."""
    row = tokens[place : place + length]
    if rule is NameRule.ALWAYS:
        return BLOCK
    if rule is NameRule.EXACT:
        original = text[row[0].start : row[-1].end]
        return WARN if original.isupper() else None
    capitals = all(token.capital or token.word in ("and", "of", "the") for token in row)
    if rule is NameRule.WEAK and capitals:
        return _classify_weak_name(text, tokens, place, length)
    return _BY_CAPITALS.get(rule, (None, None))[not capitals]


def _classify_weak_name(
    text: str, tokens: Sequence[FoldedToken], place: int, length: int
) -> str | None:
    before = _get_word(tokens, place - 1)
    after = [_get_word(tokens, place + length + step) for step in range(3)]
    begins = (
        place == 0 or _ENDS.search(text[tokens[place - 1].end : tokens[place].start]) is not None
    )
    if tokens[place + length - 1].possessive and not begins:
        return BLOCK
    if after[0] in SURE_LEGAL_FORMS or (before in _FIRM_BEFORE and not begins):
        return BLOCK
    if after[0] in ("was", "were", "is") and _HARMED & set(after[1:]):
        return BLOCK
    if classify_word(tokens[place].word) is WordRarity.PLACE:
        located = before in _PLACE_BEFORE or after[0] in _PLACE_AFTER
        listed = place > 0 and "," in text[tokens[place - 1].end : tokens[place].start]
        return WARN if located or listed else BLOCK
    return None if begins else WARN


def _get_word(tokens: Sequence[FoldedToken], place: int) -> str:
    return tokens[place].word if 0 <= place < len(tokens) else ""
