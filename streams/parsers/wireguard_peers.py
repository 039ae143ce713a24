"""Parse WireGuard: the Linux kernel's dynamic debug messages, and wireguard-go.

A peer is known by its key only: no line names a user."""

from __future__ import annotations

import re

from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, web_access

_START = re.compile(
    r"\s*+(?:\[ *[0-9]+\.[0-9]+\] ?)?(?:wireguard: (?P<interface>[\w.-]{1,16}): "
    r"|(?:(?:DEBUG|INFO|ERROR): )?\((?P<name>[\w.-]{1,16})\) (?:[0-9/]{10} [0-9:]{8} )?)"
)
_PEER = r"peer(?: (?P<number>[0-9]{1,10})|\((?P<key>[\w+/=….-]{3,64})\))"
_WHERE = re.compile(
    r"\((?P<place>(?:[0-9]{1,3}\.){3}[0-9]{1,3}:[0-9]{1,5}|\[[0-9A-Fa-f:%.]{2,64}\]:[0-9]{1,5})\)"
)
_FROM = re.compile(
    r" from (?P<place>(?:[0-9]{1,3}\.){3}[0-9]{1,3}:[0-9]{1,5}|\[[0-9A-Fa-f:%.]{2,64}\]:[0-9]{1,5})"
)
_NAMED = re.compile(_PEER)
_ACTS = (
    (
        re.compile(r"Receiv(?:ing|ed) handshake initiation"),
        ["connection", "start"],
        "vpn-handshake",
        "success",
    ),
    (
        re.compile(r".*[Rr]eceiv(?:ing|ed) handshake (?:initiation|response)"),
        ["connection", "start"],
        "vpn-handshake",
        "success",
    ),
    (
        re.compile(
            r"(?:Invalid|Failed to|(?>.*?- Failed to)).*handshake|.*[Ii]nvalid (?:MAC|handshake)"
        ),
        ["connection", "denied"],
        "vpn-handshake",
        "failure",
    ),
    (
        re.compile(r"(?>.*?[Hh]andshake ).*did not complete"),
        ["connection", "error"],
        "vpn-handshake",
        "failure",
    ),
    (
        re.compile(r"Packet has (?:unallowed|incorrect)|.*unallowed src IP"),
        ["connection", "denied"],
        "vpn-packet-rejected",
        "failure",
    ),
    (
        re.compile(r"(?:Peer|(?>.*?peer)).*(?:created|destroyed|[Rr]emoved|Starting|Stopping)"),
        ["info"],
        "vpn-peer",
        "unknown",
    ),
)


def _can_parse(line: SourceLine) -> bool:
    start = _START.match(line.text)
    if start is None:
        return False
    return start["interface"] is not None or _NAMED.search(line.text, start.end()) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    start = _START.match(line.text)
    if start is None or not _can_parse(line):
        raise web_access.build_unreadable("wireguard_peers")
    message = line.text[start.end() :].rstrip()
    act = next((each[1:] for each in _ACTS if each[0].match(message)), None)
    if act is None:
        return IgnoredLine("WireGuard describes its own state")
    kinds, action, outcome = act
    fields: dict[str, Value] = {
        "event.category": ["network", "session"],
        "event.type": [*kinds],
        "event.action": action,
        "event.outcome": outcome,
        "event.reason": message[:254],
        "network.application": "vpn",
        "network.protocol": "wireguard",
        "network.transport": "udp",
        "observer.type": "vpn",
        "observer.ingress.interface.name": start["interface"] or start["name"],
    }
    where = _WHERE.search(message) or _FROM.search(message)
    if where is not None:
        addresses.put_endpoint(fields, "source", *addresses.parse_endpoint(where["place"]))
    peer = _NAMED.search(message)
    if peer is not None:
        fields["source.user.id"] = peer["key"] or peer["number"]
    if line.frame.host:
        fields["host.name"] = line.frame.host
    return ParsedEvent(line.frame.time, fields)


PARSER = Parser(
    id="wireguard_peers",
    title="WireGuard (Linux kernel, wireguard-go)",
    hints=(b"wireguard: ", b"peer(", b" peer "),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://www.wireguard.com/quickstart/",
        "https://git.zx2c4.com/wireguard-go/about/",
    ),
    examples=(
        ParserExample(
            "Nov 22 01:06:15 vpn01 kernel: [ 4276.728154] wireguard: wg0: Receiving handshake initiation"
            " from peer 3 (203.0.113.66:51820)",
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.outcome": "success",
                "event.action": "vpn-handshake",
                "source.ip": "203.0.113.66",
                "source.port": 51820,
                "observer.ingress.interface.name": "wg0",
                "host.name": "vpn01",
            },
        ),
        ParserExample(
            "<7>Nov 22 01:06:15 vpn01 kernel: wireguard: wg0: Invalid handshake initiation from"
            " [2001:db8::7]:51820",
            {
                "event.outcome": "failure",
                "source.ip": "2001:db8::7",
                "event.type": ["connection", "denied"],
            },
        ),
        ParserExample(
            "Nov 22 01:06:15 vpn01 kernel: wireguard: wg0: Packet has unallowed src IP (10.9.9.9) from"
            " peer 1 (203.0.113.66:51820)",
            {"event.outcome": "failure", "source.ip": "203.0.113.66"},
        ),
        ParserExample(
            "DEBUG: (wg0) 2026/11/22 01:06:15 peer(bAbA…Xy9k) - Received handshake initiation",
            {"event.outcome": "success", "source.user.id": "bAbA…Xy9k"},
        ),
        ParserExample(
            "Nov 22 01:06:15 vpn01 kernel: wireguard: wg0: Sending keepalive packet to peer 3"
            " (203.0.113.66:51820)",
            None,
        ),
    ),
)
