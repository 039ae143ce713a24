"""Parse netfilter log lines of the Linux kernel: iptables, nftables, ufw, and UniFi gateways.

Whether a packet passed is visible only in the prefix that the author of the rule chose: UniFi's
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
_BARE_START = re.compile(r"\s*(?:\[|IN=)")
"""How a message begins that no program's tag marks as the kernel's."""
_UNIFI = re.compile(r"\[([A-Z0-9_]+[\w-]*)-([ADR])(?:-([0-9]+))?\]")
_DESCRIPTION = re.compile(r'DESCR="([^"]*)"')
_DENIED = re.compile(
    r"(?<![A-Za-z])(?:DROP|DENY|DENIED|BLOCK|BLOCKED|REJECT|REJECTED|DISCARD)", re.IGNORECASE
)
_ALLOWED = re.compile(r"(?<![A-Za-z])(?:ACCEPT|ACCEPTED|ALLOW|ALLOWED|PASS|PERMIT)", re.IGNORECASE)
_VERDICTS = {"D": "drop", "R": "reject", "A": "accept"}
_OUTCOMES = {"drop": "failure", "reject": "failure", "accept": "success"}
_NUMBERS = {"1": "icmp", "6": "tcp", "17": "udp", "58": "ipv6-icmp", "ICMPV6": "ipv6-icmp"}


def _match(line: SourceLine) -> re.Match[str] | None:
    app = line.frame.app
    if app != "kernel" and (app is not None or _BARE_START.match(line.text) is None):
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
    fields = _build_verdict(match["prefix"])
    _put_packet(fields, _parse_pairs(text, match.end("prefix")))
    if line.frame.host:
        fields["host.name"] = fields["observer.name"] = line.frame.host
    return ParsedEvent(line.frame.time, fields)


def _parse_pairs(text: str, begin: int) -> dict[str, str]:
    """Parse the pairs, of duplicate keys the first. A key begins after white space: not in the end
    of a prefix."""
    words = text[begin:].split()
    if begin and not text[begin - 1].isspace():
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
    action = _VERDICTS[unifi[2]] if unifi else _choose_action(prefix)
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
        fields |= {"observer.vendor": "Ubiquiti", "rule.ruleset": unifi[1]}
        fields |= {"rule.id": unifi[3]} if unifi[3] else {}
    name = described[1] if described else prefix.strip(" :[]")
    if name and (described or not unifi):
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
        fields["network.transport"] = _NUMBERS.get(protocol, protocol.lower())
    if get("IN"):
        fields["observer.ingress.interface.name"] = pairs["IN"]
    if get("OUT"):
        fields["observer.egress.interface.name"] = pairs["OUT"]
    length = numbers.parse_whole(get("LEN", ""))
    if length is not None:
        fields["network.bytes"] = length
    octets = get("MAC", "").upper().split(":")
    if len(octets) == 14:
        fields["destination.mac"] = "-".join(octets[:6])
        fields["source.mac"] = "-".join(octets[6:12])


PARSER = Parser(
    id="linux_iptables",
    title="Linux netfilter (iptables, ufw) and UniFi gateways",
    hints=(b" OUT=",),
    claims=_can_parse,
    parse=_parse,
    is_sure=True,
    references=(
        "https://git.netfilter.org/iptables/tree/extensions/libxt_LOG.man",
        "https://help.ui.com/hc/en-us/articles/33349041044119",
    ),
    examples=(
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
    ),
)
