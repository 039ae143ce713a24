"""Find texts that occur in everything that a regular expression matches."""

from __future__ import annotations

import re
from re import _constants, _parser  # type: ignore[attr-defined]  # no public way to a parsed pattern
from typing import Any

from streams.sigma.expressions import ParseTree, get_inner_flags, list_branches

_op: Any = _constants
MOST = 64
"""Texts; a longer list of alternatives names none."""
_REPEATS = frozenset({_op.MAX_REPEAT, _op.MIN_REPEAT, _op.POSSESSIVE_REPEAT})
_ODD_CASES = "is"
"""ASCII letters that `re` without regard to case finds in characters whose lower case is another:
dotless i and long s."""

LEAST_BESIDE = 3
"""Least characters of a text in addition to a longer one, unless it is a rare character."""
MOST_CHOICES = 4
"""Sets of texts of one expression, and texts of one pattern."""

TextSet = frozenset[str]
_COMMON = frozenset(" ./\\-_:=,\"'")
"""Characters that occur in most values."""


def find_mandatory(pattern: str, flags: int) -> list[TextSet]:
    """Find sets of which one text each occurs in the lower case of every match, the set with the
    longest shortest text first. In lower case, ASCII only. The pattern must be one that `re`
    accepts."""
    tree = _parser.parse(pattern, flags)
    return _choose_best(_find_in_sequence(tree, tree.state.flags))


def _choose_best(choices: list[TextSet]) -> list[TextSet]:
    best: list[TextSet] = []
    for texts in sorted(choices, key=_get_shortest, reverse=True):
        if len(best) < MOST_CHOICES and (
            not best
            or (
                all(map(is_rare, texts)) and not any(_is_covered_by(other, texts) for other in best)
            )
        ):
            best.append(texts)
    return best


def _get_shortest(texts: TextSet) -> int:
    return min(map(len, texts))


def is_rare(text: str) -> bool:
    """Whether it is rare enough to search for in addition to a longer text."""
    return len(text) >= LEAST_BESIDE or not (text.isalnum() or _COMMON.issuperset(text))


def _is_covered_by(one: TextSet, other: TextSet) -> bool:
    """Whether each text of the one contains a text of the other."""
    return all(any(text in longer for text in other) for longer in one)


def _find_in_sequence(tree: ParseTree, flags: int) -> list[TextSet]:
    """Find what the parts of the sequence need."""
    choices: list[TextSet] = []
    run = ""
    for kind, value in tree:
        if kind is _op.AT:
            continue  # it has no width: what surrounds it is adjacent
        sign = _get_lower_case(value, flags) if kind is _op.LITERAL else ""
        if sign:
            run += sign
            continue
        choices.append(frozenset({run}))
        run = ""
        choices += _find_in_part(kind, value, flags)
    choices.append(frozenset({run}))
    return [texts for texts in choices if all(texts)]


def _find_in_part(kind: Any, value: Any, flags: int) -> list[TextSet]:
    if kind is _op.SUBPATTERN:
        return _find_in_sequence(value[3], get_inner_flags(kind, value, flags))
    if kind is _op.ATOMIC_GROUP:
        return _find_in_sequence(value, flags)
    if kind in _REPEATS and value[0] > 0:
        return _find_in_sequence(value[2], flags)
    if kind is _op.BRANCH:
        joined: set[str] = set()
        for branch in list_branches(kind, value):
            choices = _find_in_sequence(branch, flags)
            if not choices:
                return []
            joined |= _choose_best(choices)[0]
        return [frozenset(joined)] if len(joined) <= MOST else []
    return []


def _get_lower_case(code_point: int, flags: int) -> str:
    """Return the character's lower case; empty: outside ASCII, or it has several."""
    sign = chr(code_point)
    if not sign.isascii():
        return ""
    low = sign.lower()
    several = flags & re.IGNORECASE and not flags & re.ASCII and low in _ODD_CASES
    return "" if several else low
