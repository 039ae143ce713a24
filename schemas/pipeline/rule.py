"""Model a rule for all code outside the engine."""

from __future__ import annotations

from enum import StrEnum

from schemas.customer import FrozenModel
from schemas.pipeline.alert import Severity


class RuleKind(StrEnum):
    """Sigma's single events and correlations, and our own behaviours."""

    EVENT = "event"
    EVENT_COUNT = "event_count"
    VALUE_COUNT = "value_count"
    TEMPORAL = "temporal"
    TEMPORAL_ORDERED = "temporal_ordered"
    BEHAVIOUR = "behaviour"


class RuleInfo(FrozenModel):
    """One line of `breachdesk rules list`."""

    id: str
    title: str
    description: str
    severity: Severity
    kind: RuleKind
    scope: str
    timespan: int
    quiet: int
    tags: tuple[str, ...] = ()
    origin: str
    """File it came from."""
    version: str
    """Hash of its content."""
