"""Parse WatchGuard Firebox: `host serial (time) firewall[4]: msg_id="3000-0148" Deny In Out tcp …`.

The time in parentheses is UTC. Traffic is positional up to the ports and key="value" behind them; all
other messages are sentences, of which those of sign-ins and attacks are read. LEEF has the same as pairs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, SourceLine
from streams.parsers.watchguard_firebox import sentences
from streams.parsers.watchguard_firebox.examples import EXAMPLES
from streams.tokenizers import (
    addresses,
    device_stamps,
    field_tables,
    key_value,
    stamps,
    syslog,
)

_START = re.compile(
    rf"\s*+(?:(?P<host>[^\s(]{{1,255}}) )??(?:(?P<serial>[A-Z0-9]{{6,20}}) (?:(?P<name>[^\s(:]{{1,255}}) (?=[\w.-]{{1,64}}(?:\[[0-9]*+\])?: ))?)?(?:\((?P<stamp>{syslog.ISO})\) )?"
    r"(?:(?P<app>[\w.-]{1,64})(?:\[[0-9]*+\])?: )?(?=msg_id=\"[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}\")"
)
_CODE = re.compile(r"msg_id=\"([0-9A-Fa-f]{4}-[0-9A-Fa-f]{4})\" ?")
_TRAFFIC = re.compile(
    r"(?P<verdict>Allow|Deny|Drop|Block|Strip|Lock|Reset|Log|Pass|Quarantine|Tag|Scan|ProxyAllow"
    r"|ProxyDeny|ProxyDrop|ProxyStrip|ProxyBlock|ProxyInspect|ProxyAvScan|ProxyReplace|ProxyRedirect)"
    r" (?P<interfaces>[^\"=|]{1,160}?) (?:(?P<length>[0-9]{1,6}) )?(?P<transport>[a-z][a-z0-9/+_-]{1,20}|[0-9]{1,3})"
    rf" (?:[0-9]{{1,5}} [0-9]{{1,3}} )?(?P<source>{sentences.IP}) (?P<destination>{sentences.IP})"
    r"(?: (?P<source_port>[0-9]{1,5}) (?P<destination_port>[0-9]{1,5}))?(?=\s|\Z)"
)
_POLICY = re.compile(r" \(([^()]{1,120}+)\)\s*\Z")
_REMARK = re.compile(
    r"\A(?:\s*(?:offset [0-9]+|[AFPRSU]{1,6} [0-9]+|win [0-9]+))*+\s*([^\"=()]{3,120}?)\s*\Z"
)
_LEEF = re.compile(
    r"\s*+(?:LEEF: ?)?[12]\.0\|WatchGuard\|(?P<model>[^|]{0,60})\|(?P<version>[^|]{0,60})\|"
    r"(?P<code>[0-9A-Fa-f]{8})\|"
)
_TAB = re.compile(r"\t|#011")
"""What stands between pairs of LEEF; a relay writes `#011` for a tab."""
_LEEF_TEXTS = {
    "observer.serial_number": ("serial",),
    "rule.name": ("rule_name", "policy"),
    "rule.ruleset": ("policy",),
    "rule.category": ("cats", "signature_cat", "app_cat"),
    "observer.ingress.interface.name": ("in_if",),
    "observer.egress.interface.name": ("out_if",),
    "network.application": ("app", "app_name"),
    "http.response.mime_type": ("content_type",),
}
_LEEF_NUMBERS = {"source.packets": ("sent_pkts",), "destination.packets": ("rcvd_pkts",)}
_LEEF_ENDS = (
    ("source", ("src",), ("srcPort",)),
    ("destination", ("dst",), ("dstPort",)),
    ("source.nat", ("srcPostNAT",), ("srcPostNATPort",)),
    ("destination.nat", ("dstPostNAT",), ("dstPostNATPort",)),
)
_TEXTS = {
    "observer.product": ("model",),
    "network.application": ("app_name",),
    "rule.category": ("cats", "signature_cat", "cat_name", "app_cat_name"),
    "rule.name": ("signature_name", "virus", "rule_name"),
    "rule.id": ("signature_id",),
    "rule.ruleset": ("proxy_act",),
    "http.request.method": ("op", "method"),
    "url.domain": ("dstname", "host", "sni"),
    "file.hash.md5": ("md5",),
    "file.name": ("filename", "file_name", "file"),
    "email.from.address": ("sender",),
    "email.to.address": ("recipients",),
    "dns.question.name": ("question",),
    "dns.question.type": ("query_type",),
    "message": ("msg",),
}
_NUMBERS = {
    "source.bytes": ("sent_bytes",),
    "destination.bytes": ("rcvd_bytes",),
}
_NATS = (
    ("source.nat", ("src_ip_nat",), ("src_port_nat",)),
    ("destination.nat", ("dst_ip_nat",), ("dst_port_nat",)),
)
_DENYING = frozenset({"deny", "drop", "block", "reset", "lock", "quarantine"})
_ELAPSED = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,9}))? sec")


def _can_parse(line: SourceLine) -> bool:
    return _START.match(line.text) is not None or _LEEF.match(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    record = _LEEF.match(line.text)
    if record is not None:
        return _parse_leef(line, record)
    start = _START.match(line.text)
    code = _CODE.match(line.text, start.end()) if start is not None else None
    if start is None or code is None:
        raise UnparseableRecord(
            "no message of a WatchGuard Firebox (msg_id=)",
            place="watchguard_firebox",
            remedy="Send syslog with message numbers, or IBM LEEF.",
        )
    body = line.text[code.end() :].strip()
    fields: dict[str, Value] = {
        "event.category": ["network"],
        "event.type": ["info"],
        "event.outcome": "unknown",
        "event.action": "device-message",
        "event.code": code[1].upper(),
        "observer.vendor": "WatchGuard",
        "observer.type": "firewall",
    }
    serial, host = start["serial"], line.frame.host or start["host"] or start["name"]
    if serial is not None:
        fields["observer.serial_number"] = serial
    if host:
        fields["observer.name"] = fields["host.name"] = host
    traffic = _TRAFFIC.match(body)
    if traffic is not None:
        _put_traffic(fields, body, traffic)
    else:
        sentences.put_sentence(fields, body)
    time = stamps.parse_iso(start["stamp"], UTC) if start["stamp"] else line.frame.time
    return ParsedEvent(time, fields)


def _read_pairs(text: str) -> dict[str, str]:
    """Read the pairs of LEEF, also where a relay made blanks of the tabs."""
    if _TAB.search(text) is None:
        return key_value.select_first_values(key_value.parse_spaced_pairs(text))
    pairs: dict[str, str] = {}
    for part in _TAB.split(text):
        key, equals, value = part.partition("=")
        if equals:
            pairs.setdefault(key.strip(), value.strip())
    return pairs


def _parse_leef(line: SourceLine, record: re.Match[str]) -> ParsedEvent:
    pairs = _read_pairs(line.text[record.end() :])
    verdict = pairs.get("disp", "")
    denied = verdict.lower().removeprefix("proxy") in _DENYING
    fields: dict[str, Value] = {
        "event.category": ["network"],
        "event.type": ["connection", "denied" if denied else "allowed"] if verdict else ["info"],
        "event.outcome": "failure" if denied else "success" if verdict else "unknown",
        "event.action": verdict.lower() or "device-message",
        "event.code": record["code"].upper(),
        "observer.vendor": "WatchGuard",
        "observer.product": record["model"] or "Firebox",
        "observer.version": record["version"],
        "observer.type": "firewall",
    }
    field_tables.put_texts(fields, pairs, _TEXTS | _LEEF_TEXTS)
    field_tables.put_numbers(fields, pairs, _NUMBERS | _LEEF_NUMBERS)
    field_tables.put_ends(fields, pairs, _LEEF_ENDS)
    field_tables.put_transport(fields, pairs.get("proto", ""))
    sentences.put_name(fields, pairs.get("src_user", ""))
    field_tables.put_seconds(fields, pairs.get("duration", "").partition(" ")[0])
    _put_content(fields, pairs)
    message = pairs.get("msg", "")
    host = pairs.get("host_name") or pairs.get("sys_name") or line.frame.host
    if not verdict:
        sentences.put_sentence(fields, message)
    elif denied and message:
        fields["event.reason"] = message
    if host:
        fields["observer.name"] = fields["host.name"] = host
    time = device_stamps.parse_stamp(pairs.get("devTime", ""), line.arrived, line.zone)
    return ParsedEvent(time or line.frame.time, fields)


def _put_traffic(fields: dict[str, Value], body: str, match: re.Match[str]) -> None:
    verdict = match["verdict"].removeprefix("Proxy").lower()
    denied = verdict in _DENYING
    rest = body[match.end() :]
    policy = _POLICY.search(rest[-200:])
    pairs = key_value.select_first_values(key_value.parse_pairs(rest))
    fields["event.action"] = match["verdict"].lower()
    fields["event.outcome"] = "failure" if denied else "success"
    fields["event.type"] = ["connection", "denied" if denied else "allowed"]
    field_tables.put_texts(fields, pairs, _TEXTS)
    if policy is not None:
        fields.setdefault("rule.name", policy[1].strip())
        fields["rule.ruleset"] = policy[1].strip()
    for side in ("source", "destination"):
        ip = addresses.parse_address(match[side])
        addresses.put_endpoint(fields, side, ip, addresses.parse_port(match[f"{side}_port"] or ""))
    words = match["interfaces"].split()
    fields["observer.ingress.interface.name"] = words[0]
    if len(words) > 1:
        fields["observer.egress.interface.name"] = words[-1]
    _put_transport(fields, match["transport"])
    field_tables.put_numbers(fields, pairs, _NUMBERS)
    field_tables.put_ends(fields, pairs, _NATS)
    sentences.put_name(fields, pairs.get("src_user") or pairs.get("user") or "")
    field_tables.put_seconds(fields, pairs.get("duration", ""))
    _put_content(fields, pairs)
    remark = pairs.get("msg") or _find_remark(rest)
    if remark and denied:
        fields["event.reason"] = remark


def _put_content(fields: dict[str, Value], pairs: Mapping[str, str]) -> None:
    elapsed = _ELAPSED.match(pairs.get("elapsed_time", ""))
    if elapsed is not None:
        rest = int((elapsed[2] or "0").ljust(9, "0"))
        fields["event.duration"] = int(elapsed[1]) * 1_000_000_000 + rest
    path = pairs.get("arg") or pairs.get("path")
    if path:
        field_tables.put_url(fields, path)
    if "virus" in pairs:
        fields["event.category"] = ["network", "malware"]
    elif "signature_name" in pairs:
        fields["event.category"] = ["network", "intrusion_detection"]
    elif path or "op" in pairs:
        fields["event.category"] = ["network", "web"]


def _put_transport(fields: dict[str, Value], text: str) -> None:
    transport, _, port = text.partition("/")
    known = {"tcp", "udp", "icmp", "gre", "esp", "ah", "igmp", "icmpv6", "sctp"}
    if transport in known or transport.isdigit():
        field_tables.put_transport(fields, transport)
    else:
        fields["network.protocol"] = transport
        if port in known:
            fields["network.transport"] = port


def _find_remark(rest: str) -> str | None:
    """Find the words between the packet's figures and the policy, such as `blocked sites`."""
    head = rest[:400].partition(" (")[0]
    match = _REMARK.match(head)
    return None if match is None else match[1]


PARSER = Parser(
    id="watchguard_firebox",
    title="WatchGuard Firebox (Fireware)",
    hints=(b'msg_id="', b"|WatchGuard|"),
    claims=_can_parse,
    parse=_parse,
    is_sure=True,
    references=(
        "https://www.watchguard.com/help/docs/fireware/12/en-US/log_catalog/12_10_Log-Catalog.pdf",
        "https://www.watchguard.com/help/docs/help-center/en-US/Content/en-US/Fireware/logging/log_messages_read_c.html",
    ),
    examples=EXAMPLES,
)
