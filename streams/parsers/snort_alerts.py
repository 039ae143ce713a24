"""Parse alerts of Snort and Suricata: `[1:2100498:7] name [Classification: …] [Priority: 2] {TCP} a -> b`.

Both write the same line to syslog (`alert_syslog`, `fast`), and Suricata says what it dropped."""

from __future__ import annotations

import re
from datetime import datetime

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, device_stamps, field_tables

_ALERT = re.compile(
    r"\s*+(?:(?P<stamp>[0-9]{2}/[0-9]{2}(?:/[0-9]{2,4})?-[0-9:.]{8,15}) +)?(?P<drop>\[(?:w?Drop|Reject)\] )?"
    r"(?:\[\*\*\] )?\[(?P<id>[0-9]{1,10}:[0-9]{1,10}:[0-9]{1,10})\] (?P<name>[^\[\]{}]{1,512}?)(?: \[\*\*\])?"
    r"(?: \[Classification: (?P<kind>[^\]]{0,128})\])?(?: \[Priority: (?P<priority>[0-9]{1,3})\])?:? "
    r"(?:<(?P<interface>[^<>\s]{1,32})> )?\{(?P<transport>[\w:-]{1,16})\} (?P<source>\S{2,64}) -> (?P<destination>\S{2,64})\s*\Z"
)
_LONG_STAMP = len("11/22/26-09:14:07")
_NAMES = frozenset({"snort", "suricata", "barnyard2"})


def _can_parse(line: SourceLine) -> bool:
    return _ALERT.match(line.text) is not None or line.frame.app in _NAMES


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    if not _can_parse(line):
        raise UnparseableRecord(
            "no alert of Snort or Suricata",
            place="snort_alerts",
            remedy="Send alert_syslog, or fast.log.",
        )
    match = _ALERT.match(line.text)
    if match is None:
        return IgnoredLine("an intrusion detection system describes its own state")
    fields: dict[str, Value] = {
        "event.kind": "alert",
        "event.category": ["network", "intrusion_detection"],
        "event.type": ["denied" if match["drop"] else "info"],
        "event.outcome": "failure" if match["drop"] else "unknown",
        "event.action": "intrusion-detected",
        "rule.id": match["id"],
        "rule.name": match["name"].strip(),
        "observer.type": "ids",
    }
    if match["kind"]:
        fields["rule.category"] = match["kind"]
    if match["priority"] is not None:
        fields["event.severity"] = int(match["priority"])
    field_tables.put_transport(fields, match["transport"])
    for side in ("source", "destination"):
        text, port = _split_end(match[side], match["transport"])
        addresses.put_endpoint(fields, side, addresses.parse_address(text), port)
    if match["interface"] is not None:
        fields["observer.ingress.interface.name"] = match["interface"]
    if line.frame.host is not None:
        fields["host.name"] = fields["observer.name"] = line.frame.host
    return ParsedEvent(_parse_time(match["stamp"], line) or line.frame.time, fields)


def _split_end(text: str, transport: str) -> tuple[str, int | None]:
    """Split `address:port`; of version 6 only what is written out in full has a sure port."""
    address, _, number = text.rpartition(":")
    if text.count(":") not in {1, 8}:
        return text, None
    is_port = not transport.upper().startswith(("ICMP", "IPV6-ICMP"))
    return address, addresses.parse_port(number) if is_port else None


def _parse_time(stamp: str | None, line: SourceLine) -> datetime | None:
    """Parse `11/22/2026-09:14:07.123456`, as the log files have it."""
    if stamp is None or len(stamp) < _LONG_STAMP or stamp[5] != "/":
        return None
    day, _, clock = stamp.partition("-")
    month, number, year = day.split("/")
    year = year if len(year) == len("2026") else f"20{year}"
    return device_stamps.parse_stamp(f"{year}-{month}-{number}T{clock}", line.arrived, line.zone)


PARSER = Parser(
    id="snort_alerts",
    title="Snort and Suricata alerts",
    hints=(b"] {", b"> {", b"snort", b"suricata", b"barnyard2"),
    claims=_can_parse,
    parse=_parse,
    is_sure=True,
    references=(
        "https://docs.snort.org/start/alert_logging",
        "https://docs.suricata.io/en/latest/output/syslog-alerting-comp.html",
    ),
    examples=(
        ParserExample(
            "<190>Nov 22 09:14:07 gw1 snort[87537]: [136:1:1] (spp_reputation) packets blocked"
            " [Classification: Potentially Bad Traffic] [Priority: 2] {TCP} 198.51.100.77:16856 ->"
            " 192.0.2.10:2222",
            {
                "@timestamp": "2026-11-22T09:14:07+00:00",
                "event.category": ["network", "intrusion_detection"],
                "rule.id": "136:1:1",
                "rule.name": "(spp_reputation) packets blocked",
                "source.ip": "198.51.100.77",
                "source.port": 16856,
                "destination.port": 2222,
                "network.transport": "tcp",
            },
        ),
        ParserExample(
            "11/22/2026-09:14:08.123456  [Drop] [**] [1:2100498:7] GPL ATTACK_RESPONSE id check [**]"
            " [Classification: Bad Traffic] [Priority: 2] {TCP}"
            " 2001:0db8:0000:0000:0000:0000:0000:0066:443 -> 2001:0db8:0000:0000:0000:0000:0000:0010:50112",
            {
                "@timestamp": "2026-11-22T09:14:08.123456+00:00",
                "event.type": ["denied"],
                "event.outcome": "failure",
                "source.ip": "2001:db8::66",
                "source.port": 443,
            },
        ),
        ParserExample(
            "Nov 22 09:14:09 gw1 suricata[99]: [1:2:3] ET SCAN ping [Classification: Misc] [Priority:"
            " 3] {ICMP} 198.51.100.77:8 -> 192.0.2.10:0",
            {"source.ip": "198.51.100.77", "source.port": None, "network.transport": "icmp"},
        ),
        ParserExample(
            "Nov 22 09:14:10 gw1 suricata[99]: [100] <Notice> -- rule reload complete", None
        ),
    ),
)
