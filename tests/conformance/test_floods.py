"""No flood hides an alert: what an attacker did still fires, at the same severity, among any number
of other events of the same people and addresses, before, between and after his own."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from schemas.pipeline.alert import Episode
from schemas.pipeline.plugin import DetectorExample
from streams.correlate.in_memory import InMemoryWindows
from streams.sigma.documents import parse_events
from streams.sigma.engine import RuleEngine
from streams.sigma.load import load_rules
from streams.sigma.rulebook import RuleBook

Document = Mapping[str, Any]

SIGMA = """
title: Refused
name: refused
logsource: {category: authentication}
detection: {it: {event.action: refused}, condition: it}
---
title: Opened
name: opened
logsource: {category: authentication}
detection: {it: {event.action: opened}, condition: it}
---
title: Copied
name: copied
logsource: {category: authentication}
detection: {it: {event.action: copied}, condition: it}
---
title: In this order
name: in_order
level: high
correlation:
  type: temporal_ordered
  rules: [refused, refused, opened, copied]
  group-by: [user.name]
  timespan: 1h
---
title: Together
name: together
level: high
correlation:
  type: temporal
  rules: [refused, opened, copied]
  group-by: [user.name]
  timespan: 1h
"""
FLOOD = 1_200


def book_of(tmp_path: Path) -> RuleBook:
    file = tmp_path / "joined.yml"
    file.write_text(SIGMA, encoding="utf-8")
    return load_rules([file, Path("rules")])


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> RuleBook:
    return book_of(tmp_path_factory.mktemp("rules"))


def at(second: float, action: str) -> Document:
    moment = datetime(2026, 11, 22, 9, tzinfo=UTC) + timedelta(seconds=second)
    return {
        "@timestamp": moment.isoformat(),
        "event.category": ["authentication"],
        "event.action": action,
        "organization.id": "contoso",
        "user.name": "jo",
        "source.ip": "203.0.113.66",
    }


CHAIN = [at(1, "refused"), at(5, "refused"), at(300, "opened"), at(900, "copied")]
OWN_EXAMPLES = {
    rule: [DetectorExample("the whole chain", CHAIN, 1, "high")]
    for rule in ("in_order", "together")
}


def firing(book: RuleBook) -> Iterable[tuple[str, DetectorExample]]:
    """Every rule's examples that make an alert."""
    for info in book.list_infos():
        examples = OWN_EXAMPLES.get(info.id)
        if examples is None and info.id in {"refused", "opened", "copied"}:
            continue
        for example in book.list_examples(info.id) if examples is None else examples:
            if example.alerts:
                yield info.id, example


def moments(events: Sequence[Document]) -> list[datetime]:
    return sorted(datetime.fromisoformat(str(event["@timestamp"])) for event in events)


def spread(events: Sequence[Document], count: int, rng: random.Random) -> list[datetime]:
    """Moments before, between and after, most of them close by."""
    first, last = moments(events)[0], moments(events)[-1]
    near = timedelta(minutes=20)
    begin, length = first - near, (last - first) + 2 * near
    return [begin + length * rng.random() for _ in range(count)]


def from_elsewhere(event: Document, number: int) -> Document:
    """The same act of the same user, from an address of its own, and nothing doubtful about it."""
    changed = dict(event)
    if "source.ip" in changed:
        kind = zlib.crc32(f"{event.get('event.action')} {event.get('event.outcome')}".encode())
        changed["source.ip"] = f"2001:db8:{kind >> 16:x}:{kind & 65_535:x}::{number:x}"
    changed.pop("breach.auth.risk", None)
    return changed


def the_very_same(event: Document, number: int) -> Document:
    """The same act again."""
    del number
    return event


def of_another_owner(event: Document, number: int) -> Document:
    """The same name at a customer of its own."""
    return {**event, "organization.id": f"other-{number}"}


VARIANTS = (from_elsewhere, the_very_same, of_another_owner)


def flooded(
    events: Sequence[Document], step: Document, variant: Any, count: int, rng: random.Random
) -> list[Document]:
    """The events, shuffled among so many variants of one of them."""
    flood = [
        {**variant(step, n), "@timestamp": when.isoformat(), "event.id": f"flood-{n}"}
        for n, when in enumerate(spread(events, count, rng))
    ]
    both = [*events, *flood]
    rng.shuffle(both)
    return both


def episodes(book: RuleBook, rule: str, documents: Sequence[Document], cut: int) -> list[Episode]:
    """The rule's, where the events come in batches of so many."""
    engine, windows = RuleEngine(book), InMemoryWindows({rule: book.specs[rule]})
    signals = [s for event in parse_events(documents) for s in engine.list_signals(event)]
    for begin in range(0, len(signals), cut):
        windows.absorb(signals[begin : begin + cut])
    return windows.list_episodes()


def still_told(alone: Sequence[Episode], among: Sequence[Episode]) -> bool:
    """Whether each alert is still there, at least as severe."""
    return all(
        any(
            other.key == one.key
            and other.severity.rank >= one.severity.rank
            and other.first <= one.first <= other.last
            for other in among
        )
        for one in alone
    )


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda v: v.__name__)
def test_every_example_that_fires_still_fires_in_a_flood_of_any_of_its_steps(
    book: RuleBook, variant: Any
) -> None:
    rng = random.Random(variant.__name__)
    hidden = []
    for rule, example in firing(book):
        alone = episodes(book, rule, example.events, 1_000)
        assert len(alone) == example.alerts
        for step in one_of_each_kind(example.events):
            documents = flooded(example.events, step, variant, FLOOD, rng)
            among = episodes(book, rule, documents, rng.choice([7, 300, 5_000]))
            if not still_told(alone, among):
                hidden.append((rule, example.title, step.get("event.action")))

    assert hidden == []


def one_of_each_kind(events: Sequence[Document]) -> list[Document]:
    """Events that differ in what was done."""
    kinds = {
        tuple(
            str(event.get(name))
            for name in ("event.action", "event.outcome", "breach.auth.risk", "event.dataset")
        ): event
        for event in events
    }
    return list(kinds.values())


@pytest.mark.slow
@pytest.mark.parametrize("variant", [from_elsewhere, the_very_same], ids=lambda v: v.__name__)
@pytest.mark.parametrize("rule", ["login_then_exfiltration", "in_order", "together"])
def test_far_beyond_the_loud_cap_an_attack_slower_than_a_sixtieth_of_the_timespan_still_fires(
    book: RuleBook, rule: str, variant: Any
) -> None:
    rng = random.Random(rule)
    for of, example in firing(book):
        if of != rule:
            continue
        alone = episodes(book, rule, example.events, 1_000)
        documents = list(example.events)
        for step in one_of_each_kind(example.events):
            documents = flooded(documents, step, variant, 6_000, rng)
            renumber(documents)
        among = episodes(book, rule, documents, 2_000)

        assert still_told(alone, among), example.title
        assert all("Sample only" in e.explanation for e in among if len(e.members) > 2_000)


def renumber(documents: list[Document]) -> None:
    """Give each event of the flood an id of its own."""
    for number, document in enumerate(documents):
        if "event.id" in document:
            documents[number] = {**document, "event.id": f"flood-{number}"}


def test_an_address_among_others_that_went_in_after_a_failure_is_still_seen(book: RuleBook) -> None:
    rule = "login_then_exfiltration"
    (example,) = [e for e in book.list_examples(rule) if e.title == "failures, sign-in, downloads"]
    failed, _, opened = example.events[:3]
    others = [
        {**event, "source.ip": f"198.51.100.{n}", "event.id": f"{n}-{what}"}
        for n in range(100)
        for what, event in (("failed", failed), ("opened", opened))
    ]

    among = episodes(book, rule, [*others, *example.events], 50)

    assert still_told(episodes(book, rule, example.events, 50), among)


def test_the_attackers_two_failures_among_1200_others_make_the_same_alert(book: RuleBook) -> None:
    rule = "login_then_exfiltration"
    (example,) = [
        e for e in book.list_examples(rule) if e.title.startswith("failures, sign-in, forw")
    ]
    alone = episodes(book, rule, example.events, 1_000)
    step = example.events[0]
    among = episodes(
        book, rule, flooded(example.events, step, from_elsewhere, FLOOD, random.Random(1)), 100
    )

    assert [(e.id, e.severity, e.fired, e.touches) for e in among] == [
        (e.id, e.severity, e.fired, e.touches) for e in alone
    ]
    assert [m.event_id for e in among for m in e.members] == [
        m.event_id for e in alone for m in e.members
    ]
    assert "Sample only" not in among[0].explanation
