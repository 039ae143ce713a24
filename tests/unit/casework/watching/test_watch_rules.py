"""What is wrong with a source is decided from its figures."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breachdesk.casework.watching import rules
from breachdesk.casework.watching.heard_minutes import HeardMinutes
from schemas.pipeline.operations import OperationsAlert, OperationsKind
from streams.ports import HourCount, SubjectKind

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
HOUR = int(NOW.timestamp() // 3600)
BASE = HourCount(SubjectKind.SOURCE, "fw", HOUR)
PAST = replace(
    BASE, received=10_000, parsed=9_900, not_understood=100, lateness=(9_000, 0, 0, 0, 0, 0, 0, 0)
)


def of(received: int, failures: int) -> HourCount:
    first = NOW.timestamp() - 600
    return replace(
        BASE,
        received=received,
        not_understood=failures,
        first_failure=first if failures else None,
        last_failure=first + 60 if failures else None,
    )


@pytest.mark.parametrize(
    ("failures", "past", "opened", "wrong"),
    [
        (5, PAST, None, False),
        (40, PAST, None, True),
        (40, None, None, False),
        (60, None, None, True),
        (8, PAST, 0.01, True),
        (3, PAST, 0.01, False),
    ],
)
def test_a_jump_of_failures_is_judged_by_the_past_and_closes_half_way_down(
    failures: int, past: HourCount | None, opened: float | None, *, wrong: bool
) -> None:
    verdict = rules.judge_failures(of(100, failures), past, opened)

    assert verdict.is_wrong is wrong
    if wrong:
        assert verdict.begin == NOW - timedelta(minutes=10)


def test_an_hour_without_records_says_nothing_of_failures() -> None:
    assert rules.judge_failures(of(0, 0), PAST, 0.01).is_wrong is None


def test_few_failures_open_nothing() -> None:
    assert rules.judge_failures(of(9, 9), PAST, None).is_wrong is False


def test_a_delay_is_judged_by_the_usual_class() -> None:
    late = replace(BASE, lateness=(0, 0, 0, 0, 10, 40, 0, 0))

    verdict = rules.judge_delay(late, PAST, None)
    assert (verdict.is_wrong, verdict.usual) == (True, 0.0)
    assert "60 minutes" in verdict.reason
    always = replace(PAST, lateness=(0, 0, 0, 0, 0, 900, 0, 0))
    assert rules.judge_delay(late, always, None).is_wrong is False
    assert rules.judge_delay(late, None, None).is_wrong is None


def test_a_clock_that_is_ahead_or_steadily_behind_is_wrong() -> None:
    ahead = replace(BASE, suspect=30, lateness=(10, 0, 0, 0, 0, 0, 0, 0))
    behind = replace(BASE, lateness=(0, 0, 0, 0, 0, 40, 0, 0), least_late=3600.0, most_late=3660.0)
    buffered = replace(behind, least_late=2.0)

    assert rules.judge_clock(ahead, is_open=False).is_wrong is True
    assert rules.judge_clock(behind, is_open=False).is_wrong is True
    assert rules.judge_clock(buffered, is_open=False).is_wrong is False
    assert rules.judge_clock(BASE, is_open=True).is_wrong is None


def test_a_rate_collapses_by_the_same_hour_of_earlier_weeks() -> None:
    few = replace(BASE, received=20)

    assert rules.judge_collapse(few, [1000, 900, 1100], None).is_wrong is True
    assert rules.judge_collapse(few, [1000, 900], None).is_wrong is None
    assert rules.judge_collapse(few, [1000, 15, 1100], None).is_wrong is False
    assert rules.judge_collapse(replace(BASE, received=200), [], 1000.0).is_wrong is True
    assert rules.judge_collapse(replace(BASE, received=400), [], 1000.0).is_wrong is False


def test_a_flood_is_many_times_the_most_before() -> None:
    assert rules.judge_flood(replace(BASE, received=50_000), 1_000, 100, None).is_wrong is True
    assert rules.judge_flood(replace(BASE, received=9_000), 100, 100, None).is_wrong is False
    assert rules.judge_flood(replace(BASE, received=50_000), 1_000, 3, None).is_wrong is None


def test_a_limit_of_its_own_is_the_limit_and_zero_is_never_silent() -> None:
    heard = HeardMinutes({HOUR - 5: 1})
    last = NOW - timedelta(hours=5)

    assert rules.judge_silence(heard, last, NOW, 200).is_wrong is True
    assert rules.judge_silence(heard, last, NOW, 400).is_wrong is False
    assert rules.judge_silence(heard, last, NOW, 0).is_wrong is False


def test_time_in_which_nobody_listened_is_not_quiet() -> None:
    heard = HeardMinutes({HOUR - 50: 1})
    last = NOW - timedelta(hours=50)

    resumed = NOW - timedelta(minutes=30)
    assert rules.judge_silence(heard, last, NOW, 60, resumed=resumed).is_wrong is False
    verdict = rules.judge_silence(heard, last, NOW + timedelta(hours=1), 60, resumed=resumed)
    assert (verdict.is_wrong, verdict.begin) == (True, last)


VERDICTS = st.builds(
    rules.Verdict,
    st.just(OperationsKind.SILENT),
    st.sampled_from([True, False, None]),
    reason=st.just("r"),
)


@given(st.lists(VERDICTS, max_size=30))
def test_any_run_of_verdicts_opens_and_closes_in_turn(verdicts: list[rules.Verdict]) -> None:
    known: OperationsAlert | None = None
    for number, verdict in enumerate(verdicts):
        now = NOW + timedelta(minutes=number)
        change = rules.apply_verdict("fw", known, verdict, now)
        if change is None:
            assert verdict.is_wrong is None or verdict.is_wrong is (known is not None)
        elif known is None:
            assert change.closed_at is None
            known = change.model_copy(update={"id": 1})
        else:
            assert change.closed_at == now
            assert change.end is not None
            assert change.end >= change.begin
            known = None


def test_what_is_late_or_flooded_is_not_blind() -> None:
    alert = OperationsAlert(
        source="fw", kind=OperationsKind.SILENT, begin=NOW, opened_at=NOW, reason="r"
    )
    gap = rules.build_blind_interval(alert)

    assert gap is not None
    assert (gap.source, gap.begin, gap.end) == ("fw", NOW, None)
    delayed = alert.model_copy(update={"kind": OperationsKind.DELAYED})
    assert rules.build_blind_interval(delayed) is None
