"""Patterns of what has no business in a letter, each with what is wrong and what to do.

Sources: Regulation (EU) 611/2013 Art. 3(4) (no advertising); NCSC advice to victims
(no links in messages). Matching is case-blind.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that stops approval."""

    pattern: re.Pattern[str]
    problem: str
    remedy: str


def _rule(pattern: str, problem: str, remedy: str) -> Rule:
    return Rule(re.compile(pattern, re.IGNORECASE), problem, remedy)


ANYWHERE = (
    _rule(
        r"\w+://|\bwww\.|\bmailto:|\b[\w-]+\.(?:com|net|org|uk|ie|io|eu)/\S",
        "a link",
        "Take it out; readers are told never to trust links in messages.",
    ),
    _rule(
        r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?!\.?\d)|(?<![\w:])(?:[0-9a-f]{1,4}:){3,7}[0-9a-f]{1,4}\b"
        r"|(?<![\w:])(?:[0-9a-f]{1,4}:){1,6}:(?:[0-9a-f]{1,4})?",
        "an IP address, an indicator of the attack",
        "Take it out; hand technical records over on request.",
    ),
    _rule(
        r"\b(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})\b",
        "a hash, an indicator of the attack",
        "Take it out; hand technical records over on request.",
    ),
    _rule(
        r"\bpass(?:word|phrase|code)s?\s*(?:(?:is|was|are)\s*[:=]?|[:=])\s*[\"'“‘]?(?=\S*[\d!#$%&*@^])\S+",
        "something that looks like a password",
        "Take it out.",
    ),
    _rule(
        r"\b\d\d[- ]\d\d[- ]\d\d\b\D{0,40}\b\d{8}\b|\b\d\d-\d\d-\d\d\b"
        r"|\b[A-Z]{2}\d{2}(?:\s?[A-Z0-9]{4}){3,7}\b|\baccount (?:number|no\.?)\W{0,3}\d{6,}",
        "full bank details",
        "Give the last four digits at most.",
    ),
    _rule(
        r"\{\{|\}\}|\{%|%\}|\[(?:todo|tbc|tbd|name|date|insert)\b|\b(?:TODO|TBC|TBD|lorem ipsum)\b",
        "a place that was never filled in",
        "Fill it in, or take it out.",
    ),
)
PROSE = (
    _rule(
        r"\bspecial offers?\b|\bdiscount|\bfree trial|\bnewsletter|\bupgrade (?:now|today)|"
        r"\bsurvey\b|\bfollow us\b|\bour (?:award|range of|new) |\bvisit our\b|\bbuy (?:now|our)\b",
        "advertising",
        "Take it out; this letter may promote nothing.",
    ),
    _rule(
        r"\bdelivered\b",
        "“delivered” is more than we can know",
        "Say “sent” or “handed over”.",
    ),
    _rule(
        r"\bno evidence (?:of|that|to suggest)\b|\bno (?:personal )?data (?:was|were|has been) \w+ed\b"
        r"|\bnothing was (?:seen|taken|accessed)\b",
        "“no evidence of access” may only mean that nobody could look",
        "Say what the records show, and what they cannot show.",
    ),
    _rule(
        r"\b(?:fully|completely|entirely) (?:resolved|fixed|secure|safe)\b|\ball (?:is )?resolved\b"
        r"|\bcannot happen again\b|\bwill never happen\b|\b100 ?% (?:safe|secure)",
        "a promise that nobody can keep",
        "Say what was done, and when.",
    ),
    _rule(
        r"\byour (?:own )?(?:fault|mistake|carelessness|negligence)\b|\bnegligen|\bcareless"
        r"|\b(?:his|her|their|employee’s|employee's) (?:fault|mistake)\b|\bhuman error\b",
        "blame",
        "Say what happened, not whose fault it was.",
    ),
    _rule(
        r"\bcompensat|\bgoodwill\b|\brefund|\bvoucher|\bex gratia\b|\bfree of charge\b",
        "an offer of compensation",
        "Take it out; that is a matter between the firm and its insurer first.",
    ),
)
MARKUP = (
    _rule(
        r"<(?:img|script|iframe|object|embed|form|input|button|link|svg|video|audio|a)\b",
        "an image, a link or a form",
        "Letters are words only.",
    ),
    _rule(
        r"\burl\(|\b(?:src|href|background|action)\s*=|@import",
        "something that would be fetched when the letter is opened",
        "Letters fetch nothing: that would be tracking.",
    ),
)
LATIN = re.compile(
    r"\b(?:e\.g\.|i\.e\.|etc\b|via\b|per se\b|inter alia\b|ad hoc\b|vice versa\b|viz\b|n\.b\.)",
    re.IGNORECASE,
)
CARD = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")


def is_card(digits: str) -> bool:
    """Luhn's check (ISO/IEC 7812-1) over the digits in the text."""
    numbers = [int(c) for c in digits if c.isdigit()][::-1]
    doubled = [n * 2 - 9 * (n > 4) for n in numbers[1::2]]
    return (sum(numbers[::2]) + sum(doubled)) % 10 == 0
