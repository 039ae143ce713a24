"""Microsoft 365 audit records as the Management Activity API gives them, one JSON a line.

Field names and shapes: Office 365 Management Activity API schema (Microsoft Learn). Traps that are
real: a failed sign-in may say ResultStatus `Success`, CreationTime has no zone and is UTC, ClientIP
may carry a port, one user is spelt in two cases.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from breachdesk.demo.provider import DemoFirm, compute_uuid

PORTAL = "4345a7b9-9a63-4910-a426-35363201d503"
BROWSER = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0"
)
CARD = "50842eb7-edc8-4019-85dd-5a5c1f2bb085"
"""Microsoft's id of the sensitive information type Credit Card Number."""


def _format_record(firm: DemoFirm, at: datetime, user: str, operation: str, **more: Any) -> str:
    record = {
        "CreationTime": f"{at:%Y-%m-%dT%H:%M:%S}",
        "Id": compute_uuid(firm.id, at.isoformat(), user, operation, more.get("ObjectId", "")),
        "Operation": operation,
        "OrganizationId": firm.tenant,
        "UserId": user,
        "Version": 1,
    }
    return json.dumps(record | more, separators=(",", ":"))


def format_sign_in(
    firm: DemoFirm, at: datetime, user: str, address: str, *, factors: int = 2
) -> str:
    """Format a successful sign-in to the web portal."""
    method = "1" if factors == 1 else "16457"
    return _format_sign_in_record(
        firm, at, user, "UserLoggedIn", address, "0", method, ResultStatus="Success"
    )


def format_failed_sign_in(
    firm: DemoFirm, at: datetime, user: str, address: str, error: str = "50126"
) -> str:
    """Format a refused sign-in; 50126 is a wrong password, 50058 only an ended session."""
    errors = {"50126": "InvalidUserNameOrPassword", "50058": "UserInformationNotProvided"}
    status = "Success" if at.second % 3 else "Failed"
    return _format_sign_in_record(
        firm,
        at,
        user,
        "UserLoginFailed",
        address,
        error,
        "1",
        ResultStatus=status,
        LogonError=errors[error],
    )


def _format_sign_in_record(
    firm: DemoFirm,
    at: datetime,
    user: str,
    operation: str,
    address: str,
    error: str,
    method: str,
    **more: Any,
) -> str:
    key = compute_uuid("user", user)
    return _format_record(
        firm,
        at,
        user,
        operation,
        RecordType=15,
        UserKey=key,
        UserType=0,
        Workload="AzureActiveDirectory",
        ClientIP=address,
        ObjectId=PORTAL,
        AzureActiveDirectoryEventType=1,
        ExtendedProperties=[
            {"Name": "ResultStatusDetail", "Value": "Success" if error == "0" else "UserError"},
            {"Name": "UserAgent", "Value": BROWSER},
            {"Name": "UserAuthenticationMethod", "Value": method},
            {"Name": "RequestType", "Value": "Login:login"},
        ],
        ModifiedProperties=[],
        Actor=[{"ID": key, "Type": 0}, {"ID": user, "Type": 5}],
        ActorContextId=firm.tenant,
        ActorIpAddress=address,
        Target=[{"ID": PORTAL, "Type": 0}],
        TargetContextId=firm.tenant,
        ApplicationId=PORTAL,
        DeviceProperties=[
            {"Name": "OS", "Value": "Windows10"},
            {"Name": "BrowserType", "Value": "Edge"},
            {"Name": "IsCompliantAndManaged", "Value": "False"},
        ],
        ErrorNumber=error,
        **more,
    )


def format_download(
    firm: DemoFirm, at: datetime, user: str, address: str, folder: str, name: str, size: int
) -> str:
    """Format the download of one file from SharePoint."""
    site = _build_site_address(firm)
    return _format_record(
        firm,
        at,
        user,
        "FileDownloaded",
        RecordType=6,
        UserKey=f"i:0h.f|membership|{compute_uuid('key', user)[:16]}@live.com",
        UserType=0,
        Workload="SharePoint",
        ClientIP=address,
        ObjectId=f"{site}{folder}/{name}",
        EventSource="SharePoint",
        ItemType="File",
        ListItemUniqueId=compute_uuid("item", firm.id, folder, name),
        Site=compute_uuid("site", firm.id),
        UserAgent=BROWSER,
        SourceFileExtension=name.rpartition(".")[2],
        SiteUrl=site,
        SourceFileName=name,
        SourceRelativeUrl=folder,
        FileSizeBytes=size,
    )


def format_inbox_rule(
    firm: DemoFirm, at: datetime, user: str, address: str, forward_to: str
) -> str:
    """Format New-InboxRule with the least conspicuous name there is."""
    parameters = {
        "AlwaysDeleteOutlookRulesBlob": "False",
        "Force": "False",
        "ForwardTo": forward_to,
        "Name": ".",
        "StopProcessingRules": "True",
    }
    return _format_record(
        firm,
        at,
        user.title(),
        "New-InboxRule",
        RecordType=1,
        ResultStatus="True",
        UserKey=compute_uuid("user", user),
        UserType=2,
        Workload="Exchange",
        ClientIP=f"{address}:49712",
        ObjectId=f"{user}\\.",
        ExternalAccess=False,
        OrganizationName=firm.domain,
        OriginatingServer="LO2P123MB0001 (15.20.9388.016)",
        Parameters=[{"Name": name, "Value": value} for name, value in parameters.items()],
    )


def format_dlp_match(
    firm: DemoFirm,
    at: datetime,
    user: str,
    folder: str,
    name: str,
    *,
    cards: int,
    severity: str = "High",
    undo: bool = False,
) -> str:
    """Format a data loss prevention match on card numbers in a file, or its undoing."""
    site = _build_site_address(firm)
    return _format_record(
        firm,
        at,
        "DlpAgent",
        "DlpRuleUndo" if undo else "DLPRuleMatch",
        RecordType=11,
        UserKey="DlpAgent",
        UserType=4,
        Workload="SharePoint",
        ObjectId=f"{site}{folder}/{name}",
        IncidentId=compute_uuid("incident", firm.id, name),
        PolicyDetails=[_build_policy(firm, cards, severity)],
        SensitiveInfoDetectionIsIncluded=False,
        SharePointMetaData={
            "FileID": compute_uuid("item", firm.id, folder, name),
            "FileName": name,
            "FileOwner": firm.holder,
            "FilePathUrl": f"{site}{folder}/{name}",
            "FileSize": 48_000,
            "From": user,
            "IsViewableByExternalUsers": False,
            "SiteCollectionUrl": site,
        },
    )


def _build_policy(firm: DemoFirm, cards: int, severity: str) -> dict[str, Any]:
    match = {"Confidence": 85, "Count": cards, "Location": "Content", "SensitiveType": CARD}
    rule = {
        "Actions": ["NotifyUser", "GenerateAlert"],
        "ConditionsMatched": {"ConditionMatchedInNewScheme": True, "SensitiveInformation": [match]},
        "RuleId": compute_uuid("rule", firm.id),
        "RuleMode": "Enable",
        "RuleName": "Card numbers",
        "Severity": severity,
    }
    return {
        "PolicyId": compute_uuid("policy", firm.id),
        "PolicyName": "U.K. Financial Data",
        "Rules": [rule],
    }


def _build_site_address(firm: DemoFirm) -> str:
    return f"https://{firm.id.replace('-', '')}.sharepoint.example/sites/office/"
