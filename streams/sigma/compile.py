"""Compile a pySigma condition tree to a condition over a flat ECS dict.

Unsupported features are refused when the rule is loaded: a rule never silently means something else
than it says."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
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
from streams.sigma import literals, values
from streams.sigma.conditions import (
    AllOf,
    AnyOf,
    Condition,
    FieldComparison,
    FieldPresence,
    FieldTest,
    KeywordTest,
    NotCondition,
    count_levels,
)
from streams.sigma.expressions import ExpressionRefused
from streams.sigma.fields import list_names
from streams.sigma.literals import Literals

SUPPORTED = frozenset(
    {"all", "neq", "contains", "startswith", "endswith", "exists", "cased", "cidr", "fieldref"}
    | {"gt", "gte", "lt", "lte", "re", "i", "m", "s", "ignorecase", "multiline", "dotall"}
    | {"windash", "base64", "base64offset"}
)
ANCHORS = frozenset({"startswith", "endswith"})
DEEPEST = 200
"""Levels of a condition."""
MOST_COMPARED = 1_000
"""Values of a list of which each is held against each of another, which costs their product."""


@dataclass(frozen=True, slots=True)
class ConditionCompiler:
    """Compiles conditions of one rule."""

    source: SigmaLogSource | None
    place: str
    """File and rule, for what has to be refused."""

    def compile_condition(self, node: Any) -> Condition:
        """Raises BadInput for what is not supported."""
        match node:
            case ConditionAND():
                return AllOf(tuple(self.compile_condition(arg) for arg in node.args))
            case ConditionOR():
                return self._compile_or(node)
            case ConditionNOT():
                return NotCondition(self.compile_condition(node.args[0]))
            case ConditionFieldEqualsValueExpression():
                return self.compile_field(node.field, node.value)
            case ConditionValueExpression():
                return self._compile_keyword(node.value)
        raise self.build_refusal(f"a condition of kind {type(node).__name__}")

    def _compile_or(self, node: ConditionOR) -> Condition:
        """Compile strings of one field to one test, so that the value is lowered once."""
        patterns_by_field: dict[str, list[SigmaString]] = {}
        parts: list[Condition] = []
        for arg in node.args:
            value = getattr(arg, "value", None)
            if (
                isinstance(arg, ConditionFieldEqualsValueExpression)
                and isinstance(value, SigmaString)
                and not value.contains_placeholder()
            ):
                patterns_by_field.setdefault(arg.field, []).append(value)
            else:
                parts.append(self.compile_condition(arg))
        parts += [
            self._compile_strings(field, patterns) for field, patterns in patterns_by_field.items()
        ]
        return _join_either(parts)

    def compile_field(self, field: str, value: SigmaType) -> Condition:
        """Compile one field against one value."""
        match value:
            case SigmaExists():
                return FieldPresence(self._list_names(field), must_exist=bool(value))
            case SigmaNull():
                return FieldPresence(self._list_names(field), must_exist=False)
            case SigmaFieldReference():
                return self._compile_reference(field, value)
            case SigmaExpansion():
                return _join_either([self.compile_field(field, one) for one in value.values])
        if isinstance(value, SigmaString) and not value.contains_placeholder():
            return self._compile_strings(field, [value])
        exact = isinstance(value, SigmaNumber | SigmaCIDRExpression | SigmaBool)
        searched = isinstance(value, SigmaRegularExpression)
        return FieldTest(self._list_names(field), *self._test(value), exact, searched)

    def _list_names(self, field: str) -> tuple[str, ...]:
        return list_names(field, self.source)

    def _compile_strings(self, field: str, patterns: Sequence[SigmaString]) -> FieldTest:
        needed = literals.combine_literals(list(map(literals.find_in_string, patterns)))
        exact = len(needed) == 1 and all(map(literals.is_exact, patterns))
        return FieldTest(
            self._list_names(field), values.build_strings_test(patterns), needed, exact
        )

    def _test(self, value: SigmaType) -> tuple[values.ValueTest, Literals]:
        """Build a test, and the literals that it needs."""
        match value:
            case SigmaString() if not value.contains_placeholder():
                return values.build_strings_test([value]), literals.find_in_string(value)
            case SigmaRegularExpression() if not value.contains_placeholder():
                return self._compile_expression(value), literals.find_in_expression(value)
            case SigmaCIDRExpression():
                return values.build_cidr_test(value), literals.find_in_network(value)
            case SigmaCompareExpression() if not isinstance(value.number, SigmaTimestampPart):
                return values.build_compare_test(value), ()
            case SigmaBool():
                pattern = SigmaString(str(value.boolean).lower())
                return values.build_strings_test([pattern]), literals.find_in_string(pattern)
            case SigmaNumber() if not isinstance(value, SigmaTimestampPart):
                return values.build_number_test(value), literals.find_in_number(value)
        raise self.build_refusal(f"a value of kind {type(value).__name__}")

    def _compile_expression(self, value: SigmaRegularExpression) -> values.ValueTest:
        try:
            return values.build_regex_test(value)
        except ExpressionRefused as wrong:
            raise BadInput(
                f"the expression {str(value.regexp)[:80]!r} cannot be searched in time that grows"
                f" like the text: {wrong}.",
                place=self.place,
                remedy="Say it more simply, or with contains, startswith and endswith.",
            ) from wrong

    def _compile_reference(self, field: str, reference: SigmaFieldReference) -> Condition:
        tests: dict[tuple[bool, bool], Callable[[str, str], bool]] = {
            (False, False): operator.eq,
            (True, False): str.startswith,
            (False, True): str.endswith,
            (True, True): operator.contains,
        }
        test = tests[reference.starts_with, reference.ends_with]

        def compare_values(one: Any, two: Any) -> bool:
            others = dict.fromkeys(values.to_text(o).lower() for o in values.iterate_elements(two))
            mine = dict.fromkeys(values.to_text(v).lower() for v in values.iterate_elements(one))
            if test is operator.eq:
                return not mine.keys().isdisjoint(others)
            most = MOST_COMPARED
            return any(
                test(value, other) for value in islice(mine, most) for other in islice(others, most)
            )

        return FieldComparison(
            self._list_names(field), self._list_names(reference.field), compare_values
        )

    def _compile_keyword(self, value: SigmaType) -> Condition:
        """Compile an unbound value: anywhere in any value of the event."""
        if isinstance(value, SigmaExpansion):
            return _join_either([self._compile_keyword(one) for one in value.values])
        if isinstance(value, SigmaNumber):
            value = SigmaString(str(value))
        if isinstance(value, SigmaString) and not value.contains_placeholder():
            spread = type(value)()
            many = SpecialChars.WILDCARD_MULTI
            inner = list(value.s)
            spread.s = [*([] if inner[:1] == [many] else [many]), *inner]
            spread.s += [] if inner[-1:] == [many] else [many]
            return KeywordTest(*self._test(spread))
        if isinstance(value, SigmaRegularExpression):
            return KeywordTest(*self._test(value))
        raise self.build_refusal(f"a keyword of kind {type(value).__name__}")

    def build_refusal(self, what: str) -> BadInput:
        return BadInput(
            f"{what} is not supported.",
            place=self.place,
            remedy="Say it with the modifiers that rules/README.md lists, or leave the rule out.",
        )


def _join_either(parts: Sequence[Condition]) -> Condition:
    return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))


def check_modifiers(rule: SigmaRule, compiler: ConditionCompiler) -> None:
    """Raises BadInput, naming the modifier, for one that would change a rule's meaning."""
    for name, detection in rule.detection.detections.items():
        for item in list_items(detection):
            used = {reverse_modifier_mapping[modifier.__name__] for modifier in item.modifiers}
            for word in sorted(used - SUPPORTED):
                raise compiler.build_refusal(f"modifier {word!r} (selection {name})")
            if "re" in used and used & ANCHORS:
                raise compiler.build_refusal(f"modifier 're' with an anchor (selection {name})")


def list_items(detection: SigmaDetection | SigmaDetectionItem) -> list[SigmaDetectionItem]:
    if isinstance(detection, SigmaDetectionItem):
        return [detection]
    return [item for inner in detection.detection_items for item in list_items(inner)]


def compile_rule(rule: SigmaRule, place: str) -> Condition:
    """Compile any of the rule's conditions. Raises BadInput naming file, rule and what is
    refused."""
    compiler = ConditionCompiler(rule.logsource, place)
    check_modifiers(rule, compiler)
    condition = _join_either(
        [compiler.compile_condition(c.parsed) for c in rule.detection.parsed_condition]
    )
    if count_levels(condition) > DEEPEST:
        raise BadInput(
            f"the condition is nested deeper than {DEEPEST} levels.",
            place=place,
            remedy="Mend the condition.",
        )
    return condition
