"""Model alerts, each of which folds an episode of signals. Streaming semantics:
docs/reference/streaming.md.

The pipeline's Episode is a plain dataclass, for speed; AlertView, which people see and act upon, is
a frozen model. Both name the same alert by its canonical id."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from schemas.pipeline.event import AssetTouch, RecordPosition
from schemas.pipeline.slotted import slotted


class Severity(StrEnum):
    """Sigma's levels, in ascending order."""

    INFORMATIONAL = "informational"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


class AlertState(StrEnum):
    """new → case | dismissed → new (reopened, by a person or by a material change)."""

    NEW = "new"
    CASE = "case"
    DISMISSED = "dismissed"


PROVIDER_SCOPE = "*provider*"
"""Replaces the organization in keys of rules that look across customers."""


ATTEMPTS = "breach.auth.attempts"
"""In an event: how many attempts its record tells of. In the summary of a signal: how many count."""


class GroupKey(NamedTuple):
    """The key by which signals are correlated together. Never contains a missing part."""

    rule: str
    organization: str
    """Customer id, or PROVIDER_SCOPE."""
    group: tuple[str, ...]


@slotted
class Signal:
    """A finding that feeds a correlation. Identity: (key, event_id, step, value)."""

    key: GroupKey
    time: float
    """Event time, seconds since the epoch."""
    event_id: str
    step: str
    value: str
    position: RecordPosition
    sha256: str
    source: str
    touches: tuple[AssetTouch, ...] = ()
    unattributed: str = ""
    summary: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The few ECS fields an analyst needs in the evidence table."""
    session: str | None = None
    """Digest of the session whose lines may repeat each other."""
    is_retelling: bool = False
    """Whether a fuller line of the session may describe the same act."""
    attempts: int = 1
    """How many attempts the event tells of; of a retelling, how many of its session."""


@dataclass(frozen=True, slots=True)
class Episode:
    """A run of hot windows of one group: exactly one alert. A pure function of the signals."""

    key: GroupKey
    title: str
    first: int
    """First hot bucket: its index (event seconds // timespan)."""
    last: int
    timespan: int
    fired: datetime
    """Event time of the first signal at which the condition held."""
    severity: Severity
    members: tuple[Signal, ...]
    """Retained signals of the episode in (time, id) order: the evidence."""
    touches: frozenset[AssetTouch]
    """Of ALL its signals, dropped ones too."""
    unattributed: frozenset[str] = frozenset()
    explanation: str = ""

    @property
    def id(self) -> str:
        """Canonical id: hash(rule, organization, group, first hot bucket)."""
        return compute_alert_id(self.key, self.first)

    @property
    def fingerprint(self) -> str:
        """What a human decision binds to: customers, categories, severity, entities; not counts."""
        parts = (
            sorted((t.customer, t.asset, t.category) for t in self.touches),
            sorted(self.unattributed),
            sorted({m.value for m in self.members}),
            self.severity.value,
        )
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def compute_alert_id(key: GroupKey, first: int) -> str:
    """Return `AL-` and 12 hex digits of SHA-256 over (rule, organization, group, first hot
    bucket)."""
    text = repr((key.rule, key.organization, tuple(key.group), first))
    return "AL-" + hashlib.sha256(text.encode()).hexdigest()[:12]


class EvidenceView(BaseModel):
    """One event behind an alert, as the console and the manifest see it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    event_id: str
    time: datetime
    source: str
    journal: str
    offset: int
    sha256: str
    step: str = ""
    summary: dict[str, Any] = {}
    touches: tuple[tuple[str, str, str], ...] = ()
    """(customer, asset, category) of this event; empty: only the alert's touches are known."""


class AlertView(BaseModel):
    """A live alert with its machine facts and the human acts on it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pk: int
    """Surrogate key, to which acts of people refer."""
    id: str
    """Canonical id; former ids keep resolving."""
    rule: str
    title: str
    organization: str
    group: tuple[str, ...]
    first: datetime
    """Start of the first hot bucket."""
    last: datetime
    """End of the last hot bucket."""
    fired: datetime
    severity: Severity
    customers: tuple[str, ...]
    categories: tuple[str, ...]
    touches: tuple[tuple[str, str, str], ...] = ()
    unattributed: tuple[str, ...] = ()
    evidence: int
    explanation: str = ""
    detected_at: datetime
    """When the pipeline first raised it."""
    state: AlertState = AlertState.NEW
    version: int = 1
    """Of the human part: compared on every act."""
    fingerprint: str
    assignee: str | None = None
    dismissed_reason: str | None = None
    case_id: str | None = None
    merged_into: int | None = None
    closed: bool = False


class RuleFirings(NamedTuple):
    """How often a rule fired."""

    alerts: int
    dismissed: int
    """Of these."""


class StepCount(NamedTuple):
    """Events of one step in one part of the time that an alert's evidence spans."""

    part: int
    """From 0."""
    step: str
    events: int


@dataclass(frozen=True, slots=True)
class EvidenceSpan:
    """An alert's evidence counted over the time it spans."""

    begin: datetime
    """Time of the first event."""
    end: datetime
    """Of the last."""
    steps: tuple[str, ...]
    """By their first event."""
    counts: tuple[StepCount, ...]
