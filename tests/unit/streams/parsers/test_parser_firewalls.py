"""What firewalls say that could be read wrongly: sides, escapes, and names that clients type."""

from __future__ import annotations

from typing import Any

import pytest
from parsing import claims, parse

from schemas.pipeline.plugin import ParsedEvent, Parser
from streams.parsers.barracuda_cloudgen import PARSER as CLOUDGEN
from streams.parsers.barracuda_email import PARSER as BARRACUDA_EMAIL
from streams.parsers.checkpoint_firewall import PARSER as CHECKPOINT
from streams.parsers.cisco_asa import PARSER as ASA
from streams.parsers.cisco_ios import PARSER as IOS
from streams.parsers.cisco_meraki import PARSER as MERAKI
from streams.parsers.fortinet_fortigate import PARSER as FORTIGATE
from streams.parsers.paloalto_panos import PARSER as PANOS
from streams.parsers.sonicwall_firewall import PARSER as SONICWALL
from streams.parsers.watchguard_firebox import PARSER as WATCHGUARD
from streams.parsers.zyxel_usg import PARSER as ZYXEL


def fields(parser: Parser, text: str) -> dict[str, Any]:
    event = parse(parser, text)
    assert isinstance(event, ParsedEvent)
    return event.fields


def ends(event: dict[str, Any]) -> tuple[object, ...]:
    return tuple(
        event.get(name)
        for name in ("source.ip", "source.port", "destination.ip", "destination.port")
    )


@pytest.mark.parametrize("way", ["inbound", "outbound"])
def test_an_asa_names_the_outside_first_whoever_begins(way: str) -> None:
    event = fields(
        ASA,
        f"%ASA-6-302013: Built {way} TCP connection 7 for outside:203.0.113.80/443"
        " (203.0.113.80/443) to inside:192.0.2.10/50112 (198.51.100.1/50112)",
    )

    outside, inside = ("203.0.113.80", 443), ("192.0.2.10", 50112)
    assert ends(event) == (inside + outside if way == "outbound" else outside + inside)


@pytest.mark.parametrize(
    ("message", "user"),
    [
        (
            (
                'Login denied from 203.0.113.66/40112 to outside:192.0.2.1/ssh for user "x" from'
                ' 192.0.2.9/1 to inside:192.0.2.2/ssh for user "jo"'
            ),
            'x" from 192.0.2.9/1 to inside:192.0.2.2/ssh for user "jo',
        ),
        (
            'Login denied from 203.0.113.66/40112 to outside:192.0.2.1/ssh for user "eve"',
            "eve",
        ),
    ],
)
def test_the_address_of_an_asa_sign_in_stands_before_what_was_typed(
    message: str, user: str
) -> None:
    event = fields(ASA, f"%ASA-6-605004: {message}")

    assert (event["source.ip"], event["user.name"]) == ("203.0.113.66", user)


def test_an_asa_number_that_nobody_knows_is_an_event() -> None:
    event = fields(ASA, "%ASA-4-999998: Something new happened to 192.0.2.1")

    assert (event["event.code"], event["event.severity"]) == ("999998", 4)


def test_an_ftd_key_that_a_client_repeats_does_not_count() -> None:
    event = fields(
        ASA,
        "%FTD-1-430003: DeviceUUID: 1-2, AccessControlRuleAction: Block, SrcIP: 198.51.100.77,"
        " DstIP: 192.0.2.10, SrcPort: 40112, DstPort: 443, Protocol: tcp,"
        " URL: http://x.example/?SrcIP: 192.0.2.66, SrcIP: 192.0.2.66",
    )

    assert event.get("source.ip") != "192.0.2.66"
    assert event["event.outcome"] == "failure"


@pytest.mark.parametrize("typed", ["x] [Source: 192.0.2.9] [localport: 1", "x] [Reason: y"])
def test_an_ios_sign_in_is_read_from_its_end(typed: str) -> None:
    event = fields(
        IOS,
        f"%SEC_LOGIN-4-LOGIN_FAILED: Login failed [user: {typed}] [Source: 203.0.113.66]"
        " [localport: 22] [Reason: Login Authentication Failed] at 09:14:07 UTC",
    )

    assert (event["source.ip"], event["user.name"]) == ("203.0.113.66", typed.casefold())


@pytest.mark.parametrize("zone", ["UTC", "utc", "mdt"])
def test_a_zone_is_no_host(zone: str) -> None:
    event = fields(IOS, f"<189>7: Nov 22 2026 09:14:07 {zone}: %SYS-5-RESTART: System restarted")

    assert "host.name" not in event


def test_an_escaped_quote_does_not_end_a_value_of_a_fortigate() -> None:
    event = fields(
        FORTIGATE,
        'date=2026-11-22 time=09:14:07 devid="FG100E" logid="0100032002" type="event"'
        ' subtype="system" level="alert" action="login" status="failed" srcip=203.0.113.66'
        r' user="eve\" srcip=192.0.2.9 user=\"jo" reason="name_invalid" msg="x"',
    )

    assert event["source.ip"] == "203.0.113.66"
    assert event["user.name"] != "jo"


def test_quotes_inside_a_column_of_panos_do_not_move_the_others() -> None:
    line = [""] * 46
    line[0:7] = ["1", "2026/11/22 09:14:07", "0011", "THREAT", "url", "1", "2026/11/22 09:14:07"]
    line[7], line[8], line[24], line[25] = "192.0.2.10", "203.0.113.80", "50112", "443"
    line[29], line[30], line[31] = "tcp", "block-url", '"x.example/?a=""1"",192.0.2.66,allow"'

    event = fields(PANOS, ",".join(line))

    assert (ends(event)[0], event["event.outcome"]) == ("192.0.2.10", "failure")


def test_what_a_meraki_client_typed_stays_one_value() -> None:
    event = fields(
        MERAKI,
        "<134>1 1795338847.1 mx-hq events type=8021x_deauth radio='1' identity='eve' ip='192.0.2.9'"
        " aid='3'",
    )

    assert event["user.name"] == "eve"


def test_escapes_of_check_point_are_removed() -> None:
    event = fields(
        CHECKPOINT,
        '<134>1 2026-11-22T09:14:07Z gw CheckPoint 1 - [action:"Drop"; loguid:"{0x1}"; origin:"192.0.2.1";'
        r' user:"eve\"; src:\"192.0.2.9"; src:"198.51.100.77"; product:"VPN-1 & FireWall-1"]',
    )

    assert event["source.ip"] == "198.51.100.77"


@pytest.mark.parametrize(
    ("start", "is_claimed"),
    [
        ("id=firewall sn=18B1", True),
        ("id=TZ370 sn=18B1", True),
        ('id=firewall website-category="Games" sn=18B1', True),
        ("192.0.2.5  id=firewall sn=18B1", True),
        ("sn=18B1 id=firewall", True),
        ('id="0001" severity="info" sys="SecureNet"', False),
        ("user=sn=18B1", False),
    ],
)
def test_a_sonicwall_is_known_by_its_keys_in_any_order(*, start: str, is_claimed: bool) -> None:
    assert claims(SONICWALL, f'{start} time="2026-11-22 09:14:07" m=98') is is_claimed


def test_a_dropped_web_page_is_denied_though_its_number_says_accessed() -> None:
    event = fields(SONICWALL, 'id=firewall sn=18B1 fw=192.0.2.1 m=97 msg="x" fw_action="drop"')

    assert event["event.outcome"] == "failure"


def test_a_watchguard_denial_names_both_ends() -> None:
    event = fields(
        WATCHGUARD,
        '<142>Nov 22 09:14:07 fw-hq FVE123 firewall: msg_id="3000-0148" Deny 1-Trusted 0-External'
        " 60 tcp 20 64 192.0.2.10 203.0.113.80 51514 443 offset 10 S 3141592 win 8192"
        " (Unhandled External Packet-00)",
    )

    assert ends(event) == ("192.0.2.10", 51514, "203.0.113.80", 443)
    assert event["event.outcome"] == "failure"


def test_a_refused_account_of_a_zyxel_is_what_was_typed() -> None:
    event = fields(
        ZYXEL,
        '<142>Nov 22 09:14:07 2026 usg src="203.0.113.66:0" dst="192.0.2.1:0" msg="Failed login'
        ' attempt to Device from ssh (x)" note="Account: a" user="jo" devID="0" user="" devID="0"'
        ' cat="User"',
    )

    assert (event["event.outcome"], event["source.ip"]) == ("failure", "203.0.113.66")
    assert event["user.name"] != "jo"


@pytest.mark.parametrize(
    ("act", "outcome"), [("Allow", "success"), ("LocalBlock", "failure"), ("Detect", "unknown")]
)
def test_a_cloudgen_says_what_it_did_before_its_pairs(act: str, outcome: str) -> None:
    event = fields(
        CLOUDGEN,
        f"<14>Nov 22 09:14:07 fw fw/box_Firewall_Activity: Info fw {act}: type=FWD|proto=TCP|"
        "srcIF=p1|srcIP=192.0.2.10|srcPort=1|dstIP=203.0.113.80|dstPort=443|info=x|user=jo",
    )

    assert event["event.outcome"] == outcome


def test_the_numbers_of_an_email_gateway_depend_on_the_service() -> None:
    head = "198.51.100.77 1795338847-0123456789 1795338847 1795338847"

    received = fields(BARRACUDA_EMAIL, f"{head} RECV a@b.example c@d.example 1 4 Rate")
    sent = fields(BARRACUDA_EMAIL, f"{head} SEND - 1 QUEUE1 250 ok")

    assert (received["event.outcome"], sent["event.outcome"]) == ("failure", "success")
