"""A relay's host, tag and process that are none are joined to the message again, and real ones are left."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from schemas.pipeline.plugin import SourceLine
from streams.normalise.frames import open_frames

ARRIVED = datetime(2026, 11, 22, 12, tzinfo=UTC)
MODERN = "<134>1 2026-11-22T11:59:58Z"


def open_innermost(text: str) -> SourceLine:
    return open_frames(SourceLine(text, ARRIVED, UTC))[-1]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (f"{MODERN} localhost 2001 - - - db8::7 - root", "2001:db8::7 - root"),
        (f"{MODERN} localhost fe80 - - - :1 - root", "fe80::1 - root"),
        (f"{MODERN} 192.0.2.7 - - - -  jo [22/Nov/2026", "192.0.2.7 - jo [22/Nov/2026"),
        (f"{MODERN} localhost 192.0.2.7 - - - - jo [22/", "192.0.2.7 - jo [22/"),
        (f"{MODERN} localhost - 22/Nov/2026 - - 09:45:56 +0200] a", "[22/Nov/2026:09:45:56 +0200] a"),
        (f"{MODERN} localhost - 2026-11-22 - - 09:45:56] a", "[2026-11-22 09:45:56] a"),
        (f"{MODERN} gw - WAN_LOCAL - - DESCR=1", "[WAN_LOCAL] DESCR=1"),
        (f"{MODERN} (mod_auth.c.525) password - - - doesn't match", "(mod_auth.c.525) password doesn't match"),
        (f"{MODERN} localhost www.contoso.example - - - 192.0.2.7, 192.0.2.8 - -", "www.contoso.example 192.0.2.7, 192.0.2.8 - -"),
        ('{"syslogtag":"192.0.2.7:","host":"lb","message":"2817 - -1"}', "192.0.2.7:2817 - -1"),
    ],
)  # fmt: skip
def test_words_that_are_no_header_are_part_of_the_message(line: str, text: str) -> None:
    inner = open_innermost(line)

    assert inner.text == text
    assert (inner.frame.app, inner.frame.pid) == (None, None)


@pytest.mark.parametrize(
    ("line", "app", "text"),
    [
        (f"{MODERN} web01 sshd 7 - -  Failed none", "sshd", "Failed none"),
        (f"{MODERN} web01 org.keycloak.events - - - type=LOGIN", "org.keycloak.events", "type=LOGIN"),
        (f"{MODERN} web01 3proxy - - - a", "3proxy", "a"),
        (f"{MODERN} web01 cafe - - - a", "cafe", "a"),
        (f"{MODERN} web01 Microsoft-Windows-Security-Auditing - - - a", "Microsoft-Windows-Security-Auditing", "a"),
        (f"{MODERN} web01 (systemd) - - - a", None, "(systemd) a"),
    ],
)  # fmt: skip
def test_a_program_stays_the_tag(line: str, app: str | None, text: str) -> None:
    inner = open_innermost(line)

    assert (inner.frame.app, inner.text) == (app, text)


def test_the_name_before_a_mnemonic_is_the_host() -> None:
    for line in (
        f"{MODERN} relay1 fw-hq - - -  %ASA-4-106023: Deny tcp",
        "<134>Nov 22 09:16:02 relay1 fw-hq: %ASA-4-106023: Deny tcp",
        '{"PROGRAM":"fw-hq","HOST":"relay1","MESSAGE":"%ASA-4-106023: Deny tcp"}',
    ):
        assert open_innermost(line).frame.host == "fw-hq"


def test_a_year_behind_the_stamp_is_no_host() -> None:
    inner = open_innermost('<142>2026-11-22T09:14:07+00:00 2026 usg-hq src="192.0.2.7:1"')

    assert (inner.frame.host, inner.text) == ("usg-hq", 'src="192.0.2.7:1"')


def test_a_level_is_no_program() -> None:
    inner = open_innermost(f"{MODERN} bigip1 notice - - - apmd[11023]: 01490102:5: Result")

    assert (inner.frame.host, inner.frame.app, inner.frame.pid) == ("bigip1", "apmd", "11023")


def test_an_object_that_was_cut_at_its_first_colon_is_whole_again() -> None:
    line = f'{MODERN} localhost {{"class_uid" - - - 4001,"a":1}}'
    inner = [level.text for level in open_frames(SourceLine(line, ARRIVED, UTC))]

    assert '{"class_uid":4001,"a":1}' in inner


def test_what_syslog_ng_could_not_read_is_read() -> None:
    inner = open_innermost(
        f'<43>1 2026-11-22T11:59:58Z localhost syslog-ng 16 - [meta sequenceId="5"] Error processing log'
        f" message: {MODERN} web01 sshd 7 - - >@<Failed none"
    )

    assert (inner.frame.app, inner.text) == ("sshd", "Failed none")
