"""Parse Exchange Online's message trace as JSON: one object for each message and recipient, from the
reporting service, `Get-MessageTraceV2 | ConvertTo-Json` or Graph."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, device_stamps, json_lines
from streams.tokenizers.json_lines import to_number, to_word

_OUTCOMES = {
    "delivered": "success",
    "resolved": "success",
    "expanded": "success",
    "failed": "failure",
    "quarantined": "failure",
    "filteredasspam": "failure",
}
"""What became of the message; of others (pending, getting its status) nothing is known yet."""


def _find_record(text: str) -> Mapping[str, Value] | None:
    if not json_lines.is_object_start(text):
        return None
    try:
        document = json_lines.read_shared_object(text)
    except UnparseableRecord:
        return None
    record = {name[:1].upper() + name[1:]: value for name, value in document.items()}
    has_addresses = "SenderAddress" in record and "RecipientAddress" in record
    has_trace = "MessageTraceId" in record or "ReceivedDateTime" in record or "Received" in record
    return record if has_addresses and has_trace and "Status" in record else None


def _can_parse(line: SourceLine) -> bool:
    return _find_record(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent:
    record = _find_record(line.text)
    if record is None:
        raise UnparseableRecord(
            "no message trace of Exchange Online",
            place="exchange_trace",
            remedy="Send one JSON object a message and recipient.",
        )
    status = to_word(record.get("Status"))
    outcome = _OUTCOMES.get(status.casefold().replace(" ", ""), "unknown")
    fields: dict[str, Value] = {
        "event.category": ["email"],
        "event.type": ["denied" if outcome == "failure" else "info"],
        "event.action": f"message-{status}".casefold() if status else "message",
        "event.outcome": outcome,
        "service.name": "Exchange",
    }
    _put_people(fields, record)
    for side, key in (("source", "FromIP"), ("destination", "ToIP")):
        end = addresses.parse_endpoint(to_word(record.get(key)))
        addresses.put_endpoint(fields, side, end.ip, end.port)
    if message := to_word(record.get("MessageId")):
        fields["email.message_id"] = message
    trace = to_word(record.get("MessageTraceId")) or to_word(record.get("Id"))
    if trace:
        fields["email.local_id"] = trace
    size = to_number(record.get("Size"))
    if size is not None:
        fields["network.bytes"] = size
    stamp = to_word(record.get("Received")) or to_word(record.get("ReceivedDateTime"))
    return ParsedEvent(device_stamps.parse_stamp(stamp, line.arrived, line.zone), fields)


def _put_people(fields: dict[str, Value], record: Mapping[str, Value]) -> None:
    """Set both addresses, and the direction if one is of the organisation's domain that is named."""
    own = "@" + to_word(record.get("Organization")).casefold()
    sides: list[str] = []
    for name, key in (("from", "SenderAddress"), ("to", "RecipientAddress")):
        if address := to_word(record.get(key)).casefold():
            fields[f"email.{name}.address"] = [address]
            if address.endswith(own):
                sides.append(name)
    if direction := _DIRECTIONS.get("".join(sides)):
        fields["email.direction"] = direction


_DIRECTIONS = {"from": "outbound", "to": "inbound", "fromto": "internal"}


_TRACE: dict[str, Value] = {
    "Organization": "contoso.onmicrosoft.example",
    "MessageId": "<a1@contoso.example>",
    "Received": "2026-11-22T01:06:15.2652371",
    "SenderAddress": "Jo@contoso.example",
    "RecipientAddress": "eve@fabrikam.example",
    "Subject": "203.0.113.66 logged in",
    "Status": "Delivered",
    "ToIP": None,
    "FromIP": "198.51.100.7",
    "Size": 145153,
    "MessageTraceId": "aa1a3e28-8967-4bfb-06d3-08dad1cb7a0e",
}
PARSER = Parser(
    id="exchange_trace",
    title="Exchange Online message trace (JSON)",
    hints=(b"enderAddress",),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://learn.microsoft.com/graph/api/resources/exchangemessagetrace",
        "https://learn.microsoft.com/powershell/module/exchange/get-messagetracev2",
    ),
    examples=(
        ParserExample(
            orjson.dumps(_TRACE).decode(),
            {
                "@timestamp": "2026-11-22T01:06:15.265237+00:00",
                "event.outcome": "success",
                "email.from.address": ["jo@contoso.example"],
                "email.to.address": ["eve@fabrikam.example"],
                "email.direction": None,
                "source.ip": "198.51.100.7",
                "network.bytes": 145153,
            },
        ),
        ParserExample(
            orjson.dumps(
                _TRACE
                | {
                    "Status": "FilteredAsSpam",
                    "FromIP": "2001:DB8::7",
                    "Organization": "fabrikam.example",
                }
            ).decode(),
            {
                "event.outcome": "failure",
                "source.ip": "2001:db8::7",
                "email.direction": "inbound",
            },
        ),
    ),
)
