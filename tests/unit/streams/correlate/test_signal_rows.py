"""Signals as bytes: what is written is read back, and so is what the former version wrote."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson
from hypothesis import given
from hypothesis import strategies as st

from schemas.pipeline.alert import GroupKey, Signal
from schemas.pipeline.event import AssetTouch, RecordPosition
from streams.correlate.buckets import Bucket, BucketSummary, to_member
from streams.correlate.gates import build_inner_key, get_alert_key
from streams.correlate.retention import RetentionPolicy
from streams.correlate.signal_rows import (
    LoggedGroup,
    dump_bucket,
    dump_log,
    load_bucket,
    load_log,
    pause_collector,
)

KEY = GroupKey("rule", "contoso", ("jo", "a,b"))
TOUCH = AssetTouch("contoso", "mail1", "mail")
OTHER = AssetTouch("contoso", "files", "hr")

touches = st.sets(st.sampled_from([TOUCH, OTHER, AssetTouch("", "", "")]), max_size=3)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
signals = st.builds(
    Signal,
    key=st.just(KEY),
    time=st.floats(0, 599, allow_nan=False),
    event_id=text,
    step=text,
    value=text,
    position=st.builds(
        RecordPosition, st.sampled_from(["journal", "topic-3"]), st.integers(0, 2**53)
    ),
    sha256=st.just("0" * 64),
    source=text,
    touches=touches.map(lambda some: tuple(sorted(some))),
    unattributed=st.sampled_from(["", "host:x"]),
    summary=st.dictionaries(text, st.one_of(text, st.integers(0, 9), st.lists(text, max_size=2))),
)


def bucket_of(some: list[Signal], keep: int = 100) -> Bucket:
    bucket = Bucket()
    bucket.absorb([to_member(signal) for signal in some], RetentionPolicy(keep, 600))
    return bucket


def state(bucket: Bucket) -> object:
    return (bucket.rows, bucket.touches, bucket.unattributed, bucket.thinned)


@given(st.lists(signals, min_size=1, max_size=12), st.integers(1, 3))
def test_a_bucket_that_is_written_and_read_is_the_same(some: list[Signal], keep: int) -> None:
    bucket = bucket_of(some, keep)

    again = load_bucket(KEY, dump_bucket(bucket))

    assert state(again) == state(bucket)
    assert dump_bucket(again) == dump_bucket(bucket)


@given(st.lists(signals, min_size=1, max_size=12))
def test_a_log_row_that_is_written_and_read_is_the_same(some: list[Signal]) -> None:
    widening = BucketSummary(frozenset({TOUCH, OTHER}), frozenset({"host:y"}), thinned=True)
    rows = [to_member(signal) for signal in some]
    groups = [LoggedGroup(KEY, 600, rows, [(3, widening)]), LoggedGroup(KEY, 60, rows[:1], [])]

    assert load_log(dump_log(groups)) == groups


def test_signals_of_one_event_share_what_they_tell_in_a_log_row() -> None:
    summary = {"user.name": "jo"}
    row = to_member(
        Signal(KEY, 1.0, "e", "", "", RecordPosition("j", 1), "", "s", (TOUCH,), "", summary)
    )
    groups = [LoggedGroup(GroupKey("r", "o", (str(n),)), 600, [row], []) for n in range(3)]

    document = orjson.loads(dump_log(groups))

    assert (len(document["m"]), len(document["t"]), len(document["s"])) == (1, 1, 3)


def test_a_bucket_of_the_former_version_is_read() -> None:
    payload = orjson.dumps(
        {
            "t": [["contoso", "mail1", "mail"]],
            "u": ["host:x"],
            "x": True,
            "s": [[7.5, "e1", "failed", "v", "j", 3, "ab", "m365", [0], "", {"user.name": "jo"}]],
        }
    )

    bucket = load_bucket(KEY, payload)

    (row,) = bucket.rows
    assert row.evidence == Signal(
        KEY, 7.5, "e1", "failed", "v", RecordPosition("j", 3), "ab", "m365", (TOUCH,), "",
        {"user.name": "jo"},
    )  # fmt: skip
    assert (bucket.touches, bucket.unattributed, bucket.thinned) == ({TOUCH}, {"host:x"}, True)


def test_a_log_row_of_the_former_version_is_read() -> None:
    body = orjson.dumps(
        {
            "k": [["rule", "contoso", ["jo", "a,b"]]],
            "t": [[["contoso", "mail1", "mail"]]],
            "j": ["j"],
            "m": [{}],
            "s": [[0, 7.5, "e1", "failed", "v", 0, 3, "ab", "m365", 0, "", 0]],
        }
    )

    (group,) = load_log(body)

    assert (group.key, group.timespan, group.widenings) == (KEY, None, [])
    assert [row.evidence.position for row in group.rows] == [RecordPosition("j", 3)]


def test_signals_behind_a_gate_are_read_as_signals_of_the_group_that_alerts() -> None:
    key = build_inner_key(KEY, "203.0.113.1")
    bucket = bucket_of([Signal(KEY, 1.0, "e", "failed", "", RecordPosition("j", 1), "", "s")])

    assert get_alert_key(key) == KEY
    assert load_bucket(key, dump_bucket(bucket)).rows[0].evidence.key == KEY


def test_moments_in_a_summary_are_written_as_text() -> None:
    summary = {"at": datetime(2026, 11, 22, tzinfo=UTC)}
    bucket = bucket_of(
        [Signal(KEY, 1.0, "e", "", "", RecordPosition("j", 1), "", "s", (), "", summary)]
    )

    assert b"2026-11-22T00:00:00+00:00" in dump_bucket(bucket)


def test_the_collector_runs_again_after_it_was_paused() -> None:
    import gc

    with pause_collector():
        assert not gc.isenabled()
    assert gc.isenabled()
