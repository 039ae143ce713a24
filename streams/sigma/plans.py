"""Plans: for events of one log source whose fields have the same names, which rules can match."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Protocol

from streams.sigma.columns import Column, Remembered, Rules
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
)
from streams.sigma.fields import Gate
from streams.sigma.literals import How, Literal
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
    """The rules that events of one shape may match: those whose every need is met."""

    __slots__ = ("_all", "_alone", "_together", "numbers", "weight")

    def __init__(
        self,
        numbers: Sequence[int],
        columns: Mapping[str, Column],
        needs: Mapping[frozenset[str], Rules],
        weight: int,
    ) -> None:
        """`numbers`: of the rules, in the order of their bits. `needs`: for names of fields the
        rules that need one of these to have one of their literals. `weight`: what it holds."""
        self.numbers = numbers
        self.weight = weight
        every = self._all = (1 << len(numbers)) - 1
        self._alone: list[tuple[str, Column, Mapping[Any, Rules], Rules]] = []
        """With what the column remembers, and the rules that have no such need."""
        self._together: list[tuple[list[tuple[str, Column]], Rules]] = []
        for names, rules in sorted(needs.items(), key=lambda need: -need[1].bit_count()):
            asked = [(name, columns[name]) for name in sorted(names)]
            if len(asked) == 1 and ANYWHERE not in names:
                name, column = asked[0]
                self._alone.append((name, column, column.known, every & ~rules))
            else:
                self._together.append((asked, every & ~rules))

    def candidates(self, fields: Mapping[str, Any]) -> Sequence[int] | None:
        """Numbers of those that may match, ascending. None: a value is null, so that the plan, which
        takes a name for a value, does not hold."""
        rules = self._all
        for name, column, known, others in self._alone:
            value = fields.get(name)
            if value is None:
                return None
            found = known.get(value) if type(value) is str else None
            rules &= others | (column.rules(value) if found is None else found)
            if not rules:
                return ()
        for columns, others in self._together:
            if rules & ~others:
                found = others
                for name, column in columns:
                    if name != ANYWHERE and fields.get(name) is None:
                        return None
                    found |= _rules(name, column, fields)
                rules &= found
        return _numbered(rules, self.numbers) if rules else ()


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
        """As Plan.candidates."""
        rules = self._always
        if self._anywhere is not None:
            rules |= _rules(ANYWHERE, self._anywhere, fields)
        for name, value in fields.items():
            column = self._columns.get(name)
            if column is not None and name != ANYWHERE:
                rules |= column.rules(value)
            rules |= self._of_names.get(name, 0)
        return _numbered(rules, self._numbers)


def _rules(name: str, column: Column, fields: Mapping[str, Any]) -> Rules:
    if name != ANYWHERE:
        return column.rules(fields.get(name))
    # What stands in a value stands in all of them together.
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
            if speaks_for and isinstance(test, FieldTest | Anywhere) and test.literals:
                named |= {(name, literal) for name in names for literal in test.literals}
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
        left = [
            (number, condition)
            for number in numbers
            if (condition := fold(self.rules[number].condition, present)) is not False
        ]
        wanted: dict[str, dict[Literal, Rules]] = {}
        needs: dict[frozenset[str], Rules] = {}
        weight = 1 + len(left)
        for at, (_, condition) in enumerate(left):
            if condition is True:
                continue
            for names, anchor in self._apart(anchors(condition, present, self._cost)):
                needs[names] = needs.get(names, 0) | 1 << at
                weight += len(anchor)
                _want(wanted, anchor, 1 << at)
        columns = {name: self._column(name, literals) for name, literals in wanted.items()}
        return Plan([number for number, _ in left], columns, needs, weight)

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

    def _apart(self, found: Sequence[Anchor]) -> list[tuple[frozenset[str], Anchor]]:
        """The best of the anchors, of which no two ask for the same field: one bit of a field's
        column then says which need is met."""
        taken: set[str] = set()
        chosen = []
        for anchor in sorted(found, key=self._cost):
            names = frozenset(name for name, _ in anchor)
            if taken.isdisjoint(names):
                taken |= names
                chosen.append((names, anchor))
        return chosen

    def _cost(self, anchor: Anchor) -> float:
        return sum(self._cost_of(name, literal) for name, literal in anchor)

    def _cost_of(self, name: str, literal: Literal) -> float:
        """How likely a value has it, roughly: what many rules name is common, and so is what is short."""
        shared = self._shared[name, literal]
        if literal.how in (How.WHOLE, How.NETWORK):
            return shared
        likelier = _SHORT.get(len(literal.text), 1.0) * (2.0 if name == ANYWHERE else 1.0)
        return (shared + 0.5) * likelier

    def _column(self, name: str, wanted: Mapping[Literal, Rules]) -> Column:
        scan = self._scan(name) if any(map(scanned, wanted)) else None
        return Column(wanted, scan, self.remembered)

    def _scan(self, name: str) -> Scan:
        scan = self._scans.get(name)
        if scan is None:
            scan = self._scans[name] = Scan(self._literals[name])
        return scan


def _want(wanted: dict[str, dict[Literal, Rules]], anchor: Anchor, rule: Rules) -> None:
    for name, literal in anchor:
        of_name = wanted.setdefault(name, {})
        of_name[literal] = of_name.get(literal, 0) | rule
