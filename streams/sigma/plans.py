"""Build plans: for events of one log source with the same field names, which rules can match."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import product
from typing import Any, Protocol

from streams.sigma.columns import FieldColumn, NeedLayers, RememberedValues, RuleBits
from streams.sigma.conditions import (
    ANYWHERE,
    Anchor,
    Condition,
    FieldTest,
    KeywordTest,
    Predicate,
    build_predicate,
    find_needed_names,
    fold,
    iterate_tests,
    list_anchors,
)
from streams.sigma.fields import LogSourceGate
from streams.sigma.layers import PlanColumns, PlanColumnsBuilder
from streams.sigma.literals import Literal, LiteralPosition
from streams.sigma.needs import LiteralNeed, split_needs
from streams.sigma.scan import LiteralScan, is_scannable
from streams.sigma.values import iterate_leaves, to_text

_SHORT = {1: 64.0, 2: 16.0, 3: 4.0}
"""How much more likely a value contains a text of so few characters."""


class RoutedRule(Protocol):
    """What can be routed."""

    @property
    def gate(self) -> LogSourceGate: ...

    @property
    def condition(self) -> Condition: ...

    @property
    def predicate(self) -> Predicate: ...


class RulePlan:
    """The rules that events of one shape may match, their needs, and what is asked once these are
    met."""

    __slots__ = (
        "_all",
        "_alone",
        "_anywhere",
        "_asked",
        "_rests",
        "_together",
        "numbers",
        "weight",
    )

    def __init__(
        self,
        numbers: Sequence[int],
        rests: Sequence[Condition | None],
        columns: PlanColumns,
        weight: int,
    ) -> None:
        """Create a plan. `numbers`: of the rules, in the order of their bits. `rests`: what their
        needs do not decide; None: nothing. `weight`: the size of the plan."""
        self.numbers = numbers
        self.weight = weight
        self._rests = rests
        self._asked: dict[int, Predicate] = {}
        """The rests of rules whose needs were met, compiled."""
        self._all = (1 << len(numbers)) - 1
        self._alone = [(name, column, column.known) for name, column in columns.alone]
        """With what the column remembers."""
        self._together = [each for each in columns.together if not _is_anywhere(each[0])]
        self._anywhere = [each for each in columns.together if _is_anywhere(each[0])]

    def list_matches(self, fields: Mapping[str, Any]) -> list[int] | None:
        """List the numbers of rules that match, ascending; None if a value is null, because the
        plan takes a name for a value. A text that did not come before is searched last, and only if
        one of the remaining rules needs something in it."""
        unknown: list[tuple[FieldColumn, str]] = []
        candidates = self._look_up(fields, unknown)
        if candidates and self._together:
            candidates = _match_together(self._together, candidates, fields)
        if candidates and unknown:
            candidates = _search(unknown, candidates)
        if candidates and self._anywhere:
            candidates = _match_together(self._anywhere, candidates, fields)
        return None if candidates is None else self._evaluate_remaining(candidates, fields)

    def _look_up(
        self, fields: Mapping[str, Any], unknown: list[tuple[FieldColumn, str]]
    ) -> RuleBits | None:
        """Look up the rules that values admit without a search. Adds the other texts to
        `unknown`."""
        rules = self._all
        for name, column, known in self._alone:
            value = fields.get(name)
            if type(value) is list and len(value) == 1 and type(value[0]) is str:
                value = value[0]  # as ECS writes its categories: it means the same, and is cached
            met = None
            if type(value) is str:
                met = known.get(value)
                if met is None and column.searches:
                    unknown.append((column, value))
                    continue
            if met is None:
                met = None if value is None else column.find_rules(value)
                if met is None:
                    return None
            rules &= met
            if not rules:
                break
        return rules

    def _evaluate_remaining(self, rules: RuleBits, fields: Mapping[str, Any]) -> list[int]:
        matches = []
        numbers, rests = self.numbers, self._rests
        while rules:
            lowest = rules & -rules
            rules ^= lowest
            at = lowest.bit_length() - 1
            rest = rests[at]
            if rest is not None:
                holds = self._asked.get(at)
                if holds is None:
                    holds = self._asked[at] = build_predicate(rest)
                if not holds(fields):
                    continue
            matches.append(numbers[at])
        return matches


def _search(unknown: Sequence[tuple[FieldColumn, str]], rules: RuleBits) -> RuleBits | None:
    """Return the rules with their needs in these texts met; None if unknown."""
    for column, value in unknown:
        if rules & column.asking:
            met = column.evaluate_new(value)
            if met is None:
                return None
            rules &= met
    return rules


def _match_together(
    together: Sequence[tuple[Sequence[tuple[str, FieldColumn, int]], RuleBits]],
    rules: RuleBits,
    fields: Mapping[str, Any],
) -> RuleBits | None:
    """Return the rules with their needs in several fields met; None if unknown."""
    for columns, without in together:
        if rules & ~without:
            met = _match_one_of(columns, fields)
            if met is None:
                return None
            rules &= without | met
    return rules


def _is_anywhere(columns: Sequence[tuple[str, FieldColumn, int]]) -> bool:
    return any(name == ANYWHERE for name, *_ in columns)


def _match_one_of(
    columns: Sequence[tuple[str, FieldColumn, int]], fields: Mapping[str, Any]
) -> RuleBits | None:
    """Return the rules that need something in one of several fields, and have it; None if
    unknown."""
    bits = 0
    for name, column, shift in columns:
        if name == ANYWHERE:
            met = _match_anywhere(column, fields)
        else:
            value = fields.get(name)
            met = None if value is None else column.find_rules(value)
        if met is None:
            return None
        bits |= met >> shift
    return bits


class SharedPlan:
    """The rules that any event may match: of each that has needs, one need is met."""

    def __init__(
        self,
        columns: Mapping[str, FieldColumn],
        of_names: Mapping[str, RuleBits],
        always: RuleBits,
        count: int,
    ) -> None:
        """Create a shared plan. `of_names`: rules that need no literal, but one of these fields.
        `always`: rules that need nothing."""
        self._columns = columns
        self._anywhere = columns.get(ANYWHERE)
        self._of_names = of_names
        self._always = always
        self._numbers = range(count)

    def list_candidates(self, fields: Mapping[str, Any]) -> Sequence[int]:
        """List the numbers of rules with a condition that must be tested, ascending."""
        rules: RuleBits = self._always
        if self._anywhere is not None:
            met = _match_anywhere(self._anywhere, fields)
            if met is None:
                return self._numbers
            rules |= met
        for name, value in fields.items():
            column = self._columns.get(name)
            if column is not None and name != ANYWHERE:
                met = column.find_rules(value)
                if met is None:
                    return self._numbers
                rules |= met
            rules |= self._of_names.get(name, 0)
        return _list_numbers(rules, self._numbers)


def _match_anywhere(column: FieldColumn, fields: Mapping[str, Any]) -> RuleBits | None:
    """Match all values together: what occurs in one of them occurs in all of them together."""
    return column.find_rules_of_text("\n".join(map(to_text, iterate_leaves(fields.values()))))


def _list_numbers(rules: RuleBits, numbers: Sequence[int]) -> list[int]:
    """List the rules' bits as their numbers."""
    rule_numbers = []
    while rules:
        lowest = rules & -rules
        rule_numbers.append(numbers[lowest.bit_length() - 1])
        rules ^= lowest
    return rule_numbers


class RulePlanner:
    """Makes plans from a book's rules."""

    def __init__(self, rules: Sequence[RoutedRule]) -> None:
        self.rules = rules
        self.remembered = RememberedValues()
        self._literals: dict[str, set[Literal]] = {}
        """What a scan of each field looks for."""
        self._scans: dict[str, LiteralScan] = {}
        self._shared: Counter[tuple[str, Literal]] = Counter()
        """How many rules name a literal."""
        self.names: list[frozenset[str]] = []
        """What each rule asks for."""
        for rule in rules:
            self._read(rule.condition)
        self._needed = [find_needed_names(rule.condition) for rule in rules]

    def _read(self, condition: Condition) -> None:
        field_names: set[str] = set()
        named: set[tuple[str, Literal]] = set()
        for test, speaks_for in iterate_tests(condition):
            names = (ANYWHERE,) if isinstance(test, KeywordTest) else test.names
            field_names.update(
                () if isinstance(test, KeywordTest) else names, getattr(test, "others", ())
            )
            if speaks_for and isinstance(test, FieldTest | KeywordTest):
                named |= {each for literals in test.literals for each in product(names, literals)}
        for name, literal in named:
            self._shared[name, literal] += 1
            if is_scannable(literal):
                self._literals.setdefault(name, set()).add(literal)
        self.names.append(frozenset(field_names))

    def can_match(self, numbers: Iterable[int], present: AbstractSet[str]) -> list[int]:
        """Return the rules that no need of a field excludes: the input of `build_plan`."""
        needed = self._needed
        return [
            number
            for number in numbers
            if (names := needed[number]) is None or not names.isdisjoint(present)
        ]

    def build_plan(self, numbers: Iterable[int], present: AbstractSet[str]) -> RulePlan:
        """Build a plan for events of which only these fields are tested."""
        plannable: list[tuple[int, Sequence[LiteralNeed], Condition | None]] = []
        for number in numbers:
            condition = fold(self.rules[number].condition, present)
            if condition is True:
                plannable.append((number, (), None))
            elif condition is not False:
                plannable.append((number, *split_needs(condition, present, self._estimate_cost)))
        columns_builder = PlanColumnsBuilder(len(plannable), self._build_column)
        for at, (_, needed, _) in enumerate(plannable):
            columns_builder.add(at, needed)
        weight = 1 + len(plannable) + columns_builder.weight
        return RulePlan(
            [n for n, *_ in plannable],
            [rest for *_, rest in plannable],
            columns_builder.build(),
            weight,
        )

    def build_shared_plan(self) -> SharedPlan:
        """Build a plan for events with any field names."""
        literals_by_name: dict[str, dict[Literal, RuleBits]] = {}
        of_names: dict[str, RuleBits] = {}
        always = 0
        for at, rule in enumerate(self.rules):
            names = self._needed[at]
            rule_anchors = list_anchors(rule.condition, None, self._estimate_cost)
            if rule_anchors:
                _add_wanted(literals_by_name, min(rule_anchors, key=self._estimate_cost), 1 << at)
            elif names is not None:
                for name in names:
                    of_names[name] = of_names.get(name, 0) | 1 << at
            else:
                always |= 1 << at
        columns = {
            name: self._build_column(name, literals) for name, literals in literals_by_name.items()
        }
        return SharedPlan(columns, of_names, always, len(self.rules))

    def _estimate_cost(self, anchor: Anchor) -> float:
        return sum(self._estimate_literal_cost(name, literal) for name, literal in anchor)

    def _estimate_literal_cost(self, name: str, literal: Literal) -> float:
        """Estimate how likely a value contains it: a literal of many rules is common, and so is a
        short one."""
        shared = self._shared[name, literal]
        if literal.how in (LiteralPosition.WHOLE, LiteralPosition.NETWORK, LiteralPosition.NUMBER):
            return shared
        likelier = _SHORT.get(len(literal.text), 1.0) * (2.0 if name == ANYWHERE else 1.0)
        return (shared + 0.5) * likelier

    def _build_column(
        self,
        name: str,
        rules_by_literal: Mapping[Literal, RuleBits],
        layers: NeedLayers | None = None,
    ) -> FieldColumn:
        scan = self._scan(name) if any(map(is_scannable, rules_by_literal)) else None
        return FieldColumn(rules_by_literal, scan, self.remembered, layers)

    def _scan(self, name: str) -> LiteralScan:
        scan = self._scans.get(name)
        if scan is None:
            scan = self._scans[name] = LiteralScan(self._literals[name])
        return scan


def _add_wanted(
    columns: dict[str, dict[Literal, RuleBits]], anchor: Anchor, rule: RuleBits
) -> None:
    for name, literal in anchor:
        of_name = columns.setdefault(name, {})
        of_name[literal] = of_name.get(literal, 0) | rule
