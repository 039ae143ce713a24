"""Parse Microsoft Defender: alerts and incidents of Graph and of Defender for Endpoint, and rows of
the advanced hunting tables."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import ParsedEvent, Parser, ParserExample, SourceLine
from streams.parsers.microsoft_defender import alerts, hunting
from streams.tokenizers import device_stamps, json_lines
from streams.tokenizers.json_lines import to_mapping, to_word

_PREFIX = "AdvancedHunting-"
_EVIDENCE = frozenset({"Timestamp", "AlertId", "Title", "ServiceSource"})
"""Columns of the tables of alerts, in a row without its table's name."""
_STAMPS = (
    *("eventDateTime", "createdDateTime", "alertCreationTime", "firstEventTime"),
    *("lastUpdateDateTime", "lastUpdateTime", "time"),
)
_Found = tuple[str | None, Mapping[str, Value]]


def _find_record(text: str) -> _Found | None:
    """Return the table and its row, or an alert without a table; None: neither."""
    if not json_lines.is_object_start(text):
        return None
    try:
        document = json_lines.unwrap(json_lines.read_shared_object(text), "ms-graph")
    except UnparseableRecord:
        return None
    category = to_word(document.get("category"))
    row = to_mapping(document.get("properties"))
    if row and category.startswith(_PREFIX):
        return category[len(_PREFIX) :].casefold(), row | {"tenantId": document.get("tenantId")}
    if document.keys() >= _EVIDENCE:
        return "alertevidence", document
    return (None, document) if alerts.is_alert(document) else None


def _can_parse(line: SourceLine) -> bool:
    return _find_record(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent:
    table_and_record = _find_record(line.text)
    if table_and_record is None:
        raise UnparseableRecord(
            "no alert and no hunting row of Microsoft Defender",
            place="microsoft_defender",
            remedy="Send alerts as Graph gives them, or rows of the streaming API.",
        )
    table, record = table_and_record
    fields: dict[str, Value] = {"observer.vendor": "Microsoft", "observer.product": "Defender"}
    if tenant := to_word(record.get("tenantId")):
        fields["cloud.account.id"] = tenant
    if table is None:
        alerts.put_alert(fields, record)
        texts = [to_word(record.get(name)) for name in _STAMPS]
        alert = to_word(record.get("id"))
    else:
        hunting.put_row(fields, table, record)
        texts, alert = [to_word(record.get("Timestamp"))], ""
    times = (device_stamps.parse_stamp(text, line.arrived, line.zone) for text in texts if text)
    time = next((each for each in times if each is not None), None)
    changed = to_word(record.get("lastUpdateDateTime")) or to_word(record.get("lastUpdateTime"))
    return ParsedEvent(time, fields, id=f"{alert} {changed}".strip() if alert else None)


_ALERT: dict[str, Value] = {
    "id": "da1",
    "serviceSource": "microsoftDefenderForEndpoint",
    "severity": "high",
    "title": "Suspicious sign-in",
    "createdDateTime": "2026-11-22T01:06:15.5Z",
    "evidence": [
        {
            "@odata.type": "#microsoft.graph.security.userEvidence",
            "userAccount": {
                "accountName": "jo",
                "domainName": "CONTOSO",
                "userPrincipalName": "Jo@Contoso.example",
            },
        },
        {"@odata.type": "#microsoft.graph.security.ipEvidence", "ipAddress": "2001:DB8::7"},
        {"@odata.type": "#microsoft.graph.security.urlEvidence", "url": "https://x.example/a"},
    ],
}
_FIRST_VERSION: dict[str, Value] = {
    "id": "a2",
    "severity": "medium",
    "title": "Impossible travel",
    "eventDateTime": "2026-11-22T01:06:15Z",
    "vendorInformation": {"provider": "IPC", "vendor": "Microsoft"},
    "userStates": [{"userPrincipalName": "jo@contoso.example", "logonIp": "198.51.100.7"}],
}


def _build_row(table: str, row: dict[str, Value]) -> str:
    record = {
        "time": "2026-11-22T01:07:00Z",
        "tenantId": "t1",
        "category": _PREFIX + table,
        "operationName": "Publish",
        "properties": {"Timestamp": "2026-11-22T01:06:15Z", **row},
    }
    return orjson.dumps(record).decode()


PARSER = Parser(
    id="microsoft_defender",
    title="Microsoft Defender alerts (Graph) and advanced hunting rows",
    hints=(
        *(b'"AdvancedHunting-', b'"serviceSource"', b'"vendorInformation"', b'"machineId"'),
        *(b'"incidentWebUrl"', b'"ServiceSource"'),
    ),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://learn.microsoft.com/graph/api/resources/security-alert",
        "https://learn.microsoft.com/defender-xdr/streaming-api",
        "https://learn.microsoft.com/defender-xdr/advanced-hunting-schema-tables",
    ),
    examples=(
        ParserExample(
            orjson.dumps(_ALERT).decode(),
            {
                "event.kind": "alert",
                "event.severity": 4,
                "rule.name": "Suspicious sign-in",
                "user.name": "jo@contoso.example",
                "source.ip": "2001:db8::7",
                "url.path": "/a",
            },
        ),
        ParserExample(
            orjson.dumps({"integration": "ms-graph", "ms-graph": _ALERT}).decode(),
            {"rule.name": "Suspicious sign-in", "user.name": "jo@contoso.example"},
        ),
        ParserExample(
            orjson.dumps(_FIRST_VERSION).decode(),
            {"source.ip": "198.51.100.7", "user.name": "jo@contoso.example", "event.severity": 3},
        ),
        ParserExample(
            _build_row(
                "DeviceLogonEvents",
                {
                    "ActionType": "LogonFailed",
                    "AccountName": "Jo",
                    "AccountDomain": "CONTOSO",
                    "DeviceName": "pc-7",
                    "RemoteIP": "198.51.100.7",
                    "RemotePort": 50211,
                    "LogonType": "RemoteInteractive",
                    "FailureReason": "InvalidUserNameOrPassword",
                },
            ),
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.category": ["authentication"],
                "event.outcome": "failure",
                "user.name": "jo",
                "user.domain": "contoso",
                "source.ip": "198.51.100.7",
                "source.port": 50211,
                "host.name": "pc-7",
            },
        ),
        ParserExample(
            _build_row(
                "DeviceNetworkEvents",
                {
                    "ActionType": "ConnectionSuccess",
                    "LocalIP": "10.0.0.5",
                    "LocalPort": 50000,
                    "RemoteIP": "203.0.113.9",
                    "RemotePort": 443,
                    "Protocol": "Tcp",
                },
            ),
            {"source.ip": "10.0.0.5", "destination.ip": "203.0.113.9", "destination.port": 443},
        ),
        ParserExample(
            _build_row(
                "UrlClickEvents",
                {
                    "ActionType": "ClickBlocked",
                    "AccountUpn": "jo@contoso.example",
                    "IPAddress": "192.0.2.9",
                    "Url": 'https://phish.example/x y" src=192.0.2.66',
                },
            ),
            {
                "event.outcome": "failure",
                "source.ip": "192.0.2.9",
                "url.domain": "phish.example",
                "user.name": "jo@contoso.example",
            },
        ),
    ),
)
