"""The shortcuts of the reader of headers give what reading all shapes gives."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.pipeline.plugin import NO_FRAME
from streams.tokenizers import syslog

ARRIVED = datetime(2026, 11, 22, 12, tzinfo=UTC)
PARTS = {
    "priority": ("", "<13>", "<134>1 ", "<13> "),
    "stamp": (
        *(
            "Nov 22 01:06:15",
            "Nov  2 01:06:15",
            "Feb 30 01:06:15",
            "Dec 31 23:59:60",
            "Sun Nov 22 01:06:15",
        ),
        *("2026-11-22T01:06:15Z", "2026-11-22T01:06:15.123456+01:00", "2026-11-22 01:06:15"),
        *("2026-13-22T01:06:15Z", "Nov 22 2026 01:06:15", "Nov 22 01:06:15.123", "Xyz 22 01:06:15"),
    ),
    "host": (
        *(
            "web01",
            "web01.example.net",
            "mail.info",
            "auth.err",
            "EST",
            "UTC",
            "stdout",
            "kern.info:",
        ),
        *("fw1:", "192.0.2.1", "2001:db8::1", "[web01]", "web01 web01", "2026", "-", "a..b"),
    ),
    "tag": (
        *(
            "sshd[12]:",
            "sshd:",
            "sshd[12] :",
            "sshd(pam_unix)[12]:",
            "postfix/smtpd[1]:",
            "sshd[]:",
        ),
        *("%ASA-4-106023:", "F", "F:", "1234:", "CEF:0|a|", "kernel: [12.5]", "sshd"),
    ),
    "message": (
        *("Failed password", " two", ": %ASA-4-106023: Deny", "%ASA-4-106023: Deny", ":", "", "{"),
        *("fw1: 000123: Nov 22 01:06:15 UTC: %ASA-4-106023: Deny", "Nov 22 01:06:15 b c: d"),
        *("error: PAM: refused", "fw1 : *Nov 22 01:06:15: x", "CEF:0|a|b|c|d|e|f|", "éa: 1"),
    ),
}
HEADERS = st.builds(
    lambda priority, *words: priority + " ".join(words), *map(st.sampled_from, PARTS.values())
)


@settings(deadline=None)
@given(text=HEADERS, zone=st.sampled_from((UTC, ZoneInfo("Europe/London"))))
def test_a_usual_header_is_read_as_by_the_search_for_all_shapes(text: str, zone: tzinfo) -> None:
    usual = syslog.read_usual(text, ARRIVED, zone)

    if usual is not None:
        frame, end = usual
        assert (frame, text[end:]) == syslog.read(text, ARRIVED, zone)


def test_the_header_of_sshd_is_usual() -> None:
    usual = syslog.read_usual("Nov 22 01:06:15 web01 sshd[12]: Failed", ARRIVED, UTC)

    assert usual is not None
    assert (usual[0].host, usual[0].app, usual[0].pid) == ("web01", "sshd", "12")


@pytest.mark.parametrize("message", PARTS["message"])
@settings(max_examples=30, deadline=None)
@given(before=st.sampled_from(("", *PARTS["stamp"], *PARTS["host"], *PARTS["tag"])))
def test_a_word_before_a_colon_is_no_header_within_a_frame(message: str, before: str) -> None:
    text = f"{before} {message}".strip()

    frame, rest = syslog.read(text, ARRIVED, UTC, needs_header=True)

    if not syslog.has_header(text):
        assert (frame, rest) == (NO_FRAME, text)
    elif ":" in text[:64]:
        assert rest != text
