"""The texts of which one stands in everything that a regular expression matches."""

from __future__ import annotations

import re
from re import _constants, _parser  # type: ignore[attr-defined]  # no public way to a parsed pattern
from typing import Any

from streams.sigma.expressions import Tree, branches, flags_inside

_op: Any = _constants
MOST = 64
"""Texts; a longer list of alternatives names none."""
_REPEATS = frozenset({_op.MAX_REPEAT, _op.MIN_REPEAT, _op.POSSESSIVE_REPEAT})
_ODD_CASES = "is"
"""ASCII letters that `re` without regard to case finds in characters whose lower case is another:
dotless i and long s."""

Texts = frozenset[str] | None


def mandatory(pattern: str, flags: int) -> Texts:
    """In lower case, ASCII only: one of them stands in the lower case of every text in which the
    pattern matches. None: there is none that this finds. The pattern must be one that `re` reads."""
    tree = _parser.parse(pattern, flags)
    return _of_sequence(tree, tree.state.flags)


def _of_sequence(tree: Tree, flags: int) -> Texts:
    """The best of what its parts need: the one whose shortest text is longest."""
    choices: list[frozenset[str]] = []
    run = ""
    for kind, value in tree:
        if kind is _op.AT:
            continue  # it takes no room: what stands around it is adjacent
        sign = _lower(value, flags) if kind is _op.LITERAL else ""
        if sign:
            run += sign
            continue
        choices.append(frozenset({run}))
        run = ""
        inner = _of_part(kind, value, flags)
        if inner is not None:
            choices.append(inner)
    choices.append(frozenset({run}))
    best = max(choices, key=lambda texts: min(map(len, texts)))
    return best if all(best) else None


def _of_part(kind: Any, value: Any, flags: int) -> Texts:
    if kind is _op.SUBPATTERN:
        return _of_sequence(value[3], flags_inside(kind, value, flags))
    if kind is _op.ATOMIC_GROUP:
        return _of_sequence(value, flags)
    if kind in _REPEATS and value[0] > 0:
        return _of_sequence(value[2], flags)
    if kind is _op.BRANCH:
        joined: set[str] = set()
        for branch in branches(kind, value):
            texts = _of_sequence(branch, flags)
            if texts is None:
                return None
            joined |= texts
        return frozenset(joined) if len(joined) <= MOST else None
    return None


def _lower(code_point: int, flags: int) -> str:
    """The character's lower case; empty: outside ASCII, or it has several."""
    sign = chr(code_point)
    if not sign.isascii():
        return ""
    low = sign.lower()
    several = flags & re.IGNORECASE and not flags & re.ASCII and low in _ODD_CASES
    return "" if several else low
