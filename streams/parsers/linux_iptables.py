"""Parse netfilter log lines of the Linux kernel: iptables, nftables, ufw, ulogd, and gateways of
Ubiquiti and VyOS.

Whether a packet passed is visible only in the prefix that the author of the rule chose: Ubiquiti's
`-D-`, `-A-`, `-R-`, ufw's words, or a word for the verdict. Without one the outcome is unknown."""

from __future__ import annotations

import re
from functools import lru_cache

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, numbers

_PACKET = r"IN=\S{0,64} OUT=\S{0,64} "
_MESSAGE = re.compile(
    r"\s*(?:\[ *[0-9]+\.[0-9]+\] ?)?"
    r"(?!\[\w+\]\[(?:Block|Pass)\])"  # a Vigor router's
    rf"(?>(?P<prefix>.{{0,256}}?){_PACKET})(?=.*?\bSRC=)"
)
_BARE_START = re.compile(r"\s*(?:\[|IN=|DESCR=)")
"""How a message begins that no program's tag marks as the kernel's."""
_UNIFI = re.compile(
    r"\[(?P<set>[A-Za-z0-9_.]+(?:-(?!(?:[ADR]|RET|DNAT|SNAT|MASQ)[-\]]|[0-9]+-|default-)[\w.]+)*+)"
    r"(?:-(?P<number>[0-9]+|default))?-(?P<verdict>[ADR]|RET|DNAT|SNAT|MASQ)(?:-(?P<last>[0-9]+))?\]"
)
_ZONES = re.compile(r"([a-z0-9_]+)-([a-z0-9_]+)")
"""A rule set of two zones, as EdgeOS and VyOS name them."""
_PART = re.compile(r"(?:\S{0,8} )?(?=.*?\bPROTO=\S)(?=.*?\b(?:SPT|DPT|SRC|TYPE)=\S)")
"""A line whose beginning the sender cut off: the kernel's tag and PROTO= remain."""
_VERDICT_TAG = re.compile(
    r"ulogd2?|iptables|ip6tables|nft|netfilter|firewall|shorewall[\w:.-]*|ufw|"
    r"[\w:.-]*(?:DROP|DENY|DENIED|BLOCK|REJECT|ACCEPT|ALLOW|PASS)[\w:.-]*",
    re.IGNORECASE,
)
"""What a relay takes for the program's name: a logging program, or the prefix of a rule."""
_DESCRIPTION = re.compile(r'DESCR="([^"]*)"')
_DENIED = re.compile(
    r"(?<![A-Za-z])(?:DROP|DENY|DENIED|BLOCK|BLOCKED|REJECT|REJECTED|DISCARD)", re.IGNORECASE
)
_ALLOWED = re.compile(
    r"(?<![A-Za-z])(?:ACCEPT|ACCEPTED|ALLOW|ALLOWED|PASS|PERMIT|(?-i:ACC(?![A-Za-z])))",
    re.IGNORECASE,
)
_VERDICTS = {
    "D": "drop",
    "R": "reject",
    "A": "accept",
    "RET": "return",
    "DNAT": "dnat",
    "SNAT": "snat",
    "MASQ": "snat",
}
_OUTCOMES = {
    "drop": "failure",
    "reject": "failure",
    "accept": "success",
    "dnat": "success",
    "snat": "success",
}
_FACILITY = re.compile(r"(?:kern|user|daemon|auth|authpriv|syslog|local[0-7])\.[a-z]{3,7}")
"""What some relays write between the host and the program."""
_NUMBERS = {"1": "icmp", "6": "tcp", "17": "udp", "58": "ipv6-icmp", "ICMPV6": "ipv6-icmp"}


def _match(line: SourceLine) -> re.Match[str] | None:
    app = line.frame.app
    if app == "kernel":
        return _MESSAGE.match(line.text) or _PART.match(line.text)
    if app is not None and _VERDICT_TAG.fullmatch(app) is None:
        return None
    if app is None and _BARE_START.match(line.text) is None:
        return None
    return _MESSAGE.match(line.text)


def _can_parse(line: SourceLine) -> bool:
    return _match(line) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    text = line.text
    match = _match(line)
    if match is None:
        raise UnparseableRecord(
            "no packet of netfilter",
            place="linux_iptables",
            remedy="Check which parser the source names.",
        )
    is_part = match.re is _PART
    prefix = "" if is_part else match["prefix"]
    if line.frame.app not in {None, "kernel"} and not prefix.strip():
        prefix = f"{line.frame.app}:"
    fields = _build_verdict(prefix)
    _put_packet(fields, _parse_pairs(text, 0 if is_part else match.end("prefix")))
    host = line.frame.host
    if host and not _FACILITY.fullmatch(host):
        fields["host.name"] = fields["observer.name"] = host
    return ParsedEvent(line.frame.time, fields)


def _parse_pairs(text: str, begin: int) -> dict[str, str]:
    """Parse the pairs, of duplicate keys the first. A key does not begin in the last word of a
    prefix, and an ICMP error's inner packet is another one."""
    words = text[begin:].partition(" [SRC=")[0].split()
    if begin and text[begin - 1].isalnum():
        del words[:1]
    words.reverse()
    return {key: value for key, _, value in [word.partition("=") for word in words if "=" in word]}


def _build_verdict(prefix: str) -> dict[str, Value]:
    """Build new lists each time, because a reader of an event may own them."""
    fields = _compute_verdict(prefix).copy()
    fields["event.category"] = ["network"]
    fields["event.type"] = fields["event.type"].copy()
    return fields


@lru_cache(maxsize=1024)
def _compute_verdict(prefix: str) -> dict[str, Value]:
    """Compute and cache the verdict: a rule's prefix is in each of its lines."""
    unifi = _UNIFI.search(prefix)
    described = _DESCRIPTION.search(prefix)
    action = _VERDICTS[unifi["verdict"]] if unifi else _choose_action(prefix)
    outcome = _OUTCOMES.get(action, "unknown")
    kinds = {"failure": ["connection", "denied"], "success": ["connection", "allowed"]}
    fields: dict[str, Value] = {
        "event.category": ["network"],
        "event.type": kinds.get(outcome, ["connection", "info"]),
        "event.outcome": outcome,
        "event.action": action,
        "observer.type": "firewall",
    }
    if unifi:
        fields |= {"observer.vendor": "Ubiquiti", "rule.ruleset": unifi["set"]}
        number = unifi["last"] or unifi["number"]
        fields |= {"rule.id": number} if number else {}
        zones = _ZONES.fullmatch(unifi["set"])
        if zones is not None:
            fields |= {"observer.ingress.zone": zones[1], "observer.egress.zone": zones[2]}
    name = described[1] if described else prefix.strip(" :[]")
    if unifi and not described:
        name = unifi["set"]
    if name and name != "no rule description":
        fields["rule.name"] = name
    return fields


def _choose_action(prefix: str) -> str:
    if _DENIED.search(prefix):
        return "reject" if "REJECT" in prefix.upper() else "drop"
    return "accept" if _ALLOWED.search(prefix) else "packet"


def _put_packet(fields: dict[str, Value], pairs: dict[str, str]) -> None:
    get = pairs.get
    for side, ip, port in (("source", "SRC", "SPT"), ("destination", "DST", "DPT")):
        where = addresses.parse_address(get(ip, ""))
        addresses.put_endpoint(fields, side, where, addresses.parse_port(get(port, "")))
    protocol = get("PROTO", "")
    if protocol:
        fields["network.transport"] = _NUMBERS.get(protocol.upper(), protocol.lower())
    if get("IN"):
        fields["observer.ingress.interface.name"] = pairs["IN"]
    if get("OUT"):
        fields["observer.egress.interface.name"] = pairs["OUT"]
    length = numbers.parse_whole(get("LEN", ""))
    if length is not None:
        fields["network.bytes"] = length
    if "source.ip" in fields:
        fields["network.type"] = "ipv6" if ":" in str(fields["source.ip"]) else "ipv4"
    _put_macs(fields, get("MAC", ""))


def _put_macs(fields: dict[str, Value], text: str) -> None:
    """Set both hardware addresses of an Ethernet header: destination, source, type."""
    octets = text.upper().split(":")
    if len(octets) >= 14:
        fields["destination.mac"] = "-".join(octets[:6])
        fields["source.mac"] = "-".join(octets[6:12])


PARSER = Parser(
    id="linux_iptables",
    title="Linux netfilter (iptables, ufw) and UniFi gateways",
    hints=(b" OUT=", b" PROTO="),
    claims=_can_parse,
    parse=_parse,
    is_sure=True,
    references=(
        "https://git.netfilter.org/iptables/tree/extensions/libxt_LOG.man",
        "https://help.ui.com/hc/en-us/articles/33349041044119",
    ),
    examples=(
        ParserExample(
            "Nov 22 09:14:07 gw01 kernel: SFW2-INext-ACC-TCP IN=eth0 OUT= MAC= SRC=203.0.113.7"
            " DST=192.0.2.1 LEN=60 PROTO=TCP SPT=40112 DPT=22 WINDOW=1 SYN",
            {
                "event.outcome": "success",
                "event.type": ["connection", "allowed"],
                "destination.port": 22,
            },
        ),
        ParserExample(
            'Nov 22 02:29:15 UDMP-HQ [WAN_LOCAL-D-2147483647] DESCR="[WAN_LOCAL]Block All Traffic"'
            " IN=eth8 OUT= MAC=00:11:22:33:44:55:66:77:88:99:aa:bb:08:00 SRC=198.51.100.23"
            " DST=192.0.2.25 LEN=122 TOS=00 PREC=0x00 TTL=64 ID=1 PROTO=UDP SPT=38451 DPT=54329"
            " LEN=102 MARK=1a0000",
            {
                "@timestamp": "2026-11-22T02:29:15+00:00",
                "event.type": ["connection", "denied"],
                "event.outcome": "failure",
                "event.action": "drop",
                "rule.name": "[WAN_LOCAL]Block All Traffic",
                "rule.ruleset": "WAN_LOCAL",
                "source.ip": "198.51.100.23",
                "destination.port": 54329,
                "network.transport": "udp",
                "network.bytes": 122,
                "source.mac": "66-77-88-99-AA-BB",
                "host.name": "UDMP-HQ",
            },
        ),
        ParserExample(
            "Nov 22 02:29:15 usg-hq kernel: [LAN_LOCAL-default-A]IN=eth0.20 OUT= MAC="
            " SRC=192.0.2.1 DST=224.0.0.251 LEN=348 TOS=0x00 PROTO=UDP SPT=5353 DPT=5353 LEN=328",
            {"event.action": "accept", "event.outcome": "success", "source.ip": "192.0.2.1"},
        ),
        ParserExample(
            "<4>1 2026-11-22T02:29:15Z fw kernel - - - [UFW BLOCK] IN=eth0 OUT= SRC=2001:db8::1"
            " DST=2001:db8::2 LEN=60 PROTO=TCP SPT=1 DPT=22 SYN URGP=0",
            {"event.action": "drop", "rule.name": "UFW BLOCK", "source.ip": "2001:db8::1"},
        ),
        ParserExample(
            "Nov 22 02:29:15 fw kernel: [ 1234.567890] IN=eth0 OUT=eth1 SRC=192.0.2.1"
            " DST=192.0.2.2 LEN=84 PROTO=ICMP TYPE=8 CODE=0",
            {"event.outcome": "unknown", "event.action": "packet", "network.transport": "icmp"},
        ),
        ParserExample(
            "Nov 22 02:29:15 UDMP-HQ UDMP-HQ kernel: [PREROUTING-DNAT-5] IN=eth8 OUT= MAC="
            " SRC=203.0.113.66 DST=192.0.2.25 LEN=122 PROTO=TCP SPT=38451 DPT=443",
            {
                "event.action": "dnat",
                "event.outcome": "success",
                "rule.ruleset": "PREROUTING",
                "rule.id": "5",
                "destination.port": 443,
            },
        ),
        ParserExample(
            "Nov 22 02:29:15 gw kernel: [WAN_OUT-2000-A]IN=eth0 OUT=eth2 SRC=192.0.2.1 DST=198.51.100.1"
            " LEN=88 PROTO=ICMP TYPE=3 CODE=3 [SRC=198.51.100.1 DST=203.0.113.1 LEN=60 PROTO=UDP"
            " SPT=21458 DPT=62936 LEN=40 ]",
            {
                "rule.id": "2000",
                "rule.name": "WAN_OUT",
                "observer.ingress.interface.name": "eth0",
                "source.port": None,
                "event.outcome": "success",
            },
        ),
        ParserExample(
            "Nov 22 02:29:15 office-gw user.info kernel: TL=126 ID=15317 DF PROTO=TCP SPT=59344 DPT=443"
            " WINDOW=8212 RES=0x00 ACK PSH URGP=0",
            {"destination.port": 443, "source.ip": None, "event.outcome": "unknown"},
        ),
        ParserExample(
            "Nov 22 02:29:15 DENY: IN=eth0 OUT= MAC= SRC=203.0.113.66 DST=192.0.2.83 LEN=88 PROTO=UDP"
            " SPT=1 DPT=53",
            {"event.outcome": "failure", "event.action": "drop", "rule.name": "DENY"},
        ),
    ),
)
