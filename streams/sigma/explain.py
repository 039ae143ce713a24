"""Explain why a rule did or did not match an event, condition by condition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sigma.correlations import SigmaCorrelationRule
from sigma.rule import SigmaDetection, SigmaDetectionItem, SigmaRule

from schemas.errors import NotFound
from schemas.pipeline.event import flatten
from streams.sigma.compile import ConditionCompiler, compile_rule
from streams.sigma.conditions import build_predicate
from streams.sigma.documents import parse_event
from streams.sigma.fields import build_gate, list_names
from streams.sigma.rulebook import LoadedRule, RuleBook
from streams.sigma.values import iterate_elements, to_text


@dataclass(frozen=True, slots=True)
class CheckedCondition:
    """One line of a selection against one event."""

    selection: str
    field: str
    """As the rule names it; empty: a keyword."""
    matched: bool
    present: bool
    """The event has a value there."""
    looked_at: tuple[str, ...] = ()
    """The ECS names of the field."""


@dataclass(frozen=True, slots=True)
class RuleExplanation:
    """Verdict and reasons. Holds no values of the event: they are personal data."""

    rule: str
    matched: bool
    admitted: bool
    """The rule's log source admits the event's dataset and category."""
    checks: tuple[CheckedCondition, ...]

    @property
    def text(self) -> str:
        """For a terminal."""
        head = f"{self.rule}: {'matched' if self.matched else 'did not match'}"
        lines = [head if self.admitted else f"{head} (not from a log source it looks at)"]
        for check in self.checks:
            sign = "yes" if check.matched else "no "
            absent = "" if check.present else f" (absent: {' or '.join(check.looked_at)})"
            lines.append(f"  {sign}  {check.selection}: {check.field or 'keywords'}{absent}")
        return "\n".join(lines)


def explain(book: RuleBook, rule_id: str, event: Mapping[str, Any]) -> RuleExplanation:
    """Explain the rule; for a correlation, each rule it refers to. Raises NotFound for an unknown
    rule."""
    fields = flatten(event)
    if rule_id in book.detectors:
        drafts = book.detectors[rule_id].signals(parse_event(event))
        checks = [CheckedCondition(draft.step, "", matched=True, present=True) for draft in drafts]
        return RuleExplanation(rule_id, bool(drafts), admitted=True, checks=tuple(checks))
    loaded = book.loaded.get(rule_id)
    if loaded is None:
        raise NotFound(f"there is no rule {rule_id!r}.", remedy="`breachdesk rules list`.")
    bases = _list_bases(book, loaded)
    parts = [_explain_one(one, fields, prefix=len(bases) > 1) for one in bases]
    return RuleExplanation(
        rule_id,
        matched=any(part.matched for part in parts),
        admitted=any(part.admitted for part in parts),
        checks=tuple(check for part in parts for check in part.checks),
    )


def _list_bases(book: RuleBook, loaded: LoadedRule) -> list[LoadedRule]:
    if not isinstance(loaded.rule, SigmaCorrelationRule):
        return [loaded]
    base_rules = [reference.rule for reference in loaded.rule.rules or ()]
    return [one for one in book.loaded.values() if any(one.rule is rule for rule in base_rules)]


def _explain_one(one: LoadedRule, fields: Mapping[str, Any], *, prefix: bool) -> RuleExplanation:
    rule = one.rule
    if not isinstance(rule, SigmaRule):
        return RuleExplanation(one.id, matched=False, admitted=False, checks=())
    categories = tuple(to_text(each) for each in iterate_elements(fields.get("event.category")))
    admitted = build_gate(rule.logsource).admits(str(fields.get("event.dataset", "")), categories)
    checks = [
        check
        for name, detection in rule.detection.detections.items()
        for check in _check(one, rule, detection, f"{one.id}.{name}" if prefix else name, fields)
    ]
    matched = admitted and build_predicate(compile_rule(rule, one.place))(fields)
    return RuleExplanation(one.id, matched, admitted, tuple(checks))


def _check(
    one: LoadedRule,
    rule: SigmaRule,
    detection: SigmaDetection | SigmaDetectionItem,
    selection: str,
    fields: Mapping[str, Any],
) -> Iterator[CheckedCondition]:
    if isinstance(detection, SigmaDetection):
        for item in detection.detection_items:
            yield from _check(one, rule, item, selection, fields)
        return
    compiler = ConditionCompiler(rule.logsource, one.place)
    holds = build_predicate(compiler.compile_condition(detection.postprocess(rule.detection)))
    looked_at = list_names(detection.field, rule.logsource) if detection.field else ()
    present = not detection.field or any(fields.get(name) is not None for name in looked_at)
    yield CheckedCondition(selection, detection.field or "", holds(fields), present, looked_at)
