"""Read events of Windows 2003 and XP: their numbers lie 4096 below those of today, their texts have
labels without sections, and their titles end with a colon."""

from __future__ import annotations

import re

_OFFSET = 4096
_FIRST, _LAST_NUMBER = 512, 683
_OTHERWISE = {
    517: 1102,
    **dict.fromkeys((530, 531, 532, 533, 534, 535, 536, 537, 539), 4625),
    540: 4624,
    676: 4768,
    677: 4769,
}
"""Numbers whose successor tells it under another one: `540` was the sign-in over the network."""
_BY_SUBJECT = frozenset({552, 576, 577, 578, 592, 593})
_BY_ACCOUNT = frozenset({682, 683})
"""Events whose `User Name` is today's `SubjectUserName`, or `AccountName`."""
_LABELS = {
    "User Name": "TargetUserName",
    "Logon account": "TargetUserName",
    "Target Account Name": "TargetUserName",
    "New Account Name": "TargetUserName",
    "Domain": "TargetDomainName",
    "Target User Name": "CredentialUserName",
    "Target Domain": "TargetDomainName",
    "New Domain": "TargetDomainName",
    "Supplied Realm Name": "TargetDomainName",
    "User Domain": "TargetDomainName",
    "Target Account ID": "TargetSid",
    "Caller User Name": "SubjectUserName",
    "Caller Domain": "SubjectDomainName",
    "Primary User Name": "SubjectUserName",
    "Primary Domain": "SubjectDomainName",
    "Client User Name": "SubjectUserName",
    "Member Name": "MemberName",
    "Member ID": "MemberSid",
    "Logon Type": "LogonType",
    "Logon Process": "LogonProcessName",
    "Authentication Package": "AuthenticationPackageName",
    "Reason": "FailureReason",
    "Error Code": "Status",
    "Failure Code": "Status",
    "Result Code": "Status",
    "Status code": "Status",
    "Substatus code": "SubStatus",
    "Workstation Name": "WorkstationName",
    "Source Workstation": "Workstation",
    "Caller Machine Name": "CallerComputerName",
    "Client Name": "ClientName",
    "Client Address": "IpAddress",
    "Source Network Address": "IpAddress",
    "Source Port": "IpPort",
    "Service Name": "ServiceName",
    "Target Server Name": "TargetServerName",
    "New Process ID": "NewProcessId",
    "Image File Name": "NewProcessName",
    "Creator Process ID": "ParentProcessId",
    "Caller Process ID": "ProcessId",
}
_SILENT = (
    *("Logon ID", "Logon GUID", "Caller Logon ID", "Transited Services", "User ID", "Service ID"),
    *("Pre-Authentication Type", "Ticket Options", "Ticket Encryption Type", "Privileges"),
    *("Target Account", "Session Name", "Primary Logon ID", "Client Logon ID", "Client Domain"),
    *("Changed Attributes", "Sam Account Name", "Display Name", "User Principal Name"),
    *("Certificate Issuer Name", "Certificate Serial Number", "Certificate Thumbprint", "Service"),
    *("Logged on user", "User whose credentials were used", "Target Server Info", "Client Port"),
)
_LAST = frozenset({"IpAddress", "IpPort", "Status", "SubStatus"})
"""What Windows writes behind all that a stranger may type."""
_LABEL = re.compile(
    rf"(?<!\S)({'|'.join(map(re.escape, sorted({*_LABELS, *_SILENT}, key=len, reverse=True)))}):"
    r"(?=\s|\Z)"
)
_END = re.compile(r"[\t\r\n]|\s\s")
_LONGEST = 1024


def find_successor(code: int, provider: str) -> int | None:
    """Return the number under which Windows tells it today; None: it is no event of Windows 2003's
    audit."""
    if not _FIRST <= code <= _LAST_NUMBER or provider.casefold() != "security":
        return None
    return _OTHERWISE.get(code, code + _OFFSET)


def parse_text(code: int, text: str) -> dict[str, str]:
    """Parse the labels of an event's text to the names that Windows gives its data today."""
    data: dict[str, str] = {}
    matches = list(_LABEL.finditer(text))
    for number, match in enumerate(matches):
        end = matches[number + 1].start() if number + 1 < len(matches) else len(text)
        name = _LABELS.get(match[1])
        value = _END.split(text[match.end() : end].strip()[:_LONGEST], maxsplit=1)[0].strip()
        if name is not None and value and (name in _LAST or name not in data):
            data[name] = value
    role = "Subject" if code in _BY_SUBJECT else "Account" if code in _BY_ACCOUNT else None
    if role is not None and "TargetUserName" in data:
        names = ("UserName", "DomainName") if role == "Subject" else ("Name", "Domain")
        for name, former in zip(names, ("TargetUserName", "TargetDomainName"), strict=True):
            if former in data:
                data[role + name] = data.pop(former)
    if "CredentialUserName" in data:
        data["TargetUserName"] = data.pop("CredentialUserName")
    return data
