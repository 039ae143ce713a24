"""Convert Sigma correlations to windows: when they fire, and their wording.

Sources: Sigma correlation rules specification 2.1. Readings that it leaves open: the window's edge
is inclusive, sub-second time counts, group values compare case-folded, an event without a group-by
value takes no part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import groupby

from sigma.correlations import (
    SigmaCorrelationCondition,
    SigmaCorrelationConditionOperator,
    SigmaCorrelationRule,
    SigmaCorrelationType,
)

from schemas.errors import BadInput
from schemas.pipeline.alert import Severity
from schemas.pipeline.plugin import DetectorSignal
from schemas.pipeline.rule import RuleKind
from streams.correlate.acts import count_attempts, find_act
from streams.correlate.alert_phrases import format_count, format_duration, format_interval
from streams.correlate.episodes import WindowSpec

KINDS = {
    SigmaCorrelationType.EVENT_COUNT: RuleKind.EVENT_COUNT,
    SigmaCorrelationType.VALUE_COUNT: RuleKind.VALUE_COUNT,
    SigmaCorrelationType.TEMPORAL: RuleKind.TEMPORAL,
    SigmaCorrelationType.TEMPORAL_ORDERED: RuleKind.TEMPORAL_ORDERED,
}
SHOWN = 100
"""Signals kept at each end of a bucket: fewer would do for the verdict, but
with this many most alerts show all of their evidence."""
MemberTest = Callable[[Sequence[DetectorSignal]], bool]
MemberText = Callable[[Sequence[DetectorSignal]], str]


def build_event_spec(
    rule: str, title: str, severity: Severity, timespan: int, quiet: int
) -> WindowSpec:
    """Build the window of a single-event rule: it fires at every match, repeats fold."""

    def explain(members: Sequence[DetectorSignal]) -> str:
        if not members:
            return ""
        noun = "event" if len(members) == 1 else "events"
        return f"{len(members)} {noun} matched {format_interval(members)}."

    return WindowSpec(
        rule=rule,
        title=title,
        severity=severity,
        timespan=timespan,
        quiet=quiet,
        keep=SHOWN,
        distinct=False,
        fires=bool,
        explain=explain,
        ends=True,
    )


def build_correlation_spec(
    rule: SigmaCorrelationRule,
    rule_id: str,
    quiet: int | None,
    steps: Sequence[tuple[str, str]],
    place: str,
) -> WindowSpec:
    """Build the window. `steps`: ids and titles of the rules it refers to, in its order; a repeated
    one requires as many of its events.

    Raises BadInput for a type or condition with a verdict that more events could reverse."""
    kind = KINDS.get(rule.type)
    if kind is None:
        raise _build_refusal(f"correlation type {rule.type.name.lower()!r}", place)
    timespan = rule.timespan.seconds
    least = _read_least(rule, len(steps), place)
    fires, explain = _choose_meaning(kind, least, timespan, steps)
    return WindowSpec(
        rule=rule_id,
        title=rule.title,
        severity=Severity(rule.level.name.lower()) if rule.level else Severity.MEDIUM,
        timespan=timespan,
        quiet=timespan if quiet is None else quiet,
        keep=max(least, SHOWN) if kind in (RuleKind.EVENT_COUNT, RuleKind.VALUE_COUNT) else 0,
        distinct=kind is RuleKind.VALUE_COUNT,
        fires=fires,
        explain=explain,
        least=least,
        ends=kind in (RuleKind.EVENT_COUNT, RuleKind.VALUE_COUNT),
        sees_retellings=kind is RuleKind.TEMPORAL_ORDERED,
    )


def _read_least(rule: SigmaCorrelationRule, steps: int, place: str) -> int:
    """Read the least number that the condition requires."""
    condition = rule.condition
    if not isinstance(condition, SigmaCorrelationCondition):
        raise _build_refusal("an extended condition", place)
    operators = SigmaCorrelationConditionOperator
    if condition.op not in (operators.GTE, operators.GT) or int(condition.count) != condition.count:
        raise _build_refusal(f"condition {condition.op.name.lower()!r}", place)
    least = int(condition.count) + (condition.op is operators.GT)
    if rule.type in (SigmaCorrelationType.EVENT_COUNT, SigmaCorrelationType.VALUE_COUNT):
        return max(least, 1)
    if least not in (1, steps):
        raise _build_refusal("a temporal condition other than all of its rules", place)
    return steps


def _choose_meaning(
    kind: RuleKind, least: int, timespan: int, steps: Sequence[tuple[str, str]]
) -> tuple[MemberTest, MemberText]:
    match kind:
        case RuleKind.EVENT_COUNT:
            return _build_count_test(least), _build_count_text(least, timespan)
        case RuleKind.VALUE_COUNT:
            return _build_distinct_test(least), _build_values_text(least, timespan)
        case RuleKind.TEMPORAL:
            return _build_steps_test([step for step, _ in steps]), _build_steps_text(steps)
    return _build_ordered_test([step for step, _ in steps]), _build_steps_text(steps)


def _build_count_test(least: int) -> MemberTest:
    return lambda members: len(members) >= least or count_attempts(members) >= least


def _build_steps_test(steps: Sequence[str]) -> MemberTest:
    needed = Counter(steps)

    def should_fire(members: Sequence[DetectorSignal]) -> bool:
        counts: Counter[str] = Counter()
        for member in members:
            counts[member.step] += member.attempts
        return needed <= counts

    return should_fire


def _build_distinct_test(least: int) -> MemberTest:
    return lambda members: len({m.value for m in members}) >= least


def _build_ordered_test(steps: Sequence[str]) -> MemberTest:
    """Build the test for the earliest chain; equal times count as ordered either way."""
    chain = [(step, len(list(same))) for step, same in groupby(steps)]

    def should_fire(members: Sequence[DetectorSignal]) -> bool:
        time = float("-inf")
        for step, count in chain:
            last = find_act((m for m in members if m.step == step and m.time >= time), count)
            if last is None:
                return False
            time = last.time
        return True

    return should_fire


def _build_count_text(least: int, timespan: int) -> MemberText:
    def explain(members: Sequence[DetectorSignal]) -> str:
        if not members:
            return ""
        return (
            f"{_count_events(members)} {format_interval(members)};"
            f" the rule asks for {least} within {format_duration(timespan)}."
        )

    return explain


def _count_events(members: Sequence[DetectorSignal]) -> str:
    """Say how many events there are, and how many attempts if some tell of several."""
    attempts = count_attempts(members)
    events = format_count(len(members), "event")
    return events if attempts == len(members) else f"{attempts} attempts in {events}"


def _build_values_text(least: int, timespan: int) -> MemberText:
    def explain(members: Sequence[DetectorSignal]) -> str:
        if not members:
            return ""
        return (
            f"{len({m.value for m in members})} different values in {len(members)} events"
            f" {format_interval(members)}; the rule asks for {least} within {format_duration(timespan)}."
        )

    return explain


def _build_steps_text(steps: Sequence[tuple[str, str]]) -> MemberText:
    def explain(members: Sequence[DetectorSignal]) -> str:
        if not members:
            return ""
        counts = [
            f"{title} ({count_attempts(m for m in members if m.step == step)}×)"
            for step, title in dict(steps).items()
        ]
        return f"{', then '.join(counts)}, {format_interval(members)}."

    return explain


def _build_refusal(what: str, place: str) -> BadInput:
    return BadInput(
        f"{what} is not supported.",
        place=place,
        remedy="Use event_count, value_count, temporal or temporal_ordered with gt or gte.",
    )
