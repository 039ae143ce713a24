"""A pySigma condition tree → one predicate over a flat ECS dict.

What is not supported is refused when the rule is loaded: a rule never silently means something
else than it says.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.modifiers import reverse_modifier_mapping
from sigma.rule import SigmaDetection, SigmaDetectionItem, SigmaLogSource, SigmaRule
from sigma.types import (
    SigmaBool,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SigmaTimestampPart,
    SigmaType,
    SpecialChars,
)

from schemas.errors import BadInput
from streams.sigma import values
from streams.sigma.expressions import Refused
from streams.sigma.fields import names

Fields = Mapping[str, Any]
Predicate = Callable[[Fields], bool]

SUPPORTED = frozenset(
    {"all", "neq", "contains", "startswith", "endswith", "exists", "cased", "cidr", "fieldref"}
    | {"gt", "gte", "lt", "lte", "re", "i", "m", "s", "ignorecase", "multiline", "dotall"}
    | {"windash", "base64", "base64offset"}
)
ANCHORS = frozenset({"startswith", "endswith"})
MOST_COMPARED = 1_000
"""Values of a list of which each is held against each of another, which costs their product."""


@dataclass(frozen=True, slots=True)
class Compiler:
    """Compiles conditions of one rule."""

    source: SigmaLogSource | None
    place: str
    """File and rule, for what has to be refused."""

    def condition(self, node: Any) -> Predicate:
        """Raises BadInput for what is not supported."""
        match node:
            case ConditionAND():
                return self._all([self.condition(arg) for arg in node.args])
            case ConditionOR():
                return self._or(node)
            case ConditionNOT():
                inner = self.condition(node.args[0])
                return lambda fields: not inner(fields)
            case ConditionFieldEqualsValueExpression():
                return self.field(node.field, node.value)
            case ConditionValueExpression():
                return self._keyword(node.value)
        raise self.refused(f"a condition of kind {type(node).__name__}")

    def _all(self, parts: Sequence[Predicate]) -> Predicate:
        if len(parts) == 2:
            one, two = parts
            return lambda fields: one(fields) and two(fields)
        return lambda fields: all(part(fields) for part in parts)

    def _or(self, node: ConditionOR) -> Predicate:
        """Strings wanted of one field are tested together: the value is lowered once."""
        wanted: dict[str, list[SigmaString]] = {}
        parts: list[Predicate] = []
        for arg in node.args:
            value = getattr(arg, "value", None)
            if (
                isinstance(arg, ConditionFieldEqualsValueExpression)
                and isinstance(value, SigmaString)
                and not value.contains_placeholder()
            ):
                wanted.setdefault(arg.field, []).append(value)
            else:
                parts.append(self.condition(arg))
        parts += [
            self._on(field, values.strings_test(patterns)) for field, patterns in wanted.items()
        ]
        if len(parts) == 1:
            return parts[0]
        return lambda fields: any(part(fields) for part in parts)

    def field(self, field: str, value: SigmaType) -> Predicate:
        """One field against one value."""
        match value:
            case SigmaExists():
                return self._exists(field, wanted=bool(value))
            case SigmaNull():
                return self._exists(field, wanted=False)
            case SigmaFieldReference():
                return self._reference(field, value)
            case SigmaExpansion():
                parts = [self.field(field, one) for one in value.values]
                return lambda fields: any(part(fields) for part in parts)
        return self._on(field, self._test(value))

    def _test(self, value: SigmaType) -> values.ValueTest:
        match value:
            case SigmaString() if not value.contains_placeholder():
                return values.strings_test([value])
            case SigmaRegularExpression() if not value.contains_placeholder():
                return self._expression(value)
            case SigmaCIDRExpression():
                return values.cidr_test(value)
            case SigmaCompareExpression() if not isinstance(value.number, SigmaTimestampPart):
                return values.compare_test(value)
            case SigmaBool():
                return values.strings_test([SigmaString(str(value.boolean).lower())])
            case SigmaNumber() if not isinstance(value, SigmaTimestampPart):
                return values.number_test(value)
        raise self.refused(f"a value of kind {type(value).__name__}")

    def _expression(self, value: SigmaRegularExpression) -> values.ValueTest:
        try:
            return values.regex_test(value)
        except Refused as wrong:
            raise BadInput(
                f"the expression {str(value.regexp)[:80]!r} cannot be searched in time that grows"
                f" like the text: {wrong}.",
                place=self.place,
                remedy="Say it more simply, or with contains, startswith and endswith.",
            ) from wrong

    def getter(self, field: str) -> Callable[[Fields], Any]:
        """Value of the first candidate name that the event has."""
        candidates = names(field, self.source)
        if len(candidates) == 1:
            only = candidates[0]
            return lambda fields: fields.get(only)

        def get(fields: Fields) -> Any:
            for name in candidates:
                value = fields.get(name)
                if value is not None:
                    return value
            return None

        return get

    def _on(self, field: str, test: values.ValueTest) -> Predicate:
        get = self.getter(field)
        return lambda fields: test(get(fields))

    def _exists(self, field: str, *, wanted: bool) -> Predicate:
        get = self.getter(field)
        return lambda fields: (get(fields) is not None) is wanted

    def _reference(self, field: str, reference: SigmaFieldReference) -> Predicate:
        one, two = self.getter(field), self.getter(reference.field)
        tests: dict[tuple[bool, bool], Callable[[str, str], bool]] = {
            (False, False): operator.eq,
            (True, False): str.startswith,
            (False, True): str.endswith,
            (True, True): operator.contains,
        }
        test = tests[reference.starts_with, reference.ends_with]

        def same(fields: Fields) -> bool:
            others = dict.fromkeys(values.text(o).lower() for o in values.elements(two(fields)))
            mine = dict.fromkeys(values.text(v).lower() for v in values.elements(one(fields)))
            if test is operator.eq:
                return not mine.keys().isdisjoint(others)
            most = MOST_COMPARED
            return any(
                test(value, other) for value in islice(mine, most) for other in islice(others, most)
            )

        return same

    def _keyword(self, value: SigmaType) -> Predicate:
        """Unbound: anywhere in any value of the event."""
        test = self._anywhere(value)
        return lambda fields: any(test(one) for value in fields.values() for one in _leaves(value))

    def _anywhere(self, value: SigmaType) -> values.ValueTest:
        if isinstance(value, SigmaExpansion):
            parts = [self._anywhere(one) for one in value.values]
            return lambda told: any(part(told) for part in parts)
        if isinstance(value, SigmaNumber):
            value = SigmaString(str(value))
        if isinstance(value, SigmaString) and not value.contains_placeholder():
            spread = type(value)()
            many = SpecialChars.WILDCARD_MULTI
            inner = list(value.s)
            spread.s = [*([] if inner[:1] == [many] else [many]), *inner]
            spread.s += [] if inner[-1:] == [many] else [many]
            return values.strings_test([spread])
        if isinstance(value, SigmaRegularExpression):
            return self._test(value)
        raise self.refused(f"a keyword of kind {type(value).__name__}")

    def refused(self, what: str) -> BadInput:
        return BadInput(
            f"{what} is not supported.",
            place=self.place,
            remedy="Say it with the modifiers that rules/README.md lists, or leave the rule out.",
        )


def _leaves(value: Any) -> Iterator[Any]:
    """Of any depth; each value is visited once."""
    waiting = [iter((value,))]
    while waiting:
        for inner in waiting[-1]:
            if isinstance(inner, dict):
                waiting.append(iter(inner.values()))
                break
            if isinstance(inner, list | tuple):
                waiting.append(iter(inner))
                break
            if inner is not None:
                yield inner
        else:
            waiting.pop()


def check_modifiers(rule: SigmaRule, compiler: Compiler) -> None:
    """Raises BadInput, naming the modifier, for one that would change a rule's meaning."""
    for name, detection in rule.detection.detections.items():
        for item in items(detection):
            used = {reverse_modifier_mapping[modifier.__name__] for modifier in item.modifiers}
            for word in sorted(used - SUPPORTED):
                raise compiler.refused(f"modifier {word!r} (selection {name})")
            if "re" in used and used & ANCHORS:
                raise compiler.refused(f"modifier 're' with an anchor (selection {name})")


def items(detection: SigmaDetection | SigmaDetectionItem) -> list[SigmaDetectionItem]:
    if isinstance(detection, SigmaDetectionItem):
        return [detection]
    return [item for inner in detection.detection_items for item in items(inner)]


def compile_rule(rule: SigmaRule, place: str) -> Predicate:
    """Any of the rule's conditions. Raises BadInput naming file, rule and what is refused."""
    compiler = Compiler(rule.logsource, place)
    check_modifiers(rule, compiler)
    parts = [compiler.condition(c.parsed) for c in rule.detection.parsed_condition]
    if len(parts) == 1:
        return parts[0]
    return lambda fields: any(part(fields) for part in parts)
