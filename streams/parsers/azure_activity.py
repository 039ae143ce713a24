"""Parse Azure's activity log: changes of subscriptions and their resources, as diagnostic settings
(Event Hub, storage) and the Monitor API write them."""

from __future__ import annotations

import re
from collections.abc import Mapping

import orjson

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import directory_names, json_lines, json_records
from streams.tokenizers.json_lines import to_mapping, to_word

_Record = Mapping[str, Value]
_CATEGORIES = frozenset({"administrative", "write", "delete", "action", "policy", "security"})
_OPERATION = re.compile(r"[A-Za-z]\w{1,60}(?:\.\w{1,60})+/[\w/.-]{1,300}")
_RESOURCE = re.compile(r"/(?:subscriptions|providers/microsoft\.management)/", re.IGNORECASE)
_CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
_RIGHTS = re.compile(
    r"microsoft\.authorization/(?:role|elevate|classicadmin|denyassign)|microsoft\.managedidentity/"
)
_VERBS = {"write": "change", "delete": "deletion", "read": "access"}
_OUTCOMES = {
    **dict.fromkeys(("success", "succeeded"), "success"),
    **dict.fromkeys(("failure", "failed", "denied", "unauthorized"), "failure"),
}
_NAMES = json_records.RecordNames(
    texts=(
        ("cloud.region", ("location",)),
        ("event.reason", ("resultDescription", "properties.statusMessage")),
        ("http.request.method", ("httpRequest.method",)),
    ),
    person=("caller",),
    clients=("callerIpAddress", "clientIpAddress", "httpRequest.clientIpAddress", "claims.ipaddr"),
    stamps=("eventTimestamp", "time"),
    acts=("eventDataId",),
)


def _get_value(record: _Record, name: str) -> str:
    """Return a text, which the API gives as an object with its value."""
    value = record.get(name)
    return to_word(to_mapping(value).get("value") if isinstance(value, dict) else value)


def _find_record(text: str) -> _Record | None:
    record = json_records.read_record(text)
    if record is None or _get_value(record, "category").casefold() not in _CATEGORIES:
        return None
    if _OPERATION.fullmatch(_get_value(record, "operationName")) is None:
        return None
    return record if _RESOURCE.match(to_word(record.get("resourceId"))) is not None else None


def _can_parse(line: SourceLine) -> bool:
    return _find_record(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent:
    record = _find_record(line.text)
    if record is None:
        raise UnparseableRecord(
            "no record of Azure's activity log",
            place="azure_activity",
            remedy="Send records as a diagnostic setting writes them, one JSON object each.",
        )
    operation = _get_value(record, "operationName")
    lowered = operation.casefold()
    verb = lowered.rpartition("/")[2]
    result = (to_word(record.get("resultType")) or _get_value(record, "status")).casefold()
    has_rights = _RIGHTS.match(lowered) is not None
    fields: dict[str, Value] = {
        "event.category": ["iam" if has_rights else "configuration"],
        "event.type": [_VERBS.get(verb, "change" if has_rights else "info")],
        "event.action": operation,
        "event.outcome": _OUTCOMES.get(result, "unknown"),
        "event.provider": "Azure Activity",
        "cloud.provider": "azure",
        "cloud.account.id": to_word(record.get("resourceId")).split("/")[2].casefold(),
    }
    event = json_records.build_event(fields, record, line, _NAMES)
    if fields["event.outcome"] != "failure":
        fields.pop("event.reason", None)
    if "user.name" not in fields:
        _put_claimed(fields, record)
    return event


def _put_claimed(fields: dict[str, Value], record: _Record) -> None:
    """Set who acts, by the claims of the token: the person, or else the application."""
    claims = to_mapping(json_lines.get_nested(record, "identity.claims"))
    claims = claims or to_mapping(record.get("claims"))
    names = (f"{_CLAIMS}upn", f"{_CLAIMS}emailaddress", f"{_CLAIMS}name", "unique_name", "appid")
    name = next((word for key in names if (word := to_word(claims.get(key)))), "")
    directory_names.put_person(fields, name)


_EVENT: dict[str, Value] = {
    "time": "2026-11-22T01:06:15.5Z",
    "resourceId": "/SUBSCRIPTIONS/0B1C/RESOURCEGROUPS/RG/PROVIDERS/MICROSOFT.AUTHORIZATION/ROLEASSIGNMENTS/R1",
    "operationName": "MICROSOFT.AUTHORIZATION/ROLEASSIGNMENTS/WRITE",
    "category": "Administrative",
    "resultType": "Success",
    "resultSignature": "Succeeded.Created",
    "callerIpAddress": "198.51.100.7",
    "identity": {"claims": {f"{_CLAIMS}upn": "Jo@contoso.example"}},
}
_OF_API: dict[str, Value] = {
    "eventTimestamp": "2026-11-22T01:06:15Z",
    "resourceId": "/subscriptions/0b1c/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/s",
    "operationName": {"value": "Microsoft.Storage/storageAccounts/listKeys/action"},
    "category": {"value": "Administrative"},
    "status": {"value": "Failed"},
    "caller": "jo@contoso.example",
    "httpRequest": {"clientIpAddress": "2001:DB8::7", "method": "POST"},
}
PARSER = Parser(
    id="azure_activity",
    title="Azure activity log",
    hints=(b'"operationName"',),
    claims=_can_parse,
    parse=_parse,
    references=("https://learn.microsoft.com/azure/azure-monitor/platform/activity-log-schema",),
    examples=(
        ParserExample(
            orjson.dumps(_EVENT).decode(),
            {
                "event.category": ["iam"],
                "event.type": ["change"],
                "event.outcome": "success",
                "user.name": "jo@contoso.example",
                "source.ip": "198.51.100.7",
                "cloud.account.id": "0b1c",
            },
        ),
        ParserExample(
            orjson.dumps(_OF_API).decode(),
            {
                "event.category": ["configuration"],
                "event.outcome": "failure",
                "source.ip": "2001:db8::7",
                "http.request.method": "POST",
            },
        ),
    ),
)
