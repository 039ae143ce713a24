"""One time in the shapes that devices write."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from streams.tokenizers import device_stamps

ARRIVED = datetime(2026, 11, 22, 12, tzinfo=UTC)
SHAPES = (
    "2026-11-22T01:06:15Z",
    "2026-11-22 01:06:15 UTC",
    "2026-11-22 01:06:15 Z",
    "2026/11/22 02:06:15 +0100",
    "2026-11-22T02:06:15+01:00",
    "Nov 22 2026 01:06:15 GMT",
    "Nov 22 2026 02:06:15+01:00",
    "Nov 22, 2026 01:06:15 AM UTC",
    "Nov 22 01:06:15 UTC",
    "Nov 22 01:06:15 UTC 2026",
    "Sun Nov 22 01:06:15 2026",
    "Sun Nov 22 01:06:15.000000 2026",
    "Sun, 22 Nov 2026 01:06:15 +0000",
    "22/Nov/2026:01:06:15 +0000",
    "22-Nov-2026 01:06:15",
    "[22-Nov-2026 01:06:15 UTC]",
    "*Nov 22 2026 01:06:15.000 UTC",
    "20261122T010615Z",
    "1795309575",
    "1795309575.000",
    "1795309575000",
    "1795309575000000",
    "1795309575000000000",
    "Nov 21 2026 20:06:15 EST",
    "Nov 22 2026 03:06:15 GMT+2",
)


@pytest.mark.parametrize("text", SHAPES)
def test_a_stamp_is_read(text: str) -> None:
    expected = datetime(2026, 11, 22, 1, 6, 15, tzinfo=UTC)

    assert device_stamps.parse_stamp(text, ARRIVED, UTC) == expected


def test_a_fraction_is_kept() -> None:
    time = device_stamps.parse_stamp("Nov 22 2026 01:06:15.250", ARRIVED, UTC)

    assert time == datetime(2026, 11, 22, 1, 6, 15, 250_000, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "soon", "2026-13-45 01:06:15", "Nov 31 2026 01:06:15", "9" * 99]
)
def test_no_stamp_is_none(text: str) -> None:
    assert device_stamps.parse_stamp(text, ARRIVED, UTC) is None


def test_an_abbreviation_of_the_sources_zone_means_that_zone() -> None:
    shanghai = ZoneInfo("Asia/Shanghai")

    assert device_stamps.parse_stamp("2026-11-22 09:06:15 CST", ARRIVED, shanghai) == datetime(
        2026, 11, 22, 1, 6, 15, tzinfo=UTC
    )
