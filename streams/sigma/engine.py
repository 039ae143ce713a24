"""Events → signals: every Sigma rule and every behaviour that matches, with the key it counts in.

The same code runs live, in `breachdesk detect` and over the examples in the rule files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
        found = [
            told
            for rule in self.matches(event)
            for feed in rule.feeds
            for told in _feed(event, feed)
        ]
        if event.in_time:
            for detector in self._detectors:
                drafts = detector.signals(event)
                if drafts:
                    found += _behaviour(event, detector, drafts)
        if not found:
            return []
        summary = {name: _told(event.fields[name]) for name in TOLD if name in event.fields}
        return [signal(event, key, draft, summary) for key, draft in found]


def _feed(event: Event, feed: Feed) -> Iterator[tuple[GroupKey, SignalDraft]]:
    if not (event.in_time or feed.alone):
        return
    group = feed.group(event.fields)
    value = feed.value(event.fields)
    if feed.alone:
        group = _standing_alone(event, group)
    if group is not None and value is not None:
        group = tuple(map(shorten_identifier, group))
        key = GroupKey(feed.rule, _organization(event, feed.scope), group)
        yield key, SignalDraft(group, feed.step, value)


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
    event: Event, detector: Detector, drafts: Sequence[SignalDraft]
) -> Iterator[tuple[GroupKey, SignalDraft]]:
    organization = _organization(event, detector.scope)
    for draft in drafts:
        if all(draft.group):
            group = tuple(shorten_identifier(part.casefold()) for part in draft.group)
            yield GroupKey(detector.id, organization, group), draft


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


def signal(event: Event, key: GroupKey, draft: SignalDraft, summary: Mapping[str, Any]) -> Signal:
    """The signal with what the evidence table shows of its event."""
    return Signal(
        key=key,
        time=event.time.timestamp(),
        event_id=event.id,
        step=draft.step,
        value=shorten_identifier(draft.value),
        position=event.position,
        sha256=event.sha256,
        source=event.source,
        touches=event.touches,
        unattributed=event.unattributed or "",
        summary=summary,
    )
