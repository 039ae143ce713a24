"""Lines as Microsoft writes them, and the fields that must come of each."""

from __future__ import annotations

import orjson

from schemas.pipeline.event import Value
from schemas.pipeline.plugin import ParserExample


def _build_example_json(operation: str, **more: Value) -> str:
    record = {
        "CreationTime": "2026-11-22T01:06:15",
        "Id": "6f1c7a52-0001-4a3e-9b5e-000000000001",
        "Operation": operation,
        "OrganizationId": "0fbd3c1e-1111-4222-8333-444455556666",
        "UserId": "Jo@Contoso.example",
        "Workload": "Exchange",
    }
    return orjson.dumps(record | more).decode()


def _build_example_row(text: str) -> str:
    cell = text.replace('"', '""')
    return f'6f1c7a52,2026-11-22T01:06:15.0000000Z,15,Any,jo@contoso.example,"{cell}",,'


def _build_powershell_row(text: str) -> str:
    cell = text.replace(",", ",\n ").replace('"', '""')
    return f'"{cell}","15","11/22/2026 1:06:15 AM","jo@contoso.example","UserLoginFailed","1"'


_SIGN_IN = {"Workload": "AzureActiveDirectory", "ClientIP": "203.0.113.66:5021"}
_REFUSED = _build_example_json(
    "UserLoginFailed", **_SIGN_IN, ErrorNumber="50126", ResultStatus="Success"
)
_REFUSED_EXPECTED = {
    "@timestamp": "2026-11-22T01:06:15+00:00",
    "event.category": ["authentication"],
    "event.outcome": "failure",
    "error.code": "50126",
    "user.name": "jo@contoso.example",
    "user.email": "jo@contoso.example",
    "source.ip": "203.0.113.66",
    "source.port": 5021,
    "cloud.account.id": "0fbd3c1e-1111-4222-8333-444455556666",
}

EXAMPLES = (
    ParserExample(_REFUSED, _REFUSED_EXPECTED),
    ParserExample(_build_example_row(_REFUSED), _REFUSED_EXPECTED),
    ParserExample(f'{{"integration":"office365","office365":{_REFUSED}}}', _REFUSED_EXPECTED),
    ParserExample(
        "RecordId,CreationDate,RecordType,Operation,UserId,AuditData,AssociatedAdminUnits", None
    ),
    ParserExample(
        _build_example_json("UserLoginFailed", **_SIGN_IN, ErrorNumber="50058"),
        {"event.outcome": "unknown", "event.action": "sign-in-interrupted"},
    ),
    ParserExample(
        _build_example_json(
            "UserLoggedIn",
            ClientIP="[2001:DB8::7]:443",
            ExtendedProperties=[{"Name": "UserAgent", "Value": "Mozilla/5.0"}],
        ),
        {
            "event.outcome": "success",
            "source.ip": "2001:db8::7",
            "user_agent.original": "Mozilla/5.0",
        },
    ),
    ParserExample(
        _build_example_json(
            "New-InboxRule",
            ResultStatus="True",
            Parameters=[
                {"Name": "Name", "Value": ".."},
                {"Name": "ForwardTo", "Value": "smtp:Drop@Elsewhere.example"},
                {"Name": "DeleteMessage", "Value": "True"},
            ],
        ),
        {
            "event.category": ["email", "configuration"],
            "breach.mailbox.forward_to": ["drop@elsewhere.example"],
            "breach.mailbox.delete_message": True,
            "breach.mail.forward_external": True,
            "rule.name": "..",
        },
    ),
    ParserExample(
        _build_example_json(
            "FileDownloaded",
            Workload="SharePoint",
            ObjectId="https://contoso.sharepoint.example/hr/pay.xlsx",
            SourceFileName="pay.xlsx",
            FileSizeBytes=52_100,
        ),
        {"event.category": ["file"], "file.size": 52_100, "file.name": "pay.xlsx"},
    ),
    ParserExample(
        _build_example_json(
            "DLPRuleMatch",
            UserId="DlpAgent",
            SharePointMetaData={"From": "Jo@Contoso.example", "FileName": "pay.xlsx"},
            PolicyDetails=[
                {
                    "PolicyName": "Cards",
                    "Rules": [
                        {
                            "RuleId": "r1",
                            "RuleName": "Low volume",
                            "Severity": "High",
                            "Actions": ["BlockAccess"],
                            "ConditionsMatched": {
                                "SensitiveInformation": [
                                    {
                                        "SensitiveType": "50842eb7-edc8-4019-85dd-5a5c1f2bb085",
                                        "Count": 9,
                                        "Confidence": 85,
                                    }
                                ]
                            },
                        }
                    ],
                }
            ],
        ),
        {
            "event.kind": "alert",
            "event.action": "DlpRuleMatch",
            "event.outcome": "failure",
            "event.severity": 4,
            "user.name": "jo@contoso.example",
            "rule.name": ["Low volume"],
            "breach.dlp.sensitive_types": [
                {
                    "id": "50842eb7-edc8-4019-85dd-5a5c1f2bb085",
                    "name": "Credit Card Number",
                    "count": 9,
                    "confidence": 85,
                }
            ],
        },
    ),
    ParserExample(
        _build_powershell_row(_REFUSED),
        _REFUSED_EXPECTED,
    ),
    ParserExample(
        _build_example_json(
            "FileDownloaded",
            Workload="OneDrive",
            UserId="urn:spo:guest#Eve@Fabrikam.example",
            ClientIP="2001:db8::7",
            ObjectId="https://contoso.sharepoint.example/hr/pay.xlsx",
        ),
        {
            "user.name": "eve@fabrikam.example",
            "user.email": "eve@fabrikam.example",
            "source.ip": "2001:db8::7",
            "url.path": "/hr/pay.xlsx",
        },
    ),
    ParserExample(
        _build_example_json(
            "UserLoggedIn",
            **_SIGN_IN,
            UserId="eve_fabrikam.example#EXT#@contoso.onmicrosoft.example",
        ),
        {"user.name": "eve@fabrikam.example", "event.outcome": "success"},
    ),
    ParserExample(
        _build_example_json(
            "AlertEntityGenerated",
            RecordType=40,
            UserId="SecurityComplianceAlerts",
            AlertEntityId="https://phish.example/a?b=1",
            Name="A potentially malicious URL click was detected",
            Severity="High",
            Data='{"etype":"MaliciousUrl","trc":"Jo@Contoso.example","eid":"https://phish.example/a"}',
        ),
        {
            "event.kind": "alert",
            "event.severity": 4,
            "user.name": "jo@contoso.example",
            "url.original": "https://phish.example/a?b=1",
            "url.path": "/a",
        },
    ),
    ParserExample(
        _build_example_json(
            "FileUploadedToCloud",
            Workload="Endpoint",
            RecordType=63,
            ObjectId="C:\\Users\\jo\\pay.xlsx",
            DeviceName="PC-7",
            TargetDomain="drive.example",
            EnforcementMode=4,
        ),
        {
            "event.outcome": "failure",
            "file.name": "pay.xlsx",
            "host.name": "pc-7",
            "destination.domain": "drive.example",
        },
    ),
)
