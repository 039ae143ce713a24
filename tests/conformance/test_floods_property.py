"""Property: whatever else comes, of whomever and from wherever, an attack of at most 29/30 of the
timespan makes its alert; and order, doubling and batches change nothing in it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.pipeline.alert import Episode, GroupKey, Signal
from schemas.pipeline.event import RecordPosition
from streams.correlate.in_memory import InMemoryWindows
from streams.sigma.documents import parse_events
from streams.sigma.engine import RuleEngine
from streams.sigma.load import load_rules

Document = Mapping[str, Any]
Flood = Callable[[random.Random, int, float, float], Iterable[Document]]

BOOK = load_rules([])
RULE = "login_then_exfiltration"
SPEC = BOOK.specs[RULE]
T = SPEC.timespan
ZERO = datetime(2026, 11, 22, 8, tzinfo=UTC)
"""A bucket begins here."""


def at(second: float, **fields: Any) -> dict[str, Any]:
    return {
        "@timestamp": (ZERO + timedelta(seconds=second)).isoformat(),
        "event.dataset": "microsoft365.audit",
        "organization.id": "contoso",
        "user.name": "jo@contoso.example",
        **{name.replace("__", "."): value for name, value in fields.items()},
    }


def sign_in(second: float, outcome: str, address: str, **more: Any) -> dict[str, Any]:
    category = ["authentication"]
    more |= {"source__ip": address, "event__category": category, "event__outcome": outcome}
    return at(second, **more)


def rule_made(second: float) -> dict[str, Any]:
    return at(second, event__action="New-InboxRule", breach__mail__forward_external=True)


def downloaded(second: float, path: str) -> dict[str, Any]:
    return at(second, event__action="FileDownloaded", file__path=path)


def attack(rng: random.Random, kind: str) -> list[Document]:
    """From the first failure to the last act at most 29/30 of T, wherever it lies in a bucket."""
    begin, length = rng.uniform(0, 2 * T), rng.uniform(60, T * 29 / 30)
    moments = [begin, *sorted(rng.uniform(begin, begin + length) for _ in range(22))]
    if kind == "risky":
        opened = [sign_in(moments[0], "success", "203.0.113.66", breach__auth__risk="high")]
    else:
        opened = [sign_in(second, "failure", "203.0.113.66") for second in moments[:2]]
        opened.append(sign_in(moments[2], "success", "203.0.113.66"))
    if rng.random() < 0.5:
        return [*opened, rule_made(moments[-1])]
    return [*opened, *(downloaded(s, f"/hr/{n}") for n, s in enumerate(moments[3:]))]


def failures(rng: random.Random, count: int, begin: float, end: float) -> Iterable[Document]:
    for n in range(count):
        yield sign_in(rng.uniform(begin, end), "failure", f"2001:db8::{n:x}")


def typing_errors(rng: random.Random, count: int, begin: float, end: float) -> Iterable[Document]:
    """Each address fails once and goes in: of no weight for downloads."""
    for n in range(count):
        second = rng.uniform(begin, end)
        yield sign_in(second, "failure", f"2001:db8:1::{n:x}")
        yield sign_in(second + rng.uniform(0, 600), "success", f"2001:db8:1::{n:x}")


def slow_botnet(rng: random.Random, count: int, begin: float, end: float) -> Iterable[Document]:
    """Each address fails twice and goes in nearly a timespan later."""
    for n in range(count):
        second = rng.uniform(begin - T, end - T)
        yield sign_in(second, "failure", f"2001:db8:2::{n:x}")
        yield sign_in(second + 1, "failure", f"2001:db8:2::{n:x}")
        later = second + T - rng.uniform(0, 300)
        yield sign_in(later, "success", f"2001:db8:2::{n:x}")


def quick_botnet(rng: random.Random, count: int, begin: float, end: float) -> Iterable[Document]:
    """Each address goes in after two failures, before or after the attack."""
    for n in range(count):
        second = rng.choice([rng.uniform(begin - T, begin), rng.uniform(end, end + T)])
        for number, outcome in enumerate(["failure", "failure", "success"]):
            yield sign_in(second + number, outcome, f"2001:db8:3::{n:x}")


def own_address(rng: random.Random, count: int, begin: float, end: float) -> Iterable[Document]:
    for _ in range(count):
        outcome = rng.choice(["failure", "success"])
        yield sign_in(rng.uniform(begin - T, end + T), outcome, "203.0.113.66")


def ordinary(rng: random.Random, count: int, begin: float, end: float) -> Iterable[Document]:
    for n in range(count):
        yield sign_in(rng.uniform(begin, end), "success", f"2001:db8:4::{n:x}")


def other_customer(rng: random.Random, count: int, begin: float, end: float) -> Iterable[Document]:
    for event in quick_botnet(rng, count, begin, end):
        yield {**event, "organization.id": "fabrikam"}


def own_downloads(rng: random.Random, count: int, begin: float, end: float) -> Iterable[Document]:
    for n in range(count):
        yield downloaded(rng.uniform(begin - T, end + T), f"/public/{n}")


FLOODS: Sequence[Flood] = (
    failures,
    typing_errors,
    slow_botnet,
    quick_botnet,
    own_address,
    ordinary,
    other_customer,
    own_downloads,
)


def seconds(event: Document) -> float:
    return (datetime.fromisoformat(str(event["@timestamp"])) - ZERO).total_seconds()


def flood(
    rng: random.Random, events: Sequence[Document], kinds: Sequence[Flood], most: int
) -> list:
    times = [seconds(event) for event in events]
    count = rng.choice([most // 10, most])
    return [
        {**event, "event.id": f"{number}-{index}"}
        for number, kind in enumerate(kinds)
        for index, event in enumerate(kind(rng, count, min(times), max(times)))
    ]


def signals_of(documents: Iterable[Document]) -> list:
    engine = RuleEngine(BOOK)
    signals = [s for event in parse_events(documents) for s in engine.list_signals(event)]
    return [signal for signal in signals if signal.key.rule == RULE]


def in_memory(signals: Sequence[Any], rng: random.Random) -> list[Episode]:
    windows = InMemoryWindows({RULE: SPEC})
    begin = 0
    while begin < len(signals):
        end = begin + rng.choice([1, 40, 700, len(signals)])
        windows.absorb(signals[begin:end])
        begin = end
    return windows.list_episodes()


def look(episodes: Iterable[Episode]) -> list[tuple]:
    return sorted(
        (
            e.id,
            e.last,
            e.fired,
            e.severity,
            e.touches,
            e.explanation,
            [(m.time, m.event_id, m.step, m.value) for m in e.members],
        )
        for e in episodes
    )


def told_again(alone: Sequence[Episode], among: Sequence[Episode]) -> bool:
    return all(
        any(
            e.key == one.key
            and e.first <= one.first <= e.last
            and e.severity.rank >= one.severity.rank
            for e in among
        )
        for one in alone
    )


@pytest.mark.parametrize("kind", ["failed", "risky"])
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    seed=st.integers(0, 2**32),
    kinds=st.lists(st.sampled_from(FLOODS), min_size=1, max_size=3, unique=True),
)
def test_no_flood_hides_a_doubtful_sign_in_before_data_leaves(
    kind: str, seed: int, kinds: list[Flood]
) -> None:
    rng = random.Random(seed)
    events = attack(rng, kind)
    alone = in_memory(signals_of(events), rng)
    both = signals_of([*events, *flood(rng, events, kinds, 500)])
    runs = []
    for _ in range(2):
        shuffled = both + rng.sample(both, len(both) // 3)
        rng.shuffle(shuffled)
        runs.append(in_memory(shuffled, rng))

    assert len(alone) == 1
    assert told_again(alone, runs[0])
    assert look(runs[0]) == look(runs[1])


def test_users_who_mistype_once_do_not_hide_who_went_in_after_two_failures() -> None:
    events = [
        *(sign_in(at, "failure", "203.0.113.66") for at in (3_601, 3_609)),
        sign_in(3_630, "success", "203.0.113.66"),
        *(downloaded(4_500 + n, f"/hr/{n}") for n in range(20)),
    ]
    others = [
        {**sign_in(at, outcome, f"2001:db8::{at}:{n:x}"), "event.id": f"{at}{n}{outcome}"}
        for at in (1_800, 6_600)
        for n in range(200)
        for outcome in ("failure", "success")
    ]
    rng = random.Random(1)
    alone = in_memory(signals_of(events), rng)
    among = in_memory(signals_of([*others, *events]), rng)

    assert told_again(alone, among)
    assert "A sign-in after 2 failed attempts was followed" in among[0].explanation


def act(step: str, address: str, second: float, number: int) -> Signal:
    key = GroupKey(RULE, "contoso", ("jo",))
    return Signal(key, second, f"e{number}", step, address, RecordPosition("j", number), "", "s")


@pytest.mark.parametrize(("addresses", "each"), [(1, 12_000), (100, 300), (1_000, 12)])
def test_one_bucket_of_a_behaviour_holds_a_bounded_number_of_signals(
    addresses: int, each: int
) -> None:
    """However many addresses there are, and however busy each."""
    rng = random.Random(addresses)
    steps = ["failed", "opened", "opened, risky"]
    signals = [
        act(rng.choice(steps), f"ip{n % addresses}", rng.uniform(0, 7_199), n)
        for n in range(addresses * each)
    ]
    windows = InMemoryWindows({RULE: SPEC})

    windows.absorb([*signals, act("forwarded", "", 7_199.5, -1)])
    (alert,) = windows.list_episodes()

    # Of each step 15 first and 15 last of each of 64 first and 64 last addresses or fewer of more; and
    # for each of two conditions and 60 parts at most four that open it.
    assert len(alert.members) <= 3 * 2 * 64 * 2 * 15 + 2 * 60 * 4 + 1
    assert "Sample only" in alert.explanation
