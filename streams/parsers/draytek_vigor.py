"""Parse DrayTek Vigor routers (DrayOS): bracketed fields after a header with the router's name as
its tag.

A line has no year and no zone; refused portal sign-ins name an address and no user."""

from __future__ import annotations

import re

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, people

_VERDICT = r"(?:Block|Pass|Drop|Deny|Reject|Allow|Accept)"
_MARK = (
    rf"\[(?:FILTER|CSM_\w+|DOS)\]\[{_VERDICT}\]"
    r"|\[(?:SSL|Web|WEB|PPTP|L2TP|IPSEC|IPSec|IKE|IKEv2|OpenVPN|OVPN|TR069)\](?!.{0,256}?IN=\S*+ OUT=)"
    r"|\[(?:H2L|L2L)\]\[(?:UP|DOWN|Up|Down)\]|Local User(?: \(MAC=[^)]*\))?: "
    r"|(?:PPTP|L2TP|SSL|IPsec|OpenVPN) accept client from "
)
_LINE = re.compile(
    rf"\s*(?:(?P<name>[\w.-]{{1,64}}):? +)?(?={_MARK})",
    re.ASCII,
)
_BRACKETS = re.compile(r"\[([^\[\]]*)\]")
_FLOW = re.compile(r"(?:@S:R=([0-9:]+), *)?(\S(?:(?!->)\S)*+)->(\S++)\Z")
_SIGN_IN = re.compile(r".*?\b(?:log ?in|login|logon|auth\w*|dial-?in)\b", re.IGNORECASE)
_FAILED = re.compile(
    r"\b(?:fail\w*|invalid|wrong|error|denied|reject\w*|block\w*|incorrect)\b", re.IGNORECASE
)
_SUCCEEDED = re.compile(r"\b(?:succe\w*|ok|accepted|established)\b", re.IGNORECASE)
_LAST_ADDRESS = re.compile(
    r"(?:from(?: IP)?|IP|ip)[ :=]+(\[?[0-9A-Fa-f:.]{3,45}\]?(?::[0-9]{1,5})?)[!.,) ]*\Z"
)
_ACCEPTED = re.compile(r"(?P<kind>\w+) accept client from (?P<where>\S{3,64})")
_PEER = re.compile(r"\[@(?P<where>[0-9A-Fa-f:.]{3,45})\]")
_PROFILE = re.compile(r"@?(?:[0-9]{1,4}:)?(.*)")
_DENIALS = frozenset({"Block", "Drop", "Deny", "Reject"})
_PORTAL = re.compile(r"\[SSL\]Portal login (\w++)")
_PORTAL_USER = re.compile(r"user (\S+)")
_LOCAL = re.compile(r"Local User(?: \(MAC=([^)]*)\))?: (\S+) -> (\S+) (?:\((\w+)\) ?)?(.*)")
_URL = re.compile(r"([a-z]+)://([^/:\s]+)(?::([0-9]+))?(/\S*)?", re.IGNORECASE)
_TRANSPORTS = frozenset({"tcp", "udp", "icmp", "igmp", "gre", "esp", "ah", "icmpv6"})
_KINDS = {
    "FILTER": ["network"],
    "DOS": ["network", "intrusion_detection"],
    "CSM_UF": ["network", "web"],
    "CSM_WF": ["network", "web"],
}


def _can_parse(line: SourceLine) -> bool:
    return _LINE.match(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    start = _LINE.match(line.text)
    if start is None:
        raise _build_unreadable()
    frame = line.frame
    fields = _parse_fields(line.text[start.end() :])
    fields |= {"observer.vendor": "DrayTek", "observer.product": "Vigor"}
    name = start["name"] or frame.app or frame.host
    if name:
        fields |= {"observer.name": name, "host.name": name}
    ip = addresses.parse_address(frame.host or "")
    if ip is not None:
        fields["observer.ip"] = ip
    return ParsedEvent(frame.time, fields)


def _build_unreadable() -> UnparseableRecord:
    return UnparseableRecord(
        "no line of a Vigor router that is understood",
        place="draytek_vigor",
        remedy="Check which parser the source names.",
    )


def _parse_fields(message: str) -> dict[str, Value]:
    if message.startswith("[SSL]Portal"):
        return _parse_portal(message)
    if message.startswith("Local User"):
        return _parse_local(message)
    parts = _BRACKETS.findall(message)
    if parts[:1] in (["H2L"], ["L2L"]):
        return _parse_tunnel(parts)
    if len(parts) > 1 and re.fullmatch(_VERDICT, parts[1]):
        return _parse_packet(parts)
    return _parse_service(message)


def _parse_service(message: str) -> dict[str, Value]:
    """Parse a line of a service: a sign-in says so in words, and its address ends the line."""
    accepted, peer = _ACCEPTED.match(message), _PEER.search(message)
    is_failed, is_done = _FAILED.search(message), _SUCCEEDED.search(message)
    is_sign_in = _SIGN_IN.match(message) is not None and (is_failed or is_done) is not None
    outcome = "failure" if is_failed else "success" if is_done else "unknown"
    fields: dict[str, Value] = {
        "event.category": ["authentication" if is_sign_in else "network"],
        "event.type": ["start" if is_sign_in or accepted else "info"],
        "event.outcome": outcome if is_sign_in else "unknown",
        "event.action": "login"
        if is_sign_in
        else "vpn-connection"
        if accepted
        else "service-message",
        "message": message,
        "observer.type": "vpn" if accepted else "router",
    }
    last = _LAST_ADDRESS.search(message)
    where = accepted["where"] if accepted else last[1] if last else peer["where"] if peer else ""
    addresses.put_endpoint(fields, "source", *addresses.parse_endpoint(where))
    if message.startswith("["):
        fields["network.application"] = message[1:].partition("]")[0].lower()
    elif accepted is not None:
        fields["network.application"] = accepted["kind"].lower()
    return fields


def _parse_portal(message: str) -> dict[str, Value]:
    sign_in = _parse_portal_sign_in(message)
    word = "" if sign_in is None else sign_in[0].lower()
    outcome = "failure" if word.startswith("fail") else "success" if "succe" in word else "unknown"
    fields: dict[str, Value] = {
        "event.category": ["authentication"],
        "event.type": ["start" if sign_in else "info"],
        "event.outcome": outcome,
        "event.action": "portal-login" if sign_in else "ssl-message",
        "message": message,
        "network.application": "vpn",
        "observer.type": "vpn",
    }
    if sign_in is not None:
        _, user, where = sign_in
        addresses.put_endpoint(fields, "source", *addresses.parse_endpoint(where))
        people.put_user(fields, user)
    return fields


def _parse_portal_sign_in(message: str) -> tuple[str, str, str] | None:
    """Parse `[SSL]Portal login fail … user NAME … from IP ADDRESS!` to the outcome, the user's name
    (often empty) and the address, which ends the message. Returns None if the message is no
    sign-in."""
    start = _PORTAL.match(message)
    head, _, where = message.rstrip().rpartition(" from IP ")
    if start is None or len(head) < start.end() or "\n" in head or where.split() != [where]:
        return None
    named = _PORTAL_USER.search(head, start.end())
    return start[1], "" if named is None else named[1], where[:1] + where[1:].removesuffix("!")


_TUNNEL_ACTIONS = {
    (True, True): "vpn-login",
    (True, False): "vpn-logout",
    (False, True): "tunnel-up",
    (False, False): "tunnel-down",
}


def _parse_tunnel(parts: list[str]) -> dict[str, Value]:
    up, is_person = parts[1].upper() == "UP", parts[0] == "H2L"
    fields: dict[str, Value] = {
        "event.category": ["authentication", "session"] if is_person else ["network", "session"],
        "event.type": ["start" if up else "end"],
        "event.outcome": "success",
        "event.action": _TUNNEL_ACTIONS[is_person, up],
        "network.application": "vpn",
        "observer.type": "vpn",
    }
    profile = next((part for part in parts[2:] if part.startswith("@")), "")
    name = _PROFILE.fullmatch(profile)
    if name is not None and name[1]:
        if is_person:
            people.put_user(fields, name[1])
        else:
            fields["rule.name"] = name[1]
    kind = next((part for part in parts[2:] if part and not part.startswith("@")), "")
    return fields | ({"network.protocol": kind.lower()} if kind else {})


def _parse_packet(parts: list[str]) -> dict[str, Value]:
    blocked = parts[1] in _DENIALS
    fields: dict[str, Value] = {
        "event.category": _KINDS.get(parts[0], ["network"]).copy(),
        "event.type": ["connection", "denied" if blocked else "allowed"],
        "event.outcome": "failure" if blocked else "success",
        "event.action": parts[1].lower(),
        "observer.type": "firewall",
        "rule.ruleset": parts[0],
    }
    for place, part in enumerate(parts[2:], 2):
        flow = _FLOW.match(part)
        if flow is None or "/" in flow[2]:
            continue
        fields |= {"rule.id": flow[1]} if flow[1] else {}
        _put_flow(fields, flow[2], flow[3])
        if place + 1 < len(parts):
            protocol = parts[place + 1].lower()
            kind = "transport" if protocol in _TRANSPORTS else "protocol"
            fields[f"network.{kind}"] = protocol
        break
    if parts[0] == "DOS" and len(parts) > 2:
        fields["rule.name"] = parts[2]
    return fields


def _put_flow(fields: dict[str, Value], source: str, destination: str) -> None:
    addresses.put_endpoint(fields, "source", *addresses.parse_endpoint(source))
    url = _URL.match(destination)
    if url is None:
        addresses.put_endpoint(fields, "destination", *addresses.parse_endpoint(destination))
        return
    fields |= {"url.original": destination, "url.scheme": url[1], "url.domain": url[2]}
    port = addresses.parse_port(destination.rpartition(":")[2])
    addresses.put_endpoint(fields, "destination", addresses.parse_address(url[2]), port)


def _parse_local(message: str) -> dict[str, Value]:
    match = _LOCAL.match(message)
    fields: dict[str, Value] = {
        "event.category": ["network"],
        "event.type": ["connection", "info"],
        "event.outcome": "unknown",
        "event.action": "local-user",
        "observer.type": "firewall",
        "message": message,
    }
    if match is None:
        return fields
    mac, source, destination, transport, rest = match.groups("")
    _put_flow(fields, source, destination)
    fields |= {"network.transport": transport.lower()} if transport else {}
    fields |= {"source.mac": mac.upper().replace(":", "-")} if mac else {}
    if rest.startswith("close connection"):
        closed = {"event.type": ["connection", "end"], "event.action": "connection-closed"}
        fields |= closed | {"event.outcome": "success"}
    return fields


PARSER = Parser(
    id="draytek_vigor",
    title="DrayTek Vigor routers",
    hints=(
        *(b"[FILTER]", b"[CSM_", b"[DOS]", b"2L][", b"Local User", b" accept client from "),
        *(b"[SSL]", b"[Web]", b"[WEB]", b"[PPTP]", b"[L2TP]", b"[IPSEC]", b"[IPSec]", b"[IKE"),
        *(b"[OpenVPN]", b"[OVPN]", b"[TR069]"),
    ),
    claims=_can_parse,
    parse=_parse,
    is_sure=True,
    references=(
        "https://www.draytek.com/support/knowledge-base/5023",
        "https://faq.draytek.com.au/docs/syslog-explanation/",
    ),
    examples=(
        ParserExample(
            "<134>Nov 22 16:51:29 Vigor-HQ: [FILTER][Block][LAN/RT/VPN->WAN, 121:45:04    ]"
            "[@S:R=2:2, 192.0.2.10:53072->198.51.100.234:8443][TCP][HLen=20, TLen=52, Flag=S,"
            " Seq=2902598136, Ack=0, Win=64240]",
            {
                "@timestamp": "2026-11-22T16:51:29+00:00",
                "event.type": ["connection", "denied"],
                "event.outcome": "failure",
                "source.ip": "192.0.2.10",
                "source.port": 53072,
                "destination.ip": "198.51.100.234",
                "destination.port": 8443,
                "network.transport": "tcp",
                "rule.id": "2:2",
                "observer.name": "Vigor-HQ",
            },
        ),
        ParserExample(
            "<134>Nov 22 16:51:29 Vigor-HQ [CSM_UF][Block][Type=KW(G:O=0:1)]"
            "[@S:R=2:3, 192.0.2.11:50345->http://www.example.com/:80][HTTP][HLen=20, TLen=60]",
            {"url.domain": "www.example.com", "destination.port": 80, "source.port": 50345},
        ),
        ParserExample(
            "<129>Nov 22 10:27:50 Vigor-HQ [DOS][Block][fraggle_attack]"
            "[192.0.2.10:68->255.255.255.255:67][UDP][HLen=20, TLen=328]",
            {
                "event.category": ["network", "intrusion_detection"],
                "rule.name": "fraggle_attack",
                "source.ip": "192.0.2.10",
                "destination.port": 67,
                "network.transport": "udp",
            },
        ),
        ParserExample(
            "Nov 22 16:05:50 192.0.2.1 HQ: [SSL]Portal login fail from IP 203.0.113.66!",
            {
                "event.category": ["authentication"],
                "event.outcome": "failure",
                "source.ip": "203.0.113.66",
                "observer.ip": "192.0.2.1",
                "observer.name": "HQ",
            },
        ),
        ParserExample(
            "Nov 22 16:05:50 192.0.2.1 HQ: PPTP accept client from 203.0.113.66:50212 ...",
            {
                "event.action": "vpn-connection",
                "event.outcome": "unknown",
                "source.ip": "203.0.113.66",
                "source.port": 50212,
            },
        ),
        ParserExample(
            "Nov 22 16:05:50 192.0.2.1 HQ: [Web]WebUI login fail, Invalid user! from 2001:db8::7",
            {
                "event.category": ["authentication"],
                "event.outcome": "failure",
                "network.application": "web",
                "source.ip": "2001:db8::7",
            },
        ),
        ParserExample(
            "<134>Nov 22 16:51:29 Vigor-HQ: [FILTER][Drop][WAN->LAN, 1:00:00][@S:R=3:1,"
            " 203.0.113.66:53072->192.0.2.10:22][TCP][HLen=20, TLen=52]",
            {"event.outcome": "failure", "event.action": "drop", "rule.id": "3:1"},
        ),
        ParserExample(
            "Nov 22 09:00:00 Vigor2950: [L2L][Down][L2TP][@2:branch]",
            {"event.action": "tunnel-down", "user.name": None, "rule.name": "branch"},
        ),
        ParserExample(
            "Nov 22 09:00:00 Vigor2950: [H2L][UP][IPSec][@1:frank]",
            {"event.action": "vpn-login", "user.name": "frank", "network.protocol": "ipsec"},
        ),
        ParserExample(
            "<137>Nov 22 09:00:00 Vigor3900: [H2L][UP][SSLTunnel][@JSmith]",
            {"event.action": "vpn-login", "event.outcome": "success", "user.name": "jsmith"},
        ),
    ),
)
