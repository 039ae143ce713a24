"""Tests on one event value, made once from Sigma's value types.

Strings compare without regard to case unless `cased`; a list matches when one element does; null
means absent. Source: Sigma specification 2.1 and its modifier appendix.
"""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from typing import Any

from sigma.types import (
    CompareOperators,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SpecialChars,
)

TextTest = Callable[[str], bool]
ValueTest = Callable[[Any], bool]

OPERATORS: dict[CompareOperators, Callable[[float, float], bool]] = {
    CompareOperators.LT: operator.lt,
    CompareOperators.LTE: operator.le,
    CompareOperators.GT: operator.gt,
    CompareOperators.GTE: operator.ge,
    CompareOperators.NEQ: operator.ne,
}


def elements(value: Any) -> Iterable[Any]:
    """The value's elements: none of an absent one, the members of a list, else itself."""
    if value is None:
        return ()
    return value if isinstance(value, list | tuple) else (value,)


def text(value: Any) -> str:
    """How a value is compared with a string."""
    if isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def exact(pattern: SigmaString) -> str | None:
    """The string that the pattern equals in lower case; None: it has wildcards or minds case."""
    if isinstance(pattern, SigmaCasedString) or pattern.contains_special():
        return None
    return "".join(part for part in pattern.s if isinstance(part, str)).lower()


def text_test(pattern: SigmaString) -> TextTest:
    """A test on text, which must be in lower case unless the pattern is cased."""
    parts = pattern.s
    if not isinstance(pattern, SigmaCasedString):
        parts = pattern.lower().s
    many = SpecialChars.WILDCARD_MULTI
    match parts:
        case []:
            return lambda value: not value
        case [str(whole)]:
            return partial(operator.eq, whole)
        case [first, str(middle), last] if first is many and last is many:
            return lambda value: middle in value
        case [str(head), last] if last is many:
            return lambda value: value.startswith(head)
        case [first, str(tail)] if first is many:
            return lambda value: value.endswith(tail)
    return wildcard_test(parts)


def wildcard_test(parts: Iterable[Any]) -> TextTest:
    signs = {SpecialChars.WILDCARD_MULTI: ".*", SpecialChars.WILDCARD_SINGLE: "."}
    source = "".join(re.escape(p) if isinstance(p, str) else signs[p] for p in parts)
    matcher = re.compile(source, re.DOTALL).fullmatch
    return lambda value: matcher(value) is not None


def strings_test(patterns: Iterable[SigmaString]) -> ValueTest:
    """Does any of the patterns match any element?"""
    folded, cased = [], []
    whole: set[str] = set()
    for pattern in patterns:
        plain = exact(pattern)
        if plain is not None:
            whole.add(plain)
        elif isinstance(pattern, SigmaCasedString):
            cased.append(text_test(pattern))
        else:
            folded.append(text_test(pattern))

    def test(value: Any) -> bool:
        for element in elements(value):
            told = text(element)
            low = told.lower()
            if low in whole or any(t(low) for t in folded) or any(t(told) for t in cased):
                return True
        return False

    return test


def regex_test(expression: SigmaRegularExpression) -> ValueTest:
    """Unanchored, minding case unless `i`."""
    flags = 0
    for flag in expression.flags:
        flags |= expression.sigma_to_python_flags[flag]
    search = re.compile(str(expression.regexp), flags).search
    return lambda value: any(search(text(element)) is not None for element in elements(value))


def number_test(number: SigmaNumber) -> ValueTest:
    wanted = number.number
    told = str(wanted)
    return lambda value: any(
        element == wanted if isinstance(element, int | float) else text(element) == told
        for element in elements(value)
        if not isinstance(element, bool)
    )


def compare_test(expression: SigmaCompareExpression) -> ValueTest:
    """Numeric; a value that is no number never matches."""
    compare, wanted = OPERATORS[expression.op], expression.number.number

    def test(value: Any) -> bool:
        numbers = (number(element) for element in elements(value))
        return any(n is not None and compare(n, wanted) for n in numbers)

    return test


def number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


@lru_cache(maxsize=65_536)
def address(told: str) -> tuple[int, int] | None:
    """(version, integer) of an IP address; IPv4-mapped IPv6 counts as IPv4; None: it is none."""
    try:
        parsed = ipaddress.ip_address(told)
    except ValueError:
        return None
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (4, int(mapped)) if mapped is not None else (parsed.version, int(parsed))


def cidr_test(expression: SigmaCIDRExpression) -> ValueTest:
    """The network is parsed once, an address once while it is in the cache."""
    network = expression.network
    version = network.version
    first, last = int(network.network_address), int(network.broadcast_address)

    def test(value: Any) -> bool:
        for element in elements(value):
            found = address(text(element))
            if found is not None and found[0] == version and first <= found[1] <= last:
                return True
        return False

    return test
