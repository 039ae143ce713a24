from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from parsing import claims, parse

from schemas.pipeline.plugin import ParsedEvent, Parser
from streams.parsers.apache_access import PARSER as APACHE
from streams.parsers.eset_protect import PARSER as ESET
from streams.parsers.linux_iptables import PARSER as IPTABLES
from streams.parsers.linux_sshd import PARSER as SSHD
from streams.parsers.nginx_access import PARSER as NGINX
from streams.parsers.sonicwall_firewall import PARSER as SONICWALL

ARRIVED = datetime(2026, 11, 22, 12, tzinfo=UTC)
SSH = "Nov 22 01:06:15 web01 sshd[7]: "


def test_a_detection_of_eset_without_a_kind_is_an_event_without_a_code() -> None:
    line = '{"event_type":"","occured":"22-Nov-2026 01:06:15","ipv4":"192.0.2.7"}'

    event = parse(ESET, line)

    assert isinstance(event, ParsedEvent)
    assert event.fields["event.action"] == "device-message"
    assert "event.code" not in event.fields


def fields(parser: Parser, text: str) -> dict[str, Any]:
    result = parse(parser, text, ARRIVED)
    assert isinstance(result, ParsedEvent)
    return result.fields


@pytest.mark.parametrize(
    ("message", "ip", "user"),
    [
        ("Failed password for root from 192.0.2.1 port 1 ssh2", "192.0.2.1", "root"),
        ("Failed password for root from 192.0.2.1", "192.0.2.1", "root"),
        (
            "Failed password for invalid user from 192.0.2.9 from 192.0.2.1 port 5 ssh2",
            "192.0.2.1",
            "from 192.0.2.9",
        ),
        (
            "Failed password for jo from 192.0.2.1 port 5 ssh1: ruser from 192.0.2.9",
            "192.0.2.1",
            "jo",
        ),
        (
            "Accepted publickey for jo from 192.0.2.1 port 5 ssh2: X ID from 192.0.2.9 port 6 ssh2",
            "192.0.2.1",
            "jo",
        ),
        ("Failed keyboard-interactive/pam for illegal user a b from ::1 port 5 ssh2", "::1", "a b"),
        ("[ID 800047 auth.info] Failed password for jo from 192.0.2.1", "192.0.2.1", "jo"),
    ],
)
def test_the_real_address_is_taken_whatever_the_name_says(message: str, ip: str, user: str) -> None:
    result = fields(SSHD, SSH + message)

    assert (result["source.ip"], result["user.name"]) == (ip, user)


@pytest.mark.parametrize(
    "message",
    [
        "Invalid user x from 192.0.2.1 port 5",
        "pam_unix(sshd:auth): authentication failure; rhost=192.0.2.1  user=root",
        "pam_unix(sshd:session): session opened for user jo(uid=1000) by (uid=0)",
        "Connection closed by authenticating user root 192.0.2.1 port 5 [preauth]",
        "Disconnected from invalid user x 192.0.2.1 port 5 [preauth]",
        "error: maximum authentication attempts exceeded for root from 192.0.2.1 port 5 ssh2",
        "error: PAM: Authentication failure for root from 192.0.2.1",
        "User root from 192.0.2.1 not allowed because not listed in AllowUsers",
        "message repeated 2 times: [ Invalid user x from 192.0.2.1 port 5]",
    ],
)
def test_a_line_that_retells_names_the_session_of_its_outcome(message: str) -> None:
    result = parse(SSHD, SSH + message, ARRIVED)

    assert isinstance(result, ParsedEvent)
    assert result.is_retelling
    assert result.session == f"web01/7/{result.fields['event.outcome']}"
    assert result.fields["event.outcome"] == ("success" if "opened" in message else "failure")


@pytest.mark.parametrize(
    "message",
    [
        "Unable to negotiate with 192.0.2.1 port 5: no matching key. Their offer: from 192.0.2.9",
        "Bad protocol version identification 'x' from 192.0.2.9' from 192.0.2.1 port 5",
        "Connection from 192.0.2.1 port 5 on 192.0.2.9 port 22",
    ],
)
def test_other_lines_of_sshd_are_kept_with_their_address(message: str) -> None:
    result = fields(SSHD, SSH + message)

    assert (result["event.outcome"], result["source.ip"]) == ("unknown", "192.0.2.1")


def sonicwall(rest: str) -> dict[str, Any]:
    return fields(SONICWALL, f'id=firewall sn=1 time="2026-11-22 01:06:15" fw=192.0.2.1 {rest}')


@pytest.mark.parametrize(
    ("code", "category", "outcome"),
    [
        (29, "authentication", "success"),
        (30, "authentication", "failure"),
        (1080, "authentication", "success"),
        (329, "authentication", "failure"),
        (36, "network", "failure"),
        (98, "network", "success"),
        (1198, "network", "failure"),
        (441, "configuration", "success"),
        (1333, "iam", "success"),
        (9999, "network", "unknown"),
    ],
)
def test_a_message_number_says_what_the_act_was(code: int, category: str, outcome: str) -> None:
    result = sonicwall(f'm={code} msg="words"')

    assert (result["event.category"], result["event.outcome"]) == ([category], outcome)
    assert result["event.code"] == str(code)


def test_a_user_that_single_sign_on_did_not_find_is_nobody() -> None:
    assert "user.name" not in sonicwall('m=98 msg="x" usr="Unknown (SSO failed)"')


def test_what_comes_first_in_a_sonicwall_line_wins() -> None:
    result = sonicwall('m=98 msg="x" src=192.0.2.1:1:X0 arg="y src=192.0.2.9" src=192.0.2.8:1:X0')

    assert result["source.ip"] == "192.0.2.1"


def test_an_undecodable_byte_in_a_message_does_no_harm() -> None:
    assert sonicwall('m=713 msg="caf\\xe9"')["event.outcome"] == "failure"


@pytest.mark.parametrize(
    ("prefix", "action"),
    [
        ("[UFW BLOCK] ", "drop"),
        ("[UFW ALLOW] ", "accept"),
        ("Shorewall:net2fw:DROP:", "drop"),
        ("net_REJECT ", "reject"),
        ("DROP", "drop"),
        ("[WAN_IN-A-3]", "accept"),
        ("[WAN_IN-R-3]", "reject"),
        ("", "packet"),
    ],
)
def test_the_verdict_is_in_the_prefix(prefix: str, action: str) -> None:
    result = fields(IPTABLES, f"Nov 22 01:06:15 fw kernel: {prefix}IN=e OUT= SRC=192.0.2.1 DST=::1")

    assert result["event.action"] == action


WEB = '[22/Nov/2026:01:06:15 +0000] "GET / HTTP/1.1" 200 1'


@pytest.mark.parametrize(
    ("text", "claimed"),
    [
        (f'192.0.2.1 - - {WEB} "-" "x"', NGINX),
        (f"192.0.2.1 - jo smith {WEB}", APACHE),
        (f'www.contoso.example 192.0.2.1 - - {WEB} "-" "x"', NGINX),
        (f'192.0.2.1 - - {WEB} "-" "\\x22\\xEE"', NGINX),
        (f'192.0.2.1 - - {WEB} "-" "\\xee"', APACHE),
        (f'192.0.2.1 - - {WEB} "-" "\\""', APACHE),
        (f'www.contoso.example:443 192.0.2.1 - - {WEB} "-" "x"', APACHE),
    ],
)
def test_each_web_line_is_claimed_by_one_server(text: str, claimed: Parser) -> None:
    assert [p.id for p in (NGINX, APACHE) if claims(p, text)] == [claimed.id]
    assert fields(claimed, text)["source.ip"] == "192.0.2.1"


def test_a_proxy_s_list_gives_the_address_nearest_to_us_that_is_public() -> None:
    result = fields(NGINX, f'10.0.0.9 - - {WEB} "-" "x" "192.0.2.66, 192.0.2.1, 10.0.0.1"')

    assert result["source.ip"] == "192.0.2.1"


def test_a_stranger_s_forwarded_list_is_not_believed() -> None:
    result = fields(NGINX, f'192.0.2.1 - - {WEB} "-" "x" "192.0.2.66"')

    assert result["source.ip"] == "192.0.2.1"


def test_a_short_record_of_a_firewall_is_a_sign_in() -> None:
    text = 'id=firewall m=33 msg="User login denied" src=203.0.113.66:1044:X1 usr="eve"'

    result = fields(SONICWALL, text)

    assert (result["event.outcome"], result["source.port"], result["user.name"]) == (
        "failure",
        1044,
        "eve",
    )
