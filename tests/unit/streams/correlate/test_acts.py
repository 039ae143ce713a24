"""An act that several lines of one session tell is one act, in any order and in any pieces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.pipeline.alert import Episode, GroupKey, Severity, Signal
from schemas.pipeline.event import AssetTouch, RecordPosition
from schemas.pipeline.plugin import DetectorSignal
from streams.correlate.acts import (
    count_attempts,
    find_act,
    iterate_attempts,
    read_attempts,
    select_fullest,
)
from streams.correlate.buckets import to_member
from streams.correlate.episodes import WindowSpec
from streams.correlate.groups import SignalGroup
from streams.correlate.signal_rows import LoggedGroup, dump_bucket, dump_log, load_bucket, load_log

KEY = GroupKey("r", "acme", ("g",))
SPAN = 60
Condition = Callable[[Sequence[DetectorSignal]], bool]


def count(rows: Iterable[DetectorSignal]) -> int:
    """Acts, in the plainest words: of each session, step and value what the full lines tell, or
    what the retelling of the most attempts does, if that is more."""
    full: Counter[tuple[str, str, str]] = Counter()
    again: Counter[tuple[str, str, str]] = Counter()
    alone = 0
    for m in rows:
        if m.session is None:
            alone += m.attempts
            continue
        key = (m.session, m.step, m.value)
        if m.is_retelling:
            again[key] = max(again[key], m.attempts)
        else:
            full[key] += m.attempts
    return alone + sum(max(full[key], again[key]) for key in full.keys() | again.keys())


def many(rows: Sequence[DetectorSignal]) -> bool:
    return count_attempts(rows) >= 4


def different(rows: Sequence[DetectorSignal]) -> bool:
    return len({m.value for m in rows}) >= 3


def two_and_then_b(rows: Sequence[DetectorSignal]) -> bool:
    for first in (m for m in rows if m.step == "b"):
        if find_act((m for m in rows if m.step == "a" and m.time <= first.time), 2) is not None:
            return True
    return False


def build_spec(name: str, fires: Condition, keep: int, *, distinct: bool = False) -> WindowSpec:
    return WindowSpec(
        rule=name,
        title=name,
        severity=Severity.LOW,
        timespan=SPAN,
        quiet=SPAN,
        keep=keep,
        distinct=distinct,
        fires=fires,
        explain=lambda rows: f"{count_attempts(rows)} acts",
        least={many: 4, different: 3}.get(fires, 1),
        ends=keep > 0,
        sees_retellings=fires is two_and_then_b,
    )


SPECS = [
    build_spec("each", bool, 3),
    build_spec("count", many, 4),
    build_spec("distinct", different, 3, distinct=True),
    build_spec("order", two_and_then_b, 0),
]


@st.composite
def draw_signals(draw: st.DrawFn) -> list[Signal]:
    size = draw(st.integers(1, 40))
    signals = []
    for number in range(size):
        session = draw(st.sampled_from([None, "s1", "s2", "s3", "s4", "s5"]))
        signals.append(
            Signal(
                KEY,
                float(draw(st.integers(0, 240))),
                f"e{number}",
                draw(st.sampled_from("aab")),
                draw(st.sampled_from("uvwx")),
                RecordPosition("j", number),
                "",
                "src",
                (AssetTouch(f"c{number % 3}", "a", "mail"),),
                session=session,
                is_retelling=session is not None and draw(st.booleans()),
                attempts=draw(st.sampled_from([1, 1, 1, 2, 3, 6])),
            )
        )
    return signals


def absorb(spec: WindowSpec, batches: Iterable[Iterable[Signal]]) -> SignalGroup:
    group = SignalGroup(KEY, spec)
    for batch in batches:
        group.absorb([to_member(signal) for signal in batch])
        group.list_episodes()
    return group


def list_hot(episodes: Iterable[Episode]) -> set[int]:
    return {bucket for each in episodes for bucket in range(each.first, each.last + 1)}


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.rule)
@settings(deadline=None, max_examples=150)
@given(signals=draw_signals(), chance=st.randoms(use_true_random=False))
def test_any_order_any_batches_and_replays_lead_to_the_same_episodes(
    spec: WindowSpec, signals: list[Signal], chance
) -> None:
    expected = absorb(spec, [sorted(signals, key=lambda s: s.time)]).list_episodes()
    played = [*signals, *chance.sample(signals, len(signals) // 2)]
    chance.shuffle(played)
    batches = []
    while played:
        size = chance.randint(1, 9)
        batches.append(played[:size])
        played = played[size:]

    assert absorb(spec, batches).list_episodes() == expected


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.rule)
@settings(deadline=None, max_examples=150)
@given(signals=draw_signals())
def test_a_bucket_is_hot_where_the_acts_of_a_window_satisfy_the_condition(
    spec: WindowSpec, signals: list[Signal]
) -> None:
    rows = sorted(map(to_member, signals))
    hot = set()
    for row in rows:
        window = [m for m in rows if row.time - SPAN <= m.time <= row.time]
        if spec.fires(window if spec.sees_retellings else select_fullest(window)):
            hot.add(int(row.time // SPAN))
    group = absorb(spec, [signals])
    group.list_episodes()

    assert group._hot.keys() == hot


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.rule)
@settings(deadline=None, max_examples=150)
@given(signals=draw_signals(), cut=st.integers(0, 40))
def test_more_lines_never_take_an_alert_back(
    spec: WindowSpec, signals: list[Signal], cut: int
) -> None:
    before = list_hot(absorb(spec, [signals[:cut]]).list_episodes())

    assert before <= list_hot(absorb(spec, [signals]).list_episodes())


@pytest.mark.parametrize("spec", [SPECS[0], SPECS[3]], ids=lambda spec: spec.rule)
@settings(deadline=None, max_examples=150)
@given(signals=draw_signals())
def test_the_evidence_shows_each_act_once(spec: WindowSpec, signals: list[Signal]) -> None:
    window_spec = WindowSpec(
        **{n: getattr(spec, n) for n in ("rule", "title", "severity", "timespan", "quiet")},
        **{n: getattr(spec, n) for n in ("distinct", "fires", "sees_retellings")},
        keep=spec.keep and 1_000,
    )
    group = absorb(window_spec, [signals])
    for episode in group.list_episodes():
        rows = list(map(to_member, episode.members))
        begin = episode.fired.timestamp() - SPAN
        within = [s for s in signals if begin <= s.time < (episode.last + 1) * SPAN]

        assert count_attempts(rows) == count(map(to_member, within))
        for row in rows:
            of_act = [s for s in within if (s.session, s.step, s.value) == row[5:6] + row[2:4]]
            full = sum(s.attempts for s in of_act if not s.is_retelling)
            assert not row.is_retelling or full < row.attempts


@given(signals=draw_signals())
def test_as_many_acts_are_yielded_as_there_are(signals: list[Signal]) -> None:
    rows = sorted(map(to_member, signals))

    assert sum(more for _, more in iterate_attempts(rows)) == count(rows)
    assert count_attempts(select_fullest(rows)) == count(rows)


@given(signals=draw_signals())
def test_stored_and_logged_signals_keep_their_sessions(signals: list[Signal]) -> None:
    rows = sorted(map(to_member, signals))
    group = absorb(build_spec("order", two_and_then_b, 0), [signals])
    (logged,) = load_log(dump_log([LoggedGroup(KEY, SPAN, rows, [])]))

    assert [m[:4] + m[5:] for m in logged.rows] == [m[:4] + m[5:] for m in rows]
    for bucket in group.buckets.values():
        loaded = load_bucket(KEY, dump_bucket(bucket))
        assert loaded.rows == bucket.rows
        assert loaded.retold >= any(m.is_retelling for m in bucket.rows)
        assert loaded.heavy >= any(m.attempts > 1 for m in bucket.rows)


@pytest.mark.parametrize("spec", [SPECS[0], SPECS[1], SPECS[3]], ids=lambda spec: spec.rule)
@settings(deadline=None, max_examples=150)
@given(signals=draw_signals(), chance=st.randoms(use_true_random=False))
def test_a_record_of_several_attempts_is_as_many_records_of_one(
    spec: WindowSpec, signals: list[Signal], chance
) -> None:
    whole = [s for s in signals if not s.is_retelling]
    single = [
        replace(s, attempts=1, event_id=f"{s.event_id}.{n}")
        for s in whole
        for n in range(s.attempts)
    ]
    chance.shuffle(whole)
    chance.shuffle(single)
    cut = chance.randint(0, len(whole))
    expected = absorb(spec, [single]).list_episodes()
    episodes = absorb(spec, [whole[:cut], whole[cut:]]).list_episodes()

    assert [(e.first, e.last, e.fired, e.touches) for e in episodes] == [
        (e.first, e.last, e.fired, e.touches) for e in expected
    ]
    if spec.rule == "each":
        return
    assert [count_attempts(map(to_member, e.members)) for e in episodes] == [
        sum(w.attempts for w in whole if e.fired.timestamp() - SPAN <= w.time < (e.last + 1) * SPAN)
        for e in episodes
    ] or any("Sample" in e.explanation for e in episodes)


@settings(deadline=None, max_examples=100)
@given(
    weights=st.lists(st.integers(2, 5), min_size=1, max_size=60),
    chance=st.randoms(use_true_random=False),
)
def test_retellings_of_several_attempts_are_bounded_in_any_order(
    weights: list[int], chance
) -> None:
    rows = [
        Signal(
            KEY,
            float(n),
            f"e{n:02}",
            "a",
            "u",
            RecordPosition("j", n),
            "",
            "src",
            session="s",
            is_retelling=True,
            attempts=w,
        )
        for n, w in enumerate(weights)
    ]
    spec = replace(SPECS[1], timespan=100)
    expected = absorb(spec, [rows]).buckets
    chance.shuffle(rows)
    buckets = absorb(spec, [[row] for row in rows]).buckets

    assert [bucket.rows for bucket in buckets.values()] == [b.rows for b in expected.values()]
    assert len(expected[0].rows) <= 4 * spec.keep


def test_attempts_are_read_of_refused_sign_ins() -> None:
    refused = {"event.outcome": "failure", "breach.auth.attempts": 3}
    more = refused | {"breach.auth.further_attempts": True}

    assert read_attempts(refused, is_retelling=False) == 3
    assert read_attempts(refused | {"event.outcome": "success"}, is_retelling=False) == 1
    assert read_attempts(more, is_retelling=True) == 4
    assert read_attempts(more, is_retelling=False) == 3
    for wrong in (0, -4, "3", True, None, [3], 2.5):
        assert read_attempts(refused | {"breach.auth.attempts": wrong}, is_retelling=False) == 1
    assert read_attempts(refused | {"breach.auth.attempts": 10**30}, is_retelling=False) == 10**6
