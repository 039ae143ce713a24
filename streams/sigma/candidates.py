"""Which rules can match an event at all: by log source, then by a literal that a rule requires.

Plain dictionaries: one lookup a field that any rule of this log source requires. The only contract
is that a rule left out could not have matched, so that a multi-pattern scan may take this place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionOR,
)
from sigma.rule import SigmaLogSource
from sigma.types import SigmaNumber, SigmaString

from streams.sigma.fields import Gate, names
from streams.sigma.values import elements, exact, text

OTHER = "-"
"""Stands for every data set and category that no gate names."""


@dataclass(frozen=True, slots=True)
class Required:
    """One of these fields must equal one of these values (lower case) for the rule to match."""

    fields: tuple[str, ...]
    values: frozenset[str]


def required(node: Any, source: SigmaLogSource | None) -> Required | None:
    """The rarest-looking literal that a condition tree requires; None: there is none."""
    match node:
        case ConditionFieldEqualsValueExpression():
            return _of_leaf(node, source)
        case ConditionAND():
            found = [r for r in (required(arg, source) for arg in node.args) if r is not None]
            return min(found, key=lambda r: len(r.values), default=None)
        case ConditionOR():
            return united([required(arg, source) for arg in node.args])
    return None


def united(parts: Sequence[Required | None]) -> Required | None:
    """What is required when any part may match: one literal set, if all ask the same fields."""
    known = [part for part in parts if part is not None]
    if len(known) != len(parts) or len({part.fields for part in known}) != 1:
        return None
    return Required(known[0].fields, frozenset[str]().union(*(part.values for part in known)))


def _of_leaf(
    node: ConditionFieldEqualsValueExpression, source: SigmaLogSource | None
) -> Required | None:
    value = node.value
    if isinstance(value, SigmaNumber) and type(value) is SigmaNumber:
        return Required(names(node.field, source), frozenset({str(value)}))
    plain = exact(value) if isinstance(value, SigmaString) else None
    if plain is None or (isinstance(value, SigmaString) and value.contains_placeholder()):
        return None
    return Required(names(node.field, source), frozenset({plain}))


class Indexed(Protocol):
    """What can be indexed."""

    @property
    def gate(self) -> Gate: ...

    @property
    def required(self) -> Required | None: ...


Rule = TypeVar("Rule", bound=Indexed)


class Plan(Generic[Rule]):
    """The rules one log source's events may match."""

    __slots__ = ("_always", "_by_field")

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._always: list[Rule] = []
        self._by_field: dict[str, dict[str, list[Rule]]] = {}
        for rule in rules:
            if rule.required is None:
                self._always.append(rule)
                continue
            for field in rule.required.fields:
                values = self._by_field.setdefault(field, {})
                for value in rule.required.values:
                    values.setdefault(value, []).append(rule)

    def rules(self, fields: Mapping[str, Any]) -> list[Rule]:
        """Those that may match, each once."""
        found = {id(rule): rule for rule in self._always}
        for name, values in self._by_field.items():
            value = fields.get(name)
            if value is None:
                continue
            for element in elements(value):
                for rule in values.get(_key(element), ()):
                    found[id(rule)] = rule
        return list(found.values())


def _key(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return text(value).lower()


class Candidates(Generic[Rule]):
    """The plan of each log source, made when its first event comes.

    Log sources that no gate tells apart are one: senders may invent names without end.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._datasets = {name for rule in rules for name in rule.gate.datasets}
        self._categories = {name for rule in rules for name in rule.gate.categories}
        self._plans: dict[tuple[str, tuple[str, ...]], Plan[Rule]] = {}

    def of(self, dataset: str, fields: Mapping[str, Any]) -> list[Rule]:
        """Rules that may match this event."""
        kind = (self._dataset(dataset), self._named(fields.get("event.category")))
        plan = self._plans.get(kind)
        if plan is None:
            plan = self._plans[kind] = Plan(r for r in self._rules if r.gate.admits(*kind))
        return plan.rules(fields)

    def _dataset(self, name: str) -> str:
        for part in (name, name.partition(".")[0]):
            if part in self._datasets:
                return part
        return OTHER if name else ""

    def _named(self, categories: Any) -> tuple[str, ...]:
        told = {text(each) for each in elements(categories)}
        return tuple(sorted(told & self._categories)) or ((OTHER,) if told else ())
