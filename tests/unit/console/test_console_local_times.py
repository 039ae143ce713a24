"""A page tells the times of a sentence in its own zone only."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from breachdesk.console.views.local_times import convert_to_zone
from schemas.pipeline.plugin import DetectorSignal
from streams.correlate.alert_phrases import format_interval

LONDON = ZoneInfo("Europe/London")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("at 2026-11-22 03:13:04 UTC.", "at 22 Nov 2026, 03:13:04 GMT."),
        ("at 2026-07-22 23:13:04 UTC.", "at 23 Jul 2026, 00:13:04 BST."),
        (
            "between 2026-07-22 09:00:00 and 09:15:30 UTC",
            "between 22 Jul 2026, 10:00:00 and 10:15:30 BST",
        ),
        (
            "between 2026-07-22 22:50:00 and 23:15:30 UTC",
            "between 22 Jul 2026, 23:50:00 and 23 Jul 2026, 00:15:30 BST",
        ),
        (
            "fw-3 was blind from 3 Jul 2026 01:10 to 4 Jul 2026 04:20 UTC; ok",
            "fw-3 was blind from 3 Jul 2026, 02:10 to 4 Jul 2026, 05:20 BST; ok",
        ),
        (
            "from 24 Oct 2026 22:10 to 25 Oct 2026 04:20 UTC",
            "from 24 Oct 2026, 23:10 BST to 25 Oct 2026, 04:20 GMT",
        ),
        ("at 2026-13-40 25:61:00 UTC", "at 2026-13-40 25:61:00 UTC"),
        ("the UTC clock of fw-3", "the UTC clock of fw-3"),
        ("", ""),
    ],
)
def test_a_time_written_in_utc_is_told_in_the_zone_of_the_page(written: str, expected: str) -> None:
    assert convert_to_zone(written, LONDON) == expected


def test_what_a_detector_says_of_its_times_is_understood() -> None:
    begin = datetime(2026, 7, 22, 9, 0, tzinfo=UTC).timestamp()
    interval = format_interval(
        [DetectorSignal(begin, "1", "", ""), DetectorSignal(begin + 90, "2", "", "")]
    )

    assert convert_to_zone(interval, LONDON) == "between 22 Jul 2026, 10:00:00 and 10:01:30 BST"
