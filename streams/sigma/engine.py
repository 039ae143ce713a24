"""Convert events to signals: every Sigma rule and every behaviour that matches, with its key.

The same code runs live, in `breachdesk detect` and over the examples in the rule files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

from schemas.pipeline.alert import ATTEMPTS, PROVIDER_SCOPE, GroupKey, Signal
from schemas.pipeline.event import Event
from schemas.pipeline.plugin import Detector, SignalDraft
from streams.correlate.acts import read_attempts
from streams.sigma.options import PROVIDER
from streams.sigma.routing import RuleRouter
from streams.sigma.rulebook import CorrelationFeed, EventRule, RuleBook
from streams.sigma.values import to_text
from streams.tokenizers.identifiers import MOST as LONGEST_IDENTIFIER
from streams.tokenizers.identifiers import shorten_identifier

EVIDENCE_FIELDS = (
    "event.dataset",
    "event.action",
    "event.outcome",
    "event.reason",
    "user.name",
    "source.ip",
    "source.geo.country_iso_code",
    "source.as.number",
    "source.as.organization.name",
    "breach.network.kind",
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
MOST_SHOWN = 100
"""Values of a list that are told. The raw record keeps all."""
LONGEST_SHOWN = 2_000
"""Characters of a text that are told."""

_RawSignal = tuple[GroupKey, str, str]
"""Whose window, step and value."""


class RuleEngine:
    """Stateless: the same event gives the same signals, whatever came before."""

    def __init__(self, book: RuleBook) -> None:
        self.book = book
        self._router: RuleRouter[EventRule] = RuleRouter(book.rules)
        self._detectors = list(book.detectors.values())

    def list_matches(self, event: Event) -> list[EventRule]:
        """List the event rules that match the event."""
        return self._router.list_matches(event.dataset, event.fields)

    def list_signals(self, event: Event) -> list[Signal]:
        """List the event's signals for each correlation; for late events only single-event ones."""
        raw_signals: list[_RawSignal] = []
        for rule in self._router.list_matches(event.dataset, event.fields):
            for feed in rule.feeds:
                _add_feed(event, feed, raw_signals)
        if event.in_time:
            for detector in self._detectors:
                drafts = detector.signals(event)
                if drafts:
                    _add_behaviour(event, detector, drafts, raw_signals)
        return _build_signals(event, raw_signals) if raw_signals else []


def _add_feed(event: Event, feed: CorrelationFeed, raw_signals: list[_RawSignal]) -> None:
    """Add the signal of a match for one correlation."""
    if not (event.in_time or feed.alone):
        return
    group = feed.group(event.fields)
    value = feed.value(event.fields)
    if feed.alone:
        group = _get_group_or_own(event, group)
    if group is not None and value is not None:
        if max(map(len, group), default=0) > LONGEST_IDENTIFIER:
            group = tuple(map(shorten_identifier, group))
        raw_signals.append(
            (GroupKey(feed.rule, _choose_organization(event, feed.scope), group), feed.step, value)
        )


def _get_group_or_own(event: Event, group: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the group. A missing group is never pooled and never silences an alert: the event
    forms a group of its own. Late events alert by the day on which they happened, apart from those
    in time, whose alerts they must not change."""
    own = group if group is not None else (f"event:{event.id}",)
    if event.in_time:
        return own
    return (*own, f"late:{event.time.astimezone(UTC):%Y-%m-%d}")


def _choose_organization(event: Event, scope: str) -> str:
    """Choose the organization of the window. Unknown owners are kept apart from all others: an
    intruder at an unbound machine is an alert, and no other customer's."""
    if scope == PROVIDER:
        return PROVIDER_SCOPE
    if event.organization is not None:
        return event.organization
    return f"?{event.unattributed or f'source:{event.source}'}"


def _add_behaviour(
    event: Event, detector: Detector, drafts: Sequence[SignalDraft], raw_signals: list[_RawSignal]
) -> None:
    """Add the signals of a behaviour."""
    organization = _choose_organization(event, detector.scope)
    for draft in drafts:
        if all(draft.group):
            group = tuple([shorten_identifier(part.casefold()) for part in draft.group])
            raw_signals.append(
                (GroupKey(detector.id, organization, group), draft.step, draft.value)
            )


def _build_signals(event: Event, raw_signals: Sequence[_RawSignal]) -> list[Signal]:
    """Build signals with a shared summary of their event for the evidence table."""
    time, event_id, sha256 = event.time.timestamp(), event.id, event.sha256
    unattributed = event.unattributed or ""
    summary = _build_summary(event.fields)
    session = None if event.session is None else _digest_session(event, event.session)
    attempts = event.fields.get(ATTEMPTS, 1)
    if attempts != 1 or event.is_retelling:
        attempts = read_attempts(event.fields, is_retelling=event.is_retelling)
        if attempts > 1:
            summary[ATTEMPTS] = attempts
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
            session,
            event.is_retelling,
            attempts,
        )
        for key, step, value in raw_signals
    ]


def _digest_session(event: Event, session: str) -> str:
    """Digest the session of one source and format: senders choose its length."""
    text = f"{event.source}\0{event.dataset}\0{session}"
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def _build_summary(fields: Mapping[str, Any]) -> dict[str, Any]:
    summary = {name: fields[name] for name in EVIDENCE_FIELDS if name in fields}
    for name, value in summary.items():
        if type(value) is not str or len(value) > LONGEST_SHOWN:
            summary[name] = _shorten_value(value)
    return summary


def _shorten_value(value: Any) -> Any:
    """Shorten a value for the table: windows hold it in memory while they are open, and the sender
    chooses its length."""
    if isinstance(value, list | tuple):
        return [_shorten_text(each) for each in value[:MOST_SHOWN]]
    return _shorten_text(value)


def _shorten_text(value: Any) -> Any:
    if isinstance(value, int | float | None):
        return value
    shown = to_text(value)
    return shown if len(shown) <= LONGEST_SHOWN else shown[:LONGEST_SHOWN] + "…"
