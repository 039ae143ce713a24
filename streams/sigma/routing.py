"""Which rules an event meets: by log source, by the names of its fields, by exact values, by texts.

The only contract is that a rule left out could not have matched. What a sender writes makes neither
memory nor time grow: plans are few, a plan is made only where it pays, and without one an event
meets what its values alone let through.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

from schemas.quick import quick
from streams.sigma.columns import LONGEST_REMEMBERED
from streams.sigma.plans import Plan, Planner, PlanOfAll, Routed
from streams.sigma.values import elements, text

OTHER = "-"
"""Stands for every data set and category that no gate names."""
MOST_WEIGHT = 200_000
"""Of all plans of one generation: a rule or one of its literals weighs 1."""
MOST_PLANS = 2_000
"""Of one generation."""
FREE = 50_000
"""Rules that may be looked at for plans of new names at once."""
A_QUARTER = 4
"""After that, so many rules may be looked at for each event that has had no plan."""
MOST_AWAITED = 4_000
"""Combinations of names whose events are counted."""

MOST_CATEGORIES = 4
"""Of an event whose log source is remembered."""
MOST_ORIGINS = 1_000
"""Data sets and categories, as they are written, whose log source is remembered."""

Rule = TypeVar("Rule", bound=Routed)
Kind = tuple[str, tuple[str, ...]]
"""Data set and categories, as far as gates name them."""
Shape = tuple[Kind, frozenset[str]]


@quick
class _LogSource:
    """The rules that it admits, and the fields that they ask for."""

    kind: Kind
    numbers: Sequence[int]
    names: frozenset[str]


class Router(Generic[Rule]):
    """The rules of a book, and the plans of the events that have come."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._datasets = {name for rule in rules for name in rule.gate.datasets}
        self._categories = {name for rule in rules for name in rule.gate.categories}
        self._planner = Planner(rules)
        self._sources: dict[Kind, _LogSource] = {}
        self._origins: dict[tuple[str, ...], _LogSource] = {}
        self._plans = _Plans()
        self._plan_of_all: PlanOfAll | None = None
        self._free = FREE
        self._awaited: dict[Shape, int] = {}

    def matches(self, dataset: str, fields: Mapping[str, Any]) -> list[Rule]:
        """The rules whose log source admits the event and whose condition holds, in their order."""
        source = self._source(dataset, fields.get("event.category"))
        shape = (source.kind, source.names.intersection(fields))
        plan = self._plans.get(shape) or self._new_plan(shape, source.numbers)
        numbers = None if plan is None else plan.matches(fields)
        rules = self._rules
        if numbers is not None:
            return [rules[number] for number in numbers]
        possible = [rules[number] for number in self._without_plan(source.kind, fields)]
        return [rule for rule in possible if rule.predicate(fields)]

    def _new_plan(self, shape: Shape, numbers: Sequence[int]) -> Plan | None:
        """None: not yet. The first shapes get theirs at once, later ones when enough of their events
        have come, so that names invented without end cost little more than no plans."""
        seen = self._awaited.get(shape, 0) + 1
        to_look_at = self._planner.can_match(numbers, shape[1]) if seen & (seen - 1) == 0 else None
        if to_look_at is not None and len(to_look_at) <= max(self._free, seen * A_QUARTER):
            self._free = max(self._free - len(to_look_at), 0)
            self._awaited.pop(shape, None)
            plan = self._planner.plan(to_look_at, shape[1])
            self._plans.put(shape, plan)
            return plan
        if len(self._awaited) >= MOST_AWAITED:
            self._awaited.clear()
        self._awaited[shape] = seen
        return None

    def _without_plan(self, kind: Kind, fields: Mapping[str, Any]) -> Sequence[int]:
        if self._plan_of_all is None:
            self._plan_of_all = self._planner.plan_of_all()
        numbers = self._plan_of_all.candidates(fields)
        return [number for number in numbers if self._rules[number].gate.admits(*kind)]

    def _source(self, dataset: str, categories: Any) -> _LogSource:
        if type(categories) is list and len(categories) <= MOST_CATEGORIES:
            origin = (dataset, *categories)
            try:
                known = self._origins.get(origin)
            except TypeError:  # a category that is a list or a mapping
                return self._new_source(dataset, categories)
            if known is not None:
                return known
            source = self._new_source(dataset, categories)
            # 1 and True are one key, and two texts.
            if all(type(each) is str and len(each) <= LONGEST_REMEMBERED for each in origin):
                if len(self._origins) >= MOST_ORIGINS:
                    self._origins.clear()
                self._origins[origin] = source
            return source
        return self._new_source(dataset, categories)

    def _new_source(self, dataset: str, categories: Any) -> _LogSource:
        told = {text(each) for each in elements(categories)}
        named = tuple(sorted(told & self._categories)) or ((OTHER,) if told else ())
        kind = self._dataset(dataset), named
        source = self._sources.get(kind)
        if source is None:
            numbers = [n for n, rule in enumerate(self._rules) if rule.gate.admits(*kind)]
            names = frozenset[str]().union(*(self._planner.names[n] for n in numbers))
            source = self._sources[kind] = _LogSource(kind, numbers, names)
        return source

    def _dataset(self, name: str) -> str:
        if name in self._datasets:
            return name
        first = name.partition(".")[0]
        if first in self._datasets:
            return first
        return OTHER if name else ""


class _Plans:
    """Plans in two generations: when the younger one is full, what was not used since the last time
    is forgotten."""

    __slots__ = ("_old", "_weight", "_young")

    def __init__(self) -> None:
        self._young: dict[Shape, Plan] = {}
        self._old: dict[Shape, Plan] = {}
        self._weight = 0

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def get(self, shape: Shape) -> Plan | None:
        plan = self._young.get(shape)
        if plan is None and self._old:
            plan = self._old.pop(shape, None)
            if plan is not None:
                self.put(shape, plan)
        return plan

    def put(self, shape: Shape, plan: Plan) -> None:
        if self._young and (
            self._weight + plan.weight > MOST_WEIGHT or len(self._young) >= MOST_PLANS
        ):
            self._old, self._young, self._weight = self._young, {}, 0
        self._young[shape] = plan
        self._weight += plan.weight
