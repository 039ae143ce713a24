"""Parse ISC's DHCP server: leases of version 4, and the addresses that version 6 gives."""

from __future__ import annotations

import re

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, leases

_NAME = re.compile(r"dhcpd[46]?")
_REQUEST = re.compile(
    r"(?P<what>[A-Z][a-z-]{3,24}) message from (?P<ip>[0-9A-Fa-f:]{2,45}) port (?P<port>[0-9]{1,5})"
)
_GRANT = re.compile(
    r"(?P<what>Advertise|Reply) [NPT]A: address (?P<ip>[0-9A-Fa-f:]{2,45}) to client"
)
_SENT = re.compile(
    r"Sending (?P<what>[A-Z][a-z-]{3,24}) to (?P<ip>[0-9A-Fa-f:]{2,45}) port (?P<port>[0-9]{1,5})"
)


def _can_parse(line: SourceLine) -> bool:
    return line.frame.app is not None and _NAME.fullmatch(line.frame.app) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    if not _can_parse(line):
        raise UnparseableRecord(
            "no message of ISC dhcpd",
            place="isc_dhcpd",
            remedy="Send the server's syslog with its program name.",
        )
    fields: dict[str, Value] = {
        "event.category": ["network"],
        "event.type": ["protocol"],
        "event.outcome": "unknown",
        "event.action": "dhcp",
        "network.protocol": "dhcp",
        "service.name": "dhcpd",
    }
    if line.frame.host is not None:
        fields["host.name"] = line.frame.host
    if not leases.put_lease(fields, line.text) and not _put_newer(fields, line.text):
        return IgnoredLine("DHCP describes its own state")
    return ParsedEvent(line.frame.time, fields)


def _put_newer(fields: dict[str, Value], text: str) -> bool:
    """Set the client of a message of version 6; return whether the text tells of one."""
    match = _REQUEST.match(text) or _SENT.match(text) or _GRANT.match(text)
    if match is None:
        return False
    groups = match.groupdict()
    side = "destination" if match.re is _SENT else "source"
    port = addresses.parse_port(groups.get("port") or "")
    addresses.put_endpoint(fields, side, addresses.parse_address(match["ip"]), port)
    fields["event.action"] = f"dhcp-{match['what'].lower()}"
    return True


PARSER = Parser(
    id="isc_dhcpd",
    title="ISC DHCP server",
    hints=(b"dhcpd",),
    claims=_can_parse,
    parse=_parse,
    is_sure=True,
    references=("https://kb.isc.org/docs/isc-dhcp-44-manual-pages-dhcpd",),
    examples=(
        ParserExample(
            "<190>Nov 22 09:14:07 gw1 dhcpd[64305]: DHCPREQUEST for 192.0.2.60 (192.0.2.1) from"
            " 04:7b:cb:00:00:01 (pc-jo) via eth0.60",
            {
                "@timestamp": "2026-11-22T09:14:07+00:00",
                "event.action": "dhcp-request",
                "source.ip": "192.0.2.60",
                "source.mac": "04-7B-CB-00-00-01",
                "source.domain": "pc-jo",
                "observer.ingress.interface.name": "eth0.60",
                "host.name": "gw1",
            },
        ),
        ParserExample(
            "<190>Nov 22 09:14:08 dhcpd[64305]: DHCPNAK on 192.0.2.61 to 04:7b:cb:00:00:02 via eth0",
            {"event.outcome": "failure", "source.ip": "192.0.2.61"},
        ),
        ParserExample(
            "Nov 22 09:14:09 gw1 dhcpd: DHCPDISCOVER from 04:7b:cb:00:00:01 via eth0: no free leases",
            {"source.ip": None, "source.mac": "04-7B-CB-00-00-01"},
        ),
        ParserExample(
            "Nov 22 09:14:10 gw1 dhcpd[64305]: Solicit message from fe80::9 port 546, transaction ID"
            " 0x3C21A200",
            {"event.action": "dhcp-solicit", "source.ip": "fe80::9", "source.port": 546},
        ),
        ParserExample(
            "2026:11:22-09:17:00 utm-hq dhcpd: DHCPACK on 192.0.2.60 to 04:7b:cb:00:00:01 via eth1",
            {
                "@timestamp": "2026-11-22T09:17:00+00:00",
                "event.outcome": "success",
                "host.name": "utm-hq",
            },
        ),
        ParserExample("<190>Nov 22 09:14:11 dhcpd[6555]: Server starting service.", None),
    ),
)
