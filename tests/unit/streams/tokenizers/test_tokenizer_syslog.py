from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from schemas.pipeline.plugin import LineFrame
from streams.tokenizers import syslog

ARRIVED = datetime(2026, 11, 22, 12, tzinfo=UTC)


def read(text: str, arrived: datetime = ARRIVED) -> Any:
    frame, message = syslog.read(text, arrived, UTC)
    return SimpleNamespace(
        **{name: getattr(frame, name) for name in LineFrame.__slots__}, message=message
    )


def test_a_whole_rfc3164_frame_is_taken_apart() -> None:
    text = "<134>Nov 22 01:06:15 web01 sshd[12]: hello there"
    time = datetime(2026, 11, 22, 1, 6, 15, tzinfo=UTC)

    assert syslog.read(text, ARRIVED, UTC) == (
        LineFrame(time, "web01", "sshd", "12", 134),
        "hello there",
    )


def test_a_missing_host_does_not_make_the_tag_a_host() -> None:
    frame = read("Nov 22 01:06:15 sshd[12]: hello")

    assert (frame.host, frame.app, frame.pid) == (None, "sshd", "12")


def test_a_missing_tag_leaves_the_host() -> None:
    frame = read("Nov 22 01:06:15 gateway [WAN_LOCAL-D-1] IN=eth8")

    assert (frame.host, frame.app, frame.message) == ("gateway", None, "[WAN_LOCAL-D-1] IN=eth8")


def test_a_level_where_the_host_is_expected_is_none() -> None:
    frame = read("2026-11-22 01:06:15,123 DEBUG [org.example] (t) hello")

    assert (frame.host, frame.message) == (None, "[org.example] (t) hello")


def test_a_v6_host_is_a_host() -> None:
    frame = read("Nov 22 01:06:15 2001:db8::1 app: text")

    assert (frame.host, frame.app) == ("2001:db8::1", "app")


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22T01:06:15Z web01 app: x",
        "2026-11-22T03:06:15+02:00 web01 app: x",
        "2026-11-22T03:06:15+0200 web01 app: x",
        "2026-11-22 01:06:15 web01 app: x",
        "Nov 22 2026 01:06:15 web01 app: x",
        "Nov 22 01:06:15 2026 web01 app: x",
        "<13>1 2026-11-22T01:06:15Z web01 app - - - x",
    ],
)
def test_every_shape_of_stamp_is_the_same_moment(text: str) -> None:
    frame = read(text)

    assert frame.time == datetime(2026, 11, 22, 1, 6, 15, tzinfo=UTC)
    assert (frame.host, frame.app, frame.message) == ("web01", "app", "x")


@pytest.mark.parametrize(
    ("stamp", "arrived", "year"),
    [
        ("Dec 31 23:59:59", "2027-01-01T00:00:05+00:00", 2026),
        ("Jan  1 00:00:03", "2026-12-31T23:59:58+00:00", 2027),
        ("Nov 22 01:06:15", "2026-11-22T12:00:00+00:00", 2026),
        ("Feb 29 01:06:15", "2026-11-22T12:00:00+00:00", 2024),
        ("Nov 23 01:06:15", "2026-11-22T12:00:00+00:00", 2026),
        ("Dec 24 01:06:15", "2026-11-22T12:00:00+00:00", 2025),
        ("Feb 29 01:06:15", "2025-02-01T12:00:00+00:00", 2024),
    ],
)
def test_a_date_without_a_year_gets_the_year_nearest_arrival(
    stamp: str, arrived: str, year: int
) -> None:
    frame = read(f"{stamp} web01 app: x", datetime.fromisoformat(arrived))

    assert frame.time is not None
    assert frame.time.year == year


def test_a_stamp_without_a_zone_is_told_in_the_sources_zone() -> None:
    frame, _ = syslog.read("Jul 22 01:06:15 h app: x", ARRIVED, ZoneInfo("Europe/London"))

    assert frame.time == datetime(2026, 7, 22, 0, 6, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "Nov 31 01:06:15 h app: x",
        "Xyz 22 01:06:15 h app: x",
        "Nov 22 25:06:15 h app: x",
        "Nov 22 01:06:61 h app: x",
        "2026-13-01T01:06:15Z h app: x",
        "0001-01-01T00:00:00+14:00 h app: x",
        "Feb 30 2026 01:06:15 h app: x",
    ],
)
def test_an_absurd_date_leaves_the_frame_without_a_time(text: str) -> None:
    frame = read(text)

    assert (frame.time, frame.host, frame.app, frame.message) == (None, "h", "app", "x")


def test_rfc5424_has_structured_data_and_loses_its_byte_order_mark() -> None:
    frame = read('<13>1 2026-11-22T01:06:15Z h app 7 ID1 [a@1 x="y\\"]z" q=""][b] \ufeffhi')

    assert (frame.pid, frame.message) == ("7", "hi")
    assert syslog.parse_structured_data(frame.structured) == {
        "a@1": {"x": 'y"]z', "q": ""},
        "b": {},
    }


def test_text_without_a_frame_is_a_message() -> None:
    assert syslog.read("just words", ARRIVED, UTC) == (LineFrame(), "just words")
