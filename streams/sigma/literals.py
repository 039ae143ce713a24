"""The literals of which one stands in every value that a test holds for.

A value is compared as text in lower case. A test without such a literal has None: nothing is known
of the values that it holds for.
"""

from __future__ import annotations

from collections.abc import Iterable
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

from streams.sigma.mandatory import mandatory
from streams.sigma.values import regex_flags

LONGEST = 200
"""Characters of a text that is searched for: of a longer one a part is as rare."""


class How(Enum):
    """How a literal stands in a value."""

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

    how: How
    text: str


Literals = frozenset[Literal] | None


def united(parts: Iterable[Literals]) -> Literals:
    """What one of several tests needs to hold."""
    joined: set[Literal] = set()
    for part in parts:
        if part is None:
            return None
        joined |= part
    return frozenset(joined)


def tells_all(pattern: SigmaString) -> bool:
    """Does the pattern match exactly the values in which its literal stands?"""
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


def of_string(pattern: SigmaString) -> Literals:
    """The pattern's only text where there is one, else the longest of its texts."""
    cased = isinstance(pattern, SigmaCasedString)
    parts = pattern.s if cased else pattern.lower().s
    many = SpecialChars.WILDCARD_MULTI
    match parts:
        case []:
            how, text = How.WHOLE, ""
        case [str(text)]:
            how = How.WHOLE
        case [str(text), last] if last is many:
            how = How.FIRST
        case [first, str(text)] if first is many:
            how = How.LAST
        case _:
            how, text = (
                How.WITHIN,
                max((p for p in parts if isinstance(p, str)), key=len, default=""),
            )
    if cased:
        how, text = _of_cased(how, text)
    if how is not How.WHOLE:
        text = text[-LONGEST:] if how is How.LAST else text[:LONGEST]
    return frozenset({Literal(how, text)}) if text or how is How.WHOLE else None


def _of_cased(how: How, text: str) -> tuple[How, str]:
    """Outside ASCII the lower case of a part is not always a part of the lower case of the whole."""
    return (how, text.lower()) if text.isascii() else (How.WITHIN, "")


def of_number(number: SigmaNumber) -> Literals:
    return frozenset({Literal(How.NUMBER, str(number.number))})


def of_network(expression: SigmaCIDRExpression) -> Literals:
    return frozenset({Literal(How.NETWORK, str(expression.network))})


def of_expression(expression: SigmaRegularExpression) -> Literals:
    """Of a regular expression that can be compiled."""
    texts = mandatory(str(expression.regexp), regex_flags(expression))
    return (
        None if texts is None else frozenset(Literal(How.WITHIN, text[:LONGEST]) for text in texts)
    )
