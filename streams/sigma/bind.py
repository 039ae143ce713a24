"""Bind loaded Sigma rules to the windows that they feed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sigma.correlations import (
    SigmaCorrelationCondition,
    SigmaCorrelationRule,
    SigmaCorrelationType,
)
from sigma.exceptions import SigmaError
from sigma.rule import SigmaLogSource, SigmaRule

from schemas.errors import BadInput
from schemas.pipeline.alert import Severity
from schemas.pipeline.plugin import Detector
from streams.correlate.episodes import WindowSpec
from streams.sigma.compile import compile_rule
from streams.sigma.conditions import Fields, build_predicate
from streams.sigma.correlate import build_correlation_spec, build_event_spec
from streams.sigma.fields import build_gate
from streams.sigma.grouping import build_group_reader, build_value_reader, find_first_present
from streams.sigma.rulebook import (
    CorrelationFeed,
    EventRule,
    GroupReader,
    LoadedRule,
    build_behaviour_spec,
)

SINGLE_TIMESPAN = 15 * 60
SINGLE_QUIET = 60 * 60


def bind(
    loaded: Mapping[str, LoadedRule], detectors: Mapping[str, Detector]
) -> tuple[list[EventRule], dict[str, WindowSpec]]:
    """Compile everything. Raises BadInput naming file, rule and what is refused."""
    specs = {detector.id: build_behaviour_spec(detector) for detector in detectors.values()}
    feeds: dict[str, list[CorrelationFeed]] = {rule_id: [] for rule_id in loaded}
    silent: set[str] = set()
    for one in loaded.values():
        if isinstance(one.rule, SigmaCorrelationRule):
            bases = _list_bases(one, one.rule, loaded)
            specs[one.id] = _build_spec(one, one.rule, bases)
            if not one.rule.generate:
                silent |= {base.id for base in bases}
            for base in {base.id: base for base in bases}.values():
                feeds[base.id].append(_feed(one, one.rule, base))
    rules = []
    for one in loaded.values():
        if isinstance(one.rule, SigmaRule):
            if one.id not in silent:
                specs[one.id] = _build_single_spec(one)
                feeds[one.id].insert(0, _build_own_feed(one))
            rules.append(_build_event_rule(one, one.rule, tuple(feeds[one.id])))
    return rules, specs


def _list_bases(
    one: LoadedRule, rule: SigmaCorrelationRule, loaded: Mapping[str, LoadedRule]
) -> Sequence[LoadedRule]:
    """List the event rules that it refers to, in its order."""
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


def _build_spec(
    one: LoadedRule, rule: SigmaCorrelationRule, bases: Sequence[LoadedRule]
) -> WindowSpec:
    steps = [(base.id, base.rule.title) for base in bases]
    return build_correlation_spec(rule, one.id, one.options.quiet, steps, one.place)


def _build_single_spec(one: LoadedRule) -> WindowSpec:
    quiet = SINGLE_QUIET if one.options.quiet is None else one.options.quiet
    return build_event_spec(one.id, one.rule.title, _get_severity(one), SINGLE_TIMESPAN, quiet)


def _get_severity(one: LoadedRule) -> Severity:
    level = one.rule.level
    return Severity(level.name.lower()) if level else Severity.MEDIUM


def _build_own_feed(one: LoadedRule) -> CorrelationFeed:
    group_by = one.options.group_by
    source = one.rule.logsource if isinstance(one.rule, SigmaRule) else None
    group = find_first_present if group_by is None else build_group_reader(group_by, source)
    return CorrelationFeed(rule=one.id, scope=one.options.scope, group=group, alone=True)


def _feed(one: LoadedRule, rule: SigmaCorrelationRule, base: LoadedRule) -> CorrelationFeed:
    steps = rule.type in (SigmaCorrelationType.TEMPORAL, SigmaCorrelationType.TEMPORAL_ORDERED)
    return CorrelationFeed(
        rule=one.id,
        scope=one.options.scope,
        group=_build_group_reader(rule, base),
        step=base.id if steps else "",
        value=_build_value_reader(rule, base),
    )


def _build_group_reader(rule: SigmaCorrelationRule, base: LoadedRule) -> GroupReader:
    """Build a reader of the group-by fields as this base rule's events name them, by its
    aliases."""
    return build_group_reader(
        [_resolve_alias(rule, base, f) for f in rule.group_by or ()], _get_log_source(base)
    )


def _resolve_alias(rule: SigmaCorrelationRule, base: LoadedRule, field: str) -> str:
    alias = rule.aliases.aliases.get(field)
    if alias is None:
        return field
    for reference, mapped in alias.mapping.items():
        if reference.rule is base.rule:
            return mapped
    return field


def _build_value_reader(
    rule: SigmaCorrelationRule, base: LoadedRule
) -> Callable[[Fields], str | None]:
    condition = rule.condition
    if rule.type is not SigmaCorrelationType.VALUE_COUNT:
        return lambda _fields: ""
    reference = condition.fieldref if isinstance(condition, SigmaCorrelationCondition) else None
    fields = [reference] if isinstance(reference, str) else list(reference or ())
    return build_value_reader(
        [_resolve_alias(rule, base, field) for field in fields], _get_log_source(base)
    )


def _get_log_source(base: LoadedRule) -> SigmaLogSource | None:
    return base.rule.logsource if isinstance(base.rule, SigmaRule) else None


def _build_event_rule(
    one: LoadedRule, rule: SigmaRule, feeds: tuple[CorrelationFeed, ...]
) -> EventRule:
    try:
        condition = compile_rule(rule, one.place)
        holds = build_predicate(condition)
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
        severity=_get_severity(one),
        tags=tuple(str(tag) for tag in rule.tags),
        condition=condition,
        predicate=holds,
        gate=build_gate(rule.logsource),
        feeds=feeds,
    )
