from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.process.batch_size import FIRST, LEAST, BatchSize

SECONDS = 0.25
took = st.tuples(st.integers(1, 10_000), st.floats(0, 100, allow_nan=False))


@given(most=st.integers(1, 10_000), history=st.lists(took, max_size=30))
def test_whatever_batches_took_the_next_one_is_within_the_bounds(
    most: int, history: list[tuple[int, float]]
) -> None:
    size = BatchSize(most, SECONDS)
    for records, seconds in history:
        size.record_batch(min(records, size.records), seconds)
        assert min(LEAST, most) <= size.records <= most


@given(
    microseconds=st.floats(1, 5_000),
    fixed=st.floats(0, 0.1),
    most=st.integers(100, 10_000),
    start=st.integers(0, 12),
)
def test_under_a_steady_load_batches_soon_take_no_longer_than_they_may(
    microseconds: float, fixed: float, most: int, start: int
) -> None:
    """`fixed`: seconds of each batch whatever it holds; `start`: too dear batches beforehand."""
    size = BatchSize(most, SECONDS)
    for _ in range(start):
        size.record_batch(size.records, 60.0)
    for _ in range(20):
        size.record_batch(size.records, fixed + size.records * microseconds / 1e6)
    seconds = [fixed + size.records * microseconds / 1e6]
    for _ in range(20):
        size.record_batch(size.records, seconds[-1])
        seconds.append(fixed + size.records * microseconds / 1e6)

    assert max(seconds) <= SECONDS or size.records == min(LEAST, most)
    assert size.records == most or seconds[-1] > SECONDS / 4, "no smaller than it must be"


def test_a_batch_that_was_not_full_makes_the_next_one_no_larger() -> None:
    size = BatchSize(4000, SECONDS)
    size.record_batch(FIRST, 0.3)
    shrunk = size.records
    for _ in range(50):
        size.record_batch(shrunk // 2, 0.001)

    assert LEAST < shrunk < FIRST
    assert size.records == shrunk


def test_one_dear_batch_is_made_good_within_a_few() -> None:
    size = BatchSize(4000, SECONDS)
    size.record_batch(4000, 30.0)
    for _ in range(8):
        size.record_batch(size.records, size.records * 20e-6)

    assert size.records == 4000


def test_batches_are_made_for_the_slow_ones_and_not_for_the_average() -> None:
    size = BatchSize(4000, SECONDS)
    for number in range(60):
        microseconds = 300 if number % 5 == 0 else 150
        size.record_batch(size.records, size.records * microseconds / 1e6)

    assert size.records * 300e-6 <= SECONDS
    assert size.records * 300e-6 > SECONDS / 2


def test_a_single_stall_does_not_make_later_batches_small() -> None:
    size = BatchSize(4000, SECONDS)
    for _ in range(30):
        size.record_batch(size.records, size.records * 100e-6)
    before = size.records
    size.record_batch(size.records, 2.0)
    for _ in range(6):
        size.record_batch(size.records, size.records * 100e-6)

    assert size.records == before
