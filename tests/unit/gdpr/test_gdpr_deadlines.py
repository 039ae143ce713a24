from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breachdesk.gdpr.deadlines import (
    compute_deadline,
    compute_deadline_in_days,
    compute_deadline_in_hours,
    compute_deadline_in_months,
    compute_end_of_days,
    compute_end_of_month,
    compute_shadow_deadline,
    is_late,
)
from schemas.errors import BadInput
from schemas.law import Provision

LONDON = ZoneInfo("Europe/London")

VECTORS = [
    ("2026-03-27 16:20", "2026-03-30 17:20", "2026-03-30 18:00"),
    ("2026-10-23 09:05", "2026-10-26 08:05", "2026-10-26 09:00"),
    ("2026-12-24 17:45", "2026-12-27 17:45", "2026-12-27 18:00"),
    ("2026-04-02 17:10", "2026-04-05 17:10", "2026-04-05 18:00"),
]


def london(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=LONDON)


def at_london(text: str) -> datetime:
    """In UTC: two times in one zone compare by the clock on the wall."""
    return london(text).astimezone(UTC)


@pytest.mark.parametrize(("aware", "due", "bound"), VECTORS)
def test_72_hours_are_real_hours_over_clock_changes_and_holidays(
    aware: str, due: str, bound: str
) -> None:
    deadline_in_hours = compute_deadline_in_hours(london(aware), 72)

    assert deadline_in_hours.due == london(due).astimezone(UTC)
    assert deadline_in_hours.formal_outer_bound == london(bound).astimezone(UTC)


def test_the_wall_clock_would_be_an_hour_late_in_october() -> None:
    aware = london("2026-10-23 09:05")

    assert is_late(london("2026-10-26 09:05"), compute_deadline_in_hours(aware, 72).due)


def test_no_deadline_in_hours_rolls_over_a_weekend() -> None:
    due = compute_deadline_in_hours(london("2026-11-25 10:00"), 72).due

    assert due.astimezone(LONDON).isoweekday() == 6


@pytest.mark.parametrize(("seconds", "late"), [(72 * 3600, False), (72 * 3600 + 1, True)])
def test_lateness_is_decided_on_the_second(seconds: int, late: bool) -> None:
    aware = datetime(2026, 11, 20, 10, 0, 30, tzinfo=UTC)

    assert (
        is_late(aware + timedelta(seconds=seconds), compute_deadline_in_hours(aware, 72).due)
        is late
    )


def test_a_full_hour_needs_no_outer_bound() -> None:
    deadline_in_hours = compute_deadline_in_hours(datetime(2026, 11, 20, 10, 0, tzinfo=UTC), 72)

    assert deadline_in_hours.formal_outer_bound == deadline_in_hours.due


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(BadInput, match="zone"):
        compute_deadline_in_hours(datetime(2026, 11, 20, 10, 0), 72)  # noqa: DTZ001 - that is the point


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-01-31T10:00", "2026-02-28T10:00"),
        ("2028-01-31T10:00", "2028-02-29T10:00"),
        ("2026-12-15T10:00", "2027-01-15T10:00"),
        ("2026-05-31T10:00", "2026-06-30T10:00"),
        ("2026-03-31T00:30", "2026-04-30T00:30"),
        ("2026-09-30T00:30", "2026-10-30T00:30"),
        ("2026-03-15T12:00", "2026-04-15T12:00"),
    ],
)
def test_a_month_ends_at_the_same_local_time_on_the_same_day_or_the_last(
    start: str, end: str
) -> None:
    assert compute_end_of_month(at_london(start)) == at_london(end)


@pytest.mark.parametrize(
    ("start", "count", "end", "bound"),
    [
        ("2026-06-19T10:00", 30, "2026-07-19T10:00", "2026-07-20T00:00"),
        ("2026-10-01T00:30", 30, "2026-10-31T00:30", "2026-11-01T00:00"),
        ("2026-03-01T09:00", 30, "2026-03-31T09:00", "2026-04-01T00:00"),
        ("2026-12-15T23:59", 30, "2027-01-14T23:59", "2027-01-15T00:00"),
    ],
)
def test_days_end_at_the_same_local_time_and_never_after_the_last_day(
    start: str, count: int, end: str, bound: str
) -> None:
    deadline = compute_deadline_in_days(at_london(start), count)

    assert (deadline.due, deadline.formal_outer_bound) == (at_london(end), at_london(bound))
    assert compute_end_of_days(at_london(start), count) == deadline.due


def test_a_local_time_that_never_comes_ends_a_period_at_the_earlier_reading() -> None:
    deadline = compute_deadline_in_days(at_london("2026-02-27T01:30"), 30)

    assert deadline.due == datetime(2026, 3, 29, 0, 30, tzinfo=UTC)


def test_a_local_time_that_comes_twice_ends_a_period_at_its_first_coming() -> None:
    deadline = compute_deadline_in_days(at_london("2026-09-25T01:30"), 30)

    assert deadline.due == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


MOMENTS = st.integers(0, 40 * 366 * 24 * 3600).map(
    lambda seconds: datetime(2019, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)


@given(MOMENTS, st.integers(1, 400))
def test_days_count_local_days_over_every_clock_change(start: datetime, count: int) -> None:
    deadline = compute_deadline_in_days(start, count)
    begun, ended = start.astimezone(LONDON), deadline.due.astimezone(LONDON)
    drift = deadline.due - start - timedelta(days=count)

    assert abs(drift) <= timedelta(hours=1)
    assert deadline.started_at == start
    assert deadline.due < deadline.formal_outer_bound
    assert ended.date() == begun.date() + timedelta(days=count)
    # Only a local time that never comes moves: it is read an hour earlier.
    assert ended.time() == begun.time() or ended.date().month == 3


@given(MOMENTS, st.integers(1, 24))
def test_months_end_in_the_later_month_over_every_clock_change(start: datetime, count: int) -> None:
    deadline = compute_deadline_in_months(start, count)
    begun, ended = start.astimezone(LONDON), deadline.due.astimezone(LONDON)
    months = (ended.year - begun.year) * 12 + ended.month - begun.month

    assert months == count
    assert ended.day == begun.day or (ended + timedelta(days=1)).day == 1
    assert deadline.due < deadline.formal_outer_bound


@given(MOMENTS, st.integers(1, 1000))
def test_hours_are_the_same_length_over_every_clock_change(start: datetime, count: int) -> None:
    assert compute_deadline_in_hours(start, count).due - start == timedelta(hours=count)


def provision(**period: int) -> Provision:
    return Provision(
        id="rule", title="t", article="Art. 1", source="s", reviewed_on=date(2026, 11, 30),
        valid_from=date(2018, 5, 25), **period,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("period", "due"),
    [
        ({"hours": 48}, "2026-10-26T08:00"),
        ({"days": 2}, "2026-10-26T09:00"),
        ({"months": 1}, "2026-11-24T09:00"),
    ],
)
def test_a_provision_gives_hours_days_or_months(period: dict[str, int], due: str) -> None:
    deadline = compute_deadline(provision(**period), at_london("2026-10-24T09:00"))

    assert deadline is not None
    assert deadline.due == at_london(due)


def test_a_provision_without_a_period_gives_no_deadline() -> None:
    assert compute_deadline(provision(), at_london("2026-10-24T09:00")) is None


def test_the_shadow_clock_runs_from_the_first_alert() -> None:
    detected = datetime(2026, 11, 22, 3, 17, tzinfo=UTC)
    aware = datetime(2026, 11, 23, 9, 12, tzinfo=UTC)
    worst = compute_shadow_deadline(detected, aware, provision(hours=72))

    assert worst is not None
    assert worst.due == datetime(2026, 11, 25, 3, 17, tzinfo=UTC)


def test_without_an_earlier_alert_or_a_figure_there_is_no_shadow() -> None:
    aware = datetime(2026, 11, 23, 9, 12, tzinfo=UTC)

    assert compute_shadow_deadline(None, aware, provision(hours=72)) is None
    assert compute_shadow_deadline(aware, aware, provision(hours=72)) is None
    assert compute_shadow_deadline(aware - timedelta(hours=1), aware, provision()) is None
