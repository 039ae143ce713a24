"""Plans: for events of one log source whose fields have the same names, which rules can match."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Protocol

from streams.sigma.columns import Column, Remembered
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
    """The rules that some events may match. A rule left out cannot match them."""

    __slots__ = ("_always", "_anywhere", "_columns", "_of_names", "weight")

    def __init__(
        self,
        columns: Mapping[str, Column],
        always: Iterable[int],
        of_names: Mapping[str, Sequence[int]],
        weight: int,
    ) -> None:
        """`always`: rules without literals; `of_names`: those of them that need one of these fields.
        `weight`: what it holds."""
        fields = {name: column for name, column in columns.items() if name != ANYWHERE}
        self._columns = fields
        self._anywhere = columns.get(ANYWHERE)
        self._always = tuple(always)
        self._of_names = of_names
        self.weight = weight

    def rules(self, fields: Mapping[str, Any]) -> Sequence[int]:
        """Those that may match, in their order, each once."""
        found: list[int] = []
        columns = self._columns
        for name in columns.keys() & fields.keys() if len(columns) > len(fields) else columns:
            value = fields.get(name)
            if value is not None:
                found += columns[name].rules(value)
        if self._anywhere is not None:
            found += self._anywhere.find("\n".join(map(text, leaves(fields.values()))))
        if self._of_names:
            for name in fields:
                found += self._of_names.get(name, ())
        if not found:
            return self._always
        if len(found) == 1 and not self._always:
            return found
        return sorted({*found, *self._always})


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
        for test in each_test(condition):
            names = (ANYWHERE,) if isinstance(test, Anywhere) else test.names
            asked.update(() if isinstance(test, Anywhere) else names, getattr(test, "others", ()))
            if isinstance(test, FieldTest | Anywhere) and test.literals:
                named |= {(name, literal) for name in names for literal in test.literals}
        for name, literal in named:
            self._shared[name, literal] += 1
            if scanned(literal):
                self._literals.setdefault(name, set()).add(literal)
        self.names.append(frozenset(asked))

    def can_match(self, numbers: Iterable[int], present: AbstractSet[str]) -> list[int]:
        """Those of the rules of which no need of a field rules them out; what `plan` looks at."""
        needed = self._needed
        return [
            number
            for number in numbers
            if (names := needed[number]) is None or not names.isdisjoint(present)
        ]

    def plan(self, numbers: Iterable[int], present: AbstractSet[str] | None) -> Plan:
        """For events of which only these fields are asked; None: any."""
        wanted: dict[str, dict[Literal, list[int]]] = {}
        always: list[int] = []
        of_names: dict[str, list[int]] = {}
        weight = 1
        for number in numbers:
            whole = self.rules[number].condition
            condition = whole if present is None else fold(whole, present)
            if condition is False:
                continue
            anchor = None if condition is True else self._anchor(condition, present)
            names = self._needed[number] if present is None else None
            weight += 1
            if anchor is not None:
                weight += len(anchor)
                for name, literal in anchor:
                    wanted.setdefault(name, {}).setdefault(literal, []).append(number)
            elif names is not None:
                for name in names:
                    of_names.setdefault(name, []).append(number)
            else:
                always.append(number)
        columns = {name: self._column(name, literals) for name, literals in wanted.items()}
        return Plan(columns, always, of_names, weight)

    def _anchor(self, condition: Condition, present: AbstractSet[str] | None) -> Anchor | None:
        """The one that the fewest events should meet."""
        return min(anchors(condition, present, self._cost), key=self._cost, default=None)

    def _cost(self, anchor: Anchor) -> float:
        return sum(self._cost_of(name, literal) for name, literal in anchor)

    def _cost_of(self, name: str, literal: Literal) -> float:
        """How likely a value has it, roughly: what many rules name is common, and so is what is short."""
        shared = self._shared[name, literal]
        if literal.how in (How.WHOLE, How.NETWORK):
            return shared
        likelier = _SHORT.get(len(literal.text), 1.0) * (2.0 if name == ANYWHERE else 1.0)
        return (shared + 0.5) * likelier

    def _column(self, name: str, wanted: Mapping[Literal, Iterable[int]]) -> Column:
        scan = self._scan(name) if any(map(scanned, wanted)) else None
        return Column(wanted, scan, self.remembered)

    def _scan(self, name: str) -> Scan:
        scan = self._scans.get(name)
        if scan is None:
            scan = self._scans[name] = Scan(self._literals[name])
        return scan
