"""Build tests on one event value from Sigma's value types.

Strings compare without regard to case unless `cased`; a list matches if one element does; null
means absent. Source: Sigma specification 2.1 and its modifier appendix."""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
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

from streams.sigma.expressions import build_searcher

LONGEST_ADDRESS = 100
"""Longer text is no address, and must not fill the cache."""

TextTest = Callable[[str], bool]
ValueTest = Callable[[Any], bool]

OPERATORS: dict[CompareOperators, Callable[[float, float], bool]] = {
    CompareOperators.LT: operator.lt,
    CompareOperators.LTE: operator.le,
    CompareOperators.GT: operator.gt,
    CompareOperators.GTE: operator.ge,
    CompareOperators.NEQ: operator.ne,
}


def iterate_elements(value: Any) -> Iterable[Any]:
    """Yield the value's elements: none of an absent one, the members of a list, else itself."""
    if value is None:
        return ()
    return value if isinstance(value, list | tuple) else (value,)


def iterate_leaves(values: Iterable[Any]) -> Iterator[Any]:
    """Yield the values and their nested values, of any depth; each is visited once."""
    waiting = [iter(values)]
    while waiting:
        for inner in waiting[-1]:
            if isinstance(inner, dict):
                waiting.append(iter(inner.values()))
                break
            if isinstance(inner, list | tuple):
                waiting.append(iter(inner))
                break
            if inner is not None:
                yield inner
        else:
            waiting.pop()


def to_text(value: Any) -> str:
    """Convert a value to the text that is compared with a string."""
    if isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def find_exact_text(pattern: SigmaString) -> str | None:
    """Return the string that the pattern equals in lower case; None: it has wildcards or is
    case-sensitive."""
    if isinstance(pattern, SigmaCasedString) or pattern.contains_special():
        return None
    return "".join(part for part in pattern.s if isinstance(part, str)).lower()


def build_text_test(pattern: SigmaString) -> TextTest:
    """Build a test on text, which must be in lower case unless the pattern is cased."""
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
    return build_wildcard_test(parts)


def build_wildcard_test(parts: Iterable[Any]) -> TextTest:
    """Build a test for any wildcards. Each piece between two `*` is searched once, after the one
    before: the first place is as good as any later one, so there is no backtracking."""
    pieces: list[list[Any]] = [[]]
    for part in parts:
        if part is SpecialChars.WILDCARD_MULTI:
            pieces.append([])
        else:
            pieces[-1].append(part)
    if len(pieces) == 1:
        whole = _compile_piece(pieces[0]).fullmatch
        return lambda value: whole(value) is not None
    head, tail = _compile_piece(pieces[0]), _compile_piece(pieces[-1])
    tail_length = _measure_length(pieces[-1])
    middle = [_compile_piece(piece).search for piece in pieces[1:-1] if piece]

    def test_wildcards(value: str) -> bool:
        at, end = _measure_length(pieces[0]), len(value) - tail_length
        if at > end or head.match(value) is None or tail.match(value, end) is None:
            return False
        for search in middle:
            match = search(value, at, end)
            if match is None:
                return False
            at = match.end()
        return True

    return test_wildcards


def _compile_piece(parts: Sequence[Any]) -> re.Pattern[str]:
    """Matches a text of one length: `?` is any one character."""
    return re.compile(
        "".join(re.escape(p) if isinstance(p, str) else "." for p in parts), re.DOTALL
    )


def _measure_length(parts: Sequence[Any]) -> int:
    return sum(len(part) if isinstance(part, str) else 1 for part in parts)


def build_strings_test(patterns: Iterable[SigmaString]) -> ValueTest:
    """Build a test whether any of the patterns matches any element."""
    folded: list[TextTest] = []
    cased: list[TextTest] = []
    whole: set[str] = set()
    for pattern in patterns:
        plain = find_exact_text(pattern)
        if plain is not None:
            whole.add(plain)
        elif isinstance(pattern, SigmaCasedString):
            cased.append(build_text_test(pattern))
        else:
            folded.append(build_text_test(pattern))

    return _build_element_test(_build_one_of(whole, folded, cased))


def _build_one_of(
    whole: AbstractSet[str], folded: Sequence[TextTest], cased: Sequence[TextTest]
) -> TextTest:
    if not (folded or cased):
        return lambda text: text.lower() in whole

    def match_one_of(value_text: str) -> bool:
        low = value_text.lower()
        if low in whole:
            return True
        for test in folded:
            if test(low):
                return True
        for test in cased:  # noqa: SIM110  # a generator costs more than the tests
            if test(value_text):
                return True
        return False

    return match_one_of


def _build_element_test(matches: TextTest) -> ValueTest:
    """Build a test whether one element's text matches."""

    def test_elements(value: Any) -> bool:
        if type(value) is str:
            return matches(value)
        for element in iterate_elements(value):  # noqa: SIM110  # a generator costs more than the tests
            if matches(to_text(element)):
                return True
        return False

    return test_elements


def build_regex_test(expression: SigmaRegularExpression) -> ValueTest:
    """Build an unanchored test, case-sensitive unless `i`. Raises Refused for what only
    backtracking searches."""
    search = build_searcher(str(expression.regexp), get_regex_flags(expression))
    return _build_element_test(search)


def get_regex_flags(expression: SigmaRegularExpression) -> int:
    """Return the flags for `re`."""
    flags = 0
    for flag in expression.flags:
        flags |= expression.sigma_to_python_flags[flag]
    return flags


def build_number_test(number: SigmaNumber) -> ValueTest:
    expected = number.number
    wanted_text = str(expected)
    return lambda value: any(
        element == expected if isinstance(element, int | float) else to_text(element) == wanted_text
        for element in iterate_elements(value)
        if not isinstance(element, bool)
    )


def build_compare_test(expression: SigmaCompareExpression) -> ValueTest:
    """Build a numeric test; a value that is no number never matches."""
    compare, expected = OPERATORS[expression.op], expression.number.number

    def test_order(value: Any) -> bool:
        numbers = (to_number(element) for element in iterate_elements(value))
        return any(n is not None and compare(n, expected) for n in numbers)

    return test_order


def to_number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def parse_address(value_text: str) -> tuple[int, int] | None:
    """Parse an IP address to (version, integer); IPv4-mapped IPv6 counts as IPv4; None: it is no
    address."""
    return _parse_address(value_text) if len(value_text) <= LONGEST_ADDRESS else None


@lru_cache(maxsize=65_536)
def _parse_address(value_text: str) -> tuple[int, int] | None:
    try:
        parsed = ipaddress.ip_address(value_text)
    except ValueError:
        return None
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (4, int(mapped)) if mapped is not None else (parsed.version, int(parsed))


def build_cidr_test(expression: SigmaCIDRExpression) -> ValueTest:
    """Build a test that parses the network once, an address once while it is cached."""
    network = expression.network
    version = network.version
    first, last = int(network.network_address), int(network.broadcast_address)

    def test_network(value: Any) -> bool:
        for element in iterate_elements(value):
            parsed = parse_address(to_text(element))
            if parsed is not None and parsed[0] == version and first <= parsed[1] <= last:
                return True
        return False

    return test_network
