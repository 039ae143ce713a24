from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from notifiers.letters.formatting import (
    format_moment,
    format_sentence,
    format_series,
    format_span,
    wrap_text,
)

LONDON = ZoneInfo("Europe/London")


@pytest.mark.parametrize(
    ("hour", "minute", "expected"),
    [
        (3, 7, "Sunday 22 November 2026 at 3:07am GMT"),
        (9, 0, "Sunday 22 November 2026 at 9am GMT"),
        (17, 30, "Sunday 22 November 2026 at 5:30pm GMT"),
        (12, 0, "Sunday 22 November 2026 at midday GMT"),
        (0, 0, "Sunday 22 November 2026 at midnight (as that day began) GMT"),
        (0, 5, "Sunday 22 November 2026 at 12:05am GMT"),
    ],
)
def test_a_moment_is_told_the_british_way(hour: int, minute: int, expected: str) -> None:
    assert format_moment(datetime(2026, 11, 22, hour, minute, tzinfo=UTC), LONDON) == expected


def test_a_moment_crosses_midnight_and_summer_time_with_its_zone() -> None:
    late = datetime(2026, 6, 30, 23, 30, tzinfo=UTC)

    assert format_moment(late, LONDON) == "Wednesday 1 July 2026 at 12:30am BST"


def test_a_span_says_no_more_than_is_known() -> None:
    begin = datetime(2026, 11, 22, 3, 7, tzinfo=UTC)
    end = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)

    assert format_span(begin, begin.replace(hour=5), LONDON) == (
        "on Sunday 22 November 2026, between 3:07am and 5:07am GMT"
    )
    assert format_span(begin, end, LONDON) == (
        "between Sunday 22 November 2026 at 3:07am GMT and Monday 23 November 2026 at 4am GMT"
    )
    assert format_span(begin, begin, LONDON) == "on Sunday 22 November 2026 at 3:07am GMT"
    assert format_span(begin, None, LONDON) == "from Sunday 22 November 2026 at 3:07am GMT"
    assert format_span(None, end, LONDON) == "up to Monday 23 November 2026 at 4am GMT"
    assert format_span(None, None, LONDON) == ""


def test_the_hour_that_comes_twice_is_told_apart() -> None:
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    second = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)

    assert format_span(first, second, LONDON) == (
        "between Sunday 25 October 2026 at 1:30am BST and Sunday 25 October 2026 at 1:30am GMT"
    )


def test_lists_and_sentences() -> None:
    assert format_series(["a", "b", "c"]) == "a, b and c"
    assert format_series(["a"]) == "a"
    assert format_series([]) == ""
    assert format_sentence("we  did\nit") == "We did it."
    assert format_sentence("Did we?") == "Did we?"
    assert format_sentence("") == ""


def test_lines_break_under_list_items_and_never_within_a_telephone_number() -> None:
    long = "- " + "word " * 12 + "ring 0300 123 2040 at once\n\n\n\nnext"

    assert wrap_text(long) == (
        "- word word word word word word word word word word word word ring\n"
        "  0300 123 2040 at once\n\nnext\n"
    )
