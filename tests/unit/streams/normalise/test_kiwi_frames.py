"""What Kiwi Syslog Server writes into files and hands on is removed before a message is read."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from schemas.pipeline.plugin import SourceLine
from streams.normalise.frames import open_frames
from streams.tokenizers.kiwi import read_columns

ARRIVED = datetime(2026, 11, 22, 12, tzinfo=UTC)
TIME = datetime(2026, 11, 22, 1, 6, 15, tzinfo=UTC)
SSHD = "sshd[12]: Failed password for root from 203.0.113.66 port 22 ssh2"
COLUMNS = (
    "2026-11-22\t01:06:15\tAuth.Warning\tweb01\t",
    "2026-11-22 01:06:15\tLocal7.Debug\tweb01\t",
    "2026-11-22 01:06:15 Daemon.Critical web01 ",
    "11-22-2026\t01:06:15\tSystem0.Info\tweb01\t",
    "22-11-2026\t01:06:15\tKernel.Emerg\tweb01\t",
)


@pytest.mark.parametrize("columns", COLUMNS)
@pytest.mark.parametrize("header", ["", "Nov 22 01:06:15 web01 "])
def test_the_columns_of_a_log_file_are_removed(columns: str, header: str) -> None:
    inner = open_frames(SourceLine(columns + header + SSHD, ARRIVED, UTC))[-1]

    assert inner.text == SSHD.partition(": ")[2]
    assert (inner.frame.app, inner.frame.pid) == ("sshd", "12")
    assert (inner.frame.host, inner.frame.time) == ("web01", TIME)


@pytest.mark.parametrize(
    "text",
    [
        "Original Address=192.0.2.9 " + SSHD,
        "<38>Nov 22 01:06:15 relay Original Address=192.0.2.9 " + SSHD,
        "2026-11-22\t01:06:15\tAuth.Info\t192.0.2.7\tOriginal Address=192.0.2.9\t" + SSHD,
    ],
)
def test_the_first_senders_address_is_the_host(text: str) -> None:
    inner = open_frames(SourceLine(text, ARRIVED, UTC))[-1]

    assert (inner.frame.host, inner.frame.app) == ("192.0.2.9", "sshd")


def test_a_host_that_the_message_names_goes_before_the_relays() -> None:
    text = "2026-11-22\t01:06:15\tAuth.Info\t192.0.2.7\tNov 22 01:06:15 web01 " + SSHD

    assert open_frames(SourceLine(text, ARRIVED, UTC))[-1].frame.host == "web01"


def test_a_date_that_may_begin_with_day_or_month_gives_no_time() -> None:
    columns = read_columns("03-04-2026\t01:06:15\tAuth.Info\tweb01\tx", UTC)

    assert columns is not None
    assert (columns.time, columns.host) == (None, "web01")


def test_the_columns_are_in_the_zone_of_the_source() -> None:
    columns = read_columns("2026-06-22\t01:06:15\tAuth.Info\tweb01\tx", ZoneInfo("Europe/London"))

    assert columns is not None
    assert columns.time == datetime(2026, 6, 22, 0, 6, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "99-99-9999\t01:06:15\tAuth.Info\tweb01\tx",
        "2026-13-45\t01:06:15\tAuth.Info\tweb01\tx",
        "00-00-2026\t99:06:15\tAuth.Info\tweb01\tx",
    ],
)
def test_a_date_on_no_calendar_gives_no_time(text: str) -> None:
    columns = read_columns(text, UTC)

    assert columns is not None
    assert columns.time is None


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22 01:06:15 web01 x",
        "Original Address=nobody x",
        "Original Address= x",
        "22-11-2026",
    ],
)
def test_other_text_is_left_as_it_is(text: str) -> None:
    assert all(
        "Original" not in (level.frame.host or "")
        for level in open_frames(SourceLine(text, ARRIVED, UTC))
    )
    assert read_columns(text, UTC) is None
