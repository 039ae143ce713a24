"""What the literals in an event's values say of a condition, and what is left to ask of the event."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from itertools import product

from schemas.quick import quick
from streams.sigma.conditions import (
    All,
    Anchor,
    Anywhere,
    Condition,
    Either,
    FieldTest,
    Not,
    Present,
    anchors,
)
from streams.sigma.scan import scanned

MOST_NEEDS = 4
"""Of one rule that ask for the same fields; the others are asked of the event."""

_PRESENCE, _EXACT, _COMPARED, _SEARCHED, _ANYWHERE = range(5)
"""Kinds of tests, cheapest first."""


@quick
class Need:
    """One of these literals stands in the values (`wanted`), or none does."""

    anchor: Anchor
    wanted: bool

    @property
    def names(self) -> frozenset[str]:
        return frozenset(name for name, _ in self.anchor)


def needs(
    condition: Condition, present: AbstractSet[str], cost: Callable[[Anchor], float]
) -> tuple[list[Need], Condition | None]:
    """What must be met for the condition to hold, and what then still has to be asked, cheapest part
    first; None: nothing. `present`: the names of the fields, each of which has a value."""
    needed: list[tuple[Need, Condition]] = []
    asked: list[Condition] = []
    for part in _conjuncts(condition):
        wanted = not isinstance(part, Not)
        exact = _exact(part.part if isinstance(part, Not) else part, present)
        if exact is not None and (wanted or not any(scanned(literal) for _, literal in exact)):
            # A scan looks for what rules need. What they must not find is asked of the few left.
            needed.append((Need(exact, wanted), part))
            continue
        asked.append(part)
        needed += [(Need(each, True), part) for each in anchors(part, present, cost)]
    needed.sort(key=lambda each: (not each[0].wanted, cost(each[0].anchor)))
    found: dict[frozenset[str], list[Need]] = {}
    for need, part in needed:
        same = found.setdefault(need.names, [])
        if len(same) < MOST_NEEDS:
            same.append(need)
        elif all(part is not each for each in asked):
            asked.append(part)
    return [need for same in found.values() for need in same], _all(asked)


def _all(parts: list[Condition]) -> Condition | None:
    if len(parts) > 1:
        return All(tuple(sorted(parts, key=_effort)))
    return parts[0] if parts else None


def _conjuncts(condition: Condition) -> Iterator[Condition]:
    """Parts that must all hold, as far as they can be told apart."""
    waiting = [(condition, True)]
    while waiting:
        one, wanted = waiting.pop()
        if isinstance(one, Not):
            waiting.append((one.part, not wanted))
        elif isinstance(one, All if wanted else Either):
            waiting += [(part, wanted) for part in reversed(one.parts)]
        else:
            yield one if wanted else Not(one)


def _exact(condition: Condition, present: AbstractSet[str]) -> Anchor | None:
    """The literals of which one stands in the values exactly if the condition holds."""
    if isinstance(condition, Either):
        joined = Anchor()
        for part in condition.parts:
            exact = _exact(part, present)
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


def _effort(condition: Condition) -> tuple[int, int]:
    """To order parts by: the dearest kind of test in it, and how many."""
    kinds: list[int] = []
    waiting = [condition]
    while waiting:
        match waiting.pop():
            case Not() as one:
                waiting.append(one.part)
            case All() | Either() as one:
                waiting += one.parts
            case Present():
                kinds.append(_PRESENCE)
            case FieldTest() as one:
                kinds.append(_of_field(one))
            case Anywhere():
                kinds.append(_ANYWHERE)
            case _:
                kinds.append(_COMPARED)
    return max(kinds), len(kinds)


def _of_field(test: FieldTest) -> int:
    if test.exact:
        return _EXACT
    return _SEARCHED if test.searched else _COMPARED
