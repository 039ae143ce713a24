"""Define patterns of what must not be in a letter, each with the problem and the remedy.

Sources: Regulation (EU) 611/2013 Art. 3(4) (no advertising); NCSC advice to victims (no links in
messages). Matching ignores case."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LintRule:
    """One thing that stops approval."""

    pattern: re.Pattern[str]
    problem: str
    remedy: str
    name: str
    """In the plural, for the account of what was looked for."""


def _build_rule(pattern: str, problem: str, remedy: str, name: str) -> LintRule:
    return LintRule(re.compile(pattern, re.IGNORECASE), problem, remedy, name)


_POST = (
    r"(?:engineers?|employees?|colleagues?|technicians?|members? of (?:our |your )?(?:staff|team)|staff|team|"
    r"receptionists?|managers?|administrators?|assistants?|directors?|contractors?|apprentices?|"
    r"workers?|secretar(?:y|ies)|bookkeepers?|accountants?|nurses?|dentists?|teachers?|partners?|users?)"
)
_NAMED = r"(?:,? (?-i:[A-Z])[\w’'-]+){0,3},?"
_SOMEBODY = rf"\b(?:(?:our|your|an?|the|one of (?:our|your|the)|his|her|their) (?:[\w-]+ ){{0,2}}?)?{_POST}{_NAMED}"
"""A post, with or without the name of who holds it."""
_NAME = r"(?-i:\b[A-Z][\w’'-]+ [A-Z][\w’'-]+)"
_FELL = (
    r"(?:\w+ly )?(?:clicked (?:on|a|the)|fell (?:for|victim)|(?:was|were) (?:tricked|fooled|taken in|duped)|"
    r"gave away|let (?:him|her|the (?:intruder|attacker|stranger)))"
)


ANYWHERE = (
    _build_rule(
        r"\w+://|\bwww\.|\bmailto:|\b[\w-]+\.(?:com|net|org|uk|ie|io|eu)/\S",
        "a link",
        "Take it out; readers are told never to trust links in messages.",
        "links",
    ),
    _build_rule(
        r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?!\.?\d)|(?<![\w:])(?:[0-9a-f]{1,4}:){3,7}[0-9a-f]{1,4}\b"
        r"|(?<![\w:])(?:[0-9a-f]{1,4}:){1,6}:(?:[0-9a-f]{1,4})?",
        "an IP address, an indicator of the attack",
        "Take it out; hand technical records over on request.",
        "IP addresses",
    ),
    _build_rule(
        r"\b(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})\b",
        "a hash, an indicator of the attack",
        "Take it out; hand technical records over on request.",
        "hashes",
    ),
    _build_rule(
        r"\bpass(?:word|phrase|code)s?\s*(?:(?:is|was|are)\s*[:=]?|[:=])\s*[\"'“‘]?(?=\S*[\d!#$%&*@^])\S+",
        "something that looks like a password",
        "Take it out.",
        "passwords",
    ),
    _build_rule(
        r"\b\d\d[- ]\d\d[- ]\d\d\b\D{0,40}\b\d{8}\b|\b\d\d-\d\d-\d\d\b"
        r"|\b[A-Z]{2}\d{2}(?:\s?[A-Z0-9]{4}){3,7}\b|\baccount (?:number|no\.?)\W{0,3}\d{6,}",
        "full bank details",
        "Give the last four digits at most.",
        "full bank details",
    ),
    _build_rule(
        r"\{\{|\}\}|\{%|%\}|\[(?:todo|tbc|tbd|name|date|insert)\b|\b(?:TODO|TBC|TBD|lorem ipsum)\b"
        r"|\{\s*[a-z_][\w .]*\}|<[a-z][a-z _-]*>|\b(?-i:X{3,}|x{4,})\b|\?{3}|_{4,}"
        r"|\[(?:your|the|customers?|clients?|firm|company|account|number|time|system|contact|person|"
        r"email|phone|telephone|address|amount)\b[^\]\d]*\]",
        "a place that was never filled in",
        "Fill it in, or take it out.",
        "places never filled in",
    ),
)
PROSE = (
    _build_rule(
        r"\bspecial offers?\b|\bdiscount|\bfree trial|\bnewsletter|\bupgrade (?:now|today)|"
        r"\bsurvey\b|\bfollow us\b|\bour (?:award|range of|new) |\bvisit our\b|\bbuy (?:now|our)\b",
        "advertising",
        "Take it out; this letter may promote nothing.",
        "advertising",
    ),
    _build_rule(
        r"\bdelivered\b",
        "“delivered” is more than we can know",
        "Say “sent” or “handed over”.",
        "claims of delivery",
    ),
    _build_rule(
        r"\bno evidence (?:of|that|to suggest)\b|\bno (?:personal )?data (?:was|were|has been) \w+ed\b"
        r"|\bnothing was (?:seen|taken|accessed)\b",
        "“no evidence of access” may only mean that nobody could look",
        "Say what the records show, and what they cannot show.",
        "“no evidence”",
    ),
    _build_rule(
        r"\b(?:fully|completely|entirely) (?:resolved|fixed|secure|safe)\b|\ball (?:is )?resolved\b"
        r"|\bcannot happen again\b|\bwill never happen\b|\b100 ?% (?:safe|secure)",
        "a promise that nobody can keep",
        "Say what was done, and when.",
        "promises nobody can keep",
    ),
    _build_rule(
        r"\byour (?:own )?(?:fault|mistake|carelessness|negligence)\b|\bnegligen|\bcareless"
        r"|\b(?:his|her|their|employee’s|employee's) (?:fault|mistake)\b|\bhuman error\b"
        rf"|(?:{_SOMEBODY}|{_NAME}|\b(?:he|she|someone|somebody)) {_FELL}"
        rf"|{_SOMEBODY} (?:had |has |have )?(?:failed|forgot|forgotten|neglected|omitted) to\b"
        rf"|{_SOMEBODY} (?:made an? (?:\w+ )?(?:mistake|error)|should have|ignored|did not follow)\b",
        "blame",
        "Say what happened, not whose fault it was.",
        "blame",
    ),
    _build_rule(
        r"\bcompensat|\bgoodwill\b|\brefund|\bvoucher|\bex gratia\b|\bfree of charge\b",
        "an offer of compensation",
        "Take it out; that is a matter between the firm and its insurer first.",
        "offers of compensation",
    ),
)
MARKUP = (
    _build_rule(
        r"<(?:img|script|iframe|object|embed|form|input|button|link|svg|video|audio|a)\b",
        "an image, a link or a form",
        "Letters are words only.",
        "images and forms",
    ),
    _build_rule(
        r"\burl\(|\b(?:src|href|background|action)\s*=|@import",
        "something that would be fetched when the letter is opened",
        "Letters fetch nothing: that would be tracking.",
        "anything fetched on opening",
    ),
)
LATIN = re.compile(
    r"\b(?:e\.g\.|i\.e\.|etc\b|via\b|per se\b|inter alia\b|ad hoc\b|vice versa\b|viz\b|n\.b\.)",
    re.IGNORECASE,
)
CARD = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")


def is_card(digits: str) -> bool:
    """Whether the digits in the text pass Luhn's check (ISO/IEC 7812-1)."""
    numbers = [int(c) for c in digits if c.isdigit()][::-1]
    doubled = [n * 2 - 9 * (n > 4) for n in numbers[1::2]]
    return (sum(numbers[::2]) + sum(doubled)) % 10 == 0
