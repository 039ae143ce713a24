"""How long a source may be quiet follows from when it was heard before."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from breachdesk.casework.watching.heard_minutes import (
    DAY,
    HeardMinutes,
    compute_limit,
    list_usual_quiet,
)

MONDAY = 20_787 * DAY
"""A Monday's first minute, UTC."""


def heard_in(minutes: set[int]) -> HeardMinutes:
    bits: dict[int, int] = {}
    for minute in minutes:
        bits[minute // 60] = bits.get(minute // 60, 0) | 1 << minute % 60
    return HeardMinutes(bits)


def office(days: int, begin: int = 8 * 60, end: int = 18 * 60, every: int = 2) -> set[int]:
    """Heard from Monday to Friday within these minutes of the day, before MONDAY."""
    first = MONDAY - days * DAY
    return {
        first + day * DAY + minute
        for day in range(days)
        if (first // DAY + day + 3) % 7 < 5
        for minute in range(begin, end, every)
    }


@given(st.sets(st.integers(0, 600), max_size=40), st.integers(0, 700))
def test_the_minutes_before_and_after_are_those_of_the_set(minutes: set[int], at: int) -> None:
    heard = heard_in(minutes)

    assert heard.find_before(at) == max((m for m in minutes if m <= at), default=None)
    assert heard.find_after(at) == min((m for m in minutes if m >= at), default=None)
    assert heard.first == min(minutes, default=None)


@given(st.sets(st.integers(0, 600), max_size=40))
def test_the_longest_gap_is_that_of_the_set(minutes: set[int]) -> None:
    ordered = sorted(minutes)
    gaps = [b - a for a, b in pairwise(ordered) if b - a > 1]

    assert heard_in(minutes).find_longest_gap() == max(gaps, default=0)


@given(st.sets(st.integers(0, 5000), min_size=1, max_size=60), st.integers(5000, 9000))
def test_no_limit_is_shorter_than_the_least(minutes: set[int], at: int) -> None:
    assert compute_limit(heard_in(minutes), at, (), 60) >= 60


def test_a_source_of_office_hours_is_silent_soon_in_the_morning_and_not_at_night() -> None:
    heard = heard_in(office(28))
    morning = MONDAY + 8 * 60

    assert compute_limit(heard, MONDAY + 3 * 60, (), 60) > 24 * 60
    assert compute_limit(heard, morning + 10, (), 60) > 24 * 60
    assert compute_limit(heard, morning + 70, (), 60) <= 120


def test_a_source_of_office_hours_is_not_missed_on_a_weekend() -> None:
    saturday = MONDAY - 2 * DAY + 11 * 60
    heard = heard_in({minute for minute in office(28) if minute < saturday})
    last = heard.find_before(saturday)

    assert last is not None
    assert saturday - last <= compute_limit(heard, saturday, (), 60)


def test_a_days_one_backup_is_missed_an_hour_after_its_time() -> None:
    heard = heard_in({MONDAY - day * DAY + 125 for day in range(1, 20)})

    assert compute_limit(heard, MONDAY + 120, (), 60) > DAY
    assert compute_limit(heard, MONDAY + 190, (), 60) < DAY


def test_an_earlier_silence_is_not_taken_for_usual() -> None:
    whole = {MONDAY - 20 * DAY + minute for minute in range(20 * DAY)}
    begin, end = MONDAY - 3 * DAY, MONDAY - 2 * DAY
    heard = heard_in({minute for minute in whole if not begin <= minute < end})
    at = MONDAY + 60

    assert compute_limit(heard, at, [(begin, end)], 60) == 60
    assert max(list_usual_quiet(heard, at, [(begin, end)]), default=0) == 0
