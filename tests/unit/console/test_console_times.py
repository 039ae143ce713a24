from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from breachdesk.console.hourly_volume import JournalVolume
from breachdesk.console.views.charts import build_columns, build_evidence_chart, compute_share
from breachdesk.console.views.labels import format_count, join_words
from breachdesk.console.views.times import TimeFormatter, format_age, format_span
from schemas.errors import BadInput
from schemas.pipeline.alert import EvidenceSpan, StepCount
from schemas.pipeline.source import IncomingRecord
from streams.event_logs.sqlite import SqliteEventLog

LONDON = TimeFormatter("Europe/London")
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("2026-11-22 09:12", datetime(2026, 11, 22, 9, 12, tzinfo=UTC)),
        ("2026-11-22T09:12", datetime(2026, 11, 22, 9, 12, tzinfo=UTC)),
        ("2026-07-01 09:12", datetime(2026, 7, 1, 8, 12, tzinfo=UTC)),
        ("2026-07-01 09:12 BST", datetime(2026, 7, 1, 8, 12, tzinfo=UTC)),
        ("2026-07-01 09:12 UTC", datetime(2026, 7, 1, 9, 12, tzinfo=UTC)),
        ("2026-10-25 01:30 BST", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("2026-10-25 01:30 GMT", datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
        ("  ", None),
    ],
)
def test_a_typed_time_is_read_in_the_providers_zone(typed: str, meant: datetime | None) -> None:
    assert LONDON.parse_time(typed, "Aware since") == meant


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("yesterday", "not a valid time"),
        ("2026-13-01 09:00", "no such day"),
        ("2026-03-29 01:30", "never was"),
        ("2026-10-25 01:30", "was twice"),
        ("2026-07-01 09:12 GMT", "not the zone of that day"),
        ("0001-01-01 00:00", "year 1 cannot be meant"),
        ("0001-01-01 00:00 Z", "year 1 cannot be meant"),
        ("9999-12-31 23:59", "year 9999 cannot be meant"),
    ],
)
def test_a_time_that_means_nothing_or_two_things_is_refused(typed: str, problem: str) -> None:
    with pytest.raises(BadInput, match=problem) as refused:
        LONDON.parse_time(typed, "Aware since")

    assert refused.value.place == "Aware since"


@pytest.mark.parametrize("zone", ["Europe/London", "Asia/Tokyo", "America/New_York"])
def test_a_time_at_either_end_of_the_calendar_is_shown_in_every_zone(zone: str) -> None:
    times = TimeFormatter(zone)
    for moment in (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC)):
        for show in (
            times.format_long,
            times.format_day,
            times.format_second,
            times.format_minute,
            times.format_for_form,
        ):
            assert show(moment)


def test_what_a_form_shows_of_a_time_reads_back_as_the_same_time() -> None:
    for hour in range(-3, 4):
        time = datetime(2026, 10, 25, 1, 0, tzinfo=UTC) + timedelta(hours=hour)

        assert LONDON.parse_time(LONDON.format_for_form(time), "x") == time


def test_times_carry_their_zone_letters_and_ages_are_in_one_unit() -> None:
    assert LONDON.format_long(NOON) == "Sun 22 Nov 2026, 12:00 GMT"
    assert LONDON.format_short(datetime(2026, 7, 1, 12, 0, tzinfo=UTC)) == "1 Jul 13:00 BST"
    assert format_span(timedelta(hours=19, minutes=4)) == "19 h 04 min"
    assert format_span(timedelta(days=-5)) == "5 days 0 h"
    assert format_age(NOON - timedelta(minutes=90), NOON) == "1 h"
    assert format_age(NOON + timedelta(minutes=5), NOON) == "just now"


def test_numbers_are_said_as_a_person_says_them() -> None:
    assert format_count(1, "alert") == "one alert"
    assert format_count(14, "alert") == "14 alerts"
    assert format_count(0, "person", "people") == "no people"
    assert join_words(["a", "b", "c"]) == "a, b and c"


def test_evidence_over_time_draws_every_step_and_counts_all_of_it() -> None:
    begin = datetime(2026, 11, 22, tzinfo=UTC)
    counts = (
        StepCount(0, "failed", 10),
        StepCount(3, "failed", 20),
        StepCount(3, "opened", 1),
        StepCount(39, "exfiltrated", 9),
    )
    steps = ("failed", "opened", "exfiltrated")
    chart = build_evidence_chart(EvidenceSpan(begin, begin + timedelta(hours=1), steps, counts))

    assert chart is not None
    assert [(s.step, s.count) for s in chart.series] == [
        ("failed", 30),
        ("opened", 1),
        ("exfiltrated", 9),
    ]
    assert len(chart.bars) == 4
    assert {bar.tone for bar in chart.bars} == {s.tone for s in chart.series}
    assert all(bar.y >= 0 and bar.x + bar.width <= 700 for bar in chart.bars)
    assert "30 failed" in chart.sentence


def test_one_event_is_no_picture() -> None:
    begin = datetime(2026, 11, 22, tzinfo=UTC)

    assert build_evidence_chart(EvidenceSpan(begin, begin, ("a",), (StepCount(0, "a", 1),))) is None
    assert build_evidence_chart(None) is None


def test_columns_reach_the_top_and_nothing_is_drawn_for_nothing() -> None:
    bars = build_columns([0, 5, 10])

    assert [bar.height for bar in bars] == [0.0, 32.0, 64.0]
    assert build_columns([]) == ()
    assert compute_share(NOON, NOON + timedelta(hours=4), NOON + timedelta(hours=1)) == 0.25
    assert compute_share(NOON, NOON, NOON + timedelta(hours=1)) == 1.0


def test_lines_an_hour_are_counted_off_the_log_without_reading_it_all(tmp_path) -> None:
    log = SqliteEventLog(tmp_path, lambda: NOON)
    values = [2, *((hour * 7) % 5 for hour in range(10)), 3]
    for hour, count in enumerate(values):
        arrived = NOON - timedelta(hours=11 - hour)
        lines = [f"{hour} {n}".encode() for n in range(count)]
        log.append([IncomingRecord(source="sshd", raw=raw, arrived=arrived) for raw in lines])
    counted_hours = JournalVolume(log).read_counts()
    log.close()

    assert counted_hours is not None
    assert list(counted_hours.counts) == values
    assert counted_hours.total == sum(values)
    assert counted_hours.begin == NOON - timedelta(hours=11)


def test_an_empty_log_has_no_chart(tmp_path) -> None:
    log = SqliteEventLog(tmp_path, lambda: NOON)
    nothing = JournalVolume(log).read_counts()
    log.close()

    assert nothing is None


def test_past_hours_are_looked_up_once_and_new_lines_still_count(tmp_path) -> None:
    log = SqliteEventLog(tmp_path, lambda: NOON)
    line = [IncomingRecord(source="sshd", raw=b"x", arrived=NOON)]
    log.append(line)
    hours = JournalVolume(log)
    before = hours.read_counts()
    log.append([*line, *line])
    log.append([IncomingRecord(source="sshd", raw=b"y", arrived=NOON + timedelta(hours=1))])
    after = hours.read_counts()
    log.close()

    assert before is not None
    assert after is not None
    assert before.counts == (1,)
    assert after.counts == (3, 1)
