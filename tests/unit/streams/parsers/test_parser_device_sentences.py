"""What sentences of devices and hosts tell: who acts, from where, and what came of it."""

from __future__ import annotations

from typing import Any

import pytest
from parsing import claims, parse

from schemas.pipeline.plugin import ParsedEvent, Parser
from streams.parsers.barracuda_cloudgen import PARSER as CLOUDGEN
from streams.parsers.checkpoint_firewall import PARSER as CHECKPOINT
from streams.parsers.cisco_asa import PARSER as ASA
from streams.parsers.cisco_ios import PARSER as IOS
from streams.parsers.dropbear_ssh import PARSER as DROPBEAR
from streams.parsers.exim_mail import PARSER as EXIM
from streams.parsers.f5_bigip import PARSER as BIGIP
from streams.parsers.fortinet_fortigate import PARSER as FORTIGATE
from streams.parsers.json_access import PARSER as JSON_ACCESS
from streams.parsers.linux_auth import PARSER as LINUX
from streams.parsers.linux_sshd import PARSER as SSHD
from streams.parsers.mikrotik_routeros import PARSER as MIKROTIK
from streams.parsers.openvpn_server import PARSER as OPENVPN
from streams.parsers.pfsense_system import PARSER as PFSENSE
from streams.parsers.proxmox_daemon import PARSER as PROXMOX
from streams.parsers.strongswan_ipsec import PARSER as STRONGSWAN
from streams.parsers.suricata_eve import PARSER as SURICATA
from streams.parsers.vsftpd_ftp import PARSER as VSFTPD
from streams.parsers.watchguard_firebox import PARSER as WATCHGUARD


def fields(parser: Parser, text: str) -> dict[str, Any]:
    event = parse(parser, text)
    assert isinstance(event, ParsedEvent)
    return event.fields


def select(event: dict[str, Any], names: str) -> list[object]:
    return [event.get(name) for name in names.split()]


def test_an_asa_names_both_ends_of_a_flow_that_its_inspection_ended() -> None:
    event = fields(
        ASA,
        "%ASA-4-507003: tcp flow from inside:192.0.2.10/49574 to outside:203.0.113.80/80 terminated"
        " by inspection engine, reason - disconnected, dropped packet.",
    )

    assert select(event, "source.ip source.port destination.ip destination.port event.outcome") == [
        "192.0.2.10",
        49574,
        "203.0.113.80",
        80,
        "failure",
    ]


def test_an_asa_names_the_client_for_whom_it_chose_a_certificate() -> None:
    event = fields(
        ASA,
        "%ASA-6-725016: Device selects trust-point TP1 for client outside:203.0.113.66/1133 to"
        " 192.0.2.1/443",
    )

    assert select(event, "source.ip source.port destination.port") == ["203.0.113.66", 1133, 443]


@pytest.mark.parametrize(
    ("message", "ip"),
    [
        ("[   203.0.113.66] drop rate-1 exceeded. Current burst rate is 0", "203.0.113.66"),
        ("[ Scanning] drop rate-2 exceeded. Current burst rate is 0", None),
    ],
)
def test_an_asa_names_the_host_whose_rate_was_exceeded(message: str, ip: str | None) -> None:
    assert fields(ASA, f"%ASA-4-733100: {message}").get("source.ip") == ip


@pytest.mark.parametrize(
    "message",
    [
        (
            "108003: Terminating ESMTP/SMTP connection; malicious pattern detected in the mail address"
            " from outside:203.0.113.66/4022 to dmz:192.0.2.25/25. Data:|x from 192.0.2.9/1 to 192.0.2.8/2"
        ),
        "214001: Terminating manager session from 203.0.113.66 on interface outside. Reason: long",
    ],
)
def test_an_asa_refuses_what_it_terminates(message: str) -> None:
    event = fields(ASA, f"%ASA-2-{message}")

    assert select(event, "source.ip event.outcome") == ["203.0.113.66", "failure"]


WATCHGUARD_START = 'gw1 FVE6035FD3AE3 (2026-11-22T09:49:05) firewall[10]: msg_id="'


def test_a_firebox_names_who_changed_a_setting() -> None:
    event = fields(
        WATCHGUARD,
        f'{WATCHGUARD_START}0101-0001" Management user jo@Firebox-DB from 192.0.2.77 modified Ping',
    )

    assert select(event, "event.category event.type source.ip user.name") == [
        ["configuration"],
        ["change"],
        "192.0.2.77",
        "jo",
    ]


def test_a_firebox_names_the_card_that_imitates_another() -> None:
    event = fields(
        WATCHGUARD,
        f'{WATCHGUARD_START}3000-012C" ARP spoofing attack detected, ip=192.0.2.10,'
        " mac=00:00:5e:00:53:01, interface=5",
    )

    assert select(event, "source.ip source.mac") == ["192.0.2.10", "00-00-5E-00-53-01"]


@pytest.mark.parametrize(
    ("message", "outcome"),
    [
        ("XAuth-SCRIPT failed for user 'jo' with return status: -1.", "failure"),
        ("XAuth-SCRIPT succeeded for user 'jo'.", "success"),
        ("Could not authenticate with XAuth secrets for '192.0.2.1' - 'jo'", "failure"),
    ],
)
def test_a_script_that_checks_passwords_of_strongswan_is_a_sign_in(
    message: str, outcome: str
) -> None:
    event = fields(STRONGSWAN, f"Nov 22 01:06:15 gw1 charon: 09[IKE] <con1|5> {message}")

    assert select(event, "event.category user.name event.outcome") == [
        ["authentication"],
        "jo",
        outcome,
    ]


def test_openvpn_refuses_a_packet_before_it_knows_the_client() -> None:
    event = fields(
        OPENVPN,
        "Sun Nov 22 01:06:15 2026 TLS Error: incoming packet authentication failed from"
        " [AF_INET]203.0.113.66:51223",
    )

    assert select(event, "source.ip source.port event.outcome") == [
        "203.0.113.66",
        51223,
        "failure",
    ]


def test_a_command_that_sudo_ran_is_an_act_and_no_sign_in() -> None:
    event = fields(
        LINUX,
        "Nov 22 01:06:15 web01 sudo[7]: jo : TTY=pts/2 ; PWD=/home ; USER=root ;"
        " COMMAND=/usr/bin/echo ; USER=eve ; COMMAND=/bin/sh",
    )

    assert select(event, "event.category user.name user.target.name breach.auth.attempts") == [
        ["process"],
        "jo",
        "root",
        None,
    ]
    assert event["process.command_line"] == "/usr/bin/echo ; USER=eve ; COMMAND=/bin/sh"


def test_a_request_that_a_sensor_saw_is_no_line_of_a_web_server() -> None:
    line = (
        '{"timestamp":"2026-11-22T01:06:15.1+0000","event_type":"http","src_ip":"203.0.113.66",'
        '"src_port":40022,"dest_ip":"192.0.2.10","dest_port":80,"proto":"TCP","http":{"url":"/a",'
        '"http_method":"GET","status":200}}'
    )

    assert claims(SURICATA, line)
    assert not claims(JSON_ACCESS, line)


@pytest.mark.parametrize(
    ("words", "outcome", "kind"),
    [
        ("status=deny", "failure", "denied"),
        ("status=accept", "success", "allowed"),
        ("", "unknown", "info"),
    ],
)
def test_a_fortigate_of_the_third_generation_says_the_verdict_as_its_status(
    words: str, outcome: str, kind: str
) -> None:
    event = fields(
        FORTIGATE,
        "date=2026-11-22 time=01:06:15 devname=fw1 device_id=FGT60C0000000001 log_id=0038016004"
        f" type=traffic subtype=other pri=notice {words} src=192.0.2.10 src_port=1111 dst=203.0.113.80"
        " dst_port=2222 proto=6",
    )

    assert event["event.outcome"] == outcome
    assert kind in event["event.type"]


def test_a_router_of_mikrotik_without_topics_has_its_chain_for_a_program() -> None:
    event = fields(
        MIKROTIK,
        "<132>Nov 22 01:06:15 gw1 forward: in:ether1 out:bridge, src-mac 00:00:5e:00:53:01, proto TCP"
        " (SYN), 203.0.113.66:62583->192.0.2.10:8000, len 64",
    )

    assert select(event, "rule.ruleset source.ip destination.port") == [
        "forward",
        "203.0.113.66",
        8000,
    ]


def test_vsftpd_refuses_an_account_before_it_asks_for_the_password() -> None:
    event = fields(
        VSFTPD,
        'Sun Nov 22 01:06:15 2026 [pid 7] [jo] FTP response: Client "203.0.113.66", "530 Permission denied."',
    )

    assert select(event, "event.outcome user.name source.ip event.reason") == [
        "failure",
        "jo",
        "203.0.113.66",
        "Permission denied",
    ]


def test_dropbear_is_read_without_its_tag() -> None:
    line = "Bad PAM password attempt for 'x' from 192.0.2.1:5' from 203.0.113.66:49242"

    assert claims(DROPBEAR, line)
    assert select(fields(DROPBEAR, line), "user.name source.ip") == [
        "x' from 192.0.2.1:5",
        "203.0.113.66",
    ]


def test_exim_refuses_a_sender_that_it_cannot_verify() -> None:
    event = fields(
        EXIM,
        "2026-11-22 01:06:15 H=mx.example (helo) [203.0.113.66]:41584 sender verify fail for"
        " <jo@contoso.example>: Unrouteable address",
    )

    assert select(event, "event.outcome source.ip source.port") == [
        "failure",
        "203.0.113.66",
        41584,
    ]


def test_a_sign_in_to_a_big_ip_is_its_own_and_none_of_sshd() -> None:
    line = (
        "<166>Nov 22 01:06:15 lb1.contoso.example info sshd(pam_audit)[7]: 01070417:6: AUDIT - user jo - RAW:"
        " sshd(pam_audit): user=jo(jo) partition=[All] level=Guest tty=ssh host=203.0.113.66 attempts=1 start="
    )

    assert claims(BIGIP, line)
    assert not claims(SSHD, line)
    assert fields(BIGIP, line)["source.ip"] == "203.0.113.66"


@pytest.mark.parametrize(
    ("message", "action"),
    [
        (
            (
                'SMTP protocol error in "AUTH LOGIN" H=(x) [203.0.113.66]:14243 I=[192.0.2.1]:587 AUTH command'
                " used when not advertised"
            ),
            "mail_login",
        ),
        (
            "SMTP connection from (x) [203.0.113.66]:14243 I=[192.0.2.1]:587 closed by DROP in ACL",
            "mail_reject",
        ),
        (
            "no MAIL in SMTP connection from mx.example [203.0.113.66]:14243 I=[192.0.2.1]:587 D=21s",
            "mail_connection",
        ),
    ],
)
def test_exim_names_the_server_behind_the_client(message: str, action: str) -> None:
    event = fields(EXIM, f"2026-11-22 01:06:15 [5718] {message}")

    assert select(event, "event.action source.ip destination.ip destination.port") == [
        action,
        "203.0.113.66",
        "192.0.2.1",
        587,
    ]


def test_a_signature_of_ios_is_named_by_its_text_and_its_number() -> None:
    event = fields(
        IOS,
        "Nov 22 10:25:29 192.0.2.1 %IPS-4-SIGNATURE: Sig:5123 Subsig:2 Sev:5 WWW Printing Overflow"
        " [203.0.113.66:60797 -> 192.0.2.10:80]",
    )

    assert select(event, "rule.id rule.name source.ip destination.port") == [
        "5123",
        "WWW Printing Overflow",
        "203.0.113.66",
        80,
    ]


@pytest.mark.parametrize(
    ("mnemonic", "sentence"),
    [
        ("DOT1X-5-FAIL", "Authentication failed for client (Unknown MAC) on Interface Gi0/3"),
        (
            "AUTHMGR-7-RESULT",
            "Authentication result 'no-response' from 'dot1x' for client (Unknown MAC) on Interface Gi0/3",
        ),
    ],
)
def test_a_client_without_an_address_fails_at_a_port(mnemonic: str, sentence: str) -> None:
    event = fields(IOS, f"Nov 22 15:10:58: %{mnemonic}: {sentence} AuditSessionID 0A")

    assert event["event.category"] == ["authentication"]
    assert event["event.outcome"] == "failure"
    assert event["observer.ingress.interface.name"] == "Gi0/3"
    assert "source.mac" not in event


def test_a_router_denies_an_address_its_service() -> None:
    event = fields(MIKROTIK, "system,error,critical denied telnet connect from 203.0.113.66")

    assert select(event, "source.ip event.type event.outcome user.name") == [
        "203.0.113.66",
        ["connection", "denied"],
        "failure",
        None,
    ]


def test_a_cloudgen_tells_what_its_intrusion_prevention_blocked() -> None:
    event = fields(
        CLOUDGEN,
        "Nov 22 13:10:49 fw1 fw1/box_Firewall_threat:  Warning  fw1 firewall: [Request] Block:   IPS TCP"
        " 192.0.2.64 -> 203.0.113.25:25 |[ID: 1054 SMTP Command Injection (CVE-2099-0411)]||3|Misc",
    )

    assert select(
        event, "source.ip destination.port event.category event.type rule.id rule.name user.name"
    ) == [
        "192.0.2.64",
        25,
        ["network", "intrusion_detection"],
        ["denied"],
        "1054",
        "SMTP Command Injection (CVE-2099-0411)",
        None,
    ]


def test_a_cloudgen_names_the_person_whose_protocol_it_let_pass() -> None:
    event = fields(
        CLOUDGEN,
        "Nov 22 18:29:28 fw1 fw1/box_Firewall_threat:  Warning  fw1 firewall: [Request] Allow:   PPP TCP"
        " 192.0.2.97 -> 203.0.113.80:80 |[Unallowed Port Protocol Detected (SOAP)]|jo.smith|0|",
    )

    assert select(event, "user.name event.outcome network.transport rule.id") == [
        "jo.smith",
        "success",
        "tcp",
        None,
    ]


@pytest.mark.parametrize("app", ["pure-ftpd", "vsftpd", "proftpd", "dovecot"])
def test_pam_says_in_ruser_what_the_client_of_a_file_or_mail_server_typed(app: str) -> None:
    event = fields(
        LINUX,
        f"Nov 22 22:07:19 web01 {app}[318024]: pam_unix({app}:auth): authentication failure; logname= uid=0"
        " euid=0 tty=x ruser=jo rhost=203.0.113.66",
    )

    assert select(event, "user.name source.ip event.outcome") == ["jo", "203.0.113.66", "failure"]


def test_pam_says_in_ruser_who_runs_another_program() -> None:
    event = fields(
        LINUX,
        "Nov 22 22:07:19 web01 su[3]: pam_unix(su:auth): authentication failure; logname=jo uid=1000 euid=0"
        " tty=pts/1 ruser=jo rhost=  user=root",
    )

    assert event["user.name"] == "root"


def test_openvpn_takes_a_token_for_a_password() -> None:
    event = fields(
        OPENVPN,
        "2026-11-22 10:11:12 CLIENT-01/203.0.113.66:64070 TLS: Username/auth-token authentication succeeded"
        " for username 'jo'",
    )

    assert select(event, "user.name source.ip event.outcome event.category") == [
        "jo",
        "203.0.113.66",
        "success",
        ["authentication"],
    ]


def test_openvpn_is_known_by_a_name_with_its_instance() -> None:
    line = (
        "Sat Nov 21 11:37:29 2026 daemon.notice openvpn(client)[16343]: TLS: Initial packet from"
        " [AF_INET]203.0.113.66:49944, sid=5c9f49eb fa9c0894"
    )

    assert claims(OPENVPN, line)
    assert select(fields(OPENVPN, line), "source.ip source.port") == ["203.0.113.66", 49944]


def test_a_fortigate_says_in_short_names_what_its_api_was_asked() -> None:
    event = fields(
        FORTIGATE,
        'date=2026-11-22 time=15:52:09 logid="0116047301" type="event" subtype="rest-api"'
        ' level="information" vd="root" logdesc="REST API request failed" user="jo" ui="GUI(192.0.2.69)"'
        ' method="POST" path="system.admin" status="403" url="/api/v2/cmdb/system/admin?vdom=root"',
    )

    assert select(
        event, "http.request.method http.response.status_code url.path event.outcome"
    ) == [
        "POST",
        403,
        "/api/v2/cmdb/system/admin",
        "failure",
    ]


def test_exim_writes_its_process_before_the_message_and_a_tab_within() -> None:
    refused = fields(
        EXIM,
        '2026-11-22T02:04:32.363+00:00 info exim[8001]: [8001] SMTP protocol error in "AUTH LOGIN" H=(User)'
        " [203.0.113.66]:20042 I=[192.0.2.1]:25 Ci=8001 LOGIN authentication mechanism not supported",
    )
    failed = fields(
        EXIM,
        "Nov 22 03:39:17 mx1 exim[29786]: dovecot_login \tauthenticator failed for (User) [203.0.113.66]: 535"
        " Incorrect authentication data (set_id=jo@contoso.example)",
    )

    assert select(refused, "source.ip source.port destination.ip event.outcome") == [
        "203.0.113.66",
        20042,
        "192.0.2.1",
        "failure",
    ]
    assert select(failed, "source.ip event.outcome user.email") == [
        "203.0.113.66",
        "failure",
        "jo@contoso.example",
    ]


@pytest.mark.parametrize(
    ("stage", "kind"), [("connecting", "start"), ("connected", "start"), ("disconnected", "end")]
)
def test_pfsense_names_who_comes_to_its_vpn(stage: str, kind: str) -> None:
    event = fields(
        OPENVPN,
        "<13>1 2026-11-22T09:26:26.388628+01:00 fw1 openvpn 47053 - - openvpn server 'ovpns1' user 'jo'"
        f" address '203.0.113.10:51091' - {stage}",
    )

    assert select(event, "user.name source.ip source.port event.type") == [
        "jo",
        "203.0.113.10",
        51091,
        [kind],
    ]


@pytest.mark.parametrize(
    ("message", "kind", "outcome"),
    [
        ("captiveportal[6]: AUTH jo (192.0.2.102) zone 0", "start", "success"),
        ("captiveportal[6]: DENY jo (192.0.2.102) zone 0", "start", "failure"),
        (
            "logportalauth[6]: Zone: guests - ACCEPT: jo, 02:00:53:00:00:4e, 192.0.2.102",
            "start",
            "success",
        ),
        (
            "logportalauth[6]: Zone: guests - FAILURE: jo, 02:00:53:00:00:4e, 192.0.2.102, wrong password",
            "start",
            "failure",
        ),
        ("logportalauth[6]: Zone: guests - DISCONNECT: jo, , 192.0.2.102", "end", "success"),
    ],
)
def test_a_captive_portal_tells_who_signs_in(message: str, kind: str, outcome: str) -> None:
    event = fields(PFSENSE, f"<166>Nov 22 14:01:29 fw1 {message}")

    assert select(event, "user.name source.ip event.category event.type event.outcome") == [
        "jo",
        "192.0.2.102",
        ["authentication"],
        [kind],
        outcome,
    ]


def test_a_backup_server_tells_failures_in_its_own_log() -> None:
    event = fields(
        PROXMOX,
        "2026-11-22T00:19:41+00:00: authentication failure; rhost=[::ffff:203.0.113.1]:64704 user=eve@pbs"
        " msg=user account disabled or expired.",
    )

    assert select(event, "source.ip source.port user.name event.reason") == [
        "203.0.113.1",
        64704,
        "eve@pbs",
        "user account disabled or expired.",
    ]


def test_check_point_writes_the_names_of_its_syslog_in_json() -> None:
    traffic = fields(
        CHECKPOINT,
        '{"action": "Drop", "dst": "203.0.113.80", "ifdir": "inbound", "ifname": "eth0", "layer_name":'
        ' ["Network", "URL"], "origin": "192.0.2.1", "product": "VPN-1 & FireWall-1", "proto": 6, "s_port": 35098,'
        ' "sequencenum": 1, "service": 443, "src": "192.0.2.10", "rule_name": "Cleanup", "time": 1795338847}',
    )
    sign_in = fields(
        CHECKPOINT,
        '{"action": "Log In", "auth_status": "Successful Login", "loguid": "{0x1}", "origin": "192.0.2.1",'
        ' "product": "Identity Awareness", "sequencenum": "1", "src": "192.0.2.11", "time": "1795338847"}',
    )

    assert select(
        traffic, "source.ip source.port destination.ip destination.port event.type rule.name"
    ) == ["192.0.2.10", 35098, "203.0.113.80", 443, ["connection", "denied"], "Cleanup"]
    assert select(sign_in, "source.ip event.category event.outcome") == [
        "192.0.2.11",
        ["authentication"],
        "success",
    ]


def test_other_objects_are_not_check_points() -> None:
    assert not claims(CHECKPOINT, '{"origin": "a", "product": "b", "action": "Log In"}')
    assert not claims(CHECKPOINT, '{"origin": "a", "product": "b", "ifdir": "in"')


@pytest.mark.parametrize(
    ("message", "user", "reason"),
    [
        (
            "[-] VPN Auth Failed: 'local auth failed: wrong password' [None]",
            None,
            "local auth failed: wrong password",
        ),
        ("[-] AUTH ERROR: DENY: user in deny list. user=jo", "jo", "DENY: user in deny list."),
        (
            (
                "[-] [WEB] OUT: \"2026-11-22T05:12:14+0000 [stdout#info] Web login authentication failed: {'status': 1,"
                " 'user': 'jo', 'reason': 'local auth failed', 'auth method': 'local'}\""
            ),
            "jo",
            "local auth failed",
        ),
        (
            (
                "[-] [OVPN 2] OUT: \"2026-11-22 04:21:09 203.0.113.66:8080 SENT CONTROL [jo]: 'AUTH_FAILED,TOTP code is"
                " incorrect' (status=1)\""
            ),
            "jo",
            "TOTP code is incorrect",
        ),
    ],
)
def test_an_access_server_says_whom_it_refused_and_why(
    message: str, user: str | None, reason: str
) -> None:
    line = f"<14>Nov 22 05:11:13 vpn1 openvpnas: {message}"

    assert claims(OPENVPN, line)
    assert select(fields(OPENVPN, line), "user.name event.outcome event.reason event.category") == [
        user,
        "failure",
        reason,
        ["authentication"],
    ]


def test_suricata_is_known_by_the_flow_where_the_time_was_removed() -> None:
    line = (
        '{"src_ip":"192.0.2.10","src_port":55315,"event_type":"smb","flow_id":1,"dest_ip":"192.0.2.53",'
        '"proto":"UDP","dest_port":53}'
    )

    assert claims(SURICATA, line)
    assert fields(SURICATA, line)["destination.port"] == 53


@pytest.mark.parametrize(
    ("sentence", "kind"),
    [
        ("109011: Authen Session Start: user jo, sid 23", ["start", "info"]),
        ("109012: Authen Session End: user 'jo', sid 23, elapsed 5 seconds", ["end"]),
    ],
)
def test_an_asa_names_whose_session_it_let_through(sentence: str, kind: list[str]) -> None:
    event = fields(ASA, f"%ASA-5-{sentence}")

    assert select(event, "user.name event.type") == ["jo", kind]
    assert "authentication" in event["event.category"]


def test_a_firebox_names_the_address_that_may_be_spoofed() -> None:
    event = fields(
        WATCHGUARD,
        '<142>Nov 22 18:47:10 fb1 T1 (2026-11-22T09:26:37) firewall: msg_id="3000-012E" Cannot relearn system MAC'
        " address, possible loop or MAC spoofing, ip=203.0.113.10, mac=00:00:5e:00:53:0d, interface=5",
    )

    assert select(event, "source.ip source.mac") == ["203.0.113.10", "00-00-5E-00-53-0D"]


def firebox(sentence: str) -> dict[str, Any]:
    head = '<142>Nov 22 18:47:10 fb1 T1 (2026-11-22T09:26:37) iked: msg_id="0203-0002" '
    return fields(WATCHGUARD, head + sentence)


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        (
            "IKE phase-1 negotiation from 203.0.113.66:500 to 192.0.2.1:501 failed. GatewayEndpoint='gw' Reason=Wrong mode.",
            "Wrong mode.",
        ),
        (
            "Rejected MUVPN IPSec user from 203.0.113.66:500 because maximum connections reached",
            "maximum connections reached",
        ),
        (
            "Rejected phase-1 authentication method PSK from 203.0.113.66:500, expecting client XAUTH.",
            "expecting client XAUTH.",
        ),
        (
            "XAuth negotiation from 203.0.113.66:500 failed due to a mismatched mode.",
            "due to a mismatched mode.",
        ),
        ("Dropped IKEv2 IKE_SA_INIT message from 203.0.113.66:500. Reason=bad SPI", "bad SPI"),
        (
            "Dropped a simultaneous phase-2 negotiation from the peer 203.0.113.66:500",
            None,
        ),
    ],
)
def test_a_firebox_tells_whose_negotiation_it_refuses(sentence: str, reason: str | None) -> None:
    event = firebox(sentence)

    assert select(event, "source.ip source.port event.outcome event.reason event.type") == [
        "203.0.113.66",
        500,
        "failure",
        reason,
        ["connection", "denied"],
    ]


def test_a_firebox_tells_the_ends_of_a_negotiation() -> None:
    sentence = (
        "BOVPN phase-1 mainmode completed successfully as {} for 'gw' gateway endpoint. localgw:192.0.2.1:500"
        " remotegw:203.0.113.9:501 SA ID:0x9d"
    )

    assert select(firebox(sentence.format("initiator")), "source.ip destination.port") == [
        "192.0.2.1",
        501,
    ]
    assert select(firebox(sentence.format("responder")), "source.ip destination.port") == [
        "203.0.113.9",
        500,
    ]


def test_a_firebox_tells_where_a_person_of_its_mobile_vpn_really_is() -> None:
    tail = " logged in. Virtual IP address is 192.0.2.77. Real IP address is 203.0.113.12."
    event = firebox("Mobile VPN with SSL user jo" + tail)
    typed = firebox(f"Mobile VPN with SSL user x{tail.replace('203', '198')}{tail}")

    assert select(event, "user.name source.ip event.outcome event.category") == [
        "jo",
        "203.0.113.12",
        "success",
        ["authentication"],
    ]
    assert typed["source.ip"] == "203.0.113.12"


@pytest.mark.parametrize(
    ("sentence", "category", "outcome"),
    [
        ("User jo is unlocked automatically", "iam", "success"),
        (
            "Virtual IP address from 'p' address pool is not available for Mobile VPN with IPSec user 'jo'",
            "session",
            "failure",
        ),
    ],
)
def test_a_firebox_names_an_account_without_an_address(
    sentence: str, category: str, outcome: str
) -> None:
    event = firebox(sentence)

    assert select(event, "user.name event.category event.outcome") == ["jo", [category], outcome]


def test_a_firebox_tells_of_a_refused_second_sign_in() -> None:
    event = firebox("Received XAuth failed notification from 203.0.113.66:4500. Group:'mu'")

    assert select(event, "source.ip event.category event.outcome") == [
        "203.0.113.66",
        ["authentication"],
        "failure",
    ]
