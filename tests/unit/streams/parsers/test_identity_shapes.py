"""Shapes that records of identity providers also have."""

from __future__ import annotations

import orjson
import pytest
from parsing import claims, parse

from schemas.pipeline.event import Value
from schemas.pipeline.plugin import ParsedEvent, Parser
from streams.parsers import (
    fortinet_fortigate,
    google_workspace,
    jumpcloud_insights,
    microsoft365_audit,
    microsoft_defender,
    microsoft_entra,
    ocsf_json,
    okta_system,
    pingone_audit,
)

_TIME = "2026-11-22T01:06:15Z"


@pytest.mark.parametrize(
    ("parser", "record", "expected"),
    [
        (
            jumpcloud_insights.PARSER,
            {
                "event_type": "association_change",
                "service": "directory",
                "organization": "o1",
                "timestamp": _TIME,
                "initiated_by": {"type": "admin", "email": "al@contoso.example"},
                "association": {"connection": {"to": {"type": "user", "name": "Jo"}}},
            },
            {"user.name": "al@contoso.example", "user.target.name": "jo"},
        ),
        (
            microsoft365_audit.PARSER,
            {
                "Operation": "Delete user.",
                "CreationTime": _TIME,
                "Id": "1",
                "UserId": "al@contoso.example",
                "Workload": "AzureActiveDirectory",
                "ObjectId": "jo@contoso.example",
            },
            {"event.category": ["iam"], "event.type": ["user", "deletion"]},
        ),
        (
            microsoft_defender.PARSER,
            {
                "Timestamp": _TIME,
                "AlertId": "da1",
                "Title": "Suspicious sign-in",
                "ServiceSource": "Microsoft Defender for Endpoint",
                "AccountName": "Jo",
                "DeviceName": "pc7",
            },
            {"event.kind": "alert", "user.name": "jo", "host.name": "pc7"},
        ),
        (
            microsoft_entra.PARSER,
            {
                "activityDateTime": _TIME,
                "provisioningAction": "Disable",
                "provisioningStatusInfo": {"status": "Failure"},
                "targetIdentity": {"displayName": "Jo"},
                "targetSystem": {"displayName": "Payroll"},
            },
            {
                "event.category": ["iam"],
                "event.type": ["user", "change"],
                "event.outcome": "failure",
                "user.target.name": "Jo",
                "service.name": "Payroll",
            },
        ),
        (
            microsoft_entra.PARSER,
            {
                "time": _TIME,
                "operationName": "Sign-in activity",
                "properties": {
                    "userPrincipalName": "jo@contoso.example",
                    "ipAddress": "198.51.100.7",
                    "status": "Failed",
                    "failureReason": "Invalid password",
                },
            },
            {
                "event.category": ["authentication"],
                "event.outcome": "failure",
                "event.reason": "Invalid password",
                "source.ip": "198.51.100.7",
            },
        ),
        (
            microsoft_entra.PARSER,
            {
                "activityDateTime": _TIME,
                "activityDisplayName": "Add authentication method",
                "result": "success",
                "targetResources": [{"displayName": "Jo@contoso.example"}],
            },
            {"user.target.name": "jo@contoso.example"},
        ),
        (
            microsoft_entra.PARSER,
            {
                "TimeGenerated": _TIME,
                "UserPrincipalName": "jo@contoso.example",
                "IPAddress": "198.51.100.7",
                "ResultType": "50126",
                "AppDisplayName": "Portal",
            },
            {
                "event.category": ["authentication"],
                "event.outcome": "failure",
                "source.ip": "198.51.100.7",
            },
        ),
        (
            google_workspace.PARSER,
            {
                "id": {"time": _TIME},
                "actor": {"email": "jo@contoso.example"},
                "ipAddress": "198.51.100.7",
                "events": [{"name": "login_failure"}],
            },
            {"event.category": ["authentication"], "event.outcome": "failure"},
        ),
        (
            microsoft365_audit.PARSER,
            {
                "Operation": "TeamCreated",
                "CreationTime": _TIME,
                "Id": "1",
                "UserId": "al@contoso.example",
                "Workload": "MicrosoftTeams",
                "TeamName": "Staff",
            },
            {"event.category": ["iam"], "event.type": ["creation"], "group.name": "Staff"},
        ),
        (
            ocsf_json.PARSER,
            {
                "message": "User Login",
                "ocsf": {
                    "class_uid": 3002,
                    "activity_id": 1,
                    "status_id": 2,
                    "time": 1795309575000,
                    "user": {"name": "Jo"},
                    "metadata": {"version": "1.4.0"},
                },
            },
            {"event.category": ["authentication"], "event.outcome": "failure", "user.name": "jo"},
        ),
        (
            okta_system.PARSER,
            {
                "okta": {
                    "published": _TIME,
                    "eventType": "user.session.start",
                    "actor": {"alternateId": "jo@contoso.example"},
                    "outcome": {"result": "FAILURE"},
                }
            },
            {"event.outcome": "failure", "user.name": "jo@contoso.example"},
        ),
        (
            pingone_audit.PARSER,
            {
                "id": "a1",
                "recordedAt": _TIME,
                "action": {"type": "USER.ACCESS_DENIED"},
                "actors": [{"client": {"id": "c1", "name": "Console"}}],
                "result": {"status": "SUCCESS"},
            },
            {"event.category": ["iam"], "event.outcome": "failure", "user.name": "console"},
        ),
    ],
)
def test_record_of_another_shape_is_read(
    parser: Parser, record: dict[str, Value], expected: dict[str, Value]
) -> None:
    text = orjson.dumps(record).decode()
    assert claims(parser, text)
    event = parse(parser, text)
    assert isinstance(event, ParsedEvent)
    assert event.time is not None
    assert {name: event.fields.get(name) for name in expected} == expected


def test_class_of_ocsf_deep_inside_is_no_record_of_it() -> None:
    record = {"metadata": {}, "data": {"class_uid": 3002}}
    assert not claims(ocsf_json.PARSER, orjson.dumps(record).decode())


def test_program_of_fortinet_that_is_no_firewall_is_left_to_any_cef() -> None:
    begin = "CEF:0|Fortinet|FortiGate|7.0|utm-1|"
    assert not claims(fortinet_fortigate.PARSER, begin + "Blocked Web Page|6|act=blocked")
    assert claims(fortinet_fortigate.PARSER, begin + "utm:webfilter blocked|6|act=blocked")
