"""Parse the packet filter's log of pfSense and OPNsense (filterlog): comma-separated, IPv4 and IPv6."""

from __future__ import annotations

import re

from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, web_access

_START = re.compile(
    r"\s*+(?P<rule>[0-9]{0,10}),(?P<subrule>[0-9]{0,10}),(?P<anchor>[^,]{0,254}),"
    r"(?P<tracker>[0-9A-Za-z_-]{0,64}),(?P<interface>[^,]{1,64}),(?P<reason>[a-z0-9-]{1,32}),"
    r"(?P<action>pass|block|reject|match|nat|rdr|binat|nop|scrub|synproxy-drop|unkn\([0-9]+\)),(?P<direction>in|out|any),"
    r"(?P<version>[46]),"
)
_VERDICTS = {"pass": "success", "rdr": "success", "nat": "success", "binat": "success"}
_DENIED = frozenset({"block", "reject", "synproxy-drop"})
_PROTOCOLS = {"icmpv6": "ipv6-icmp"}


def _can_parse(line: SourceLine) -> bool:
    return _START.match(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    start = _START.match(line.text)
    if start is None:
        raise web_access.build_unreadable("pfsense_filterlog")
    fields = _build_verdict(start)
    rest = line.text[start.end() :].rstrip().split(",")
    _put_packet(fields, start["version"], rest)
    if line.frame.host:
        fields["host.name"] = fields["observer.name"] = line.frame.host
    return ParsedEvent(line.frame.time, fields)


def _build_verdict(start: re.Match[str]) -> dict[str, Value]:
    action = start["action"]
    is_denied = action in _DENIED
    outcome = "failure" if is_denied else _VERDICTS.get(action, "unknown")
    kind = {"failure": "denied", "success": "allowed"}.get(outcome, "info")
    fields: dict[str, Value] = {
        "event.category": ["network"],
        "event.type": ["connection", kind],
        "event.outcome": outcome,
        "event.action": action.partition("(")[0],
        "event.reason": start["reason"],
        "observer.type": "firewall",
        "observer.vendor": "Netgate",
        "network.type": f"ipv{start['version']}",
    }
    rule = start["tracker"] if start["tracker"] not in {"", "0"} else start["rule"]
    if rule:
        fields["rule.id"] = rule
    if start["anchor"]:
        fields["rule.ruleset"] = start["anchor"]
    if start["direction"] != "any":
        side = "ingress" if start["direction"] == "in" else "egress"
        fields[f"observer.{side}.interface.name"] = start["interface"]
        fields["network.direction"] = "inbound" if start["direction"] == "in" else "outbound"
    return fields


def _put_packet(fields: dict[str, Value], version: str, rest: list[str]) -> None:
    """Set protocol, length, addresses and ports: IPv4 has four fields more before them."""
    at = 6 if version == "4" else 3
    if len(rest) < at + 5:
        return
    name, number = (rest[at + 1], rest[at]) if version == "4" else (rest[at], rest[at + 1])
    protocol = name.casefold()
    fields["network.transport"] = _PROTOCOLS.get(protocol, protocol)
    web_access.put_text(fields, "network.iana_number", number)
    web_access.put_number(fields, "network.bytes", rest[at + 2])
    source, destination, *ports = rest[at + 3 :]
    has_ports = protocol in {"tcp", "udp", "sctp"} and len(ports) >= 2
    for side, text, place in (("source", source, 0), ("destination", destination, 1)):
        port = addresses.parse_port(ports[place]) if has_ports else None
        addresses.put_endpoint(fields, side, addresses.parse_address(text), port)


PARSER = Parser(
    id="pfsense_filterlog",
    title="pfSense and OPNsense packet filter",
    hints=(b",match,", b"filterlog", b",block,", b",pass,"),
    claims=_can_parse,
    parse=_parse,
    is_sure=True,
    references=(
        "https://docs.netgate.com/pfsense/en/latest/monitoring/logs/raw-filter-format.html",
        "https://docs.opnsense.org/manual/logging_firewall.html",
    ),
    examples=(
        ParserExample(
            "<134>Nov 22 01:06:15 fw01 filterlog[72237]: 146,,,1535324496,igb1.12,match,block,in,4,0x0,"
            ",63,12617,0,DF,6,tcp,60,203.0.113.66,192.0.2.50,49724,853,0,S,1891286705,,64240,,mss;TS",
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.type": ["connection", "denied"],
                "event.outcome": "failure",
                "event.action": "block",
                "event.reason": "match",
                "source.ip": "203.0.113.66",
                "source.port": 49724,
                "destination.ip": "192.0.2.50",
                "destination.port": 853,
                "network.transport": "tcp",
                "network.iana_number": "6",
                "network.bytes": 60,
                "network.type": "ipv4",
                "observer.ingress.interface.name": "igb1.12",
                "rule.id": "1535324496",
                "host.name": "fw01",
            },
        ),
        ParserExample(
            "<134>1 2026-11-22T01:06:15.578309-05:00 pf.contoso.example filterlog 72237 - - 6,,,"
            "1000000105,igb1,match,pass,out,6,0x00,0xf6279,1,UDP,17,32,2001:db8::7,2001:db8::1,546,547,32",
            {
                "@timestamp": "2026-11-22T06:06:15.578309+00:00",
                "event.outcome": "success",
                "source.ip": "2001:db8::7",
                "source.port": 546,
                "destination.port": 547,
                "network.transport": "udp",
                "observer.egress.interface.name": "igb1",
            },
        ),
        ParserExample(
            "<134>Nov 22 01:06:15 fw01 filterlog[7]: 199,,,fae559338f65e11c53669fc3642c93c2,igb1.15,match,"
            "pass,in,4,0x0,,64,0,0,DF,1,icmp,84,10.100.15.13,198.51.100.1,request,0,064",
            {
                "network.transport": "icmp",
                "source.port": None,
                "network.direction": "inbound",
                "rule.id": "fae559338f65e11c53669fc3642c93c2",
            },
        ),
        ParserExample(
            "5,,,1000000103,igb0,match,block,in,4,0x10,,255,0,0,DF,112,carp,36,192.0.2.2,224.0.0.18,"
            "advertise,255,1,2,0,1",
            {"network.transport": "carp", "source.ip": "192.0.2.2", "destination.port": None},
        ),
    ),
)
