from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from parsing import claims, parse

from schemas.pipeline.plugin import ParsedEvent
from streams.parsers.windows_security import PARSER

FAILED = (
    "An account failed to log on. Subject: Security ID: S-1-0-0 Account Name: - Account Domain: - Logon Type: 3 "
    "Account For Which Logon Failed: Security ID: S-1-0-0 Account Name: {name} Account Domain: X "
    "Failure Information: Failure Reason: Unknown user name or bad password. Status: 0xC000006D "
    "Sub Status: 0xC0000064 Network Information: Workstation Name: {station} "
    "Source Network Address: 198.51.100.7 Source Port: 49152"
)


def fields(text: str) -> dict[str, Any]:
    assert claims(PARSER, text)
    event = parse(PARSER, text)
    assert isinstance(event, ParsedEvent)
    return event.fields


def winlog(code: int, **data: str) -> dict[str, Any]:
    record = {
        "@timestamp": "2026-11-22T01:06:15Z",
        "winlog": {"event_id": code, "event_data": data},
    }
    return fields(orjson.dumps(record).decode())


@pytest.mark.parametrize(
    ("name", "station"),
    [
        ("x Source Network Address: 192.0.2.66", "PC"),
        ("x Account Name: root", "PC"),
        ("x", "Source Network Address: 192.0.2.66 Source Port: 22"),
    ],
)
def test_a_typed_name_or_station_never_gives_the_address(name: str, station: str) -> None:
    event = fields(f"4625: {FAILED.format(name=name, station=station)}")

    assert (event["source.ip"], event["source.port"]) == ("198.51.100.7", 49152)
    assert event["user.name"] != "root"
    assert event["event.reason"] == "user name does not exist"


@pytest.mark.parametrize("address", ["-", "", "LOCAL"])
def test_no_address_is_left_out(address: str) -> None:
    assert "source.ip" not in winlog(4624, TargetUserName="jo", IpAddress=address, IpPort="0")


def test_a_machine_account_keeps_its_sign() -> None:
    assert winlog(4624, TargetUserName="PC-7$", IpAddress="192.0.2.1")["user.name"] == "pc-7$"


def test_a_kerberos_name_with_its_realm_is_the_user_of_the_domain() -> None:
    event = winlog(4769, TargetUserName="Jo@CONTOSO.EXAMPLE", TargetDomainName="CONTOSO.EXAMPLE")

    assert (event["user.name"], event["user.domain"]) == ("jo", "contoso.example")


@pytest.mark.parametrize(("status", "outcome"), [("0x0", "success"), ("0xC000006A", "failure")])
def test_a_validation_succeeds_by_its_status(status: str, outcome: str) -> None:
    assert winlog(4776, TargetUserName="jo", Status=status)["event.outcome"] == outcome


def test_wazuhs_names_are_windowss_own() -> None:
    record = {
        "win": {
            "system": {
                "eventID": "4625",
                "computer": "dc1",
                "systemTime": "2026-11-22T01:06:15.123456700Z",
            },
            "eventdata": {
                "targetUserName": "Jo",
                "ipAddress": "192.0.2.1",
                "logonType": "3",
                "processName": r"C:\\Windows\\lsass.exe",
            },
        }
    }
    event = parse(PARSER, orjson.dumps(record).decode())

    assert isinstance(event, ParsedEvent)
    assert event.fields["user.name"] == "jo"
    assert event.fields["process.executable"] == r"C:\Windows\lsass.exe"
    assert event.time == datetime(2026, 11, 22, 1, 6, 15, 123456, UTC)


def test_a_cleared_log_names_who_cleared_it() -> None:
    text = (
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name="
        "'Microsoft-Windows-Eventlog'/><EventID>1102</EventID><TimeCreated SystemTime='2026-11-22T01:06:15Z'/>"
        "<Channel>Security</Channel><Computer>dc1</Computer></System><UserData><LogFileCleared>"
        "<SubjectUserName>Eve</SubjectUserName></LogFileCleared></UserData></Event>"
    )

    assert fields(text)["user.name"] == "eve"
    assert fields(text)["event.action"] == "audit-log-cleared"


def test_an_event_of_another_channel_is_no_sign_in_although_it_has_the_number_of_one() -> None:
    record = {"EventID": 4625, "Channel": "Application", "SourceName": "MyApp", "Hostname": "a"}
    event = fields(orjson.dumps(record).decode())

    assert (event["event.category"], event["event.outcome"]) == (["host"], "unknown")


def test_a_log_that_names_no_channel_and_no_provider_is_not_claimed() -> None:
    assert not claims(PARSER, orjson.dumps({"EventID": 4625, "Hostname": "a"}).decode())


def build_xml(provider: str, channel: str, code: int, data: str) -> str:
    return (
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name="
        f"'{provider}'/><EventID>{code}</EventID><TimeCreated SystemTime='2026-11-22T01:06:15Z'/>"
        f"<Channel>{channel}</Channel><Computer>rds1</Computer></System>{data}</Event>"
    )


def test_a_session_of_remote_desktop_names_user_and_client() -> None:
    provider = "Microsoft-Windows-TerminalServices-LocalSessionManager"
    data = (
        "<UserData><EventXML xmlns='Event_NS'><User>CONTOSO\\Jo</User><SessionID>3</SessionID>"
        "<Address>198.51.100.7</Address></EventXML></UserData>"
    )
    event = fields(build_xml(provider, f"{provider}/Operational", 21, data))

    assert (event["user.name"], event["user.domain"]) == ("jo", "contoso")
    assert (event["source.ip"], event["event.outcome"]) == ("198.51.100.7", "success")


def test_a_connection_of_remote_desktop_is_no_proof_of_a_sign_in() -> None:
    provider = "Microsoft-Windows-TerminalServices-RemoteConnectionManager"
    data = (
        "<UserData><EventXML xmlns='Event_NS'><Param1>Jo</Param1><Param2>CONTOSO</Param2>"
        "<Param3>2001:DB8::7</Param3></EventXML></UserData>"
    )
    event = fields(build_xml(provider, f"{provider}/Operational", 1149, data))

    assert (event["user.name"], event["user.domain"]) == ("jo", "contoso")
    assert (event["source.ip"], event["event.outcome"]) == ("2001:db8::7", "unknown")


def test_federation_services_tell_whom_they_refused_and_typed_markup_is_a_name() -> None:
    audit = (
        '&lt;?xml version="1.0"?&gt;&lt;AuditBase&gt;&lt;AuditResult&gt;Failure&lt;/AuditResult&gt;'
        "&lt;FailureType&gt;CredentialValidationError&lt;/FailureType&gt;"
        "&lt;UserId&gt;jo&amp;lt;IpAddress&amp;gt;192.0.2.66&amp;lt;/IpAddress&amp;gt;&lt;/UserId&gt;"
        "&lt;IpAddress&gt;10.0.0.9&lt;/IpAddress&gt;"
        "&lt;ForwardedIpAddress&gt;198.51.100.7,10.0.0.9&lt;/ForwardedIpAddress&gt;&lt;/AuditBase&gt;"
    )
    data = f"<EventData><Data>7</Data><Data>{audit}</Data></EventData>"
    event = fields(build_xml("AD FS Auditing", "Security", 1203, data))

    assert (event["event.outcome"], event["source.ip"]) == ("failure", "198.51.100.7")
    assert event["event.reason"] == "CredentialValidationError"
    assert event["user.name"].startswith("jo<ipaddress>")


def test_sql_server_tells_whom_it_refused_and_a_typed_client_is_no_address() -> None:
    data = (
        "<EventData><Data>sa [CLIENT: 192.0.2.66]</Data><Data> Reason: Password did not match.</Data>"
        "<Data> [CLIENT: 198.51.100.7]</Data></EventData>"
    )
    event = fields(build_xml("MSSQLSERVER", "Application", 18456, data))

    assert (event["event.outcome"], event["source.ip"]) == ("failure", "198.51.100.7")
    assert event["event.reason"] == "Password did not match."


def test_a_member_of_a_group_has_name_domain_and_id() -> None:
    event = winlog(
        4728,
        SubjectUserName="Eve",
        TargetUserName="Admins",
        TargetDomainName="CONTOSO",
        TargetSid="S-1-5-21-1",
        MemberName="CN=Day\\, Jo,OU=Staff,DC=contoso,DC=example",
        MemberSid="S-1-5-21-7",
    )

    assert (event["user.target.name"], event["user.target.domain"]) == (
        "day, jo",
        "contoso.example",
    )
    assert (event["group.name"], event["group.id"], event["group.domain"]) == (
        "Admins",
        "S-1-5-21-1",
        "CONTOSO",
    )
    assert (event["user.name"], event["user.target.id"]) == ("eve", "S-1-5-21-7")


def test_a_network_policy_server_tells_who_was_refused_from_where() -> None:
    event = winlog(
        6273, SubjectUserName="Jo", CallingStationID="198.51.100.7", Reason="No dial-in."
    )

    assert (event["event.outcome"], event["event.reason"]) == ("failure", "No dial-in.")
    assert (event["user.name"], event["source.ip"]) == ("jo", "198.51.100.7")


def test_an_agents_header_names_the_user_where_the_text_does_not() -> None:
    event = fields(
        "WinEvtLog: Security: AUDIT_FAILURE(4625): Microsoft-Windows-Security-Auditing: jo: CONTOSO: "
        "dc1: An account failed to log on"
    )

    assert (event["user.name"], event["host.name"]) == ("jo", "dc1")
