"""Groups behind gates: steps that a behaviour joins by value are kept apart, per value.

The signals of such a step go to an inner group (the alert's group and the value). Once the gate's
condition holds somewhere in it, what it retains there goes on to the alert's group. An inner group
raises no alert; otherwise it is a group like all others.
"""

from __future__ import annotations

from collections.abc import Mapping

from schemas.pipeline.alert import GroupKey, Severity
from schemas.pipeline.plugin import ValueGate
from streams.correlate.episodes import WindowSpec

INNER = ":by-value"
"""Ends the rule name in the key of an inner group. No rule id holds a colon."""


def build_inner_rule(rule: str) -> str:
    """The rule name of the inner groups of this rule."""
    return rule + INNER


def build_inner_key(key: GroupKey, value: str) -> GroupKey:
    """The inner group of an alert's group."""
    return GroupKey(build_inner_rule(key.rule), key.organization, (*key.group, value))


def get_alert_key(key: GroupKey) -> GroupKey:
    """The group that alerts: of an inner group the one it belongs to, else the key itself."""
    if not key.rule.endswith(INNER):
        return key
    return GroupKey(key.rule.removesuffix(INNER), key.organization, key.group[:-1])


def build_inner_spec(spec: WindowSpec, gate: ValueGate) -> WindowSpec:
    """The window of the inner groups: all is kept up to the loud cap, and beyond it what opens."""
    return WindowSpec(
        rule=build_inner_rule(spec.rule),
        title=spec.title,
        severity=Severity.INFORMATIONAL,
        timespan=spec.timespan,
        quiet=spec.quiet,
        keep=0,
        distinct=False,
        fires=gate.opens,
        gate=gate,
    )


def add_inner_specs(specs: Mapping[str, WindowSpec]) -> dict[str, WindowSpec]:
    """These windows and those of the inner groups of gated rules."""
    gated = [build_inner_spec(spec, spec.gate) for spec in specs.values() if spec.gate is not None]
    return {**specs, **{spec.rule: spec for spec in gated}}
