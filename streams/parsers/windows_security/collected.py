"""Read Windows events that ArcSight's connectors collect and write as CEF: their number stands in
the header, their accounts and addresses under the keys of the specification."""

from __future__ import annotations

import re
from collections.abc import Mapping

from streams.tokenizers import cef

_CODE = re.compile(r"(?:Microsoft-Windows-)?Security(?:-Auditing)?:([0-9]{3,4})")
_VALIDATION = "Auditing:4776|"
_STATUS = re.compile(r"0x[0-9A-Fa-f]{1,8}")
_KEYS = {
    "suser": "SubjectUserName",
    "sntdom": "SubjectDomainName",
    "duser": "TargetUserName",
    "dntdom": "TargetDomainName",
    "src": "IpAddress",
    "spt": "IpPort",
    "shost": "WorkstationName",
    "destinationServiceName": "ServiceName",
    "sproc": "ProcessName",
    "dproc": "NewProcessName",
}
_LABELS = {
    "client address": "IpAddress",
    "source network address": "IpAddress",
    "logontype": "LogonType",
    "logon type": "LogonType",
    "reason or error code": "Status",
    "status": "Status",
    "authentication package name": "AuthenticationPackageName",
    "group name": "GroupName",
    "member name": "MemberName",
}


def find_code(text: str) -> int | None:
    """Return the number of the Windows event in a CEF record; None: it is none."""
    header = cef.read_header(text) if "EF" in text[:8] else None
    match = None if header is None else _CODE.fullmatch(header.code)
    return None if match is None else int(match[1])


def read_data(text: str) -> tuple[dict[str, str], Mapping[str, str]]:
    """Read the event's data under Windows's names, and all keys of the record."""
    record = cef.read(text)
    if record is None:
        return {}, {}
    labelled = {key.casefold(): value for key, value in cef.list_labelled(record.fields).items()}
    data = {_LABELS[key]: value for key, value in labelled.items() if key in _LABELS}
    status = [v for k, v in labelled.items() if _STATUS.fullmatch(v) and "status" not in k]
    if "Status" not in data and _VALIDATION in text and len(status) == 1:
        data["Status"] = status[0]  # its label is in Windows's own language
    data |= {name: record.fields[key] for key, name in _KEYS.items() if record.fields.get(key)}
    return data, record.fields
