"""Parse AWS VPC flow logs in their default format: the traffic of a network interface that security
groups and network ACLs let through or refused."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, field_tables

_HEADER = "version account-id interface-id srcaddr dstaddr srcport dstport"
_LINE = re.compile(
    r"\s*+(?P<version>[2-9]) (?P<account>[0-9]{12}|unknown) (?P<interface>eni-[0-9a-z]{6,32}) "
    r"(?P<source>[0-9A-Fa-f.:]{2,45}|-) (?P<destination>[0-9A-Fa-f.:]{2,45}|-) "
    r"(?P<from>[0-9]{1,5}|-) (?P<to>[0-9]{1,5}|-) (?P<protocol>[0-9]{1,3}|-) "
    r"(?P<packets>[0-9]{1,18}|-) (?P<bytes>[0-9]{1,18}|-) (?P<begin>[0-9]{9,10}) (?P<end>[0-9]{9,10}) "
    r"(?P<action>ACCEPT|REJECT|-) (?P<status>OK|NODATA|SKIPDATA)\s*+"
)


def _can_parse(line: SourceLine) -> bool:
    return _LINE.fullmatch(line.text) is not None or line.text.startswith(_HEADER)


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    if line.text.startswith(_HEADER):
        return IgnoredLine("names the columns of a flow log")
    match = _LINE.fullmatch(line.text)
    if match is None:
        raise UnparseableRecord(
            "no flow of the default format",
            place="aws_vpc_flow",
            remedy="Let the flow log write the default format, as text.",
        )
    if match["status"] != "OK":
        return IgnoredLine("tells that no flow was recorded")
    accepted = match["action"] == "ACCEPT"
    fields: dict[str, Value] = {
        "event.category": ["network"],
        "event.type": ["connection", "allowed" if accepted else "denied"],
        "event.action": match["action"].lower(),
        "event.outcome": "success" if accepted else "failure",
        "event.provider": "AWS VPC",
        "observer.vendor": "AWS",
        "observer.name": match["interface"],
        "cloud.provider": "aws",
        "cloud.account.id": match["account"],
    }
    for side, name, port in (("source", "source", "from"), ("destination", "destination", "to")):
        end = addresses.parse_endpoint(match[name])
        if end.ip is not None:
            number = int(match[port]) if match[port] not in {"-", "0"} else None
            addresses.put_endpoint(fields, side, end.ip, number)
    field_tables.put_transport(fields, match["protocol"])
    count = int(match["bytes"])
    fields |= {"source.bytes": count, "network.bytes": count}
    fields["source.packets"] = int(match["packets"])
    return ParsedEvent(datetime.fromtimestamp(int(match["end"]), UTC), fields)


_BEGIN = "2 123456789012 eni-0a1b2c3d4e5f67890 "
PARSER = Parser(
    id="aws_vpc_flow",
    title="AWS VPC flow logs (default format)",
    hints=(b" eni-", b"interface-id"),
    claims=_can_parse,
    parse=_parse,
    references=("https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html",),
    examples=(
        ParserExample(
            _BEGIN + "203.0.113.66 192.0.2.9 40022 22 6 20 4249 1763773514 1763773575 ACCEPT OK",
            {
                "@timestamp": "2025-11-22T01:06:15+00:00",
                "event.category": ["network"],
                "event.type": ["connection", "allowed"],
                "event.outcome": "success",
                "source.ip": "203.0.113.66",
                "destination.port": 22,
                "network.transport": "tcp",
                "source.bytes": 4249,
            },
        ),
        ParserExample(
            _BEGIN + "2001:db8::7 2001:db8::9 0 0 58 1 104 1763773514 1763773575 REJECT OK",
            {"event.outcome": "failure", "event.action": "reject", "source.ip": "2001:db8::7"},
        ),
    ),
)
