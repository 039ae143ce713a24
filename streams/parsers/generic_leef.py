"""Read LEEF of vendors without a parser of their own by its predefined attributes, and by the
source's field map for custom ones."""

from __future__ import annotations

from datetime import datetime

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import act_words, device_stamps, ecs_values, leef

_NAMES = {
    "src": "source.ip",
    "srcPort": "source.port",
    "spt": "source.port",
    "srcMAC": "source.mac",
    "srcBytes": "source.bytes",
    "bytesSent": "source.bytes",
    "bytesReceived": "destination.bytes",
    "srcPackets": "source.packets",
    "srcPostNAT": "source.nat.ip",
    "srcPostNATPort": "source.nat.port",
    "dst": "destination.ip",
    "dstPort": "destination.port",
    "dpt": "destination.port",
    "dstMAC": "destination.mac",
    "dstBytes": "destination.bytes",
    "dstPackets": "destination.packets",
    "dstPostNAT": "destination.nat.ip",
    "dstPostNATPort": "destination.nat.port",
    "shost": "source.domain",
    "dhost": "destination.domain",
    "usrName": "user.name",
    "suser": "user.name",
    "accountName": "user.name",
    "srcUser": "user.name",
    "userName": "user.name",
    "dbUser": "user.name",
    "user": "user.name",
    "dstUser": "user.target.name",
    "domain": "user.domain",
    "proto": "network.transport",
    "url": "url.original",
    "policy": "rule.name",
    "policyName": "rule.name",
    "RuleName": "rule.name",
    "userAgent": "user_agent.original",
    "proxyStatus-code": "http.response.status_code",
    "resource": "host.name",
    "ComputerName": "host.name",
    "dvc": "observer.ip",
    "dvchost": "observer.name",
    "sev": "event.severity",
    "severity": "event.severity",
    "identHostName": "host.name",
    "fileName": "file.name",
    "filePath": "file.path",
    "reason": "event.reason",
    "msg": "message",
}


def _can_parse(line: SourceLine) -> bool:
    return leef.read_header(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent:
    record = leef.read(line.text)
    if record is None:
        raise UnparseableRecord(
            "no header of LEEF",
            place="generic_leef",
            remedy="Check which parser the source names.",
        )
    header, texts = record.header, record.fields
    fields: dict[str, Value] = {}
    ecs_values.put_values(fields, texts, line.field_map)
    for name, text in (
        ("observer.vendor", header.vendor),
        ("observer.product", header.product),
        ("observer.version", header.version),
        ("event.code", header.code),
    ):
        ecs_values.put_value(fields, name, text)
    ecs_values.put_values(fields, texts, _NAMES)
    ecs_values.put_addresses_of_names(fields)
    ecs_values.put_total_bytes(fields)
    ecs_values.put_digest(fields, texts.get("fileHash", ""))
    ecs_values.put_method(fields, texts.get("method", ""))
    verdict = texts.get("action") or texts.get("act") or ""
    outcome = texts.get("outcome") or texts.get("result") or texts.get("status") or ""
    words = (header.code, texts.get("cat", ""))
    names = (header.code, texts.get("cat", ""))
    reason = texts.get("reason", "")
    kind = act_words.choose_kind(fields, verdict, outcome, words, reason, names)
    act_words.put_kind(fields, kind)
    return ParsedEvent(_find_time(texts.get("devTime", ""), line), fields)


def _find_time(text: str, line: SourceLine) -> datetime | None:
    return device_stamps.parse_stamp(text, line.arrived, line.zone) if text else None


PARSER = Parser(
    id="generic_leef",
    title="Log Event Extended Format (LEEF) of any vendor",
    hints=(b"LEEF:", b"LEEF ", b"leef:"),
    claims=_can_parse,
    parse=_parse,
    is_fallback=True,
    references=("https://www.ibm.com/docs/en/dsm?topic=overview-leef-event-components",),
    examples=(
        ParserExample(
            "<134>Nov 22 01:06:15 gw1 LEEF:2.0|Portcullis|Gate|2.1|login_failed|^|"
            "devTime=Nov 22 2026 01:06:14 UTC^src=203.0.113.66^srcPort=40022^dst=192.0.2.9"
            "^usrName=Jo^sev=7^reason=bad password",
            {
                "@timestamp": "2026-11-22T01:06:14+00:00",
                "event.category": ["authentication"],
                "event.outcome": "failure",
                "source.ip": "203.0.113.66",
                "source.port": 40022,
                "user.name": "jo",
                "event.severity": 7,
                "observer.product": "Gate",
            },
        ),
        ParserExample(
            "LEEF:1.0|Portcullis|Gate|2.1|Auth_Success|src=203.0.113.66\tdst=192.0.2.9"
            "\tusrName=CONTOSO\\Jo\tdvchost=gw1",
            {
                "event.category": ["authentication"],
                "event.outcome": "success",
                "user.name": "jo",
                "user.domain": "contoso",
                "observer.name": "gw1",
            },
        ),
        ParserExample(
            "LEEF:1.0|Portcullis|Gate|2.1|traffic|src=2001:db8::7\tdst=2001:db8::9\taction=allowed"
            "\tsrcBytes=100\tdstBytes=2000\tproto=TCP",
            {
                "event.category": ["network"],
                "event.type": ["connection", "allowed"],
                "event.outcome": "success",
                "source.ip": "2001:db8::7",
                "network.bytes": 2100,
                "network.transport": "tcp",
            },
        ),
    ),
)
