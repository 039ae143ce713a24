"""Select which rules an event meets: by log source, by the names of its fields, by exact values, by
texts.

The contract is only that a rule left out could not have matched. A sender's input makes neither
memory nor time grow: plans are few, a plan is made only where it pays, and without one an event
meets what its values alone admit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

from schemas.pipeline.slotted import slotted
from streams.sigma.columns import LONGEST_REMEMBERED
from streams.sigma.plans import RoutedRule, RulePlan, RulePlanner, SharedPlan
from streams.sigma.values import iterate_elements, to_text

OTHER = "-"
"""Represents every data set and category that no gate names."""
MOST_WEIGHT = 200_000
"""Of all plans of one generation: a rule or one of its literals weighs 1."""
MOST_PLANS = 2_000
"""Of one generation."""
FREE = 50_000
"""Rules that may be looked at for plans of new names at once."""
A_QUARTER = 4
"""After that, the rules that may be examined for each event that has had no plan."""
MOST_AWAITED = 4_000
"""Combinations of names whose events are counted."""

MOST_CATEGORIES = 4
"""Of an event whose log source is remembered."""
MOST_ORIGINS = 1_000
"""Data sets and categories, as they are written, whose log source is remembered."""

MOST_NAMES = 100
"""Of an event whose plan is remembered by its looks."""
MOST_ALIKE = 2_000
"""Looks that are remembered."""

Rule = TypeVar("Rule", bound=RoutedRule)
EventKind = tuple[str, tuple[str, ...]]
"""Data set and categories, as far as gates name them."""
EventShape = tuple[EventKind, frozenset[str]]


@slotted
class _LogSourcePlan:
    """The rules that it admits, and the fields that they ask for."""

    kind: EventKind
    numbers: Sequence[int]
    names: frozenset[str]


class RuleRouter(Generic[Rule]):
    """The rules of a book, and the plans of the events that have come."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._datasets = {name for rule in rules for name in rule.gate.datasets}
        self._categories = {name for rule in rules for name in rule.gate.categories}
        self._planner = RulePlanner(rules)
        self._sources: dict[EventKind, _LogSourcePlan] = {}
        self._origins: dict[tuple[str, ...], _LogSourcePlan] = {}
        self._plans = _PlanCache()
        self._plan_of_all: SharedPlan | None = None
        self._free = FREE
        self._awaited: dict[EventShape, int] = {}

    def list_matches(self, dataset: str, fields: Mapping[str, Any]) -> list[Rule]:
        """List the matching rules with a log source that admits the event, in their order."""
        rules = self._rules
        plan = self._plans.recall(dataset, fields)
        if plan is None:
            source = self._get_source(dataset, fields.get("event.category"))
            shape = (source.kind, source.names.intersection(fields))
            plan = self._plans.get(shape) or self._build_plan(shape, source.numbers)
            if plan is None:
                return self._list_unplanned_matches(source.kind, fields)
            self._plans.remember(dataset, fields, plan)
        numbers = plan.list_matches(fields)
        if numbers is not None:
            return [rules[number] for number in numbers] if numbers else []
        source = self._get_source(dataset, fields.get("event.category"))
        return self._list_unplanned_matches(source.kind, fields)

    def _list_unplanned_matches(self, kind: EventKind, fields: Mapping[str, Any]) -> list[Rule]:
        possible = [self._rules[number] for number in self._list_unplanned(kind, fields)]
        return [rule for rule in possible if rule.predicate(fields)]

    def _build_plan(self, shape: EventShape, numbers: Sequence[int]) -> RulePlan | None:
        """Build a plan, or return None for not yet. The first shapes get theirs at once, later ones
        after enough of their events, so that invented names cost little more than no plans."""
        seen = self._awaited.get(shape, 0) + 1
        to_look_at = self._planner.can_match(numbers, shape[1]) if seen & (seen - 1) == 0 else None
        if to_look_at is not None and len(to_look_at) <= max(self._free, seen * A_QUARTER):
            self._free = max(self._free - len(to_look_at), 0)
            self._awaited.pop(shape, None)
            plan = self._planner.build_plan(to_look_at, shape[1])
            self._plans.put(shape, plan)
            return plan
        if len(self._awaited) >= MOST_AWAITED:
            self._awaited.clear()
        self._awaited[shape] = seen
        return None

    def _list_unplanned(self, kind: EventKind, fields: Mapping[str, Any]) -> Sequence[int]:
        if self._plan_of_all is None:
            self._plan_of_all = self._planner.build_shared_plan()
        numbers = self._plan_of_all.list_candidates(fields)
        return [number for number in numbers if self._rules[number].gate.admits(*kind)]

    def _get_source(self, dataset: str, categories: Any) -> _LogSourcePlan:
        if type(categories) is list and len(categories) <= MOST_CATEGORIES:
            origin = (dataset, *categories)
            try:
                known = self._origins.get(origin)
            except TypeError:  # a category that is a list or a mapping
                return self._build_source(dataset, categories)
            if known is not None:
                return known
            source = self._build_source(dataset, categories)
            # 1 and True are one key, and two texts.
            if all(type(each) is str and len(each) <= LONGEST_REMEMBERED for each in origin):
                if len(self._origins) >= MOST_ORIGINS:
                    self._origins.clear()
                self._origins[origin] = source
            return source
        return self._build_source(dataset, categories)

    def _build_source(self, dataset: str, categories: Any) -> _LogSourcePlan:
        category_texts = {to_text(each) for each in iterate_elements(categories)}
        named = tuple(sorted(category_texts & self._categories)) or (
            (OTHER,) if category_texts else ()
        )
        kind = self._get_dataset(dataset), named
        source = self._sources.get(kind)
        if source is None:
            numbers = [n for n, rule in enumerate(self._rules) if rule.gate.admits(*kind)]
            names = frozenset[str]().union(*(self._planner.names[n] for n in numbers))
            source = self._sources[kind] = _LogSourcePlan(kind, numbers, names)
        return source

    def _get_dataset(self, name: str) -> str:
        if name in self._datasets:
            return name
        first = name.partition(".")[0]
        if first in self._datasets:
            return first
        return OTHER if name else ""


class _PlanCache:
    """Plans in two generations: when the younger one is full, what was not used since the last time
    is forgotten. The plans of events that look alike (the same data set, categories, and names of
    fields in the same order) are remembered by that."""

    __slots__ = ("_alike", "_old", "_weight", "_young")

    def __init__(self) -> None:
        self._alike: dict[tuple[Any, ...], RulePlan] = {}
        self._young: dict[EventShape, RulePlan] = {}
        self._old: dict[EventShape, RulePlan] = {}
        self._weight = 0

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def recall(self, dataset: str, fields: Mapping[str, Any]) -> RulePlan | None:
        """Return the plan of an event that looked like this one, if it is remembered."""
        categories = fields.get("event.category")
        if type(categories) is not list:
            return None
        try:
            return self._alike.get((dataset, len(categories), *categories, *fields))
        except TypeError:  # a category that is a list or a mapping
            return None

    def remember(self, dataset: str, fields: Mapping[str, Any], plan: RulePlan) -> None:
        """Remember the plan of this event, unless it has many categories or names, or long ones."""
        categories = fields.get("event.category")
        if type(categories) is not list or len(categories) > MOST_CATEGORIES:
            return
        looks = (dataset, len(categories), *categories, *fields)
        # 1 and True are one key, and two texts.
        if len(looks) <= MOST_NAMES and all(
            type(each) is str and len(each) <= LONGEST_REMEMBERED
            for each in (dataset, *categories, *fields)
        ):
            if len(self._alike) >= MOST_ALIKE:
                self._alike.clear()
            self._alike[looks] = plan

    def get(self, shape: EventShape) -> RulePlan | None:
        plan = self._young.get(shape)
        if plan is None and self._old:
            plan = self._old.pop(shape, None)
            if plan is not None:
                self.put(shape, plan)
        return plan

    def put(self, shape: EventShape, plan: RulePlan) -> None:
        if self._young and (
            self._weight + plan.weight > MOST_WEIGHT or len(self._young) >= MOST_PLANS
        ):
            self._old, self._young, self._weight = self._young, {}, 0
            self._alike.clear()
        self._young[shape] = plan
        self._weight += plan.weight
