"""Every rule and behaviour counts acts: lines that retell the events of its examples change nothing
that the examples say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from schemas.pipeline.event import Event
from schemas.pipeline.plugin import DetectorExample
from streams.correlate.in_memory import InMemoryWindows
from streams.sigma.documents import parse_events
from streams.sigma.engine import RuleEngine
from streams.sigma.load import load_rules

BOOK = load_rules([Path(__file__).parents[2] / "rules"])
ENGINE = RuleEngine(BOOK)
EXAMPLES = [
    pytest.param(info.id, example, id=f"{info.id}: {example.title}")
    for info in BOOK.list_infos()
    for example in BOOK.list_examples(info.id)
]


def tell(event: Event, seconds: float, name: str, *, retells: bool) -> Event:
    return Event(
        time=event.time + timedelta(seconds=seconds),
        arrived=event.arrived,
        dataset=event.dataset,
        source=event.source,
        fields=event.fields,
        position=event.position,
        organization=event.organization,
        touches=event.touches,
        session=event.id,
        is_retelling=retells,
        id=f"{event.id}-{name}",
        sha256=event.sha256,
    )


def retell(example: DetectorExample, *, full: bool) -> Iterator[Event]:
    """Three retellings of each event in the second in which it was, and the event or not."""
    for event in parse_events(example.events):
        yield tell(event, 0, "before", retells=True)
        if full:
            yield tell(event, 0, "full", retells=False)
        yield tell(event, 0.3, "after", retells=True)
        yield tell(event, 0.6, "end", retells=True)


@pytest.mark.parametrize("full", [True, False], ids=["with fuller lines", "retellings only"])
@pytest.mark.parametrize(("rule", "example"), EXAMPLES)
def test_events_that_are_retold_make_the_same_alerts(
    rule: str, example: DetectorExample, *, full: bool
) -> None:
    windows = InMemoryWindows(BOOK.specs)
    windows.absorb(s for e in retell(example, full=full) for s in ENGINE.list_signals(e))
    episodes = [each for each in windows.list_episodes() if each.key.rule == rule]
    shown = [member.event_id for each in episodes for member in each.members]

    assert len(episodes) == example.alerts
    assert not full or all(name.endswith("-full") for name in shown)
    assert len({name.rpartition("-")[0] for name in shown}) == len(set(shown))
