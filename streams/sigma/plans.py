"""Plans: for events of one log source whose fields have the same names, which rules can match."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import product
from typing import Any, Protocol

from streams.sigma.columns import Column, Layers, Remembered, Rules
from streams.sigma.conditions import (
    ANYWHERE,
    Anchor,
    Anywhere,
    Condition,
    FieldTest,
    Predicate,
    anchors,
    each_test,
    fold,
    needed_names,
    predicate,
)
from streams.sigma.fields import Gate
from streams.sigma.layers import Columns, ColumnsMaker
from streams.sigma.literals import How, Literal
from streams.sigma.needs import Need, needs
from streams.sigma.scan import Scan, scanned
from streams.sigma.values import leaves, text

_SHORT = {1: 64.0, 2: 16.0, 3: 4.0}
"""How much likelier a text of so few characters stands in a value."""


class Routed(Protocol):
    """What can be routed."""

    @property
    def gate(self) -> Gate: ...

    @property
    def condition(self) -> Condition: ...

    @property
    def predicate(self) -> Predicate: ...


class Plan:
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
        columns: Columns,
        weight: int,
    ) -> None:
        """`numbers`: of the rules, in the order of their bits. `rests`: what their needs do not
        decide; None: nothing. `weight`: what the plan holds."""
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

    def matches(self, fields: Mapping[str, Any]) -> list[int] | None:
        """Numbers of those that match, ascending. None: a value is null, so that the plan, which
        takes a name for a value, does not hold. A text that did not come before is searched last,
        and only if one of the rules that are left needs something in it."""
        unknown: list[tuple[Column, str]] = []
        left = self._look_up(fields, unknown)
        if left and self._together:
            left = _meet(self._together, left, fields)
        if left and unknown:
            left = _search(unknown, left)
        if left and self._anywhere:
            left = _meet(self._anywhere, left, fields)
        return None if left is None else self._ask(left, fields)

    def _look_up(
        self, fields: Mapping[str, Any], unknown: list[tuple[Column, str]]
    ) -> Rules | None:
        """The rules that values let through that no text has to be searched for. Adds the others."""
        rules = self._all
        for name, column, known in self._alone:
            value = fields.get(name)
            met = None
            if type(value) is str:
                met = known.get(value)
                if met is None and column.searches:
                    unknown.append((column, value))
                    continue
            if met is None:
                met = None if value is None else column.rules(value)
                if met is None:
                    return None
            rules &= met
            if not rules:
                break
        return rules

    def _ask(self, rules: Rules, fields: Mapping[str, Any]) -> list[int]:
        found = []
        numbers, rests = self.numbers, self._rests
        while rules:
            lowest = rules & -rules
            rules ^= lowest
            at = lowest.bit_length() - 1
            rest = rests[at]
            if rest is not None:
                holds = self._asked.get(at)
                if holds is None:
                    holds = self._asked[at] = predicate(rest)
                if not holds(fields):
                    continue
            found.append(numbers[at])
        return found


def _search(unknown: Sequence[tuple[Column, str]], rules: Rules) -> Rules | None:
    """Those of the rules whose needs in these texts are met. None: not known which."""
    for column, value in unknown:
        if rules & column.asking:
            met = column.learn(value)
            if met is None:
                return None
            rules &= met
    return rules


def _meet(
    together: Sequence[tuple[Sequence[tuple[str, Column, int]], Rules]],
    rules: Rules,
    fields: Mapping[str, Any],
) -> Rules | None:
    """Those of the rules whose needs in several fields are met. None: not known which."""
    for columns, without in together:
        if rules & ~without:
            met = _one_of(columns, fields)
            if met is None:
                return None
            rules &= without | met
    return rules


def _is_anywhere(columns: Sequence[tuple[str, Column, int]]) -> bool:
    return any(name == ANYWHERE for name, *_ in columns)


def _one_of(columns: Sequence[tuple[str, Column, int]], fields: Mapping[str, Any]) -> Rules | None:
    """The rules that need something in one of several fields, and have it. None: not known which."""
    found = 0
    for name, column, shift in columns:
        if name == ANYWHERE:
            met = _anywhere(column, fields)
        else:
            value = fields.get(name)
            met = None if value is None else column.rules(value)
        if met is None:
            return None
        found |= met >> shift
    return found


class PlanOfAll:
    """The rules that any event may match: of each that has needs, one need is met."""

    def __init__(
        self,
        columns: Mapping[str, Column],
        of_names: Mapping[str, Rules],
        always: Rules,
        count: int,
    ) -> None:
        """`of_names`: rules that need no literal, but one of these fields. `always`: that need
        nothing."""
        self._columns = columns
        self._anywhere = columns.get(ANYWHERE)
        self._of_names = of_names
        self._always = always
        self._numbers = range(count)

    def candidates(self, fields: Mapping[str, Any]) -> Sequence[int]:
        """Numbers of those whose condition has to be asked, ascending."""
        rules: Rules = self._always
        if self._anywhere is not None:
            met = _anywhere(self._anywhere, fields)
            if met is None:
                return self._numbers
            rules |= met
        for name, value in fields.items():
            column = self._columns.get(name)
            if column is not None and name != ANYWHERE:
                met = column.rules(value)
                if met is None:
                    return self._numbers
                rules |= met
            rules |= self._of_names.get(name, 0)
        return _numbered(rules, self._numbers)


def _anywhere(column: Column, fields: Mapping[str, Any]) -> Rules | None:
    """What stands in a value stands in all of them together."""
    return column.rules_of_text("\n".join(map(text, leaves(fields.values()))))


def _numbered(rules: Rules, numbers: Sequence[int]) -> list[int]:
    """The rules' bits as their numbers."""
    found = []
    while rules:
        lowest = rules & -rules
        found.append(numbers[lowest.bit_length() - 1])
        rules ^= lowest
    return found


class Planner:
    """Makes plans from a book's rules."""

    def __init__(self, rules: Sequence[Routed]) -> None:
        self.rules = rules
        self.remembered = Remembered()
        self._literals: dict[str, set[Literal]] = {}
        """What a scan of each field looks for."""
        self._scans: dict[str, Scan] = {}
        self._shared: Counter[tuple[str, Literal]] = Counter()
        """How many rules name a literal."""
        self.names: list[frozenset[str]] = []
        """What each rule asks for."""
        for rule in rules:
            self._read(rule.condition)
        self._needed = [needed_names(rule.condition) for rule in rules]

    def _read(self, condition: Condition) -> None:
        asked: set[str] = set()
        named: set[tuple[str, Literal]] = set()
        for test, speaks_for in each_test(condition):
            names = (ANYWHERE,) if isinstance(test, Anywhere) else test.names
            asked.update(() if isinstance(test, Anywhere) else names, getattr(test, "others", ()))
            if speaks_for and isinstance(test, FieldTest | Anywhere):
                named |= {each for literals in test.literals for each in product(names, literals)}
        for name, literal in named:
            self._shared[name, literal] += 1
            if scanned(literal):
                self._literals.setdefault(name, set()).add(literal)
        self.names.append(frozenset(asked))

    def can_match(self, numbers: Iterable[int], present: AbstractSet[str]) -> list[int]:
        """Those of the rules that no need of a field rules out: what `plan` looks at."""
        needed = self._needed
        return [
            number
            for number in numbers
            if (names := needed[number]) is None or not names.isdisjoint(present)
        ]

    def plan(self, numbers: Iterable[int], present: AbstractSet[str]) -> Plan:
        """For events of which only these fields are asked."""
        left: list[tuple[int, Sequence[Need], Condition | None]] = []
        for number in numbers:
            condition = fold(self.rules[number].condition, present)
            if condition is True:
                left.append((number, (), None))
            elif condition is not False:
                left.append((number, *needs(condition, present, self._cost)))
        made = ColumnsMaker(len(left), self._column)
        for at, (_, needed, _) in enumerate(left):
            made.add(at, needed)
        weight = 1 + len(left) + made.weight
        return Plan([n for n, *_ in left], [rest for *_, rest in left], made.columns(), weight)

    def plan_of_all(self) -> PlanOfAll:
        """For events of any names."""
        wanted: dict[str, dict[Literal, Rules]] = {}
        of_names: dict[str, Rules] = {}
        always = 0
        for at, rule in enumerate(self.rules):
            names = self._needed[at]
            found = anchors(rule.condition, None, self._cost)
            if found:
                _want(wanted, min(found, key=self._cost), 1 << at)
            elif names is not None:
                for name in names:
                    of_names[name] = of_names.get(name, 0) | 1 << at
            else:
                always |= 1 << at
        columns = {name: self._column(name, literals) for name, literals in wanted.items()}
        return PlanOfAll(columns, of_names, always, len(self.rules))

    def _cost(self, anchor: Anchor) -> float:
        return sum(self._cost_of(name, literal) for name, literal in anchor)

    def _cost_of(self, name: str, literal: Literal) -> float:
        """How likely a value has it, roughly: what many rules name is common, and so is what is short."""
        shared = self._shared[name, literal]
        if literal.how in (How.WHOLE, How.NETWORK, How.NUMBER):
            return shared
        likelier = _SHORT.get(len(literal.text), 1.0) * (2.0 if name == ANYWHERE else 1.0)
        return (shared + 0.5) * likelier

    def _column(
        self, name: str, wanted: Mapping[Literal, Rules], layers: Layers | None = None
    ) -> Column:
        scan = self._scan(name) if any(map(scanned, wanted)) else None
        return Column(wanted, scan, self.remembered, layers)

    def _scan(self, name: str) -> Scan:
        scan = self._scans.get(name)
        if scan is None:
            scan = self._scans[name] = Scan(self._literals[name])
        return scan


def _want(wanted: dict[str, dict[Literal, Rules]], anchor: Anchor, rule: Rules) -> None:
    for name, literal in anchor:
        of_name = wanted.setdefault(name, {})
        of_name[literal] = of_name.get(literal, 0) | rule
