"""Split a condition into what the literals in an event's values decide, and what remains to be
tested."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from itertools import product

from schemas.pipeline.slotted import slotted
from streams.sigma.conditions import (
    AllOf,
    Anchor,
    AnyOf,
    Condition,
    FieldPresence,
    FieldTest,
    KeywordTest,
    NotCondition,
    list_anchors,
)
from streams.sigma.scan import is_scannable

MOST_NEEDS = 4
"""Of one rule that ask for the same fields; the others are asked of the event."""

_PRESENCE, _EXACT, _COMPARED, _SEARCHED, _ANYWHERE = range(5)
"""Kinds of tests, cheapest first."""


@slotted
class LiteralNeed:
    """One of these literals occurs in the values (`is_positive`), or none does."""

    anchor: Anchor
    is_positive: bool

    @property
    def names(self) -> frozenset[str]:
        return frozenset(name for name, _ in self.anchor)


def split_needs(
    condition: Condition, present: AbstractSet[str], cost: Callable[[Anchor], float]
) -> tuple[list[LiteralNeed], Condition | None]:
    """Return what must be met for the condition to hold, and what remains to be tested then,
    cheapest part first; None: nothing. `present`: the names of the fields, each of which has a
    value."""
    needed: list[tuple[LiteralNeed, Condition]] = []
    remaining: list[Condition] = []
    for part in _iterate_conjuncts(condition):
        is_positive = not isinstance(part, NotCondition)
        exact = _find_exact_anchor(part.part if isinstance(part, NotCondition) else part, present)
        if exact is not None and (
            is_positive or not any(is_scannable(literal) for _, literal in exact)
        ):
            # A scan looks for what rules need. What they must not find is asked of the few left.
            needed.append((LiteralNeed(exact, is_positive), part))
            continue
        remaining.append(part)
        needed += [(LiteralNeed(each, True), part) for each in list_anchors(part, present, cost)]
    needed.sort(key=lambda each: (not each[0].is_positive, cost(each[0].anchor)))
    needs_by_names: dict[frozenset[str], list[LiteralNeed]] = {}
    for need, part in needed:
        same = needs_by_names.setdefault(need.names, [])
        if len(same) < MOST_NEEDS:
            same.append(need)
        elif all(part is not each for each in remaining):
            remaining.append(part)
    return [need for same in needs_by_names.values() for need in same], _join_all(remaining)


def _join_all(parts: list[Condition]) -> Condition | None:
    if len(parts) > 1:
        return AllOf(tuple(sorted(parts, key=_estimate_effort)))
    return parts[0] if parts else None


def _iterate_conjuncts(condition: Condition) -> Iterator[Condition]:
    """Yield parts that must all hold, as far as they can be separated."""
    waiting = [(condition, True)]
    while waiting:
        one, is_positive = waiting.pop()
        if isinstance(one, NotCondition):
            waiting.append((one.part, not is_positive))
        elif isinstance(one, AllOf if is_positive else AnyOf):
            waiting += [(part, is_positive) for part in reversed(one.parts)]
        else:
            yield one if is_positive else NotCondition(one)


def _find_exact_anchor(condition: Condition, present: AbstractSet[str]) -> Anchor | None:
    """Find the literals of which one occurs in the values exactly if the condition holds."""
    if isinstance(condition, AnyOf):
        joined = Anchor()
        for part in condition.parts:
            exact = _find_exact_anchor(part, present)
            if exact is None:
                return None
            joined |= exact
        return joined
    if isinstance(condition, FieldTest) and condition.exact:
        # Only the first that has a value is compared.
        first = next(name for name in condition.names if name in present)
        (literals,) = condition.literals
        return frozenset(product((first,), literals))
    return None


def _estimate_effort(condition: Condition) -> tuple[int, int]:
    """Estimate the cost to order parts by: the most expensive kind of test in it, and how many."""
    kinds: list[int] = []
    waiting = [condition]
    while waiting:
        match waiting.pop():
            case NotCondition() as one:
                waiting.append(one.part)
            case AllOf() | AnyOf() as one:
                waiting += one.parts
            case FieldPresence():
                kinds.append(_PRESENCE)
            case FieldTest() as one:
                kinds.append(_estimate_field_effort(one))
            case KeywordTest():
                kinds.append(_ANYWHERE)
            case _:
                kinds.append(_COMPARED)
    return max(kinds), len(kinds)


def _estimate_field_effort(test: FieldTest) -> int:
    if test.exact:
        return _EXACT
    return _SEARCHED if test.searched else _COMPARED
