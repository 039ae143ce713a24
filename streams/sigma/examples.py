"""Run the examples in rule and behaviour files for `breachdesk rules test`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from schemas.errors import BreachDeskError
from schemas.pipeline.alert import Episode
from schemas.pipeline.plugin import DetectorExample
from streams.correlate.in_memory import InMemoryWindows
from streams.sigma.documents import parse_events
from streams.sigma.engine import RuleEngine
from streams.sigma.rulebook import RuleBook


@dataclass(frozen=True, slots=True)
class ExampleResult:
    """One example and whether the rule kept its word."""

    rule: str
    title: str
    passed: bool
    problem: str = ""


def check_examples(book: RuleBook) -> Iterator[ExampleResult]:
    """Yield every example of every rule that can alert, in rule order. A rule without any is a
    result that does not hold."""
    for info in book.list_infos():
        examples = book.list_examples(info.id)
        if not examples:
            yield ExampleResult(info.id, "(none)", passed=False, problem="The rule has no example.")
        for example in examples:
            problem = check_example(book, info.id, example)
            yield ExampleResult(info.id, example.title, not problem, problem)


def check_example(book: RuleBook, rule_id: str, example: DetectorExample) -> str:
    """Return what is wrong, or the empty string if the example holds."""
    try:
        episodes = [e for e in list_episodes(book, example.events) if e.key.rule == rule_id]
    except BreachDeskError as wrong:
        return str(wrong)
    if len(episodes) != example.alerts:
        return f"It makes {len(episodes)} alerts, not {example.alerts}."
    graves = max((e.severity.rank, e.severity.value) for e in episodes)[1] if episodes else None
    if example.severity is not None and graves != example.severity:
        return f"Its severity is {graves}, not {example.severity}."
    return ""


def list_episodes(book: RuleBook, documents: Iterable[Mapping[str, Any]]) -> list[Episode]:
    """List all alerts that these events raise, all of them in time."""
    engine, windows = RuleEngine(book), InMemoryWindows(book.specs)
    windows.absorb(
        signal for event in parse_events(documents) for signal in engine.list_signals(event)
    )
    return windows.list_episodes()
