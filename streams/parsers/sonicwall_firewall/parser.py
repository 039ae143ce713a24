"""Parse SonicWall SonicOS firewalls and SMA gateways: key=value, often without a syslog header, or CEF.

The device's `time=` is the event time, in the source's zone unless it says UTC; a relay's stamp in
front of it is not. The kind of act is in the message number `m`; on an SMA (`id=sslvpn`), which has
other numbers, in `msg`. Number 36 `TCP connection dropped` is a denial, whatever its name."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, SourceLine
from streams.parsers.sonicwall_firewall.examples import EXAMPLES
from streams.parsers.sonicwall_firewall.kinds import choose_kind
from streams.tokenizers import addresses, cef, field_tables, key_value, numbers, stamps

_START = re.compile(
    r"(?:[0-9A-Fa-f]++[.:][0-9A-Fa-f.:]*+ ++)?\s*+"
    r"(?=(?:id|sn|time|fw|mgmtip|pri|c|gcat|m|n|msg|src|[a-z-]{1,30}(?:=\S{1,40} (?:id|sn)))=)"
)
_KEY = re.compile(r"(?:\A|(?<=\s))(id|sn|fw|m|msg|pri|time|mgmtip)=")
_ENOUGH = (
    frozenset({"id", "sn"}),
    frozenset({"id", "fw", "pri"}),
    frozenset({"id", "fw", "m"}),
    frozenset({"id", "mgmtip"}),
    frozenset({"sn", "fw", "m"}),
)
"""Keys any of which together are a SonicWall's; the vendor adds keys in front of and between them."""
_CEF_NAMES = {
    "cat": "c",
    "smac": "srcMac",
    "dmac": "dstMac",
    "susr": "usr",
    "suser": "usr",
    "out": "sent",
    "in": "rcvd",
    "cs1": "rule",
    "cs3Label": "srcZone",
    "cs4Label": "dstZone",
    "cs6": "note",
    "cn1Label": "rpkt",
    "cn2Label": "spkt",
    "cn3Label": "cdur",
    "deviceExternalId": "sn",
    "dvc": "fw",
}
"""The vendor writes values under names that CEF has for labels."""
_UNSAID = frozenset({"", "N/A", "NA"})
_FILE = re.compile(r"filename: (?P<name>\S[^\r\n]{0,254}?)\.?\s*\Z", re.IGNORECASE)
_MAPPED = re.compile(
    r"Source: (?P<source>[0-9A-Fa-f.:]{2,45}), (?P<source_port>[0-9]{1,5}),"
    r" Destination: (?P<destination>[0-9A-Fa-f.:]{2,45}), (?P<destination_port>[0-9]{1,5})\b"
)
"""Where the note of a `NAT Mapping` says what the ends became."""
_METHODS = {"1": "GET", "2": "POST", "3": "HEAD", "4": "PUT", "5": "CONNECT"}
_ENDS = (
    ("src", "source", "observer.ingress.interface.name"),
    ("dst", "destination", "observer.egress.interface.name"),
)
"""A key, and where the address, port and name, and the interface in its value go."""
_FURTHER_ADDRESSES = (
    ("srcV6", "source"),
    ("dstV6", "destination"),
    ("natSrc", "source.nat"),
    ("natDst", "destination.nat"),
    ("natSrcV6", "source.nat"),
    ("natDstV6", "destination.nat"),
)
_MACS = (("srcMac", "source"), ("dstMac", "destination"))
_TOTALS = (
    ("network.bytes", "source.bytes", "destination.bytes"),
    ("network.packets", "source.packets", "destination.packets"),
)
"""The sum of what both sides sent."""
_NUMBERS = {
    "sent": "source.bytes",
    "rcvd": "destination.bytes",
    "in": "destination.bytes",
    "spkt": "source.packets",
    "rpkt": "destination.packets",
    "pri": "event.severity",
    "cdur": "event.duration",
    "result": "http.response.status_code",
}
_TEXTS = {
    "sn": "observer.serial_number",
    "m": "event.code",
    "rule": "rule.name",
    "sid": "rule.id",
    "ipscat": "rule.category",
    "srcZone": "observer.ingress.zone",
    "dstZone": "observer.egress.zone",
    "agent": "user_agent.original",
    "dstname": "url.domain",
    "arg": "url.path",
    "Category": "rule.category",
    "website-category": "rule.category",
    "uuid": "rule.uuid",
    "version": "observer.version",
}
_PLACES = {key: (name, False) for key, name in _TEXTS.items()} | {
    key: (name, True) for key, name in _NUMBERS.items()
}
"""Where a value goes, and whether it is a number."""


def _can_parse(line: SourceLine) -> bool:
    header = cef.read_header(line.text)
    if header is not None:
        return header.vendor == "SonicWall"
    return _find_pairs(line.text) is not None


def _find_pairs(text: str) -> int | None:
    """Return where the pairs of a SonicWall begin; None: it has none."""
    start = _START.match(text)
    if start is None:
        return None
    begin = start.end()
    head = text[begin : begin + 600]
    if head.startswith("id=") and " sn=" in head:  # as in nearly every line
        return begin
    keys = frozenset(_KEY.findall(head))
    is_own = head.startswith("id=firewall ")
    is_enough = any(some <= keys for some in _ENOUGH) or (is_own and {"m", "msg"} <= keys)
    return begin if is_enough else None


def _read_pairs(line: SourceLine) -> list[tuple[str, str]]:
    header = cef.read_header(line.text)
    if header is None:
        begin = _find_pairs(line.text)
        if begin is not None:
            return key_value.parse_pairs(line.text[begin:])
    elif header.vendor == "SonicWall":
        record = cef.read(line.text)
        assert record is not None, "it has a header"
        return _rename(record)
    raise UnparseableRecord(
        "no message of a SonicWall (id=, sn=, m= or msg=)",
        place="sonicwall_firewall",
        remedy="Send syslog in the Default, Enhanced or ArcSight format.",
    )


def _rename(record: cef.CefRecord) -> list[tuple[str, str]]:
    """Write a record of CEF with the names of the Enhanced format."""
    header, fields = record.header, record.fields
    pairs = [("id", header.product), ("m", header.code), ("version", header.version)]
    for side, port, interface in (
        ("src", "spt", "deviceInboundInterface"),
        ("dst", "dpt", "deviceOutboundInterface"),
    ):
        parts = [fields.get(key, "") for key in (side, port, interface)]
        pairs += [(side, ":".join(parts))] if any(parts) else []
    domain, slash, path = fields.get("request", "").partition("/")
    pairs += [("dstname", domain), ("arg", slash + path)] if domain else []
    for side, address, port in (("natSrc", "cs1Label", "snpt"), ("natDst", "cs2Label", "dnpt")):
        if addresses.parse_address(fields.get(address, "")) is not None:
            pairs.append((side, f"{fields[address]}:{fields.get(port, '')}"))
    pairs += ((_CEF_NAMES.get(key, key), value) for key, value in record.pairs)
    severity = cef.parse_severity(header.severity)
    if severity is not None:
        pairs.append(("pri", str(severity)))
    if "msg" not in fields:
        pairs.append(("msg", header.name))
    return pairs


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    all_pairs = _read_pairs(line)
    pairs = key_value.select_first_values(all_pairs)
    category, types, outcome, action = choose_kind(pairs)
    fields: dict[str, Value] = {
        "event.category": category.copy(),
        "event.type": types.copy(),
        "event.outcome": outcome,
        "event.action": action,
        "observer.vendor": "SonicWall",
        "observer.type": "vpn" if pairs.get("id") == "sslvpn" else "firewall",
    }
    for key, value in pairs.items():
        place = _PLACES.get(key)
        if place is None:
            continue
        name, is_number = place
        if not is_number:
            if value not in _UNSAID:
                fields[name] = value
        elif (number := numbers.parse_whole(value)) is not None:
            fields[name] = number
    _put_device(fields, pairs)
    _put_ends(fields, pairs)
    _put_traffic(fields, pairs)
    _put_words(fields, pairs, _list_messages(line.text, pairs, all_pairs))
    return ParsedEvent(_parse_time(pairs, line), fields)


def _list_messages(text: str, pairs: dict[str, str], all_pairs: list[tuple[str, str]]) -> list[str]:
    """List every `msg` that is not empty; nearly every line has one."""
    if text.count("msg=") > 1:
        return [value for key, value in all_pairs if key == "msg" and value]
    message = pairs.get("msg")
    return [message] if message else []


def _parse_time(pairs: dict[str, str], line: SourceLine) -> datetime | None:
    text = pairs.get("time") or pairs.get("vp_time")
    if not text:
        return line.frame.time
    if (explicit := pairs.get("vp_time", text)).endswith(" UTC"):
        return stamps.parse_iso(explicit[:-4], UTC)
    return stamps.parse_iso(text, line.zone)


def _put_device(fields: dict[str, Value], pairs: dict[str, str]) -> None:
    ip = addresses.parse_address(pairs.get("fw", ""))
    if ip is not None:
        fields["observer.ip"] = ip
    elif pairs.get("fw"):
        fields["observer.name"] = pairs["fw"]
    name = pairs.get("id", "firewall")
    if name not in ("firewall", "sslvpn"):
        fields["observer.product"] = name


def _put_ends(fields: dict[str, Value], pairs: dict[str, str]) -> None:
    for key, side, interface_field in _ENDS:
        text = pairs.get(key)
        if not text:
            continue
        ip, port, interface, host = addresses.parse_named_endpoint(text)
        addresses.put_endpoint(fields, side, ip, port)
        if interface:
            fields[interface_field] = interface
        host = host or ("" if ip else text.partition(":")[0])
        if host:
            fields[f"{side}.domain"] = host
    for key, side in _FURTHER_ADDRESSES:
        if key in pairs:
            _put_further(fields, side, pairs[key])
    _put_mapped(fields, pairs)


def _put_mapped(fields: dict[str, Value], pairs: dict[str, str]) -> None:
    """Set hardware addresses, and what the ends became."""
    for key, side in _MACS:
        if key in pairs:
            field_tables.put_mac(fields, side, pairs[key])
    mapped = _MAPPED.match(pairs["note"]) if "note" in pairs else None
    if mapped is not None:
        for side in ("source", "destination"):
            _put_further(fields, f"{side}.nat", f"{mapped[side]}:{mapped[f'{side}_port']}")


def _put_further(fields: dict[str, Value], side: str, text: str) -> None:
    is_plain = text.startswith("[")
    end = addresses.parse_endpoint(text) if is_plain else addresses.parse_named_endpoint(text)
    if end.ip is None:
        return
    fields[f"{side}.ip"] = end.ip
    if end.port is not None:
        fields[f"{side}.port"] = end.port


def _put_traffic(fields: dict[str, Value], pairs: dict[str, str]) -> None:
    if spoken := pairs.get("proto"):
        transport, _, protocol = spoken.lower().partition("/")
        if transport:
            fields["network.transport"] = transport
        if protocol and not protocol.isdigit():
            fields["network.protocol"] = protocol
    _put_totals(fields)
    milliseconds = fields.pop("event.duration", None)
    if milliseconds is not None and (duration := numbers.check_64_bits(milliseconds * 1_000_000)):
        fields["event.duration"] = duration
    if pairs.get("appName"):
        fields["network.application"] = pairs["appName"].lower()
    if (operation := pairs.get("op", "")) in _METHODS:
        fields["http.request.method"] = _METHODS[operation]


def _put_totals(fields: dict[str, Value]) -> None:
    for total, sent, received in _TOTALS:
        if sent in fields or received in fields:
            fields[total] = fields.get(sent, 0) + fields.get(received, 0)


def _put_words(fields: dict[str, Value], pairs: dict[str, str], messages: list[str]) -> None:
    user = pairs.get("usr") or pairs.get("user", "")
    if user and not user.startswith("Unknown"):
        field_tables.put_account(fields, user)
    if messages and (file := _FILE.search(messages[0][:1000])) is not None:
        fields["file.name"] = file["name"]
    if messages:
        if messages[0].startswith("ICMP packet"):
            fields.setdefault("network.transport", "icmp")
        fields["message"] = messages[0] if len(messages) == 1 else "; ".join(messages)
        if fields["event.outcome"] == "failure":
            fields["event.reason"] = messages[0]


PARSER = Parser(
    id="sonicwall_firewall",
    title="SonicWall firewalls (SonicOS) and SMA gateways",
    hints=(b"id=", b"sn=", b"|SonicWall|"),
    claims=_can_parse,
    parse=_parse,
    is_sure=True,
    references=(
        "https://www.sonicwall.com/techdocs/pdf/sonicos-7-0-0-0-log_events_reference_guide.pdf",
        "https://www.elastic.co/docs/reference/integrations/sonicwall_firewall",
    ),
    examples=EXAMPLES,
)
