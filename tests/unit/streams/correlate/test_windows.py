"""Windows on their own: merges, cuts, bounds, time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from schemas.pipeline.alert import GroupKey, Severity, Signal
from schemas.pipeline.event import AssetTouch, RecordPosition
from schemas.pipeline.plugin import DetectorSignal
from streams.correlate.buckets import to_member
from streams.correlate.episodes import WindowSpec
from streams.correlate.groups import SignalGroup
from streams.correlate.in_memory import InMemoryWindows
from streams.correlate.in_time import is_in_time

KEY = GroupKey("rule", "acme", ("jo",))
MINUTE, HOUR, DAY = 60, 3600, 86_400
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def spec(
    count: int = 1, *, timespan: int = 600, quiet: int = HOUR, keep: int = 5, distinct: bool = False
) -> WindowSpec:
    def fires(members: Sequence[DetectorSignal]) -> bool:
        return len(members) >= count

    return WindowSpec("rule", "Rule", Severity.LOW, timespan, quiet, keep, distinct, fires)


def signal(at: float, name: str = "", customer: str = "c1", value: str = "") -> Signal:
    return Signal(
        key=KEY,
        time=at,
        event_id=name or f"e{at}",
        step="",
        value=value,
        position=RecordPosition("j", 1),
        sha256="0",
        source="s",
        touches=(AssetTouch(customer, "a", "mail"),),
        summary={"user.name": "jo"},
    )


def windows(of: WindowSpec) -> InMemoryWindows:
    return InMemoryWindows({"rule": of})


def spans(signal_group: InMemoryWindows | SignalGroup) -> list[tuple[int, int]]:
    return [(e.first, e.last) for e in signal_group.list_episodes()]


def test_a_merge_that_outgrows_a_day_is_cut_at_midnight_again() -> None:
    # two episodes of less than a day each, on both sides of a gap
    actual = windows(spec(timespan=HOUR, quiet=HOUR))
    early = [signal(h * HOUR) for h in range(10, 30)]
    late = [signal(h * HOUR) for h in range(32, 50)]
    actual.absorb(early + late)
    assert spans(actual) == [(10, 29), (32, 49)]

    actual.absorb([signal(30 * HOUR + 5)])

    assert spans(actual) == [(10, 23), (24, 47), (48, 49)]


def test_the_same_merge_and_cut_come_out_of_any_order() -> None:
    hours = [*range(10, 30), *range(32, 50), 30]
    forwards, backwards = windows(spec(timespan=HOUR)), windows(spec(timespan=HOUR))
    for hour in hours:
        forwards.absorb([signal(hour * HOUR)])
    for hour in reversed(hours):
        backwards.absorb([signal(hour * HOUR)])

    assert forwards.list_episodes() == backwards.list_episodes()


def test_the_windows_edge_is_inclusive_and_sub_second_time_counts() -> None:
    of = spec(count=2, timespan=600)
    touching, beyond = windows(of), windows(of)
    touching.absorb([signal(1000.25), signal(1600.25)])
    beyond.absorb([signal(1000.25), signal(1600.26)])

    assert len(touching.list_episodes()) == 1
    assert beyond.list_episodes() == []


def test_a_flood_keeps_first_and_last_and_the_touches_of_all() -> None:
    actual = windows(spec(count=3, keep=3))
    actual.absorb([signal(600 + i / 100, f"e{i:05}", f"c{i % 50}") for i in range(20_000)])
    (episode,) = actual.list_episodes()

    assert [m.event_id for m in episode.members] == [
        "e00000",
        "e00001",
        "e00002",
        "e19997",
        "e19998",
        "e19999",
    ]
    assert len(episode.touches) == 50
    assert "Sample only" in episode.explanation


def test_a_signal_that_changes_nothing_leaves_its_group_unchanged() -> None:
    actual = windows(spec())
    actual.absorb([signal(700)])

    assert actual.absorb([signal(700)]) == []


def test_an_owner_learnt_later_widens_what_was_touched() -> None:
    actual = windows(spec())
    actual.absorb([signal(700)])

    assert actual.absorb([signal(700, customer="c2")]) == [KEY]
    assert {t.customer for e in actual.list_episodes() for t in e.touches} == {"c1", "c2"}


def test_a_hot_group_does_not_cost_its_square() -> None:
    def ordered(members: Sequence[DetectorSignal]) -> bool:
        return {"a", "b"} <= {m.value for m in members}

    of = WindowSpec("rule", "R", Severity.LOW, 600, 600, 0, False, ordered)
    began = time.thread_time()
    actual = windows(of)
    for batch in range(5):
        actual.absorb([signal(batch + i / 7, f"{batch}-{i}", value="a") for i in range(4_000)])

    assert time.thread_time() - began < 2.5


def test_signals_of_a_rule_that_is_not_there_are_left_out() -> None:
    other = InMemoryWindows({})

    assert other.absorb([signal(700)]) == []
    assert other.list_episodes() == []


def test_a_component_that_ends_before_the_moment_goes_and_the_others_stay() -> None:
    group = SignalGroup(KEY, spec())
    group.absorb([to_member(signal(700)), to_member(signal(50_000))])
    assert spans(group) == [(1, 1), (83, 83)]

    (result,) = group.evict(40_000)

    assert (result.begin, result.end) == (700, 700)
    assert spans(group) == [(83, 83)]


def test_a_component_that_the_log_names_stays() -> None:
    group = SignalGroup(KEY, spec())
    group.absorb([to_member(signal(700))])

    assert group.evict(40_000, logged={1}) == []
    assert len(group.evict(40_000)) == 1


@pytest.mark.parametrize(
    ("delay", "expected"),
    [(0, True), (HOUR, True), (HOUR + 1, False), (-60, True), (-61, False)],
)
def test_a_record_is_in_time_by_itself(delay: int, expected: bool) -> None:
    arrived = NOON + timedelta(seconds=delay)

    assert is_in_time(NOON, arrived, HOUR, backfill=False) is expected
    assert is_in_time(NOON, arrived, HOUR, backfill=True)


def test_equal_times_are_in_each_others_window() -> None:
    actual = windows(spec(count=3))
    actual.absorb([signal(700, "a"), signal(700, "b"), signal(700, "c")])
    (episode,) = actual.list_episodes()

    assert episode.fired == datetime.fromtimestamp(700, UTC)
