"""Parse Barracuda CloudGen (NG) Firewall: `Block: type=FWD|proto=TCP|srcIF=…|srcIP=…`, or Firewall Insights' JSON.

Older releases and boxes that are so set write the values alone, in the same order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import device_stamps, field_tables, numbers

_ACTS = "Allow|Block|Deny|Drop|Remove|Fail|Detect|LocalAllow|LocalBlock|LocalDeny|LocalDrop|LocalFail|LocalRemove|LocalDetect|Session|Scan"
_ACT = re.compile(_ACTS)
_START = re.compile(
    r"\s*+(?:(?P<stamp>[0-9]{4} [0-9]{2} [0-9]{2} [0-9:]{8}) )?"
    r"(?:(?P<level>Info|Security|Notice|Warning|Error|Fatal|Internal) +)?"
    r"(?:(?P<zone>[+-][0-9]{2}:?[0-9]{2}) +)?(?:(?P<unit>[\w.-]{1,64}) +)??"
    rf"(?:(?P<act>{_ACTS}): +)?(?:(?=type=\w{{2,10}}\|)|(?P<bare>(?=L?(?:FWD|IN|OUT|PXY|IFWD|REDIR|LB|LOUT|LIN)\|\w+(?:\([0-9]+\))?\|)))"
)
_COLUMNS = (
    *("type", "proto", "srcIF", "srcIP", "srcPort", "srcMAC", "dstIP", "dstPort", "dstService"),
    *("dstIF", "rule", "info", "srcNAT", "dstNAT", "duration", "count", "receivedBytes"),
    *("sentBytes", "receivedPackets", "sentPackets", "user", "protocol", "application", "target"),
    *("content", "urlcat"),
)
_STATE = re.compile(
    r"\s*+(?:(?:Info|Security|Notice|Warning|Error) +)?(?:[\w.-]{1,64} +)?State: +(?P<state>[A-Z]{2,6})\((?P<reason>[^()]{1,80}?)(?:,[0-9]+)?\)"
    r" +\w+ +(?P<proto>\w+) +(?P<srcIP>[0-9A-Fa-f.:]{2,45}?):(?P<srcPort>[0-9]+) +\([^()]{0,200}\) +-> +(?P<dstIP>[0-9A-Fa-f.:]{2,45}?):(?P<dstPort>[0-9]+)"
)
_THREAT = re.compile(
    r"\s*+(?:(?:Info|Security|Notice|Warning|Error) +)?(?:[\w.-]{1,64} +)?(?:firewall: )?\[[A-Z][a-z]{2,15}\] (?P<act>[A-Z]\w{3,8}): +"
    r"(?P<type>[A-Z]{2,12}) (?P<proto>\w{2,8}) (?P<srcIP>[0-9A-Fa-f.:]{2,45}?)(?::(?P<srcPort>[0-9]{1,5}))? -> (?P<dstIP>[0-9A-Fa-f.:]{2,45}?):(?P<dstPort>[0-9]{1,5})"
    r" \|\[(?P<info>(?:ID: (?P<signature>[0-9]{1,12}) )?[^|]{1,1000})\]\|(?P<user>[^|]{0,254})\|"
)
_JSON_NAMES = {
    "src_iface": "srcIF",
    "src_ip": "srcIP",
    "source_ip": "srcIP",
    "src_port": "srcPort",
    "source_port": "srcPort",
    "src_mac": "srcMAC",
    "dst_iface": "dstIF",
    "dst_ip": "dstIP",
    "destination_ip": "dstIP",
    "dst_port": "dstPort",
    "destination_port": "dstPort",
    "dst_mac": "dstMAC",
    "dst_service": "dstService",
    "fw_rule": "rule",
    "fw_info": "info",
    "src_ip_nat": "srcNAT",
    "dst_ip_nat": "dstNAT",
    "fwd_bytes": "sentBytes",
    "rev_bytes": "receivedBytes",
    "fwd_packets": "sentPackets",
    "rev_packets": "receivedPackets",
    "ip_proto": "proto",
    "app_rule": "appRule",
    "name": "url",
    "operation": "action",
    "trans_proto": "proto",
    "port": "dstPort",
    "app_target": "file",
    "ips_category": "urlcat",
}
_JSON_KEYS = frozenset({"fw_rule", "src_iface", "traffic_type", "fw_info", "threat_severity"})
_JSON_MARKS = ('"fw_rule"', '"src_iface"', '"threat_severity"')
_TEXTS = {
    "event.reason": ("info", "reason"),
    "message": ("info", "reason"),
    "rule.name": ("rule", "fw_rule"),
    "rule.category": ("urlcat", "url_cat"),
    "network.application": ("application", "app"),
    "network.protocol": ("protocol", "dstService"),
    "observer.ingress.interface.name": ("srcIF",),
    "observer.egress.interface.name": ("dstIF",),
    "http.request.method": ("method",),
    "user_agent.original": ("user_agent", "agent"),
    "destination.domain": ("target", "domain"),
    "rule.description": ("description",),
    "rule.id": ("signature",),
    "file.name": ("file",),
}
_NUMBERS = {
    "source.bytes": ("sentBytes",),
    "destination.bytes": ("receivedBytes",),
    "source.packets": ("sentPackets",),
    "destination.packets": ("receivedPackets",),
    "http.response.status_code": ("status_code",),
    "http.response.body.bytes": ("size",),
    "event.severity": ("threat_severity",),
}
_ENDS = (
    ("source", ("srcIP",), ("srcPort",)),
    ("destination", ("dstIP",), ("dstPort",)),
    ("source.nat", ("srcNAT",), ()),
    ("destination.nat", ("dstNAT",), ()),
)
_Act = tuple[list[str], str]
_VERDICTS: dict[str, _Act] = {
    "allow": (["connection", "allowed", "start"], "success"),
    "begin": (["connection", "start"], "success"),
    "start": (["connection", "start"], "success"),
    "detect": (["connection", "info"], "unknown"),
    "session": (["connection", "info"], "unknown"),
    "remove": (["connection", "end"], "success"),
    "end": (["connection", "end"], "success"),
    "rem": (["connection", "end"], "success"),
    "block": (["connection", "denied"], "failure"),
    "deny": (["connection", "denied"], "failure"),
    "drop": (["connection", "denied"], "failure"),
    "fail": (["connection", "error"], "failure"),
}
_WEB_ACTS = {"0": "allow", "1": "block"}
_THREATS = {"virus": "malware", "atd": "malware", "ips": "intrusion_detection"}
_PROTOCOL = re.compile(r"(\w+)\(([0-9]{1,3})\)")
_UNSET = "0.0.0.0"  # noqa: S104 - what the device writes for no translation
_FAILED = re.compile(r"fail|denied|invalid|wrong|reject", re.IGNORECASE)


def _can_parse(line: SourceLine) -> bool:
    return _read(line.text) is not None


@lru_cache(maxsize=2)
def _read(text: str) -> Mapping[str, str] | None:
    if text.startswith("{"):
        return _read_json(text)
    start = _START.match(text)
    if start is None:
        return _read_sentence(text)
    rest = text[start.end() :].strip()
    if start["bare"] is not None:
        values = rest.split("|")
        if len(values) < 12:
            return None
        pairs = dict(zip(_COLUMNS, values, strict=False))
    else:
        pairs = {}
        for part in rest.split("|"):
            key, _, value = part.partition("=")
            pairs.setdefault(key.strip(), value.strip())
    pairs["act"] = start["act"] or pairs.get("action", "")
    if start["stamp"] is not None:
        pairs["stamp"] = f"{start['stamp'].replace(' ', '-', 2)}{start['zone'] or ''}"
    return pairs if {"srcIP", "info", "srcIF"} & pairs.keys() else None


def _read_sentence(text: str) -> Mapping[str, str] | None:
    state = _STATE.match(text)
    if state is not None:
        pairs = {key: value for key, value in state.groupdict().items() if value}
        return pairs | {"act": state["state"]}
    threat = _THREAT.match(text)
    if threat is None:
        return None
    pairs = {key: value for key, value in threat.groupdict().items() if value}
    if threat["signature"]:
        pairs["rule"] = pairs["info"].partition(" ")[2].partition(" ")[2]
    return pairs


def _read_json(text: str) -> Mapping[str, str] | None:
    if all(mark not in text for mark in _JSON_MARKS):
        return None
    try:
        record = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(record, dict) or not record.keys() & _JSON_KEYS:
        return None
    if not record.keys() & {"src_ip", "source_ip"}:
        return None
    return _flatten(record)


def _flatten(record: Mapping[str, Any]) -> Mapping[str, str]:
    pairs = {
        _JSON_NAMES.get(key, key): str(value)
        for key, value in record.items()
        if isinstance(value, str | int) and not isinstance(value, bool)
    }
    if pairs.get("user") == pairs.get("srcIP"):
        # The address stands where the firewall knows nobody.
        pairs["user"] = ""
    pairs["act"] = _WEB_ACTS.get(pairs.get("action", ""), pairs.get("action", ""))
    pairs["stamp"] = pairs.get("timestamp", "")
    return pairs


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    pairs = _read(line.text)
    if pairs is None:
        raise UnparseableRecord(
            "no activity of a Barracuda CloudGen Firewall",
            place="barracuda_cloudgen",
            remedy="Stream the firewall's activity log with `Key-value list` as its format.",
        )
    # A reader of frames may take the act for a program's name.
    tag = line.frame.app or ""
    act = (pairs["act"] or (tag if _ACT.fullmatch(tag) else "")).lower()
    types, outcome = _VERDICTS.get(act.removeprefix("local"), (["info"], "unknown"))
    fields: dict[str, Value] = {
        "event.category": ["network"],
        "event.type": types.copy(),
        "event.outcome": outcome,
        "event.action": act or pairs.get("type", "device-message").lower(),
        "observer.vendor": "Barracuda",
        "observer.product": "CloudGen Firewall",
        "observer.type": "firewall",
    }
    field_tables.put_texts(fields, pairs, _TEXTS)
    field_tables.put_numbers(fields, pairs, _NUMBERS)
    field_tables.put_ends(fields, pairs, _ENDS)
    _put_details(fields, pairs)
    _choose_other(fields, pairs)
    if line.frame.host:
        fields["host.name"] = fields["observer.name"] = line.frame.host
    return ParsedEvent(_parse_time(pairs, line), fields)


def _put_details(fields: dict[str, Value], pairs: Mapping[str, str]) -> None:
    for name in ("source.nat.ip", "destination.nat.ip"):
        if fields.get(name) == _UNSET:
            del fields[name]
    named = _PROTOCOL.fullmatch(pairs.get("proto", ""))
    field_tables.put_transport(fields, pairs.get("proto", "") if named is None else named[1])
    field_tables.put_mac(fields, "source", pairs.get("srcMAC", ""))
    field_tables.put_mac(fields, "destination", pairs.get("dstMAC", ""))
    field_tables.put_account(fields, pairs.get("user", ""))
    if "network.protocol" in fields:
        fields["network.protocol"] = fields["network.protocol"].lower()
    if fields["event.outcome"] != "failure" and "end" not in fields["event.type"]:
        fields.pop("event.reason", None)
    milliseconds = numbers.parse_whole(pairs.get("duration", ""))
    if milliseconds:
        duration = numbers.check_64_bits(milliseconds * 1_000_000)
        fields |= {} if duration is None else {"event.duration": duration}
    if pairs.get("url"):
        field_tables.put_url(fields, pairs["url"])


def _choose_other(fields: dict[str, Value], pairs: Mapping[str, str]) -> None:
    """Say what a line that tells of no connection is about."""
    threat = _THREATS.get(pairs.get("type", "").lower())
    if "url" in pairs or "status_code" in pairs:
        verdict = "denied" if fields["event.outcome"] == "failure" else "allowed"
        fields |= {"event.category": ["network", "web"], "event.type": ["access", verdict]}
    elif threat is not None and {"threat_severity", "signature"} & pairs.keys():
        fields["event.category"] = ["network", threat]
        verdict = "denied" if fields["event.outcome"] == "failure" else "info"
        fields["event.type"] = [verdict]
    elif pairs.get("type") == "AUD":
        failed = _FAILED.search(pairs.get("info", "")) is not None
        fields |= {"event.category": ["authentication"], "event.type": ["start"]}
        fields |= {"event.outcome": "failure" if failed else "success", "event.action": "login"}


def _parse_time(pairs: Mapping[str, str], line: SourceLine) -> datetime | None:
    stamp = pairs.get("stamp", "")
    moment = device_stamps.parse_stamp(stamp, line.arrived, line.zone) if stamp else None
    return moment or line.frame.time


PARSER = Parser(
    id="barracuda_cloudgen",
    title="Barracuda CloudGen Firewall",
    hints=(
        b"type=",
        b"|TCP|",
        b"|UDP|",
        b"|ICMP",
        b'"fw_rule"',
        b'"threat_severity"',
        b"State:",
        b"] Allow:",
        b"] Block:",
        b"] Detect:",
        b"] Deny:",
        b"] Drop:",
    ),
    claims=_can_parse,
    parse=_parse,
    is_sure=True,
    references=(
        "https://campus.barracuda.com/product/cloudgenfirewall/doc/96026562/available-log-files-and-structure/",
        "https://www.elastic.co/docs/reference/integrations/barracuda_cloudgen_firewall",
    ),
    examples=(
        ParserExample(
            "<14>Nov 22 09:14:07 fw-hq fw-hq/box_Firewall_Activity:  Info     fw-hq Block: type=FWD|"
            "proto=UDP|srcIF=p1|srcIP=198.51.100.77|srcPort=12345|srcMAC=02:00:53:00:00:4e|"
            "dstIP=192.0.2.10|dstPort=53|dstService=dns|dstIF=p2|rule=BLOCKALL|info=Block by Rule|"
            "srcNAT=198.51.100.77|dstNAT=192.0.2.10|duration=0|count=1|receivedBytes=0|sentBytes=0|"
            "receivedPackets=0|sentPackets=0|user=|protocol=|application=|target=|content=|urlcat=",
            {
                "event.type": ["connection", "denied"],
                "event.outcome": "failure",
                "event.reason": "Block by Rule",
                "source.ip": "198.51.100.77",
                "source.mac": "02-00-53-00-00-4E",
                "destination.port": 53,
                "network.transport": "udp",
                "network.protocol": "dns",
                "rule.name": "BLOCKALL",
                "host.name": "fw-hq",
            },
        ),
        ParserExample(
            "2026 11 22 10:14:07 Info     +01:00 Remove: type=LIN|proto=IGMP(2)|srcIF=eth0|"
            "srcIP=192.0.2.12|srcPort=0|srcMAC=02:00:53:00:00:4f|dstIP=224.0.0.1|dstPort=0|"
            "dstService=|dstIF=|rule=LAN|info=Session Idle Timeout|srcNAT=192.0.2.12|"
            "dstNAT=224.0.0.1|duration=21132|count=1|receivedBytes=130|sentBytes=62|"
            "receivedPackets=1|sentPackets=2|user=jo|protocol=|application=|target=|content=|urlcat",
            {
                "@timestamp": "2026-11-22T09:14:07+00:00",
                "event.type": ["connection", "end"],
                "event.outcome": "success",
                "event.duration": 21_132_000_000,
                "source.bytes": 62,
                "network.bytes": 192,
                "network.transport": "igmp",
                "user.name": "jo",
            },
        ),
        ParserExample(
            "<14>Nov 22 09:15:00 fw-hq fw-hq/box_Firewall_Activity:  Info     fw-hq Allow: FWD|TCP|eth1|"
            "192.0.2.11|38300|02:00:53:00:00:50|203.0.113.80|443|https|eth0|LAN-2-INTERNET|Normal"
            " Operation|198.51.100.1|203.0.113.80|0|1|0|0|0|0|||||",
            {
                "event.type": ["connection", "allowed", "start"],
                "source.port": 38300,
                "source.nat.ip": "198.51.100.1",
                "destination.port": 443,
            },
        ),
        ParserExample(
            '{"version":1,"timestamp":1795338847,"timestamp_start":1795338840,"action":"End",'
            '"traffic_type":0,"duration":66005,"src_iface":"eth0","src_ip":"2001:db8::5",'
            '"src_port":35678,"src_mac":"02:00:53:00:00:51","dst_iface":"eth1","dst_ip":"2001:db8::80",'
            '"dst_port":443,"dst_service":"https","fw_rule":"CLOUD","app_rule":"","src_ip_nat":"",'
            '"fwd_packets":5,"rev_packets":4,"fwd_bytes":700,"rev_bytes":900,"ip_proto":6,"user":"jo"}',
            {
                "@timestamp": "2026-11-22T09:14:07+00:00",
                "event.type": ["connection", "end"],
                "event.duration": 66_005_000_000,
                "source.ip": "2001:db8::5",
                "source.bytes": 700,
                "destination.bytes": 900,
                "network.transport": "tcp",
                "user.name": "jo",
            },
        ),
        ParserExample(
            "<14>Nov 22 09:16:00 fw-hq fw-hq/srv_S1_NGFW:  Info     fw-hq State:          REM(Balanced"
            " Session Idle Timeout,20) FWD UDP 192.0.2.7:35119 () -> 203.0.113.53:53",
            {
                "event.type": ["connection", "end"],
                "event.reason": "Balanced Session Idle Timeout",
                "source.ip": "192.0.2.7",
                "destination.port": 53,
            },
        ),
    ),
)
