"""Does an ordinary word stand as a name here? What its neighbours say."""

from __future__ import annotations

import re
from collections.abc import Sequence

from breachdesk.gdpr.firm_names import SURE_LEGAL_FORMS
from breachdesk.gdpr.folding import Token
from breachdesk.gdpr.known_names import Rule
from breachdesk.gdpr.ordinary_words import Weight, weight

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
    Rule.CAPITAL: (BLOCK, WARN),
    Rule.CAPITALS: (BLOCK, None),
    Rule.LOOK: (WARN, None),
}
"""What a rule says of words that are capitalised, and of words that are not."""


def severity(rule: Rule, text: str, found: Sequence[Token], place: int, length: int) -> str | None:
    """`block`, `warn`, or None: these words name nobody here."""
    row = found[place : place + length]
    if rule is Rule.ALWAYS:
        return BLOCK
    if rule is Rule.EXACT:
        written = text[row[0].start : row[-1].end]
        return WARN if written.isupper() else None
    capitals = all(token.capital or token.word in ("and", "of", "the") for token in row)
    if rule is Rule.WEAK and capitals:
        return _weak(text, found, place, length)
    return _BY_CAPITALS.get(rule, (None, None))[not capitals]


def _weak(text: str, found: Sequence[Token], place: int, length: int) -> str | None:
    before = _word(found, place - 1)
    after = [_word(found, place + length + step) for step in range(3)]
    begins = place == 0 or _ENDS.search(text[found[place - 1].end : found[place].start]) is not None
    if found[place + length - 1].possessive and not begins:
        return BLOCK
    if after[0] in SURE_LEGAL_FORMS or (before in _FIRM_BEFORE and not begins):
        return BLOCK
    if after[0] in ("was", "were", "is") and _HARMED & set(after[1:]):
        return BLOCK
    if weight(found[place].word) is Weight.PLACE:
        located = before in _PLACE_BEFORE or after[0] in _PLACE_AFTER
        listed = place > 0 and "," in text[found[place - 1].end : found[place].start]
        return WARN if located or listed else BLOCK
    return None if begins else WARN


def _word(found: Sequence[Token], place: int) -> str:
    return found[place].word if 0 <= place < len(found) else ""
