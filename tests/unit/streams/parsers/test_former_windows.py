"""Events of Windows 2003, of connectors, and with numbers whose titles are not known."""

from __future__ import annotations

import orjson
import pytest
from parsing import claims, parse

from schemas.pipeline.event import Value
from schemas.pipeline.plugin import ParsedEvent
from streams.parsers.windows_security import PARSER


def read(text: str) -> dict[str, Value]:
    assert claims(PARSER, text)
    event = parse(PARSER, text)
    assert isinstance(event, ParsedEvent)
    assert event.time is not None
    return {**event.fields, "@timestamp": event.time.isoformat()}


def _build_snare(code: int, audit: str, text: str, provider: str = "Security") -> str:
    return (
        f"MSWinEventLog\t1\tSecurity\t17\tTue Nov 24 08:15:02 2026\t{code}\t{provider}\tSYSTEM\tUser\t"
        f"{audit} Audit\tSRV1\tLogon/Logoff\t\t{text}\t16"
    )


_REFUSED = (
    "Logon Failure:     Reason:  Unknown user name or bad password     User Name: Jo     Domain:  CONTOSO"
    "     Logon Type: 3     Workstation Name: PC7     Caller User Name: -     Source Network Address: "
    "198.51.100.7     Source Port: 4321"
)


@pytest.mark.parametrize(
    ("code", "audit", "text", "expected"),
    [
        (
            529,
            "Failure",
            _REFUSED,
            {
                "@timestamp": "2026-11-24T08:15:02+00:00",
                "event.code": "529",
                "event.category": ["authentication"],
                "event.outcome": "failure",
                "event.reason": "Unknown user name or bad password",
                "user.name": "jo",
                "user.domain": "contoso",
                "source.ip": "198.51.100.7",
                "source.port": 4321,
                "source.domain": "PC7",
                "host.name": "SRV1",
            },
        ),
        (
            539,
            "Failure",
            "Logon Failure:     Reason:  Account locked out     User Name: jo     Domain: CONTOSO",
            {"event.action": "logon-failed", "event.reason": "Account locked out"},
        ),
        (
            540,
            "Success",
            (
                "Successful Network Logon:     User Name: jo     Domain: CONTOSO     Logon Type: 3"
                "     Source Network Address: 2001:db8::7"
            ),
            {"event.outcome": "success", "user.name": "jo", "source.ip": "2001:db8::7"},
        ),
        (
            680,
            "Failure",
            (
                "Logon attempt by: PACKAGE     Logon account:  jo     Source Workstation: PC12"
                "     Error Code: 0xC000006A"
            ),
            {
                "event.action": "credential-validated",
                "event.outcome": "failure",
                "event.reason": "wrong password",
                "source.domain": "PC12",
            },
        ),
        (
            675,
            "Failure",
            (
                "Pre-authentication failed:     User Name: jo     User ID:  CONTOSO\\jo     Service Name: "
                "krbtgt/CONTOSO     Failure Code: 0x18     Client Address: 198.51.100.8"
            ),
            {"event.outcome": "failure", "user.name": "jo", "source.ip": "198.51.100.8"},
        ),
        (
            644,
            "Success",
            (
                "User Account Locked Out:     Target Account Name: jo     Target Account ID: CONTOSO\\jo"
                "     Caller Machine Name: PC12     Caller User Name: SRV1$     Caller Domain: CONTOSO"
            ),
            {
                "event.category": ["iam"],
                "user.name": "srv1$",
                "user.target.name": "jo",
                "source.domain": "PC12",
            },
        ),
        (
            552,
            "Success",
            (
                "Logon attempt using explicit credentials:     Logged on user:     User Name: jo     Domain:"
                " CONTOSO     User whose credentials were used:     Target User Name: admin     Target Domain:"
                " CONTOSO"
            ),
            {"user.name": "jo", "user.target.name": "admin"},
        ),
        (
            682,
            "Success",
            (
                "Session reconnected to winstation:     User Name: jo     Domain: CONTOSO     Client Name: PC7"
                "     Client Address: 198.51.100.7"
            ),
            {"event.action": "session-reconnected", "user.name": "jo", "source.ip": "198.51.100.7"},
        ),
    ],
)
def test_event_of_windows_2003_tells_what_its_successor_tells(
    code: int, audit: str, text: str, expected: dict[str, Value]
) -> None:
    fields = read(_build_snare(code, audit, text))
    assert {name: fields.get(name) for name in expected} == expected


def test_name_typed_as_address_is_not_the_client() -> None:
    text = _REFUSED.replace("Jo ", "x  Source Network Address: 192.0.2.66  Source Port: 1 ")
    assert read(_build_snare(529, "Failure", text))["source.ip"] == "198.51.100.7"


def test_refusal_of_windows_2003_is_read_from_nxlog() -> None:
    record = {
        "EventTime": "2026-11-24 08:15:02",
        "Hostname": "SRV1",
        "EventType": "AUDIT_FAILURE",
        "EventID": 529,
        "SourceName": "Security",
        "Message": _REFUSED,
    }
    fields = read(orjson.dumps(record).decode())
    assert (fields["event.outcome"], fields["user.name"]) == ("failure", "jo")


def test_event_without_known_title_is_known_by_its_number() -> None:
    text = (
        "An operation was attempted on a privileged object.    Subject:   Security ID:  S-1-5-21-1"
        "   Account Name:  jo   Account Domain:  CONTOSO    Object:   Object Server: Security   Object"
        " Type: File   Object Name: C:\\pay    Process Information:   Process ID: 0x764"
    )
    fields = read(_build_snare(4674, "Success", text, "Microsoft-Windows-Security-Auditing"))
    assert fields["event.action"] == "privileged-operation"
    assert (fields["user.name"], fields["file.path"]) == ("jo", "C:\\pay")


def test_event_of_a_connector_keeps_its_accounts_and_its_client() -> None:
    fields = read(
        "CEF:0|Microsoft|Microsoft Windows||Microsoft-Windows-Security-Auditing:4625|An account failed"
        " to log on.|Low|externalId=4625 rt=1795309575000 categoryOutcome=/Failure src=198.51.100.7"
        " spt=49152 suser=SRV1$ duser=Jo dntdom=CONTOSO dhost=srv1.contoso.example cs4=0xc000006a"
        " cs4Label=Reason or Error Code cn1=3 cn1Label=LogonType"
    )
    assert (fields["event.code"], fields["event.action"]) == ("4625", "logon-failed")
    assert (fields["user.name"], fields["user.domain"]) == ("jo", "contoso")
    assert (fields["source.ip"], fields["event.reason"]) == ("198.51.100.7", "wrong password")
    assert fields["host.name"] == "srv1.contoso.example"


@pytest.mark.parametrize(
    ("code", "action", "types"),
    [
        (4704, "user-right-assigned", ["user", "change"]),
        (4660, "object-deleted", ["deletion"]),
        (5142, "network-share-object-added", ["creation"]),
        (5157, "windows-firewall-connection-blocked", ["connection", "denied"]),
        (4822, "protected-user-sign-in-denied", ["start"]),
    ],
)
def test_number_of_an_access_or_a_change_has_a_name(
    code: int, action: str, types: list[str]
) -> None:
    record = {
        "@timestamp": "2026-11-24T08:15:02Z",
        "winlog": {
            "event_id": code,
            "channel": "Security",
            "provider_name": "Microsoft-Windows-Security-Auditing",
            "computer_name": "srv1",
            "event_data": {"SubjectUserName": "jo"},
        },
    }
    fields = read(orjson.dumps(record).decode())
    assert (fields["event.action"], fields["event.type"]) == (action, types)


def test_reason_of_a_validation_is_known_by_its_number_in_any_language() -> None:
    fields = read(
        "CEF:0|Microsoft|Microsoft Windows||Microsoft-Windows-Security-Auditing:4776|x|Low|"
        "externalId=4776 rt=1795309575000 duser=Jo dhost=srv1 cs4=0xC0000064 cs4Label=Fehlercode"
    )
    assert (fields["event.outcome"], fields["user.name"]) == ("failure", "jo")


def test_audit_without_its_computer_is_known_by_its_names() -> None:
    record = {"EventID": 4625, "TargetUserName": "Jo", "IpAddress": "198.51.100.7"}
    record |= {"TimeCreated": "2026-11-24T08:15:02Z"}
    fields = read(orjson.dumps(record).decode())
    assert (fields["event.outcome"], fields["user.name"]) == ("failure", "jo")


def test_account_of_a_text_without_headings_is_read() -> None:
    text = (
        "An account failed to log on. Account Name: Jo Logon Type: 3 Failure Reason: Unknown user name"
        " or bad password. Source Network Address: 198.51.100.7 Status: 0xC000006D"
    )
    fields = read(_build_snare(4625, "Failure", text, "Microsoft-Windows-Security-Auditing"))
    assert (fields["user.name"], fields["source.ip"]) == ("jo", "198.51.100.7")
