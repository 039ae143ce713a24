"""Represent a rule's condition as a tree, and derive what an event needs for it to hold.

A test of an absent field is false, so that the names of an event's fields alone decide many
conditions (`fold`). The others are evaluated on the event's values (`build_predicate`), and most of
them only if one of a few literals occurs there (`list_anchors`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import product
from typing import Any

from schemas.pipeline.slotted import slotted
from streams.sigma.literals import Literal, Literals
from streams.sigma.values import ValueTest, iterate_leaves

Fields = Mapping[str, Any]
Predicate = Callable[[Fields], bool]
Anchor = frozenset[tuple[str, Literal]]
"""Names of fields with literals of which that field's value must contain one."""
ANYWHERE = "\0"
"""Replaces the name of a field where any value will do; no rule file can contain it."""


@slotted
class FieldTest:
    """The value of the first of these fields that the event has."""

    names: tuple[str, ...]
    holds: ValueTest
    literals: Literals = ()
    """Every value for which the test holds contains them."""
    exact: bool = False
    """There is one set, and the test holds for every value that contains one of its literals."""
    searched: bool = False
    """It searches for a regular expression, which costs most."""


@slotted
class FieldPresence:
    """The event has a value in one of these fields, or in none."""

    names: tuple[str, ...]
    must_exist: bool


@slotted
class FieldComparison:
    """Two fields of one event are compared."""

    names: tuple[str, ...]
    others: tuple[str, ...]
    holds: Callable[[Any, Any], bool]


@slotted
class KeywordTest:
    """A keyword: any value of the event, at any depth."""

    holds: ValueTest
    literals: Literals = ()


@slotted
class AllOf:
    """Every part holds."""

    parts: tuple[Condition, ...]


@slotted
class AnyOf:
    """One part holds."""

    parts: tuple[Condition, ...]


@slotted
class NotCondition:
    """The part does not hold."""

    part: Condition


Condition = FieldTest | FieldPresence | FieldComparison | KeywordTest | AllOf | AnyOf | NotCondition


def fold(condition: Condition, present: AbstractSet[str]) -> Condition | bool:
    """Reduce the condition for events that have no fields but these: to a verdict if their names
    decide it. A name means that there may be a value: it may be null."""
    match condition:
        case FieldTest():
            return False if present.isdisjoint(condition.names) else condition
        case FieldPresence():
            return not condition.must_exist if present.isdisjoint(condition.names) else condition
        case FieldComparison():
            lacks = present.isdisjoint(condition.names) or present.isdisjoint(condition.others)
            return False if lacks else condition
        case NotCondition():
            inner = fold(condition.part, present)
            return (not inner) if isinstance(inner, bool) else NotCondition(inner)
        case AllOf() | AnyOf():
            return _fold_parts(condition, present)
    return condition


def _fold_parts(condition: AllOf | AnyOf, present: AbstractSet[str]) -> Condition | bool:
    decides = isinstance(condition, AnyOf)
    """The verdict of one part that is the verdict of all."""
    undecided: list[Condition] = []
    for part in condition.parts:
        inner = fold(part, present)
        if inner is decides:
            return decides
        if not isinstance(inner, bool):
            undecided.append(inner)
    if not undecided:
        return not decides
    if len(undecided) == 1:
        return undecided[0]
    return AnyOf(tuple(undecided)) if decides else AllOf(tuple(undecided))


def list_anchors(
    condition: Condition, names: AbstractSet[str] | None, cost: Callable[[Anchor], float]
) -> list[Anchor]:
    """List what must be met for the condition to hold. `names`: fields that have a value; None: any
    may. `cost`: which of several to prefer where alternatives need one each."""
    return _collect_anchors(condition, names, cost, holds=True)


def _collect_anchors(
    condition: Condition,
    names: AbstractSet[str] | None,
    cost: Callable[[Anchor], float],
    *,
    holds: bool,
) -> list[Anchor]:
    match condition:
        case NotCondition():
            return _collect_anchors(condition.part, names, cost, holds=not holds)
        case AllOf() | AnyOf():
            needs = [_collect_anchors(part, names, cost, holds=holds) for part in condition.parts]
            if isinstance(condition, AllOf) is holds:
                return [anchor for each in needs for anchor in each]
            return [Anchor().union(*(min(each, key=cost) for each in needs))] if all(needs) else []
        case FieldTest() if holds:
            present_names = [n for n in condition.names if names is None or n in names]
            # Only the first that has a value is compared.
            first = present_names if names is None else present_names[:1]
            return [frozenset(product(first, each)) for each in condition.literals]
        case KeywordTest() if holds:
            return [frozenset(product((ANYWHERE,), each)) for each in condition.literals]
    return []


def find_needed_names(condition: Condition, *, holds: bool = True) -> frozenset[str] | None:
    """Return fields of which the event must have one for the condition to hold; None: it may have
    none. With `holds=False`, for the condition not to hold."""
    match condition:
        case FieldTest() | FieldComparison():
            return frozenset(condition.names) if holds else None
        case FieldPresence():
            return frozenset(condition.names) if condition.must_exist is holds else None
        case NotCondition():
            return find_needed_names(condition.part, holds=not holds)
        case AllOf() | AnyOf():
            needs = [find_needed_names(part, holds=holds) for part in condition.parts]
            return _join_names(needs, every=isinstance(condition, AllOf) is holds)
    return None


def _join_names(needs: Sequence[frozenset[str] | None], *, every: bool) -> frozenset[str] | None:
    known = [each for each in needs if each is not None]
    if every:
        return min(known, key=len, default=None)
    return frozenset[str]().union(*known) if len(known) == len(needs) else None


def iterate_tests(
    condition: Condition,
) -> Iterator[tuple[FieldTest | FieldPresence | FieldComparison | KeywordTest, bool]]:
    """Yield every test in it, and whether it supports the condition rather than its negation."""
    waiting = [(condition, True)]
    while waiting:
        one, speaks_for = waiting.pop()
        if isinstance(one, NotCondition):
            waiting.append((one.part, not speaks_for))
        elif isinstance(one, AllOf | AnyOf):
            waiting.extend((part, speaks_for) for part in one.parts)
        else:
            yield one, speaks_for


def count_levels(condition: Condition) -> int:
    """Count the levels of nesting."""
    deepest, level = 0, [condition]
    while level:
        deepest += 1
        level = [
            inner
            for one in level
            for inner in (
                one.parts
                if isinstance(one, AllOf | AnyOf)
                else (one.part,)
                if isinstance(one, NotCondition)
                else ()
            )
        ]
    return deepest


def build_predicate(condition: Condition) -> Predicate:  # noqa: PLR0911  # one for each kind
    """Build one function of an event's fields from the condition."""
    match condition:
        case AllOf():
            return _build_all_of([build_predicate(part) for part in condition.parts])
        case AnyOf():
            return _build_any_of([build_predicate(part) for part in condition.parts])
        case NotCondition():
            inner = build_predicate(condition.part)
            return lambda fields: not inner(fields)
        case FieldPresence():
            get, must_exist = build_getter(condition.names), condition.must_exist
            return lambda fields: (get(fields) is not None) is must_exist
        case FieldComparison():
            one, two, same = (
                build_getter(condition.names),
                build_getter(condition.others),
                condition.holds,
            )
            return lambda fields: same(one(fields), two(fields))
        case KeywordTest():
            return _build_keyword_test(condition.holds)
    return _build_test(condition)


def _build_test(condition: FieldTest) -> Predicate:
    holds = condition.holds
    if len(condition.names) == 1:
        (name,) = condition.names
        return lambda fields: holds(fields.get(name))
    get = build_getter(condition.names)
    return lambda fields: holds(get(fields))


def build_getter(names: Sequence[str]) -> Callable[[Fields], Any]:
    """Build a function that returns the value of the first of these names that the event has."""
    if len(names) == 1:
        (only,) = names
        return lambda fields: fields.get(only)

    def get_value(fields: Fields) -> Any:
        for name in names:
            value = fields.get(name)
            if value is not None:
                return value
        return None

    return get_value


def _build_all_of(parts: Sequence[Predicate]) -> Predicate:
    if len(parts) == 2:
        one, two = parts
        return lambda fields: one(fields) and two(fields)

    def check_every(fields: Fields) -> bool:
        for part in parts:  # noqa: SIM110  # a generator costs more than the parts
            if not part(fields):
                return False
        return True

    return check_every


def _build_any_of(parts: Sequence[Predicate]) -> Predicate:
    if len(parts) == 2:
        one, two = parts
        return lambda fields: one(fields) or two(fields)

    def check_some(fields: Fields) -> bool:
        for part in parts:  # noqa: SIM110  # a generator costs more than the parts
            if part(fields):
                return True
        return False

    return check_some


def _build_keyword_test(test: ValueTest) -> Predicate:
    return lambda fields: any(test(one) for one in iterate_leaves(fields.values()))
