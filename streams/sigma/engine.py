"""Events → signals: every Sigma rule and every behaviour that matches, with the key it counts in.

The same code runs live, in `breachdesk detect` and over the examples in the rule files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

from schemas.alert import PROVIDER_SCOPE, GroupKey, Signal
from schemas.event import Event
from schemas.plugin import Detector, SignalDraft
from streams.sigma.options import PROVIDER
from streams.sigma.routing import Router
from streams.sigma.rulebook import EventRule, Feed, RuleBook
from streams.sigma.values import text
from streams.tokenizers.identifiers import shorten_identifier

TOLD = (
    "event.dataset",
    "event.action",
    "event.outcome",
    "event.reason",
    "user.name",
    "source.ip",
    "destination.ip",
    "destination.port",
    "host.name",
    "observer.name",
    "http.request.method",
    "http.response.status_code",
    "url.path",
    "breach.mailbox.forward_to",
    "file.name",
    "file.path",
    "rule.name",
)
"""What an analyst needs of an event in the evidence table."""
MOST_TOLD = 100
"""Values of a list that are told. The raw record keeps all."""
LONGEST_TOLD = 2_000
"""Characters of a text that are told."""

_Told = tuple[GroupKey, str, str]
"""Whose window, step and value."""


class Engine:
    """Stateless: the same event gives the same signals, whatever came before."""

    def __init__(self, book: RuleBook) -> None:
        self.book = book
        self._router: Router[EventRule] = Router(book.rules)
        self._detectors = list(book.detectors.values())

    def matches(self, event: Event) -> list[EventRule]:
        """The event rules whose condition holds."""
        return self._router.matches(event.dataset, event.fields)

    def signals(self, event: Event) -> list[Signal]:
        """What the event tells each correlation; of late events only what stands alone."""
        told: list[_Told] = []
        for rule in self._router.matches(event.dataset, event.fields):
            for feed in rule.feeds:
                _feed(event, feed, told)
        if event.in_time:
            for detector in self._detectors:
                drafts = detector.signals(event)
                if drafts:
                    _behaviour(event, detector, drafts, told)
        return _signals(event, told) if told else []


def _feed(event: Event, feed: Feed, told: list[_Told]) -> None:
    """Adds what a match tells one correlation."""
    if not (event.in_time or feed.alone):
        return
    group = feed.group(event.fields)
    value = feed.value(event.fields)
    if feed.alone:
        group = _standing_alone(event, group)
    if group is not None and value is not None:
        # A list, since a generator costs more than its elements.
        group = tuple([shorten_identifier(part) for part in group])
        told.append(
            (GroupKey(feed.rule, _organization(event, feed.scope), group), feed.step, value)
        )


def _standing_alone(event: Event, group: tuple[str, ...] | None) -> tuple[str, ...]:
    """A missing group is never pooled and never silences an alert: the event stands for itself.
    Late events alert by the day they happened on, apart from those in time, whose alerts they
    must not change."""
    own = group if group is not None else (f"event:{event.id}",)
    if event.in_time:
        return own
    return (*own, f"late:{event.time.astimezone(UTC):%Y-%m-%d}")


def _organization(event: Event, scope: str) -> str:
    """Whose window. Unknown owners stay apart from everybody and from each other: an intruder at
    a machine that nobody bound yet is an alert, and no other customer's."""
    if scope == PROVIDER:
        return PROVIDER_SCOPE
    if event.organization is not None:
        return event.organization
    return f"?{event.unattributed or f'source:{event.source}'}"


def _behaviour(
    event: Event, detector: Detector, drafts: Sequence[SignalDraft], told: list[_Told]
) -> None:
    """Adds what a behaviour tells."""
    organization = _organization(event, detector.scope)
    for draft in drafts:
        if all(draft.group):
            group = tuple([shorten_identifier(part.casefold()) for part in draft.group])
            told.append((GroupKey(detector.id, organization, group), draft.step, draft.value))


def _signals(event: Event, told: Sequence[_Told]) -> list[Signal]:
    """With what the evidence table shows of their event, which they share."""
    time, event_id, sha256 = event.time.timestamp(), event.id, event.sha256
    unattributed = event.unattributed or ""
    summary = _summary(event.fields)
    return [
        Signal(
            key,
            time,
            event_id,
            step,
            shorten_identifier(value),
            event.position,
            sha256,
            event.source,
            event.touches,
            unattributed,
            summary,
        )
        for key, step, value in told
    ]


def _summary(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    summary = {}
    for name in TOLD:
        if name in fields:
            value = fields[name]
            short = type(value) is str and len(value) <= LONGEST_TOLD
            summary[name] = value if short else _told(value)
    return summary


def _told(value: Any) -> Any:
    """So much of a value as a table shows. Windows hold it in memory for as long as they are open,
    and whoever sends it chooses its length."""
    if isinstance(value, list | tuple):
        return [_one(each) for each in value[:MOST_TOLD]]
    return _one(value)


def _one(value: Any) -> Any:
    if isinstance(value, int | float | None):
        return value
    told = text(value)
    return told if len(told) <= LONGEST_TOLD else told[:LONGEST_TOLD] + "…"
