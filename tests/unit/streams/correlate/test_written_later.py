"""What a sole owner writes later: how long the log is, what is written of it, what must stay."""

from __future__ import annotations

from schemas.pipeline.alert import GroupKey
from streams.correlate.written_later import (
    BUCKETS_AT_ONCE,
    BUCKETS_WHEN_IDLE,
    UnwrittenBuckets,
    WriteStep,
)

A, B = (GroupKey("r", "o", (name,)) for name in "ab")


def batch(unwritten: UnwrittenBuckets, number: int, *keys: GroupKey) -> int:
    """One batch with a signal of each; how many buckets it wrote."""
    step = unwritten.select_step(len(keys))
    unwritten.mark_written(step.places, step)
    logged = [(key, 0) for key in keys if (key, 0) not in step.places]
    if logged:
        unwritten.add(number, len(logged), logged)
    return len(step.places)


def test_a_bucket_that_changes_in_every_batch_is_written_once_a_length_of_the_log() -> None:
    unwritten = UnwrittenBuckets(most_rows=10)

    written = [batch(unwritten, number, A) for number in range(1, 101)]

    assert sum(written) in range(8, 11)
    assert unwritten.signals <= 11


def test_the_log_is_bounded_by_signals_too_and_each_batch_writes_about_what_came() -> None:
    unwritten = UnwrittenBuckets(most_rows=64, most_signals=50)
    written = [
        batch(unwritten, n, *(GroupKey("r", "o", (f"{n}-{i}",)) for i in range(10)))
        for n in range(1, 51)
    ]

    assert max(written) <= 20
    assert unwritten.signals <= 60


def test_a_bucket_that_was_written_is_named_until_the_rows_that_hold_its_signals_go() -> None:
    unwritten = UnwrittenBuckets()
    unwritten.add(1, 1, [(A, 0)])
    unwritten.add(2, 2, [(A, 0), (B, 0)])

    unwritten.mark_written([(A, 0)], WriteStep(rows=[1]))

    assert not unwritten.has_unwritten(A)
    assert unwritten.find_logged(A, [0, 1]) == {0}
    assert unwritten.has_unwritten(B)
    assert unwritten.mark_written([(B, 0)], WriteStep(rows=[2])) == {B}
    assert unwritten.find_logged(A, [0]) == set()


def test_when_idle_the_log_is_written_out_in_bounded_steps() -> None:
    unwritten = UnwrittenBuckets()
    for number in range(1, 11):
        places = [(GroupKey("r", "o", (f"{number}-{i}",)), 0) for i in range(1_500)]
        unwritten.add(number, len(places), places)

    steps = []
    while unwritten.signals:
        steps.append(batch(unwritten, 0))

    assert max(steps) <= BUCKETS_WHEN_IDLE
    assert sum(steps) == 15_000


def test_a_long_log_of_another_time_is_not_written_out_at_once() -> None:
    unwritten = UnwrittenBuckets(most_rows=1)
    for number in range(1, 31):
        places = [(GroupKey("r", "o", (f"{number}-{i}",)), 0) for i in range(1_000)]
        unwritten.add(number, len(places), places)

    steps = [batch(unwritten, number, A) for number in range(31, 131)]

    assert max(steps) <= BUCKETS_AT_ONCE + 2
    assert unwritten.signals <= 2


def test_rows_below_the_number_that_is_told_hold_nothing_that_is_needed() -> None:
    unwritten = UnwrittenBuckets()
    unwritten.add(4, 1, [(A, 0)])
    unwritten.add(9, 1, [(B, 0)])

    assert unwritten.find_first_needed(WriteStep(rows=[4])) == 9
    assert unwritten.find_first_needed(WriteStep(rows=[4, 9])) == 10
    assert unwritten.find_first_needed(WriteStep()) is None


def test_a_row_goes_without_a_write_once_its_buckets_are_let_go_of() -> None:
    unwritten = UnwrittenBuckets()
    unwritten.add(1, 2, [(A, 0), (B, 0)])
    unwritten.add(2, 1, [(A, 0), (A, 1)])

    assert unwritten.evict(A, [0]) == 2
    assert unwritten.drop_written_rows() is None
    assert not unwritten.select_step(1).rows
    assert unwritten.evict(B, [0]) == 1
    assert unwritten.select_step(1).rows == [1]
    assert unwritten.drop_written_rows() == 2
    assert unwritten.signals == 1
    assert set(unwritten.list_unwritten(A)) == {1}
