"""Assign each need of each rule its place in the bits of a plan's columns.

A rule may have several needs in one field. Each takes a layer of its own, so that a value is
searched once for all of them, and its result for every rule is cached as one number."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from schemas.pipeline.slotted import slotted
from streams.sigma.columns import FieldColumn, NeedLayer, NeedLayers, RuleBits
from streams.sigma.conditions import ANYWHERE
from streams.sigma.literals import Literal
from streams.sigma.needs import LiteralNeed

MakeColumn = Callable[[str, Mapping[Literal, RuleBits], NeedLayers], FieldColumn]


@slotted
class PlanColumns:
    """The columns of one plan."""

    alone: Sequence[tuple[str, FieldColumn]]
    """Of fields that rules have needs in which no other field can meet; most rules first."""
    together: Sequence[tuple[Sequence[tuple[str, FieldColumn, int]], RuleBits]]
    """Fields of which one must meet a need, each with the shift of its bits above the rules' own in
    the column's result; then the rules that have no such need."""


@dataclass(eq=False, slots=True)
class _ColumnNeed:
    """One need of each of many rules, in one or several fields."""

    names: frozenset[str]
    rules: RuleBits = 0
    unwanted: RuleBits = 0


class PlanColumnsBuilder:
    """Gathers the needs of a plan's rules."""

    def __init__(self, count: int, column: MakeColumn) -> None:
        """Create the layers. `count`: of the rules."""
        self._count = count
        self._every = (1 << count) - 1
        self._make = column
        self._layers: dict[tuple[frozenset[str], int], _ColumnNeed] = {}
        self._wanted: dict[str, list[tuple[Literal, _ColumnNeed, int]]] = {}
        """For each field: a literal, whose need it meets, and the rule's bit."""
        self.weight = 0

    def add(self, at: int, needed: Sequence[LiteralNeed]) -> None:
        """Add the needs of the rule with this bit."""
        seen: dict[frozenset[str], int] = {}
        for need in needed:
            names = need.names
            level = seen[names] = seen.get(names, -1) + 1
            asking = self._layers.setdefault((names, level), _ColumnNeed(names))
            asking.rules |= 1 << at
            if not need.is_positive:
                asking.unwanted |= 1 << at
            for name, literal in need.anchor:
                self._wanted.setdefault(name, []).append((literal, asking, at))
            self.weight += len(need.anchor)

    def build(self) -> PlanColumns:
        """Build the columns of all needs."""
        together = [each for each in self._layers.values() if not _is_alone(each.names)]
        alone: dict[str, list[_ColumnNeed]] = {}
        for each in self._layers.values():
            if _is_alone(each.names):
                alone.setdefault(min(each.names), []).append(each)
        columns_by_name: dict[str, FieldColumn] = {}
        shifts: dict[tuple[str, int], int] = {}
        for name in self._wanted:
            own = alone.get(name, [])
            joint = [each for each in together if name in each.names]
            columns_by_name[name] = self._build_column(name, own, joint)
            # What the column gives has the layers read into one.
            for place, each in enumerate(joint, start=1):
                shifts[name, id(each)] = place * self._count
        rules_by_name = {name: _join_rules(own) for name, own in alone.items()}
        return PlanColumns(
            [
                (name, columns_by_name[name])
                for name in sorted(rules_by_name, key=lambda name: -rules_by_name[name].bit_count())
            ],
            [
                (
                    [
                        (name, columns_by_name[name], shifts[name, id(each)])
                        for name in sorted(each.names)
                    ],
                    self._every & ~each.rules,
                )
                for each in sorted(together, key=lambda each: -each.rules.bit_count())
            ],
        )

    def _build_column(
        self, name: str, own: Sequence[_ColumnNeed], joint: Sequence[_ColumnNeed]
    ) -> FieldColumn:
        places = {id(each): place for place, each in enumerate([*own, *joint])}
        rules_by_literal: dict[Literal, RuleBits] = {}
        for literal, asking, at in self._wanted[name]:
            bit = 1 << places[id(asking)] * self._count + at
            rules_by_literal[literal] = rules_by_literal.get(literal, 0) | bit
        layers = [
            NeedLayer(place * self._count, each.unwanted, self._every & ~each.rules)
            for place, each in enumerate(own)
        ]
        return self._make(name, rules_by_literal, NeedLayers(layers, self._every, self._count))


def _is_alone(names: frozenset[str]) -> bool:
    return len(names) == 1 and ANYWHERE not in names


def _join_rules(layers: Sequence[_ColumnNeed]) -> RuleBits:
    joined = 0
    for each in layers:
        joined |= each.rules
    return joined
