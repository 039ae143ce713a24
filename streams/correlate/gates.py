"""Define groups behind gates: steps that a behaviour joins by value are kept apart, per value.

The signals of such a step go to an inner group (the alert's group and the value). Once the gate's
condition holds somewhere in it, its retained signals there are forwarded to the alert's group. An
inner group raises no alert; otherwise it is a group like all others."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.pipeline.alert import GroupKey, Severity
from schemas.pipeline.plugin import ValueGate
from streams.correlate.episodes import WindowSpec

INNER = ":by-value"
"""Ends the rule name in the key of an inner group. No rule id holds a colon."""


def build_inner_rule(rule: str) -> str:
    """Build the rule name of the inner groups of this rule."""
    return rule + INNER


def build_inner_key(key: GroupKey, value: str) -> GroupKey:
    """Build the key of an inner group from the alert's group and the value."""
    return GroupKey(build_inner_rule(key.rule), key.organization, (*key.group, value))


def get_alert_key(key: GroupKey) -> GroupKey:
    """Return the key of the group that alerts: for an inner group its outer group, else the key
    itself."""
    if not key.rule.endswith(INNER):
        return key
    return GroupKey(key.rule.removesuffix(INNER), key.organization, key.group[:-1])


def build_inner_spec(spec: WindowSpec, gate: ValueGate) -> WindowSpec:
    """Build the window of the inner groups: it keeps all signals up to the loud cap, and beyond it
    those that open the gate."""
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
        sees_retellings=True,
    )


def add_inner_specs(specs: Mapping[str, WindowSpec]) -> dict[str, WindowSpec]:
    """Return these windows and those of the inner groups of gated rules."""
    gated = [build_inner_spec(spec, spec.gate) for spec in specs.values() if spec.gate is not None]
    return {**specs, **{spec.rule: spec for spec in gated}}
