"""Parse alerts of Snort and Suricata: `[1:2100498:7] name [Classification: …] [Priority: 2] {TCP} a -> b`.

Both write the same line to syslog (`alert_syslog`, `fast`), and Suricata says what it dropped. Snort 2
writes the same as columns (`alert_csv`), Snort 3 as JSON (`alert_json`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, device_stamps, field_tables, json_lines, numbers

_ALERT = re.compile(
    r"\s*+(?:(?P<stamp>[0-9]{2}/[0-9]{2}(?:/[0-9]{2,4})?-[0-9:.]{8,15}) +)?(?P<drop>\[(?:w?Drop|Reject)\] )?"
    r"(?:\[\*\*\] )?\[(?P<id>[0-9]{1,10}:[0-9]{1,10}:[0-9]{1,10})\] (?P<name>[^\[\]{}]{1,512}?)(?: \[\*\*\])?"
    r"(?: \[Classification: (?P<kind>[^\]]{0,128})\])?(?: \[Priority: (?P<priority>[0-9]{1,3})\])?:? "
    r"(?:<(?P<interface>[^<>\s]{1,32})> )?\{(?P<transport>[\w:-]{1,16})\} (?P<source>\S{2,64}) -> (?P<destination>\S{2,64})\s*\Z"
)
_COLUMNS = re.compile(
    r"\s*+(?P<stamp>[0-9]{2}/[0-9]{2}(?:/[0-9]{2,4})?-[0-9:.]{8,15}) ?,(?P<id>[0-9]{1,10},[0-9]{1,10},[0-9]{1,10}),"
    r"\"?(?P<name>[^\"\[\]{}]{1,512}?)\"?,(?P<transport>TCP|UDP|ICMP),(?P<source>[0-9A-Fa-f.:]{2,45}),(?P<source_port>[0-9]{0,5}),"
    r"(?P<destination>[0-9A-Fa-f.:]{2,45}),(?P<destination_port>[0-9]{0,5}),"
    r"(?:(?P<source_mac>[0-9A-Fa-f:]{17}),(?P<destination_mac>[0-9A-Fa-f:]{17}),|[0-9]{1,10},(?P<kind>[^,]{0,128}),"
    r"(?P<priority>[0-9]{1,3}),(?P<action>\w{0,16}),(?P<disposition>\w{0,16}))?"
)
"""Snort 2's default columns, and those of pfSense's package."""
_DENYING = frozenset({"block", "drop", "reject", "reset", "sdrop"})
_LONG_STAMP = len("11/22/26-09:14:07")
_NAMES = frozenset({"snort", "suricata", "barnyard2"})


def _can_parse(line: SourceLine) -> bool:
    text = line.text
    if text.startswith("{"):
        return bool(_read_object(text))
    if _ALERT.match(text) is not None or _COLUMNS.match(text) is not None:
        return True
    return line.frame.app in _NAMES


def _read_object(text: str) -> Mapping[str, Value]:
    """Read an alert of Snort 3; empty: it is none."""
    if '"src_a' not in text or '"rule"' not in text:
        return {}
    try:
        document = json_lines.read_shared_object(text)
    except UnparseableRecord:
        return {}
    return document if "msg" in document and "dir" in document else {}


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    if not _can_parse(line):
        raise UnparseableRecord(
            "no alert of Snort or Suricata",
            place="snort_alerts",
            remedy="Send alert_syslog, or fast.log.",
        )
    if line.text.startswith("{"):
        return _parse_object(line)
    columns = _COLUMNS.match(line.text)
    if columns is not None:
        return _parse_columns(line, columns)
    match = _ALERT.match(line.text)
    if match is None:
        return IgnoredLine("an intrusion detection system describes its own state")
    return _parse_sentence(line, match)


def _parse_sentence(line: SourceLine, match: re.Match[str]) -> ParsedEvent:
    fields = _build_alert(match["id"], match["name"], "drop" if match["drop"] else "")
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


def _build_alert(rule: str, name: str, action: str) -> dict[str, Value]:
    denied = action.casefold() in _DENYING
    return {
        "event.kind": "alert",
        "event.category": ["network", "intrusion_detection"],
        "event.type": ["denied" if denied else "allowed" if action == "allow" else "info"],
        "event.outcome": "failure" if denied else "unknown",
        "event.action": "intrusion-detected",
        "rule.id": rule,
        "rule.name": name.strip(),
        "observer.type": "ids",
    }


def _parse_columns(line: SourceLine, match: re.Match[str]) -> ParsedEvent:
    action = (
        "drop" if (match["disposition"] or "").casefold() in _DENYING else match["action"] or ""
    )
    fields = _build_alert(match["id"].replace(",", ":"), match["name"], action.casefold())
    if match["kind"]:
        fields |= {"rule.category": match["kind"], "event.severity": int(match["priority"])}
    field_tables.put_transport(fields, match["transport"])
    for side in ("source", "destination"):
        ip = addresses.parse_address(match[side])
        addresses.put_endpoint(fields, side, ip, addresses.parse_port(match[f"{side}_port"]))
        field_tables.put_mac(fields, side, match[f"{side}_mac"] or "")
    if line.frame.host is not None:
        fields["host.name"] = fields["observer.name"] = line.frame.host
    return ParsedEvent(_parse_time(match["stamp"], line) or line.frame.time, fields)


def _parse_object(line: SourceLine) -> ParsedEvent:
    words = {
        key: json_lines.to_word(value) for key, value in _read_object(line.text).items()
    }  # fmt: skip
    fields = _build_alert(words["rule"], words["msg"], words.get("action", "").casefold())
    kind, priority = words.get("class", ""), numbers.parse_whole(words.get("priority", ""))
    if kind and kind != "none":
        fields["rule.category"] = kind
    if priority is not None:
        fields["event.severity"] = priority
    field_tables.put_transport(fields, words.get("proto", ""))
    for side, name in (("source", "src"), ("destination", "dst")):
        joint, _, number = words.get(f"{name}_ap", "").rpartition(":")
        ip = addresses.parse_address(words.get(f"{name}_addr") or joint)
        port = words.get(f"{name}_port") or (number if number != "0" else "")
        addresses.put_endpoint(fields, side, ip, addresses.parse_port(port))
        field_tables.put_mac(fields, side, words.get(f"eth_{name}", ""))
    if words.get("iface"):
        fields["observer.ingress.interface.name"] = words["iface"]
    if line.frame.host is not None:
        fields["host.name"] = fields["observer.name"] = line.frame.host
    seconds = device_stamps.parse_stamp(words.get("seconds", ""), line.arrived, line.zone)
    return ParsedEvent(seconds or line.frame.time, fields)


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
    hints=(
        b"] {",
        b"> {",
        b"snort",
        b"suricata",
        b"barnyard2",
        b'"src_a',
        b",TCP,",
        b",UDP,",
        b",ICMP,",
    ),
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
            '11/22/26-09:14:11.536335 ,1,2099006,0,"TCP connection",TCP,198.51.100.77,57263,192.0.2.10,22,'
            "00:00:5E:00:53:01,00:00:5E:00:53:02,0x72,***AP***,0x688F0DFC,0xBC763516,,0x80C,127,0,55665,100,102400,,,,",
            {
                "@timestamp": "2026-11-22T09:14:11.536335+00:00",
                "rule.id": "1:2099006:0",
                "rule.name": "TCP connection",
                "source.ip": "198.51.100.77",
                "source.port": 57263,
                "destination.port": 22,
                "source.mac": "00-00-5E-00-53-01",
            },
        ),
        ParserExample(
            '11/22/26-09:14:12.123456 ,1,2099007,3,"ET SCAN NMAP -sS",TCP,198.51.100.77,40001,192.0.2.10,22,'
            "54321,Attempted Information Leak,2,alert,Drop",
            {
                "event.type": ["denied"],
                "rule.category": "Attempted Information Leak",
                "event.severity": 2,
            },
        ),
        ParserExample(
            '{"seconds":1795309575,"action":"block","class":"none","dir":"C2S","dst_addr":"192.0.2.10",'
            '"dst_ap":"192.0.2.10:445","dst_port":445,"eth_src":"00:00:5E:00:53:01","iface":"ens3","msg":'
            '"OS-WINDOWS \\"src_addr\\": probe","priority":1,"proto":"TCP","rule":"1:2099008:1","src_addr":'
            '"2001:db8::7","src_ap":"2001:db8::7:50084","src_port":50084}',
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.type": ["denied"],
                "event.outcome": "failure",
                "rule.id": "1:2099008:1",
                "source.ip": "2001:db8::7",
                "source.port": 50084,
                "destination.port": 445,
                "event.severity": 1,
            },
        ),
        ParserExample(
            "Nov 22 09:14:10 gw1 suricata[99]: [100] <Notice> -- rule reload complete", None
        ),
    ),
)
