from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from breachdesk.gdpr.deadlines import awareness_delay, in_hours, is_late, one_month, shadow
from schemas.errors import BadInput

LONDON = ZoneInfo("Europe/London")

VECTORS = [
    ("2026-03-27 16:20", "2026-03-30 17:20", "2026-03-30 18:00"),
    ("2026-10-23 09:05", "2026-10-26 08:05", "2026-10-26 09:00"),
    ("2026-12-24 17:45", "2026-12-27 17:45", "2026-12-27 18:00"),
    ("2026-04-02 17:10", "2026-04-05 17:10", "2026-04-05 18:00"),
]


def london(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=LONDON)


@pytest.mark.parametrize(("aware", "due", "bound"), VECTORS)
def test_72_hours_are_real_hours_over_clock_changes_and_holidays(
    aware: str, due: str, bound: str
) -> None:
    found = in_hours(london(aware), 72)

    assert found.due == london(due).astimezone(UTC)
    assert found.formal_outer_bound == london(bound).astimezone(UTC)


def test_the_wall_clock_would_be_an_hour_late_in_october() -> None:
    aware = london("2026-10-23 09:05")

    assert is_late(london("2026-10-26 09:05"), in_hours(aware, 72).due)


def test_no_deadline_in_hours_rolls_over_a_weekend() -> None:
    due = in_hours(london("2026-11-25 10:00"), 72).due

    assert due.astimezone(LONDON).isoweekday() == 6


@pytest.mark.parametrize(("seconds", "late"), [(72 * 3600, False), (72 * 3600 + 1, True)])
def test_lateness_is_decided_on_the_second(seconds: int, late: bool) -> None:
    aware = datetime(2026, 11, 20, 10, 0, 30, tzinfo=UTC)

    assert is_late(aware + timedelta(seconds=seconds), in_hours(aware, 72).due) is late


def test_a_full_hour_needs_no_outer_bound() -> None:
    found = in_hours(datetime(2026, 11, 20, 10, 0, tzinfo=UTC), 72)

    assert found.formal_outer_bound == found.due


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(BadInput, match="zone"):
        in_hours(datetime(2026, 11, 20, 10, 0), 72)  # noqa: DTZ001 - that is the point


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-01-31T10:00", "2026-02-28T10:00"),
        ("2028-01-31T10:00", "2028-02-29T10:00"),
        ("2026-12-15T10:00", "2027-01-15T10:00"),
        ("2026-05-31T10:00", "2026-06-30T10:00"),
    ],
)
def test_a_month_ends_on_the_same_day_or_the_last(start: str, end: str) -> None:
    moment = datetime.fromisoformat(start).replace(tzinfo=UTC)

    assert one_month(moment) == datetime.fromisoformat(end).replace(tzinfo=UTC)


def test_the_shadow_clock_runs_from_the_first_alert() -> None:
    detected = datetime(2026, 11, 22, 3, 17, tzinfo=UTC)
    aware = datetime(2026, 11, 23, 9, 12, tzinfo=UTC)
    found = shadow(detected, aware, 72)

    assert found is not None
    assert found.due == datetime(2026, 11, 25, 3, 17, tzinfo=UTC)
    assert awareness_delay(detected, aware) == timedelta(hours=29, minutes=55)


def test_without_an_earlier_alert_there_is_no_shadow() -> None:
    aware = datetime(2026, 11, 23, 9, 12, tzinfo=UTC)

    assert shadow(None, aware, 72) is None
    assert shadow(aware, aware, 72) is None
    assert awareness_delay(None, aware) == timedelta()
