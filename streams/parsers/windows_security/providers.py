"""Read events of providers that name their data in their own way: Federation Services, in an XML
document inside the event, and SQL Server, in the order of its text."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping

from schemas.pipeline.event import Value
from streams.tokenizers import directory_names, json_records

_ELEMENT = re.compile(r"<([A-Za-z]{2,40})>([^<]{1,4096})</")
_ADDRESSES = ("ForwardedIpAddress", "IpAddress", "ProxyIpAddress")
_TEXTS = (
    ("event.reason", "FailureType"),
    ("error.code", "ErrorCode"),
    ("user_agent.original", "UserAgentString"),
    ("service.name", "RelyingParty"),
    ("network.application", "AuthProtocol"),
    ("breach.auth.method", "PrimaryAuth"),
    ("url.path", "Endpoint"),
)
_UNSAID = frozenset({"", "N/A", "None"})
_CLIENT = re.compile(r" ?\[CLIENT: ([^\]]{1,64})\]")
FEDERATION = "ad fs auditing"
DATABASE = "mssql"
"""How the provider of an instance of SQL Server begins (`MSSQLSERVER`, `MSSQL$NAME`)."""


def put_provided(fields: dict[str, Value], provider: str, data: Mapping[str, str]) -> None:
    """Set what only this provider's events say."""
    if provider == FEDERATION:
        _put_audit(fields, data)
    elif provider.startswith(DATABASE):
        _put_login(fields, data)


def _put_login(fields: dict[str, Value], data: Mapping[str, str]) -> None:
    """Set the login, the reason and the client of SQL Server; the login is what somebody typed."""
    directory_names.put_person(fields, data.get("param1", ""))
    client = next((m for m in map(_CLIENT.fullmatch, data.values()) if m is not None), None)
    if client is not None:
        json_records.put_client(fields, [client[1].strip("<>")])
    reason = data.get("param2", "").strip()
    if reason.startswith("Reason: "):
        fields["event.reason"] = reason[8:]


def _put_audit(fields: dict[str, Value], data: Mapping[str, str]) -> None:
    """Set who signed in, from where, and why it was refused."""
    document = next((text for text in data.values() if "<AuditBase" in text[:300]), None)
    if document is None:
        return
    elements: dict[str, str] = {}
    for name, text in _ELEMENT.findall(document):
        elements.setdefault(name, html.unescape(text).strip())
    directory_names.put_person(fields, elements.get("UserId", ""))
    several = [each.strip() for key in _ADDRESSES for each in elements.get(key, "").split(",")]
    json_records.put_client(fields, several)
    for field, key in _TEXTS:
        if elements.get(key, "") not in _UNSAID:
            fields[field] = elements[key]
