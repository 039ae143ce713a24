"""Find literals that occur in every value for which a test holds.

A value is compared as text in lower case. Without literals, nothing is known of the values for
which a test holds."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from sigma.types import (
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SpecialChars,
)

from streams.sigma.mandatory import MOST_CHOICES, find_mandatory, is_rare
from streams.sigma.values import get_regex_flags

LONGEST = 200
"""Characters of a text that is searched for: of a longer one a part is as rare."""


class LiteralPosition(Enum):
    """The position of a literal in a value."""

    WHOLE = "whole"
    WITHIN = "within"
    FIRST = "first"
    LAST = "last"
    NETWORK = "network"
    """The value is an address of this network."""
    NUMBER = "number"
    """The value is this number, or a text that spells it so."""

    __hash__ = object.__hash__
    """Members are singletons; Enum's own hash takes a call of Python code."""


class Literal(NamedTuple):
    """A text in lower case, a network as `address/length`, or a number."""

    how: LiteralPosition
    text: str


Literals = tuple[frozenset[Literal], ...]
"""The value contains one literal of each set; the most selective set is first."""


def combine_literals(tests: Sequence[Literals]) -> Literals:
    """Combine literals to what one of several tests needs."""
    if len(tests) == 1:
        return tests[0]
    return (frozenset[Literal]().union(*(one[0] for one in tests)),) if all(tests) else ()


def is_exact(pattern: SigmaString) -> bool:
    """Whether the pattern matches exactly the values that contain its literal."""
    if isinstance(pattern, SigmaCasedString):
        return False
    many = SpecialChars.WILDCARD_MULTI
    match pattern.lower().s:
        case [str(text)]:
            return True
        case [str(text), last] | [last, str(text)] if last is many:
            return len(text) <= LONGEST
        case [first, str(text), last] if first is many and last is many:
            return len(text) <= LONGEST
        case parts:
            return not parts


def find_in_string(pattern: SigmaString) -> Literals:
    """Find the longest text between its wildcards, and other rare ones."""
    cased = isinstance(pattern, SigmaCasedString)
    parts = pattern.s if cased else pattern.lower().s
    if not parts:
        return (frozenset({Literal(LiteralPosition.WHOLE, "")}),)
    texts = [(at, part) for at, part in enumerate(parts) if isinstance(part, str) and part]
    if cased:
        # Outside ASCII the lower case of a part is not always a part of the lower case of the whole.
        texts = [(at, text.lower()) for at, text in texts if text.isascii()]
    if len(parts) == 1:
        return tuple(frozenset({Literal(LiteralPosition.WHOLE, text)}) for _, text in texts)
    texts.sort(key=lambda each: -len(each[1]))
    return tuple(
        frozenset({_build_literal(at, text, last=len(parts) - 1)})
        for number, (at, text) in enumerate(texts[:MOST_CHOICES])
        if not number or is_rare(text)
    )


def _build_literal(place: int, text: str, *, last: int) -> Literal:
    """Build the literal of a text between wildcards."""
    if place == 0:
        return Literal(LiteralPosition.FIRST, text[:LONGEST])
    if place == last:
        return Literal(LiteralPosition.LAST, text[-LONGEST:])
    return Literal(LiteralPosition.WITHIN, text[:LONGEST])


def find_in_number(number: SigmaNumber) -> Literals:
    return (frozenset({Literal(LiteralPosition.NUMBER, str(number.number))}),)


def find_in_network(expression: SigmaCIDRExpression) -> Literals:
    return (frozenset({Literal(LiteralPosition.NETWORK, str(expression.network))}),)


def find_in_expression(expression: SigmaRegularExpression) -> Literals:
    """Find the literals of a regular expression that can be compiled."""
    return tuple(
        frozenset(Literal(LiteralPosition.WITHIN, text[:LONGEST]) for text in texts)
        for texts in find_mandatory(str(expression.regexp), get_regex_flags(expression))
    )
