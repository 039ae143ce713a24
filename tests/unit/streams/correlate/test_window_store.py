"""Copies of groups: bounded by what they hold, and void after a failure."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from schemas.pipeline.alert import GroupKey, Severity, Signal
from schemas.pipeline.event import AssetTouch, RecordPosition
from schemas.pipeline.plugin import ValueGate
from streams.correlate.buckets import BucketSummary, to_member
from streams.correlate.episodes import WindowSpec
from streams.correlate.signal_rows import LoggedGroup, dump_log, load_bucket
from streams.correlate.window_store import GuardedSignal, WindowStore
from streams.ports import BucketRow, CommitResult, GroupRows, GroupUpdates, LogRow

SPEC = WindowSpec("r", "title", Severity.LOW, 600, 600, 100, False, lambda m: len(m) > 2)
START = datetime(2026, 11, 22, tzinfo=UTC).timestamp()
DAY = 86_400


def key(name: str) -> GroupKey:
    return GroupKey("r", "contoso", (name,))


def told(of: GroupKey, count: int, begin: int = 0) -> list[GuardedSignal]:
    return [
        GuardedSignal(
            Signal(of, START + n, f"{of.group[0]}{n}", "s", "v", RecordPosition("j", n), "", "src"),
            guarded=True,
        )
        for n in range(begin, begin + count)
    ]


def settle(windows: WindowStore, of: GroupKey, count: int, version: int = 1) -> None:
    windows.apply({of: told(of, count)}, [GroupRows(of, 0, ())], None)
    windows.confirm_commit(CommitResult({of: version}))


def test_copies_are_bounded_by_what_they_take_and_the_oldest_goes_first() -> None:
    windows = WindowStore({"r": SPEC}, 3600, memory_bytes=100_000)
    for name in "abcd":
        settle(windows, key(name), 40)

    assert list(windows.get_versions([key(n) for n in "abcd"])) == [key("c"), key("d")]
    assert windows.memory_bytes <= 100_000


def test_a_copy_that_is_used_again_stays_and_is_not_counted_twice() -> None:
    windows = WindowStore({"r": SPEC}, 3600, memory_bytes=100_000)
    for name in ("a", "b", "a", "a", "a"):
        settle(windows, key(name), 40)

    assert set(windows.get_versions([key("a"), key("b")])) == {key("a"), key("b")}


def test_a_group_larger_than_the_bound_is_read_again_each_time() -> None:
    windows = WindowStore({"r": SPEC}, 3600, memory_bytes=100_000)
    settle(windows, key("a"), 150)

    assert len(windows) == 0


def test_after_a_failure_nothing_is_known() -> None:
    windows = WindowStore({"r": SPEC}, 3600)
    settle(windows, key("a"), 3)
    windows.apply({key("a"): told(key("a"), 3, 3)}, [GroupRows(key("a"), 1, None)], None)
    windows.clear()

    assert windows.get_versions([key("a")]) == {}
    assert windows.memory_bytes == 0


def test_signals_that_change_nothing_write_nothing() -> None:
    windows = WindowStore({"r": SPEC}, 3600)
    settle(windows, key("a"), 5)
    again = windows.apply({key("a"): told(key("a"), 5)}, [GroupRows(key("a"), 1, None)], None)

    assert (again.changed, again.groups, again.buckets) == ([], [], [])


def test_a_replay_of_what_was_let_go_is_ignored_but_not_a_backfill() -> None:
    windows = WindowStore({"r": SPEC}, 3600)
    low = START + SPEC.reach + 3600 + 1
    replays = told(key("a"), 3)
    rows = [GroupRows(key("a"), 0, ())]

    assert windows.apply({key("a"): replays[:1]}, rows, low).groups == []
    backfill = [each._replace(guarded=False) for each in replays]
    (state,) = windows.apply({key("a"): backfill}, rows, low).groups
    assert len(state.episodes) == 1


def test_a_sweep_lets_go_of_what_is_out_of_reach_and_keeps_the_rest() -> None:
    windows = WindowStore({"r": SPEC}, 3600)
    settled = windows.apply({key("a"): told(key("a"), 3)}, [GroupRows(key("a"), 0, ())], None)
    rows = [GroupRows(key("a"), 1, list[BucketRow](settled.buckets))]
    due = settled.buckets[0].due

    actual = windows.sweep(rows, due - 700)
    result = windows.sweep(rows, due + 1)

    assert not actual.evictions
    assert actual.again == {key("a"): due}
    assert [e.key for e in result.evictions] == [key("a")]


def test_state_of_a_rule_that_is_gone_stays_for_a_month() -> None:
    written = WindowStore({"r": SPEC}, 3600).apply(
        {key("a"): told(key("a"), 3)}, [GroupRows(key("a"), 0, ())], None
    )
    rows = [GroupRows(key("a"), 1, list[BucketRow](written.buckets))]
    without = WindowStore({}, 3600)

    assert not without.sweep(rows, START + 29 * DAY).evictions
    assert [e.key for e in without.sweep(rows, START + 31 * DAY).evictions] == [key("a")]


def test_only_groups_with_an_episode_or_read_from_the_store_are_reconciled() -> None:
    windows = WindowStore({"r": SPEC}, 3600)
    of = key("a")

    first = windows.apply({of: told(of, 1)}, [GroupRows(of, 0, ())], None)
    windows.confirm_commit(CommitResult({of: 1}))
    firing = windows.apply({of: told(of, 2, 1)}, [GroupRows(of, 1, None)], None)
    read = WindowStore({"r": SPEC}, 3600)
    again = read.apply({of: told(of, 1, 9)}, [GroupRows(of, 1, list(first.buckets))], None)

    assert (first.changed, first.groups) == ([of], [])
    assert [len(state.episodes) for state in firing.groups] == [1]
    assert [state.episodes for state in again.groups] == [()]


def test_a_bucket_of_another_timespan_goes_into_the_buckets_of_this_one() -> None:
    before = replace(SPEC, timespan=7200)
    of = key("a")
    written = WindowStore({"r": before}, 3600).apply(
        {of: told(of, 3)}, [GroupRows(of, 0, ())], None
    )
    windows = WindowStore({"r": SPEC}, 3600)

    updates = windows.apply({of: told(of, 1, 3)}, [GroupRows(of, 1, list(written.buckets))], None)

    assert [(row.bucket, row.timespan) for row in updates.buckets] == [(START // 600, 600)]
    assert [len(e.members) for state in updates.groups for e in state.episodes] == [4]


def test_a_group_whose_signals_wait_in_the_log_is_not_let_go() -> None:
    of = key("a")
    stored = WindowStore({"r": SPEC}, 3600).apply({of: told(of, 3)}, [GroupRows(of, 0, ())], None)
    later = [GuardedSignal(replace(told(of, 1)[0].signal, time=START + 900), guarded=True)]
    logged = WindowStore({"r": SPEC}, 3600, sole_owner=True).apply(
        {of: later}, [GroupRows(of, 0, ())], None
    )
    assert logged.log is not None
    windows = WindowStore({"r": SPEC}, 3600, sole_owner=True)
    windows.restore([LogRow(1, logged.log)])
    rows = [GroupRows(of, 1, list(stored.buckets))]

    assert windows.sweep(rows, START + 30 * DAY).evictions == []
    assert windows.list_keys({}) == [of]
    written = windows.apply({}, rows, None)
    windows.confirm_commit(CommitResult({of: 1}))
    assert [row.bucket for row in written.buckets] == [START // 600 + 1]
    assert (written.log, written.log_first_needed, windows.unwritten) == (None, 2, 0)
    assert len(windows.sweep(rows, START + 30 * DAY).evictions) == 1


def in_the_log(of: GroupKey) -> WindowStore:
    """A sole owner's windows with a group that only the log holds."""
    windows = WindowStore({"r": SPEC}, 3600, sole_owner=True)
    windows.list_keys({of: told(of, 3)})
    windows.apply({of: told(of, 3)}, [GroupRows(of, 0, ())], None)
    windows.confirm_commit(CommitResult({of: 1}, 1))
    return windows


def test_what_only_the_log_holds_is_let_go_with_its_row_and_is_never_written() -> None:
    windows = in_the_log(key("a"))
    before = windows.sweep([], START + DAY / 24)
    swept = windows.sweep([], START + 30 * DAY)

    assert (before.evictions, before.in_log, before.log_first_needed) == ([], 0, None)
    assert [eviction.key for eviction in swept.evictions] == [key("a")]
    assert (swept.in_log, swept.log, swept.log_first_needed) == (1, None, 2)
    assert (windows.unwritten, len(windows), windows.memory_bytes) == (0, 0, 0)


def test_the_store_hears_nothing_of_a_group_that_it_never_had_a_row_or_an_alert_of() -> None:
    windows = WindowStore({"r": SPEC}, 3600, sole_owner=True)
    apply_kept(windows, {key("a"): told(key("a"), 1), key("b"): told(key("b"), 2)}, 1)
    swept = windows.sweep([], START + 30 * DAY)

    assert (swept.evictions, swept.in_log, len(windows)) == ([], 2, 0)


def test_a_row_says_what_is_gone_of_log_rows_that_stay_so_that_no_restart_brings_it_back() -> None:
    old, new = key("old"), key("new")
    late = [GuardedSignal(replace(told(new, 1)[0].signal, time=START + 20 * DAY), guarded=True)]
    windows = WindowStore({"r": SPEC}, 3600, sole_owner=True)
    row = apply_kept(windows, {old: told(old, 3), new: late}, 1).log
    swept = windows.sweep([], START + 10 * DAY)
    again = apply_kept(windows, {old: told(old, 1, 7)}, 3).log
    assert row is not None
    assert swept.log is not None
    assert again is not None
    restarted = WindowStore({"r": SPEC}, 3600, sole_owner=True)
    restarted.restore([LogRow(1, row), LogRow(2, swept.log), LogRow(3, again)])

    assert (swept.log_first_needed, windows.unwritten) == (None, 5)
    keys = restarted.list_keys({})
    updates = restarted.apply({}, [GroupRows(k, 0, ()) for k in keys], None)
    values_by_key = {r.key: load_bucket(r.key, r.payload).rows for r in updates.buckets}
    assert [m.time - START for m in values_by_key[old]] == [7]
    assert [m.time - START for m in values_by_key[new]] == [20 * DAY]


def test_after_a_restart_a_group_that_is_due_is_read_and_then_let_go() -> None:
    """The store may hold later signals of it, which only a read tells."""
    of = key("a")
    signals = {of: told(of, 3), key("b"): told(key("b"), 1)}
    log = apply_kept(WindowStore({"r": SPEC}, 3600, sole_owner=True), signals, 1).log
    assert log is not None
    windows = WindowStore({"r": SPEC}, 3600, sole_owner=True)
    windows.restore([LogRow(1, log)])
    unread = windows.sweep([], START + 30 * DAY)
    apply_kept(windows, {key("c"): told(key("c"), 1)}, 2)
    read = windows.sweep([], START + 31 * DAY)

    assert (unread.evictions, unread.in_log, unread.log) == ([], 0, None)
    assert {eviction.key for eviction in read.evictions} == set(signals)
    assert (windows.unwritten, len(windows), read.log_first_needed) == (0, 0, 3)


def test_of_a_group_in_memory_the_component_that_is_out_of_reach_goes_and_the_other_stays() -> None:
    of = key("a")
    late = [GuardedSignal(replace(told(of, 1)[0].signal, time=START + 9 * DAY), guarded=True)]
    windows = WindowStore({"r": SPEC}, 3600, sole_owner=True)
    windows.list_keys({of: [*told(of, 3), *late]})
    windows.apply({of: [*told(of, 3), *late]}, [GroupRows(of, 0, ())], None)
    windows.confirm_commit(CommitResult({of: 1}, 1))
    windows.list_keys({})
    rows = [GroupRows(of, 1, list(windows.apply({}, [], None).buckets))]
    windows.confirm_commit(CommitResult({}))
    before = windows.memory_bytes
    first = windows.sweep(rows, START + 5 * DAY).evictions
    stays = windows.memory_bytes
    values = [GroupRows(of, 1, list(rows[0].buckets or ())[1:])]
    second = windows.sweep(values, START + 30 * DAY).evictions

    assert [e.begin <= START <= e.end < START + 9 * DAY for e in first] == [True]
    assert 0 < stays < before
    assert [e.begin <= START + 9 * DAY <= e.end for e in second] == [True]
    assert (windows.memory_bytes, len(windows)) == (0, 0)


def test_a_group_that_lost_its_buckets_meanwhile_is_passed_over() -> None:
    assert not WindowStore({"r": SPEC}, 3600).sweep([GroupRows(key("a"), 1, [])], 1e12).evictions


GATED = WindowSpec(
    "r",
    "title",
    Severity.LOW,
    600,
    600,
    0,
    False,
    lambda members: {"in", "out"} <= {m.step for m in members},
    gate=ValueGate(
        frozenset({"failed", "in"}), lambda members: {"failed", "in"} <= {m.step for m in members}
    ),
)


def step(name: str, value: str, second: int) -> GuardedSignal:
    of = key("jo")
    position = RecordPosition("j", second)
    signal = Signal(of, START + second, f"e{second}", name, value, position, "", "src")
    return GuardedSignal(signal, guarded=True)


def test_signals_that_were_stored_before_there_was_a_gate_count_behind_it() -> None:
    of = key("jo")
    ungated = WindowStore({"r": replace(GATED, gate=None)}, 3600)
    stored = ungated.apply(
        {of: [step("failed", "ip1", 1), step("failed", "ip2", 2)]}, [GroupRows(of, 0, ())], None
    )
    windows = WindowStore({"r": GATED}, 3600)

    signals = {of: [step("in", "ip1", 3), step("out", "", 4)]}
    rows = [
        GroupRows(k, 1, list(stored.buckets) if k == of else ()) for k in windows.list_keys(signals)
    ]
    updates = windows.apply(signals, rows, None)

    assert [len(state.episodes) for state in updates.groups] == [1]


def test_what_never_opens_its_gate_stays_out_of_the_alert_and_raises_none_itself() -> None:
    windows = WindowStore({"r": GATED}, 3600)
    signals = {
        key("jo"): [
            *(step("failed", f"ip{n}", n) for n in range(20)),
            step("in", "ip7", 30),
            step("out", "", 40),
        ]
    }
    keys = windows.list_keys(signals)
    updates = windows.apply(signals, [GroupRows(k, 0, ()) for k in keys], None)

    (state,) = updates.groups
    assert state.key == key("jo")
    assert [m.value for m in state.episodes[0].members] == ["ip7", "ip7", ""]
    assert len(updates.changed) == 21


CROWDED = replace(
    GATED,
    timespan=3_600,
    fires=lambda members: sum(m.step == "failed" and m.value == "ip" for m in members) >= 2,
)


def apply_kept(
    windows: WindowStore, signals: Mapping[GroupKey, Sequence[GuardedSignal]], number: int
) -> GroupUpdates:
    """One batch of groups that are all in memory or new, and durable."""
    keys = windows.list_keys(signals)
    known = windows.get_versions(keys)
    rows = [GroupRows(k, known.get(k, 0), None if k in known else ()) for k in keys]
    updates = windows.apply(signals, rows, None)
    log_number = None if updates.log is None else number
    windows.confirm_commit(CommitResult(dict.fromkeys(keys, 1), log_number))
    return updates


def crowd_around(value: str, rng: random.Random) -> list[GuardedSignal]:
    """Signals of a value and of many others of one bucket, of which some are dropped."""
    others = [step("failed", f"early{n}", 100 + n) for n in range(65)]
    others += [step("in", f"early{n}", 2_000 + n) for n in range(65)]
    others += [step("failed", f"late{n}", 2_200 + n) for n in range(65)]
    others += [step("in", f"late{n}", 2_400 + n) for n in range(65)]
    own = [step("failed", value, 1_000), step("in", value, 1_100)]
    values = [*others, *own]
    rng.shuffle(values)
    return values


@pytest.mark.parametrize("sole_owner", [True, False])
def test_a_value_that_was_dropped_comes_in_again_with_all_of_its_signals(sole_owner: bool) -> None:
    """Its earliest signal comes last: then as if it had come first."""
    first = step("failed", "ip", 50)
    crowd = crowd_around("ip", random.Random(1))
    seen = []
    for signals in ([first, *crowd], [*crowd, first]):
        windows = WindowStore({"r": CROWDED}, 3600, sole_owner=sole_owner)
        for number, each in enumerate([*signals, step("out", "", 3_000)], start=1):
            updates = apply_kept(windows, {key("jo"): [each]}, number)
        (state,) = updates.groups
        seen.append([(e.id, e.members, e.explanation) for e in state.episodes])
    assert seen[0] == seen[1]
    assert len(seen[0]) == 1


def test_the_copy_of_a_group_of_one_signal_takes_less_than_a_kilobyte() -> None:
    windows = WindowStore({"r": SPEC}, 3600)
    tracemalloc.start()
    for number in range(2_000):
        settle(windows, key(f"user{number}@contoso.example"), 1)
    traced_memory, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert traced_memory / len(windows) < 1_000
    assert windows.memory_bytes == pytest.approx(traced_memory, rel=0.5)


def logged_by(spec: WindowSpec, seconds: Sequence[int], number: int) -> LogRow:
    """The log row of these signals of one group, which one version of the rules wrote."""
    signals = {key("a"): [told(key("a"), 1, second)[0] for second in seconds]}
    windows = WindowStore({"r": spec}, 3600, sole_owner=True)
    log = windows.apply(signals, [GroupRows(key("a"), 0, ())], None).log
    assert log is not None
    return LogRow(number, log)


@pytest.mark.parametrize("specs", [{}, {"r": SPEC}, {"r": replace(SPEC, timespan=3_600)}])
def test_log_rows_of_several_timespans_are_written_out_under_whatever_rules(
    specs: dict[str, WindowSpec],
) -> None:
    """The rule was changed, and is changed or gone again before the log was written out."""
    rows = [
        logged_by(replace(SPEC, timespan=1_200), [1, 1_300], 1),
        logged_by(SPEC, [700, 1_900], 2),
    ]
    hourly = replace(SPEC, timespan=3_600)
    stored = WindowStore({"r": hourly}, 3600).apply(
        {key("a"): told(key("a"), 1, 2_000)}, [GroupRows(key("a"), 0, ())], None
    )
    windows = WindowStore(specs, 3600, sole_owner=True)
    windows.restore(rows)

    keys = windows.list_keys({})
    updates = windows.apply({}, [GroupRows(k, 1, list(stored.buckets)) for k in keys], None)
    windows.confirm_commit(CommitResult(dict.fromkeys(keys, 1)))

    assert (windows.unwritten, updates.log_first_needed) == (0, 3)
    values_by_key = {
        (row.bucket, row.timespan): row.payload for row in [*stored.buckets, *updates.buckets]
    }
    times = {
        m.time - START for text in values_by_key.values() for m in load_bucket(key("a"), text).rows
    }
    assert times == {1, 700, 1_300, 1_900, 2_000}


def test_what_the_log_widens_reaches_the_buckets_of_a_changed_timespan() -> None:
    """A gate hands on what its signals touched, those that were dropped too."""
    of, touched = key("a"), AssetTouch("fabrikam", "db", "mail")
    widening = BucketSummary(frozenset({touched}), frozenset(), thinned=True)
    members = [to_member(each.signal) for each in told(of, 2, 1_000)]
    index = int(START // 1_200)
    rows = [LoggedGroup(of, 1_200, members, []), LoggedGroup(of, 1_200, [], [(index, widening)])]
    windows = WindowStore({"r": SPEC}, 3600, sole_owner=True)
    windows.restore([LogRow(n, dump_log([row])) for n, row in enumerate(rows, start=1)])

    keys = windows.list_keys({})
    updates = windows.apply({}, [GroupRows(k, 0, ()) for k in keys], None)
    windows.confirm_commit(CommitResult(dict.fromkeys(keys, 1)))

    assert windows.unwritten == 0
    (row,) = updates.buckets
    bucket = load_bucket(of, row.payload)
    assert (row.bucket, len(bucket.rows)) == (START // 600 + 1, 2)
    assert (bucket.touches, bucket.thinned) == ({touched}, True)


def test_a_sweep_keeps_what_shares_a_bucket_of_a_former_timespan_with_what_goes() -> None:
    """The store can only drop the whole row."""
    of, hourly = key("a"), replace(SPEC, timespan=3_600, quiet=60)
    signals = [told(of, 1, second)[0] for second in (1, 7_300, 10_700)]
    stored = WindowStore({"r": hourly}, 3600).apply({of: signals}, [GroupRows(of, 0, ())], None)
    windows = WindowStore({"r": replace(SPEC, timespan=60, quiet=60)}, 3600)

    low = min(row.due for row in stored.buckets)
    swept = windows.sweep([GroupRows(of, 1, list(stored.buckets))], low + 1)

    rows = [
        row
        for row in stored.buckets
        if not any(
            e.begin < (row.bucket + 1) * 3_600 and row.bucket * 3_600 <= e.end
            for e in swept.evictions
        )
    ]
    times = {m.time - START for row in rows for m in load_bucket(of, row.payload).rows}
    assert 10_700 in times
