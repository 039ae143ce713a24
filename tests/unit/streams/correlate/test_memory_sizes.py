"""What groups take in memory is counted honestly, and a flood of keys stays within it."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.pipeline.alert import GroupKey, Severity, Signal
from schemas.pipeline.event import AssetTouch, RecordPosition
from streams.correlate.buckets import to_member
from streams.correlate.episodes import WindowSpec
from streams.correlate.groups import SignalGroup
from streams.correlate.memory_sizes import estimate_row, estimate_touches
from streams.correlate.signal_rows import dump_bucket
from streams.correlate.window_store import GuardedSignal, WindowStore
from streams.correlate.written_later import UnwrittenBuckets
from streams.ports import BucketRow, CommitResult, GroupRows

SPEC = WindowSpec("r", "title", Severity.LOW, 600, 600, 3, False, lambda m: len(m) > 2)
START = 1_790_000_000
HORIZON = 7 * 86_400


def build_signal(group: str, number: int, summary: dict[str, object]) -> Signal:
    """Share nothing with other signals, as after reading from the store."""
    return Signal(
        key=GroupKey("r", "contoso", (group,)),
        time=float(START + number),
        event_id=f"{number:032x}",
        step="",
        value=f"value-{number}",
        position=RecordPosition("journal", number),
        sha256=f"{number:064x}",
        source=f"source-{number % 3}",
        touches=(AssetTouch("contoso", f"asset-{number % 5}", "contact"),),
        summary=summary,
    )


def count_size(group: SignalGroup) -> int:
    return sum(
        sum(map(estimate_row, bucket.rows))
        + (estimate_touches(bucket.touches) if bucket.touches else 0)
        for bucket in group.buckets.values()
    )


@given(
    batches=st.lists(st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 50)), max_size=12)),
    dropped=st.sets(st.integers(0, 6)),
)
def test_the_size_of_a_group_follows_what_it_keeps(
    batches: Sequence[Sequence[tuple[int, int]]], dropped: set[int]
) -> None:
    group = SignalGroup(GroupKey("r", "contoso", ("jo",)), SPEC)
    for batch in batches:
        group.absorb(
            [to_member(build_signal("jo", n, {"file.path": "x" * length})) for n, length in batch]
        )
        assert group.size == count_size(group)
    group.drop([index for index in group.buckets if index % 7 in dropped])

    assert group.size == count_size(group)


@pytest.mark.parametrize("count", [1, 2, 20])
@pytest.mark.parametrize("length", [10, 2_000])
def test_groups_read_from_the_store_take_no_more_memory_than_is_counted(
    count: int, length: int
) -> None:
    windows = WindowStore({"r": SPEC}, HORIZON, memory_bytes=2**40)
    stored = [_dump_group(f"user{n}@contoso.example", count, length) for n in range(2_000 // count)]
    gc.collect()
    tracemalloc.start()
    for key, rows in stored:
        windows.apply({}, [GroupRows(key, 1, rows)], None)
        windows.confirm_commit(CommitResult({key: 1}))
    gc.collect()
    traced, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(windows) == len(stored)
    assert traced <= windows.memory_bytes
    assert windows.memory_bytes < 2.5 * traced


def _dump_group(name: str, count: int, length: int) -> tuple[GroupKey, list[BucketRow]]:
    names = ("event.action", "event.outcome", "user.name", "source.ip", "file.path")
    group = SignalGroup(GroupKey("r", "contoso", (name,)), SPEC)
    for number in range(count):
        summary: dict[str, object] = dict.fromkeys(names, "x" * length)
        group.absorb([to_member(build_signal(name, 100 * number, summary))])
    return group.key, [
        BucketRow(group.key, index, dump_bucket(bucket), SPEC.timespan, 0.0)
        for index, bucket in group.buckets.items()
    ]


def test_a_flood_of_keys_takes_no_more_memory_however_long_it_lasts() -> None:
    """Nothing is due within the horizon, and every signal is of a group of its own."""
    windows = WindowStore(
        {"r": SPEC},
        HORIZON,
        memory_bytes=500_000,
        sole_owner=True,
        unwritten=UnwrittenBuckets(most_signals=300),
    )
    tracemalloc.start()
    sizes: list[int] = []
    for number in range(120):
        _flood(windows, number)
        if number % 40 == 39:
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()

    assert sizes[2] - sizes[1] < 60_000, sizes
    assert sizes[2] - sizes[0] < 60_000, sizes


def _flood(windows: WindowStore, number: int) -> None:
    signals = {}
    for each in range(100 * number, 100 * (number + 1)):
        signal = build_signal(f"user{each}", each, {"event.outcome": "failure"})
        signals[signal.key] = [GuardedSignal(signal, guarded=True)]
    keys = windows.list_keys(signals)
    versions = windows.get_versions(keys)
    windows.apply(signals, [GroupRows(k, 0, None if k in versions else ()) for k in keys], None)
    windows.confirm_commit(CommitResult(dict.fromkeys(keys, 1), number + 1))
