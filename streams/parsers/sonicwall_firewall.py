"""Parse SonicWall SonicOS firewalls and SMA gateways: key=value, often without a syslog header.

The device's `time=` is the event time, in the source's zone unless it says UTC; a relay's stamp in
front of it is not. The kind of act is in the message number `m`; on an SMA (`id=sslvpn`), which has
other numbers, in `msg`. Number 36 `TCP connection dropped` is a denial, whatever its name."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, key_value, numbers, people, stamps, syslog

_START = re.compile(
    rf"(?:(?:{syslog.HEADER}|{syslog.PRI})\s*+(?:\S++ ++)?|[0-9a-f.:]++ ++)?\s*+"
    r"(?=id=\S++ ++(?:sn|time|fw|mgmtip)=)"
)
_REAL = re.compile(r"(?<!\S)(?:m|msg)=")
_AUTH, _NET, _CONF = ["authentication"], ["network"], ["configuration"]
_IDS, _IAM = ["network", "intrusion_detection"], ["iam"]
_Kind = tuple[list[str], list[str], str, str]
_REFUSED = (
    "32 33 34 243 244 245 246 329 486 549 557 583 744 745 746 747 748 749 750 751 752 753 754 755"
    " 756 757 759 986 987 988 989 990 991 1035 1048 1117 1118 1119 1120 1121 1122 1123 1243 1517"
    " 1572 1585 1655 1672"
)
_KINDS: tuple[tuple[_Kind, str], ...] = (
    ((_AUTH, ["start"], "success", "admin-login"), "29 199 235 236"),
    ((_AUTH, ["start"], "success", "user-login"), "31 237 238 1080"),
    ((_AUTH, ["start"], "failure", "admin-login"), "30 35 200"),
    ((_AUTH, ["start"], "failure", "user-login"), _REFUSED),
    ((_IAM, ["user", "change"], "success", "user-locked"), "1570"),
    ((_IAM, ["user", "change"], "success", "user-unlocked"), "438 439 1571"),
    ((_AUTH, ["end"], "success", "logout"), "24 261 262 263 264 265 520 1008 1124"),
    ((_NET, ["connection", "start"], "success", "connection-opened"), "98"),
    ((_NET, ["connection", "end"], "success", "connection-closed"), "537"),
    ((_NET, ["connection", "denied"], "failure", "connection-denied"), "36 38 173 524 712 713 760"),
    ((["network", "web"], ["access", "denied"], "failure", "web-site-denied"), "14"),
    ((["network", "web"], ["access"], "success", "web-site-hit"), "97"),
    ((_NET, ["connection", "denied"], "failure", "country-denied"), "1198 1199"),
    ((_NET, ["connection", "denied"], "failure", "botnet-denied"), "1200 1201"),
    ((_IDS, ["info"], "unknown", "intrusion-detected"), "608 789"),
    ((_IDS, ["denied"], "failure", "intrusion-prevented"), "609 790"),
    ((_IDS, ["info"], "unknown", "port-scan"), "82 83"),
    ((_IDS, ["denied"], "failure", "attack-dropped"), "22 23 27 81"),
    ((_IDS, ["info"], "unknown", "syn-flood"), "25 859 860"),
    ((_CONF, ["change"], "success", "configuration-changed"), "1382 440 441 442"),
    ((_CONF, ["change"], "failure", "configuration-refused"), "1383"),
    ((_IAM, ["user", "change"], "success", "user-changed"), "1333 1334 1335 1336 1337 1338"),
)
_BY_CODE = {code: kind for kind, codes in _KINDS for code in codes.split()}
_OTHER: _Kind = (_NET, ["info"], "unknown", "device-message")
_DENIED: _Kind = (_NET, ["connection", "denied"], "failure", "connection-denied")
_DENYING = frozenset({"drop", "deny", "block", "reject"})
_DROPPED = re.compile(r"\b(?:dropped|denied|blocked|rejected)\b", re.IGNORECASE)
_UNSAID = frozenset({"", "N/A", "NA"})
_MESSAGE_KINDS = (
    (re.compile(r"login (?:successful|allowed)|logged in", re.IGNORECASE), _BY_CODE["31"]),
    (
        re.compile(r"login (?:failed|denied|attempt failed)|invalid (?:user|pass)", re.IGNORECASE),
        _BY_CODE["32"],
    ),
    (re.compile(r"logged out|logout", re.IGNORECASE), _BY_CODE["24"]),
)
_METHODS = {"1": "GET", "2": "POST", "3": "HEAD", "4": "PUT", "5": "CONNECT"}
_ENDS = (
    ("src", "source.ip", "source.port", "observer.ingress.interface.name", "source.domain"),
    (
        *("dst", "destination.ip", "destination.port"),
        *("observer.egress.interface.name", "destination.domain"),
    ),
)
"""A key, and where the address, the port, the interface and the name in its value go."""
_FURTHER_ADDRESSES = (
    ("srcV6", "source.ip"),
    ("dstV6", "destination.ip"),
    ("natSrc", "source.nat.ip"),
    ("natDst", "destination.nat.ip"),
)
_MACS = (("srcMac", "source.mac"), ("dstMac", "destination.mac"))
_NUMBERS = {
    "sent": "source.bytes",
    "rcvd": "destination.bytes",
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
}


_PLACES = {key: (name, False) for key, name in _TEXTS.items()} | {
    key: (name, True) for key, name in _NUMBERS.items()
}
"""Where a value goes, and whether it is a number."""


def _can_parse(line: SourceLine) -> bool:
    return _START.match(line.text) is not None


def _has_message(text: str, begin: int) -> bool:
    """Whether it has a message or its number."""
    if begin and (text.find(" m=", begin - 1) >= 0 or text.find(" msg=", begin - 1) >= 0):
        return True
    return _REAL.search(text, begin) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    start = _START.match(line.text)
    if start is None or not _has_message(line.text, start.end()):
        raise UnparseableRecord(
            "no message of a SonicWall (id=, sn=, m= or msg=)",
            place="sonicwall_firewall",
            remedy="Send syslog in the Default or Enhanced format.",
        )
    all_pairs = key_value.parse_pairs(line.text[start.end() :])
    pairs = key_value.select_first_values(all_pairs)
    category, types, outcome, action = _choose_kind(pairs)
    fields: dict[str, Value] = {
        "event.category": category.copy(),
        "event.type": types.copy(),
        "event.outcome": outcome,
        "event.action": action,
        "observer.vendor": "SonicWall",
        "observer.type": "vpn" if pairs["id"] == "sslvpn" else "firewall",
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


def _choose_kind(pairs: dict[str, str]) -> _Kind:
    message = pairs.get("msg", "")
    if pairs["id"] == "sslvpn":
        return next((kind for words, kind in _MESSAGE_KINDS if words.search(message)), _OTHER)
    kind = _BY_CODE.get(pairs.get("m", ""))
    if kind is not None:
        return kind
    denied = pairs.get("fw_action") in _DENYING or _DROPPED.search(message)
    return _DENIED if denied else _OTHER


def _parse_time(pairs: dict[str, str], line: SourceLine) -> datetime | None:
    text = pairs.get("time") or pairs.get("vp_time")
    if not text:
        return None
    explicit = pairs.get("vp_time", text)
    if explicit.endswith(" UTC"):
        return stamps.parse_iso(explicit[:-4], UTC)
    return stamps.parse_iso(text, line.zone)


def _put_device(fields: dict[str, Value], pairs: dict[str, str]) -> None:
    ip = addresses.parse_address(pairs.get("fw", ""))
    if ip is not None:
        fields["observer.ip"] = ip
    elif pairs.get("fw"):
        fields["observer.name"] = pairs["fw"]
    if pairs["id"] not in ("firewall", "sslvpn"):
        fields["observer.product"] = pairs["id"]


def _put_ends(fields: dict[str, Value], pairs: dict[str, str]) -> None:
    for key, ip_field, port_field, interface_field, domain_field in _ENDS:
        text = pairs.get(key)
        if not text:
            continue
        ip, port, interface, host = addresses.parse_named_endpoint(text)
        if ip is not None:
            fields[ip_field] = ip
        if port is not None:
            fields[port_field] = port
        if interface:
            fields[interface_field] = interface
        host = host or ("" if ip else text.partition(":")[0])
        if host:
            fields[domain_field] = host
    _put_further(fields, pairs)


def _put_further(fields: dict[str, Value], pairs: dict[str, str]) -> None:
    for key, name in _FURTHER_ADDRESSES:
        ip = addresses.parse_named_endpoint(pairs[key]).ip if key in pairs else None
        if ip is not None:
            fields[name] = ip
    for key, name in _MACS:
        if pairs.get(key):
            fields[name] = pairs[key].upper().replace(":", "-")


def _put_traffic(fields: dict[str, Value], pairs: dict[str, str]) -> None:
    if spoken := pairs.get("proto"):
        transport, _, protocol = spoken.lower().partition("/")
        if transport:
            fields["network.transport"] = transport
        if protocol and not protocol.isdigit():
            fields["network.protocol"] = protocol
    if "source.bytes" in fields or "destination.bytes" in fields:
        fields["network.bytes"] = fields.get("source.bytes", 0) + fields.get("destination.bytes", 0)
    milliseconds = fields.pop("event.duration", None)
    if milliseconds is not None and (duration := numbers.check_64_bits(milliseconds * 1_000_000)):
        fields["event.duration"] = duration
    if pairs.get("appName"):
        fields["network.application"] = pairs["appName"].lower()
    method = _METHODS.get(pairs.get("op", ""))
    if method is not None:
        fields["http.request.method"] = method


def _put_words(fields: dict[str, Value], pairs: dict[str, str], messages: list[str]) -> None:
    user = pairs.get("usr") or pairs.get("user", "")
    if user and not user.startswith("Unknown"):
        people.put_user(fields, user)
    if messages:
        fields["message"] = messages[0] if len(messages) == 1 else "; ".join(messages)
        if fields["event.outcome"] == "failure":
            fields["event.reason"] = messages[0]


PARSER = Parser(
    id="sonicwall_firewall",
    title="SonicWall firewalls (SonicOS) and SMA gateways",
    hints=(b"id=",),
    claims=_can_parse,
    parse=_parse,
    is_sure=True,
    references=(
        "https://www.sonicwall.com/techdocs/pdf/sonicos-7-0-0-0-log_events_reference_guide.pdf",
        "https://www.elastic.co/docs/reference/integrations/sonicwall_firewall",
    ),
    examples=(
        ParserExample(
            'Nov 22 13:45:36 192.0.2.5 id=firewall sn=18B169000001 time="2026-11-22 14:48:07"'
            ' fw=192.0.2.9 pri=1 c=32 m=30 msg="Administrator login denied due to bad credentials"'
            " n=7 src=203.0.113.66:36701:WAN dst=192.0.2.9:50000:WAN",
            {
                "@timestamp": "2026-11-22T13:48:07+00:00",
                "event.category": ["authentication"],
                "event.outcome": "failure",
                "event.code": "30",
                "event.severity": 1,
                "source.ip": "203.0.113.66",
                "source.port": 36701,
                "observer.ip": "192.0.2.9",
                "observer.serial_number": "18B169000001",
            },
            zone="Europe/Berlin",
        ),
        ParserExample(
            '<134>  id=NSA3600 sn=18B169000001 time="2026-11-22 16:10:06 UTC" fw=192.0.2.9 pri=6'
            ' c=1024 gcat=6 m=537 msg="Connection Closed" msg="twice" src=192.0.2.28:56783:X4-V10'
            " srcZone=TEST  natSrc=198.51.100.1:56783 dst=198.51.100.12:53:X6:DC01 dstZone=Trusted"
            ' usr="Unknown (SSO failed)" proto=udp/dns sent=63 rcvd=115 spkt=1 rpkt=1 cdur=30016'
            " appName='General DNS' note= fw_action=\"NA\"",
            {
                "@timestamp": "2026-11-22T16:10:06+00:00",
                "event.type": ["connection", "end"],
                "event.duration": 30_016_000_000,
                "user.name": None,
                "source.bytes": 63,
                "network.bytes": 178,
                "network.transport": "udp",
                "network.protocol": "dns",
                "network.application": "general dns",
                "source.nat.ip": "198.51.100.1",
                "destination.domain": "DC01",
                "observer.product": "NSA3600",
                "message": "Connection Closed; twice",
            },
        ),
        ParserExample(
            'id=firewall sn=18B169000001 time="2026-11-22 10:39:35" fw=192.0.2.9 pri=5 c=64 m=36'
            ' msg="TCP connection dropped" n=2686 src=:4507:WAN srcV6=2001:DB8::7'
            " dst=192.0.2.9:445:LAN rule=0",
            {
                "event.type": ["connection", "denied"],
                "event.outcome": "failure",
                "source.ip": "2001:db8::7",
                "source.port": 4507,
                "destination.port": 445,
            },
        ),
        ParserExample(
            'id=sslvpn sn=18B169000002 time="2026-11-22 07:43:15" vp_time="2026-11-22 05:43:15 UTC"'
            ' fw=192.0.2.6 pri=5 m=1 c=1 src=203.0.113.66 dst="vpn.contoso.example"'
            ' user="JO@Contoso.example" usr="JO@Contoso.example" msg="User login successful"'
            ' portal="contoso" domain="contoso" agent="NetExtender for Windows 10.2"',
            {
                "@timestamp": "2026-11-22T05:43:15+00:00",
                "event.category": ["authentication"],
                "event.outcome": "success",
                "user.name": "jo@contoso.example",
                "user.email": "jo@contoso.example",
                "destination.domain": "vpn.contoso.example",
                "observer.type": "vpn",
            },
        ),
    ),
)
