"""Parse Entra ID's sign-ins, directory audits and risks: Graph's JSON, diagnostic settings' JSON
(Event Hub, storage), and rows of Log Analytics as JSON."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import ParsedEvent, Parser, ParserExample, SourceLine
from streams.parsers.microsoft_entra import acts
from streams.tokenizers import device_stamps, json_lines
from streams.tokenizers.json_lines import to_mapping, to_word

_Fields = dict[str, Value]
_Record = Mapping[str, Value]
_SIGN_INS = frozenset(
    {
        *("signinlogs", "noninteractiveusersigninlogs", "serviceprincipalsigninlogs"),
        *("managedidentitysigninlogs", "adfssigninlogs", "microsoftserviceprincipalsigninlogs"),
        *("aadnoninteractiveusersigninlogs", "aadserviceprincipalsigninlogs"),
        *("aadmanagedidentitysigninlogs", "b2crequestlogs"),
    }
)
_AUDITS = frozenset({"auditlogs", "provisioninglogs", "aadprovisioninglogs"})
_RISKS = frozenset(
    {
        *("riskyusers", "userriskevents", "riskyserviceprincipals", "aadriskyusers"),
        *("serviceprincipalriskevents", "aaduserriskevents", "aadriskyserviceprincipals"),
    }
)
_AUDIT_NAMES = frozenset({"activityDisplayName", "provisioningAction"})
_ROW = frozenset({"timeGenerated", "userPrincipalName", "resultType", "appDisplayName"})
"""Columns of a sign-in that a query of Log Analytics gives without its table's name."""
_CALLS = frozenset({"microsoftgraphactivitylogs"})
_STAMPS = (
    *("createdDateTime", "activityDateTime", "detectedDateTime", "riskLastUpdatedDateTime"),
    *("time", "timeGenerated"),
)


def _find_record(text: str) -> tuple[str, dict[str, Value]] | None:
    """Return the record's kind (`sign_in`, `audit`, `risk`, `call`) and its properties by their Graph
    names; None: it is no record of Entra ID."""
    if not json_lines.is_object_start(text):
        return None
    try:
        document = json_lines.unwrap(json_lines.read_shared_object(text), "ms-graph")
    except UnparseableRecord:
        return None
    outer = {name[:1].lower() + name[1:]: value for name, value in document.items()}
    inner = to_mapping(outer.get("properties"))
    category = to_word(outer.get("category") if inner else outer.get("type")).casefold()
    kind = _get_kind(category)
    if kind is not None and (inner or "tenantId" in outer or "timeGenerated" in outer):
        return kind, outer | {name[:1].lower() + name[1:]: value for name, value in inner.items()}
    kind = _get_graph_kind(outer)
    return None if kind is None else (kind, outer | inner)


def _get_kind(category: str) -> str | None:
    for kind, categories in _CATEGORIES:
        if category in categories:
            return kind
    return None


_CATEGORIES = (("sign_in", _SIGN_INS), ("audit", _AUDITS), ("risk", _RISKS), ("call", _CALLS))


def _get_graph_kind(record: _Record) -> str | None:
    if "createdDateTime" in record and "errorCode" in to_mapping(record.get("status")):
        return "sign_in"
    if "activityDateTime" in record and _AUDIT_NAMES & record.keys():
        return "audit"
    if record.get("operationName") == "Sign-in activity" and record.get("properties"):
        return "sign_in"
    if record.keys() >= _ROW:
        return "sign_in"
    if "riskState" in record and ("riskEventType" in record or "riskLastUpdatedDateTime" in record):
        return "risk"
    return None


def _can_parse(line: SourceLine) -> bool:
    return _find_record(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent:
    kind_and_record = _find_record(line.text)
    if kind_and_record is None:
        raise UnparseableRecord(
            "no record of Entra ID",
            place="microsoft_entra",
            remedy="Send sign-ins, audits and risks as Graph or a diagnostic setting writes them.",
        )
    kind, record = kind_and_record
    fields: _Fields = {"event.provider": "Microsoft Entra ID"}
    if tenant := to_word(record.get("tenantId") or record.get("homeTenantId")):
        fields["cloud.account.id"] = tenant
    acts.PUTS[kind](fields, record)
    texts = [to_word(record.get(name)) for name in _STAMPS]
    times = (device_stamps.parse_stamp(text, line.arrived, line.zone) for text in texts if text)
    return ParsedEvent(
        next((time for time in times if time is not None), None),
        fields,
        id=to_word(record.get("id")) or None,
    )


_SIGN_IN: dict[str, Value] = {
    "id": "6f1c7a52-0002-4a3e-9b5e-000000000001",
    "createdDateTime": "2026-11-22T01:06:15Z",
    "userPrincipalName": "Jo@Contoso.example",
    "userId": "0b1c",
    "appDisplayName": "Office 365",
    "clientAppUsed": "Browser",
    "ipAddress": "198.51.100.7",
    "userAgent": "Mozilla/5.0",
    "authenticationRequirement": "multiFactorAuthentication",
    "riskLevelDuringSignIn": "medium",
    "status": {"errorCode": 0, "failureReason": "Other."},
}
_REFUSED = _SIGN_IN | {
    "ipAddress": "2001:DB8::7",
    "status": {"errorCode": 50126, "failureReason": "Invalid user name or password."},
}
_RISK: dict[str, Value] = {
    "detectedDateTime": "2026-11-22T01:06:15Z",
    "riskEventType": "unfamiliarFeatures",
    "riskState": "atRisk",
    "riskLevel": "low",
    "riskDetail": "none",
    "ipAddress": "192.0.2.1",
    "userPrincipalName": "Jo@contoso.example",
    "additionalInfo": '[{"Key":"userAgent","Value":"Mozilla/5.0"},{"Key":"alertUrl","Value":null}]',
}
_CALL: dict[str, Value] = {
    "requestMethod": "GET",
    "responseStatusCode": 403,
    "userId": "0b1c",
    "ipAddress": "198.51.100.7",
    "userAgent": "MruService/16.0",
    "requestUri": "https://graph.microsoft.com/v1.0/me/teamwork",
}
_MEMBER: dict[str, Value] = {
    "activityDateTime": "2026-11-22T01:06:15Z",
    "activityDisplayName": "Add member to group",
    "result": "success",
    "initiatedBy": {
        "user": {
            "userPrincipalName": "Eve@contoso.example",
            "displayName": "Eve Day",
            "ipAddress": None,
        }
    },
    "additionalDetails": [{"key": "ipaddr", "value": "198.51.100.40"}],
    "targetResources": [
        {
            "type": "User",
            "userPrincipalName": "Jo@contoso.example",
            "id": "7",
            "modifiedProperties": [
                {"displayName": "Group.ObjectID", "oldValue": None, "newValue": '"g4"'},
                {"displayName": "Group.DisplayName", "oldValue": None, "newValue": '"Admins"'},
            ],
        },
        {"type": "Group", "id": "g4", "displayName": None},
    ],
}
_AUDIT: dict[str, Value] = {
    "activityDateTime": "2026-11-22T01:06:15Z",
    "activityDisplayName": "Reset user password",
    "result": "success",
    "initiatedBy": {"user": {"userPrincipalName": "Eve@contoso.example", "ipAddress": "192.0.2.9"}},
    "targetResources": [{"type": "User", "userPrincipalName": "Jo@contoso.example", "id": "7"}],
}


def _build(category: str, properties: dict[str, Value], **more: Value) -> str:
    record = {
        "time": "2026-11-22T01:06:16Z",
        "tenantId": "0fbd3c1e-1111-4222-8333-444455556666",
        "category": category,
        "operationName": "Sign-in activity",
        "properties": properties,
        **more,
    }
    return orjson.dumps(record).decode()


PARSER = Parser(
    id="microsoft_entra",
    title="Microsoft Entra ID sign-ins, audits and risks (Graph, diagnostic settings)",
    hints=(
        *(b'"createdDateTime"', b'SignInLogs"', b'"AuditLogs"', b'"activityDisplayName"'),
        *(b'"ResultType"', b'"provisioningAction"', b'"Sign-in activity"'),
        *(b'"ActivityDisplayName"', b'"CreatedDateTime"', b'"SigninLogs"', b'"riskState"'),
        *(
            b'"RiskState"',
            b'"RiskyUsers"',
            b'RiskEvents"',
            b'"ProvisioningLogs"',
            b'"B2CRequestLogs"',
            b'"MicrosoftGraphActivityLogs"',
        ),
    ),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://learn.microsoft.com/graph/api/resources/signin",
        "https://learn.microsoft.com/graph/api/resources/directoryaudit",
        "https://learn.microsoft.com/entra/identity/monitoring-health/concept-diagnostic-settings-logs-options",
    ),
    examples=(
        ParserExample(
            orjson.dumps(_SIGN_IN).decode(),
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.outcome": "success",
                "user.name": "jo@contoso.example",
                "source.ip": "198.51.100.7",
                "service.name": "Office 365",
                "breach.auth.mfa": True,
                "breach.auth.risk": "medium",
            },
        ),
        ParserExample(
            _build("SignInLogs", _REFUSED),
            {
                "event.outcome": "failure",
                "event.code": "50126",
                "event.reason": "Invalid user name or password.",
                "source.ip": "2001:db8::7",
                "cloud.account.id": "0fbd3c1e-1111-4222-8333-444455556666",
            },
        ),
        ParserExample(
            _build("NonInteractiveUserSignInLogs", _SIGN_IN | {"status": {"errorCode": 50140}}),
            {"event.outcome": "unknown", "event.action": "sign-in-interrupted"},
        ),
        ParserExample(
            _build(
                "ServicePrincipalSignInLogs",
                {
                    "createdDateTime": "2026-11-22T01:06:15Z",
                    "servicePrincipalName": "Backup-App",
                    "servicePrincipalId": "22aa",
                    "userPrincipalName": "",
                    "status": {"errorCode": 7000222},
                },
                callerIpAddress="203.0.113.9",
            ),
            {
                "event.outcome": "failure",
                "user.name": "backup-app",
                "user.id": "22aa",
                "source.ip": "203.0.113.9",
            },
        ),
        ParserExample(
            orjson.dumps(_AUDIT).decode(),
            {
                "event.category": ["iam"],
                "event.action": "Reset user password",
                "user.name": "eve@contoso.example",
                "user.target.name": "jo@contoso.example",
                "source.ip": "192.0.2.9",
            },
        ),
        ParserExample(
            _build(
                "RiskyUsers",
                {
                    "userPrincipalName": "jo@contoso.example",
                    "riskState": "atRisk",
                    "riskLevel": "high",
                    "riskLastUpdatedDateTime": "2026-11-22T01:06:15Z",
                },
            ),
            {"event.kind": "alert", "event.severity": 4, "user.name": "jo@contoso.example"},
        ),
        ParserExample(
            orjson.dumps(
                {
                    "TimeGenerated": "2026-11-22T01:06:15Z",
                    "Type": "SigninLogs",
                    "UserPrincipalName": "Jo@contoso.example",
                    "ResultType": "50053",
                    "IPAddress": "192.0.2.1",
                    "ResultDescription": 'Locked" src="192.0.2.66',
                }
            ).decode(),
            {"event.outcome": "failure", "source.ip": "192.0.2.1", "event.code": "50053"},
        ),
        ParserExample(
            orjson.dumps(_RISK).decode(),
            {
                "event.reason": "unfamiliarFeatures",
                "breach.auth.risk": "low",
                "user_agent.original": "Mozilla/5.0",
                "source.ip": "192.0.2.1",
            },
        ),
        ParserExample(
            _build("MicrosoftGraphActivityLogs", _CALL),
            {
                "event.category": ["api"],
                "event.outcome": "failure",
                "http.response.status_code": 403,
                "url.path": "/v1.0/me/teamwork",
                "user.id": "0b1c",
                "source.ip": "198.51.100.7",
            },
        ),
        ParserExample(
            orjson.dumps(_MEMBER).decode(),
            {
                "source.ip": "198.51.100.40",
                "user.full_name": "Eve Day",
                "user.target.name": "jo@contoso.example",
                "group.id": "g4",
                "group.name": "Admins",
            },
        ),
        ParserExample(
            _build(
                "MicrosoftServicePrincipalSignInLogs",
                {
                    "userPrincipalName": "",
                    "servicePrincipalName": "Exchange",
                    "servicePrincipalId": "sp1",
                    "signInIdentifier": "Jo@contoso.example",
                    "ipAddress": "192.0.2.1",
                },
                resultType="50053",
            ),
            {"event.outcome": "failure", "user.name": "jo@contoso.example", "user.id": None},
        ),
    ),
)
