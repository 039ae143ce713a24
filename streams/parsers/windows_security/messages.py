"""Read the text that Windows renders for people (`Subject: Security ID: … Account Name: …`), whose
line breaks a relay may have made blanks."""

from __future__ import annotations

import re
from collections.abc import Iterator

TITLES = {
    "An account was successfully logged on.": 4624,
    "An account failed to log on.": 4625,
    "An account was logged off.": 4634,
    "User initiated logoff:": 4647,
    "A logon was attempted using explicit credentials.": 4648,
    "Special privileges assigned to new logon.": 4672,
    "A new process has been created.": 4688,
    "A process has exited.": 4689,
    "A user account was created.": 4720,
    "A user account was enabled.": 4722,
    "An attempt was made to change an account's password.": 4723,
    "An attempt was made to reset an account's password.": 4724,
    "A user account was disabled.": 4725,
    "A user account was deleted.": 4726,
    "A member was added to a security-enabled global group.": 4728,
    "A member was removed from a security-enabled global group.": 4729,
    "A member was added to a security-enabled local group.": 4732,
    "A member was removed from a security-enabled local group.": 4733,
    "A user account was changed.": 4738,
    "A user account was locked out.": 4740,
    "A member was added to a security-enabled universal group.": 4756,
    "A user account was unlocked.": 4767,
    "A Kerberos authentication ticket (TGT) was requested.": 4768,
    "A Kerberos service ticket was requested.": 4769,
    "A Kerberos service ticket was renewed.": 4770,
    "Kerberos pre-authentication failed.": 4771,
    "The computer attempted to validate the credentials for an account.": 4776,
    "The domain controller attempted to validate the credentials for an account.": 4776,
    "The domain controller failed to validate the credentials for an account.": 4777,
    "A session was reconnected to a Window Station.": 4778,
    "A session was disconnected from a Window Station.": 4779,
    "The audit log was cleared.": 1102,
    "A network share object was accessed.": 5140,
    "A network share object was checked to see whether client can be granted desired access.": 5145,
    "A service was installed in the system.": 7045,
}
"""How the text of an event begins, and its number."""
_SUBJECT, _TARGET, _NETWORK, _OTHER = "subject", "target", "network", "other"
_SECTIONS = {
    "Subject": _SUBJECT,
    "User": _SUBJECT,
    "Account For Which Logon Failed": _TARGET,
    "New Logon": _TARGET,
    "Target Account": _TARGET,
    "New Account": _TARGET,
    "Target Subject": _TARGET,
    "Account Information": _TARGET,
    "Account That Was Locked Out": _TARGET,
    "Account Whose Credentials Were Used": _TARGET,
    "Network Information": _NETWORK,
    "Additional Information": _OTHER,
    "Failure Information": _OTHER,
    "Logon Information": _OTHER,
    "Process Information": _OTHER,
    "Service Information": _OTHER,
    "Detailed Authentication Information": _OTHER,
    "Ticket Information": _OTHER,
    "Share Information": _OTHER,
    "Access Request Information": _OTHER,
    "Target Server": _OTHER,
    "Session": _OTHER,
    "Group": "group",
    "Member": "member",
    "Attributes": _OTHER,
    "Changed Attributes": _OTHER,
    "Certificate Information": _OTHER,
    "Object": _OTHER,
    "Process": _OTHER,
    "Service": _OTHER,
    "Requested Operation": _OTHER,
    "Service Request Information": _OTHER,
    "Creator Subject": _SUBJECT,
}
_ACCOUNTS = {
    ("Account Name", _SUBJECT): "SubjectUserName",
    ("Account Domain", _SUBJECT): "SubjectDomainName",
    ("Domain Name", _SUBJECT): "SubjectDomainName",
    ("Security ID", _SUBJECT): "SubjectUserSid",
    ("Logon ID", _SUBJECT): "SubjectLogonId",
    ("Account Name", _TARGET): "TargetUserName",
    ("Account Domain", _TARGET): "TargetDomainName",
    ("Supplied Realm Name", _TARGET): "TargetDomainName",
    ("Security ID", _TARGET): "TargetUserSid",
    ("User ID", _TARGET): "TargetUserSid",
    ("Logon ID", _TARGET): "TargetLogonId",
    ("Account Name", "member"): "MemberName",
    ("Security ID", "member"): "MemberSid",
    ("Group Name", "group"): "GroupName",
    ("Account Name", "group"): "GroupName",
    ("Group Domain", "group"): "GroupDomain",
    ("Account Name", _NETWORK): "AccountName",
}
_LABELS = {
    "Logon Account": "TargetUserName",
    "Logon account": "TargetUserName",
    "Source Workstation": "Workstation",
    "Error Code": "Status",
    "Failure Code": "Status",
    "Result Code": "Status",
    "Status": "Status",
    "Sub Status": "SubStatus",
    "Failure Reason": "FailureReason",
    "Logon Type": "LogonType",
    "Logon Process": "LogonProcessName",
    "Authentication Package": "AuthenticationPackageName",
    "Package Name (NTLM only)": "LmPackageName",
    "Caller Computer Name": "CallerComputerName",
    "Workstation Name": "WorkstationName",
    "Source Network Address": "IpAddress",
    "Client Address": "IpAddress",
    "Source Address": "IpAddress",
    "Network Address": "IpAddress",
    "Source Port": "IpPort",
    "Client Port": "IpPort",
    "Port": "IpPort",
    "Client Name": "ClientName",
    "Session Name": "SessionName",
    "Target Server Name": "TargetServerName",
    "Process Name": "ProcessName",
    "Process ID": "ProcessId",
    "Caller Process Name": "ProcessName",
    "Caller Process ID": "ProcessId",
    "New Process Name": "NewProcessName",
    "New Process ID": "NewProcessId",
    "Creator Process Name": "ParentProcessName",
    "Creator Process ID": "ParentProcessId",
    "Process Command Line": "CommandLine",
    "Service Name": "ServiceName",
    "Service ID": "ServiceSid",
    "Service File Name": "ImagePath",
    "Share Name": "ShareName",
    "Share Path": "ShareLocalPath",
    "Relative Target Name": "RelativeTargetName",
    "Object Type": "ObjectType",
    "Object Name": "ObjectName",
    "Pre-Authentication Type": "PreAuthType",
    "Ticket Encryption Type": "TicketEncryptionType",
    "Ticket Options": "TicketOptions",
}
_LAST = frozenset({"IpAddress", "IpPort", "Status", "SubStatus", "FailureReason"})
"""What Windows writes behind all that a stranger may type: the last of several is its own."""
_SILENT = (
    *(
        "Logon GUID",
        "Transited Services",
        "Key Length",
        "Impersonation Level",
        "Restricted Admin Mode",
    ),
    *("Virtual Account", "Elevated Token", "Linked Logon ID", "Network Account Name"),
    *("Network Account Domain", "Token Elevation Type", "Mandatory Label", "Privileges"),
    *("Additional Info", "SAM Account Name", "Display Name", "User Principal Name", "Accesses"),
    *("Access Mask", "Access Check Results", "Group Domain", "Service Type"),
    *(
        "Service Start Type",
        "Service Account",
        "Certificate Issuer Name",
        "Remote Credential Guard",
    ),
    *("Certificate Serial Number", "Certificate Thumbprint", "Exit Status", "Object Handle"),
    *("Object Server", "Server", "Handle ID", "Desired Access", "Transaction ID"),
)
_KNOWN = sorted(
    {*_SECTIONS, *_LABELS, *_SILENT, *(label for label, _ in _ACCOUNTS)}, key=len, reverse=True
)
_LABEL = re.compile(rf"(?<![^\s])({'|'.join(map(re.escape, _KNOWN))}):(?=\s|\Z)")
_ONLY_ACCOUNT = re.compile(r"(?<!\S)Account Name: ?([^\s:]{1,256})(?!\S)")
"""The account of a text whose headings a sender left out."""
_END = re.compile(r"[\t\r\n]|\s\s")
_LONGEST = 4096


def find_title(text: str, limit: int = 600) -> tuple[int, int] | None:
    """Return the number of the event whose title stands first in the text's beginning, and where."""
    head = text[:limit]
    places = [(head.find(title.rstrip(".:")), code) for title, code in TITLES.items()]
    first = min(((at, code) for at, code in places if at >= 0), default=None)
    return None if first is None else (first[1], first[0])


def parse_message(text: str) -> dict[str, str]:
    """Parse the labels of a rendered text to Windows's own names of its data."""
    data: dict[str, str] = {}
    for name, value in _list_values(text):
        if name in _LAST:
            data[name] = value
        else:
            data.setdefault(name, value)
    if not any(name.endswith("UserName") for name in data):
        accounts = _ONLY_ACCOUNT.findall(text)
        if len(accounts) == 1:
            data["TargetUserName"] = accounts[0]
    return data


def _list_values(text: str) -> Iterator[tuple[str, str]]:
    section = _OTHER
    past_sections: set[str] = set()
    matches = list(_LABEL.finditer(text))
    for number, match in enumerate(matches):
        end = matches[number + 1].start() if number + 1 < len(matches) else len(text)
        value = text[match.end() : end].strip()
        label = match[1]
        if not value and label in _SECTIONS:
            if label not in past_sections:
                past_sections.add(label)
                section = _SECTIONS[label]
            continue
        name = _ACCOUNTS.get((label, section)) or _LABELS.get(label)
        if name is not None:
            yield name, _END.split(value[:_LONGEST], maxsplit=1)[0].strip()
