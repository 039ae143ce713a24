"""Hold all compiled rules: event rules, correlations and the Python behaviours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sigma.correlations import SigmaCorrelationRule
from sigma.rule import SigmaRule

from schemas.errors import NotFound
from schemas.pipeline.alert import Severity
from schemas.pipeline.plugin import Detector, DetectorExample
from schemas.pipeline.rule import RuleInfo
from streams.correlate.episodes import WindowSpec
from streams.sigma.conditions import Condition, Fields, Predicate
from streams.sigma.fields import LogSourceGate
from streams.sigma.options import RuleOptions

GroupReader = Callable[[Fields], tuple[str, ...] | None]
"""Group values, case-folded; None: one is missing."""


@dataclass(frozen=True, slots=True)
class CorrelationFeed:
    """One correlation that a match of an event rule feeds."""

    rule: str
    """Whose window: a correlation's id, or the event rule's own."""
    scope: str
    group: GroupReader
    step: str = ""
    value: Callable[[Fields], str | None] = lambda _fields: ""
    """What is counted distinctly; None: missing, no signal."""
    alone: bool = False
    """The event rule's own alert: never dropped for a missing group, fires for late events too."""


@dataclass(frozen=True, slots=True)
class EventRule:
    """A compiled Sigma event rule."""

    id: str
    title: str
    severity: Severity
    tags: tuple[str, ...]
    condition: Condition = field(repr=False)
    predicate: Predicate = field(repr=False)
    """The condition as one function."""
    gate: LogSourceGate
    feeds: tuple[CorrelationFeed, ...]


@dataclass(frozen=True, slots=True)
class LoadedRule:
    """A Sigma rule as read: what explaining it and listing it needs."""

    id: str
    rule: SigmaRule | SigmaCorrelationRule = field(repr=False)
    options: RuleOptions
    origin: str
    place: str


@dataclass(frozen=True, slots=True)
class RuleBook:
    """Everything the engine runs."""

    rules: tuple[EventRule, ...]
    specs: Mapping[str, WindowSpec]
    """Of every rule that can alert, by rule id."""
    detectors: Mapping[str, Detector]
    loaded: Mapping[str, LoadedRule]
    """Sigma rules by id, base rules of correlations too."""
    about: Sequence[RuleInfo]

    def list_infos(self) -> Sequence[RuleInfo]:
        """List every rule that can alert, by id."""
        return self.about

    def get_info(self, rule_id: str) -> RuleInfo:
        """Return the rule's info. Raises NotFound."""
        for info in self.about:
            if info.id == rule_id:
                return info
        raise NotFound(
            f"there is no rule {rule_id!r}.", remedy="`breachdesk rules list` names them all."
        )

    def list_examples(self, rule_id: str) -> Sequence[DetectorExample]:
        """List the examples of the rule."""
        if rule_id in self.detectors:
            return self.detectors[rule_id].examples
        return self.loaded[rule_id].options.examples


def build_behaviour_spec(detector: Detector) -> WindowSpec:
    """Build the window of a behaviour."""
    return WindowSpec(
        rule=detector.id,
        title=detector.title,
        severity=Severity(detector.severity),
        timespan=detector.timespan,
        quiet=detector.quiet,
        keep=detector.keep,
        distinct=detector.distinct,
        fires=detector.fires,
        graver=detector.graver,
        explain=detector.explain,
        gate=detector.gate,
        counted=detector.counted,
        least=detector.least,
        sees_retellings=detector.sees_retellings,
    )
