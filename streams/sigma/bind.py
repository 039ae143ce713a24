"""Loaded Sigma rules → event rules that know which windows they feed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sigma.correlations import (
    SigmaCorrelationCondition,
    SigmaCorrelationRule,
    SigmaCorrelationType,
)
from sigma.exceptions import SigmaError
from sigma.rule import SigmaLogSource, SigmaRule

from schemas.alert import Severity
from schemas.errors import BadInput
from schemas.plugin import Detector
from streams.correlate.episodes import WindowSpec
from streams.sigma.compile import compile_rule
from streams.sigma.conditions import Fields, predicate
from streams.sigma.correlate import correlation_spec, event_spec
from streams.sigma.fields import gate
from streams.sigma.grouping import counted_value, first_present, grouped
from streams.sigma.rulebook import EventRule, Feed, Group, Loaded, behaviour_spec

SINGLE_TIMESPAN = 15 * 60
SINGLE_QUIET = 60 * 60


def bind(
    loaded: Mapping[str, Loaded], detectors: Mapping[str, Detector]
) -> tuple[list[EventRule], dict[str, WindowSpec]]:
    """Compile everything. Raises BadInput naming file, rule and what is refused."""
    specs = {detector.id: behaviour_spec(detector) for detector in detectors.values()}
    feeds: dict[str, list[Feed]] = {rule_id: [] for rule_id in loaded}
    silent: set[str] = set()
    for one in loaded.values():
        if isinstance(one.rule, SigmaCorrelationRule):
            bases = _bases(one, one.rule, loaded)
            specs[one.id] = _spec(one, one.rule, bases)
            if not one.rule.generate:
                silent |= {base.id for base in bases}
            for base in {base.id: base for base in bases}.values():
                feeds[base.id].append(_feed(one, one.rule, base))
    rules = []
    for one in loaded.values():
        if isinstance(one.rule, SigmaRule):
            if one.id not in silent:
                specs[one.id] = _single_spec(one)
                feeds[one.id].insert(0, _own_feed(one))
            rules.append(_event_rule(one, one.rule, tuple(feeds[one.id])))
    return rules, specs


def _bases(
    one: Loaded, rule: SigmaCorrelationRule, loaded: Mapping[str, Loaded]
) -> Sequence[Loaded]:
    """The event rules it refers to, in its order."""
    by_rule = {id(other.rule): other for other in loaded.values()}
    bases = [by_rule[id(reference.rule)] for reference in rule.rules or ()]
    for base in bases:
        if not isinstance(base.rule, SigmaRule):
            raise BadInput(
                f"a correlation of correlations ({base.id}) is not supported.",
                place=one.place,
                remedy="Refer to event rules.",
            )
    return bases


def _spec(one: Loaded, rule: SigmaCorrelationRule, bases: Sequence[Loaded]) -> WindowSpec:
    steps = [(base.id, base.rule.title) for base in bases]
    return correlation_spec(rule, one.id, one.options.quiet, steps, one.place)


def _single_spec(one: Loaded) -> WindowSpec:
    quiet = SINGLE_QUIET if one.options.quiet is None else one.options.quiet
    return event_spec(one.id, one.rule.title, _severity(one), SINGLE_TIMESPAN, quiet)


def _severity(one: Loaded) -> Severity:
    level = one.rule.level
    return Severity(level.name.lower()) if level else Severity.MEDIUM


def _own_feed(one: Loaded) -> Feed:
    wanted = one.options.group_by
    source = one.rule.logsource if isinstance(one.rule, SigmaRule) else None
    group = first_present if wanted is None else grouped(wanted, source)
    return Feed(rule=one.id, scope=one.options.scope, group=group, alone=True)


def _feed(one: Loaded, rule: SigmaCorrelationRule, base: Loaded) -> Feed:
    steps = rule.type in (SigmaCorrelationType.TEMPORAL, SigmaCorrelationType.TEMPORAL_ORDERED)
    return Feed(
        rule=one.id,
        scope=one.options.scope,
        group=_group(rule, base),
        step=base.id if steps else "",
        value=_value(rule, base),
    )


def _group(rule: SigmaCorrelationRule, base: Loaded) -> Group:
    """Group-by fields as this base rule's events name them: aliases say how."""
    return grouped([_unaliased(rule, base, f) for f in rule.group_by or ()], _source(base))


def _unaliased(rule: SigmaCorrelationRule, base: Loaded, field: str) -> str:
    alias = rule.aliases.aliases.get(field)
    if alias is None:
        return field
    for reference, mapped in alias.mapping.items():
        if reference.rule is base.rule:
            return mapped
    return field


def _value(rule: SigmaCorrelationRule, base: Loaded) -> Callable[[Fields], str | None]:
    condition = rule.condition
    if rule.type is not SigmaCorrelationType.VALUE_COUNT:
        return lambda _fields: ""
    reference = condition.fieldref if isinstance(condition, SigmaCorrelationCondition) else None
    fields = [reference] if isinstance(reference, str) else list(reference or ())
    return counted_value([_unaliased(rule, base, field) for field in fields], _source(base))


def _source(base: Loaded) -> SigmaLogSource | None:
    return base.rule.logsource if isinstance(base.rule, SigmaRule) else None


def _event_rule(one: Loaded, rule: SigmaRule, feeds: tuple[Feed, ...]) -> EventRule:
    try:
        condition = compile_rule(rule, one.place)
        holds = predicate(condition)
    except SigmaError as wrong:
        raise BadInput(
            f"{wrong.args[0]}.", place=one.place, remedy="Mend the condition."
        ) from wrong
    except RecursionError as wrong:
        raise BadInput(
            "the condition is nested too deeply.", place=one.place, remedy="Mend the condition."
        ) from wrong
    return EventRule(
        id=one.id,
        title=rule.title,
        severity=_severity(one),
        tags=tuple(str(tag) for tag in rule.tags),
        condition=condition,
        predicate=holds,
        gate=gate(rule.logsource),
        feeds=feeds,
    )
