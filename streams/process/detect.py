"""Run `breachdesk detect`: ECS documents in, findings out, by the engine and windows that run
live."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any

from schemas.pipeline.alert import Episode, Signal
from schemas.pipeline.event import Event
from schemas.pipeline.finding import Finding
from streams.correlate.in_memory import InMemoryWindows
from streams.sigma.documents import parse_events
from streams.sigma.engine import RuleEngine
from streams.sigma.rulebook import RuleBook

CHUNK = 1_000


def detect(book: RuleBook, events: Iterable[Mapping[str, Any]]) -> Iterator[Finding]:
    """Yield findings from ECS dicts, nested or dotted, in any order.

    Event rules: one finding a match, as the events come. Correlations and behaviours: one an
    episode, after the last event, in the order in which they fired. Raises BadInput naming the
    event for one without a time."""
    engine, windows = RuleEngine(book), InMemoryWindows(book.specs)
    tags = {info.id: info.tags for info in book.list_infos()}
    alone = {rule.id for rule in book.rules}
    stream = parse_events(events)
    while chunk := list(islice(stream, CHUNK)):
        signals = [(event, engine.list_signals(event)) for event in chunk]
        for event, of_event in signals:
            yield from _build_match_findings(
                book, tags, event, [s for s in of_event if s.key.rule in alone]
            )
        windows.absorb(
            signal
            for signal in chain.from_iterable(of for _, of in signals)
            if signal.key.rule not in alone
        )
    fired = sorted(windows.list_episodes(), key=lambda e: (e.fired, e.key))
    yield from (_build_finding(tags, episode) for episode in fired)


def _build_match_findings(
    book: RuleBook, tags: Mapping[str, tuple[str, ...]], event: Event, signals: Iterable[Signal]
) -> Iterator[Finding]:
    for signal in signals:
        spec = book.specs[signal.key.rule]
        yield Finding(
            rule=spec.rule,
            title=spec.title,
            severity=spec.severity,
            organization=event.organization or None,
            group=signal.key.group,
            time=event.time,
            events=(event.id,),
            tags=tags[spec.rule],
        )


def _build_finding(tags: Mapping[str, tuple[str, ...]], episode: Episode) -> Finding:
    return Finding(
        rule=episode.key.rule,
        title=episode.title,
        severity=episode.severity,
        organization=episode.key.organization or None,
        group=episode.key.group,
        time=episode.fired,
        events=tuple(dict.fromkeys(member.event_id for member in episode.members)),
        tags=tags[episode.key.rule],
    )
