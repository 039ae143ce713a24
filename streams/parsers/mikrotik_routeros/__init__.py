"""Parse MikroTik RouterOS: packets, sign-ins, VPN accounts and changes, each after its topics.

Whether a packet passed is visible only in the prefix that the author of the rule chose."""

from __future__ import annotations

import re
from datetime import datetime

from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, SourceLine
from streams.parsers.mikrotik_routeros.examples import EXAMPLES
from streams.tokenizers import addresses, cef, device_stamps, numbers, people, stamps, web_access

_AREAS = (
    "system|firewall|ppp|l2tp|pptp|sstp|ovpn|pppoe|ipsec|dhcp|dhcpv6|wireless|hotspot|interface|script"
    "|route|ospf|bgp|dns|certificate|web-proxy|manager|wireguard|caps|caps-man|bridge|radius|snmp|ntp"
    "|e-mail|account|backup|upnp|telephony|lte|ups|watchdog|smb|ssh|fetch|container|disk|poe-out|health"
)
_LEVELS = frozenset({"info", "warning", "error", "critical", "debug", "packet", "account", "raw"})
_TOPICS = rf"(?:{_AREAS})(?:,[a-z0-9!-]{{1,24}}){{1,6}}"
_PRINTED = (
    r"(?:(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2}|[a-z]{3}/[0-9]{2}(?:/[0-9]{4})?) )?"
    r"(?P<clock>[0-9]{2}:[0-9]{2}:[0-9]{2})"
)
"""The stamp of the device's own memory and files; the day of printing has no date."""
_START = re.compile(rf"\s*+(?:{_PRINTED} )?(?P<topics>{_TOPICS}):? (?=\S)")
_VIA = re.compile(
    r" via (?:winbox|ssh|telnet|ftp|web|api|api-ssl|rest-api|rest|local|mac-telnet)\Z"
)
_ALL_TOPICS = re.compile(_TOPICS)
_MAC = r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}"
_PACKET = re.compile(
    r"(?P<prefix>.{0,128}?)\b(?P<chain>[\w.-]{1,64}): in:(?P<in>\S{1,64}) out:(?P<out>[^,]{1,64}),"
    r"(?: connection-state:(?P<state>[\w,]{1,64}))?(?: connection-mark:\S{1,64})?"
    rf"(?: packet-mark:\S{{1,64}})?(?: src-mac (?P<mac>{_MAC}),)?,? proto (?P<protocol>[\w-]{{1,16}})"
    r"(?: \((?P<flags>[^()]{0,64})\))?, (?P<source>[0-9A-Fa-f:.\[\]]{2,64})(?:->(?P<destination>[0-9A-Fa-f:.\[\]]{2,64}),?)?"
    r"(?: NAT (?P<nat>\S{4,254}),)?(?: prio \S{1,8},?)?(?: len (?P<length>[0-9]{1,8}))?"
)
_CHAIN = re.compile(r"[\w.-]{1,64}")
_NAT = re.compile(
    r"\((?P<old>[^()>]{2,64})->(?P<new>[^()>]{2,64})\)->\S+|\S+->\((?P<old_to>[^()>]{2,64})->(?P<to>[^()>]{2,64})\)"
)
_FROM = r"(?P<ip>[0-9A-Fa-f:.]{2,64})"
_SIGN_INS = (
    (
        re.compile(rf"login failure for user (?P<user>.*) from {_FROM} via (?P<via>[\w-]{{1,32}})"),
        "login",
        "failure",
    ),
    (
        re.compile(r"login failure for user (?P<user>.*) via (?P<via>[\w-]{1,32})"),
        "login",
        "failure",
    ),
    (
        re.compile(rf"user (?P<user>.*) logged in from {_FROM} via (?P<via>[\w-]{{1,32}})"),
        "login",
        "success",
    ),
    (re.compile(r"user (?P<user>.*) logged in via (?P<via>[\w-]{1,32})"), "login", "success"),
    (
        re.compile(rf"user (?P<user>.*) logged out from {_FROM} via (?P<via>[\w-]{{1,32}})"),
        "logout",
        "success",
    ),
    (re.compile(r"user (?P<user>.*) logged out via (?P<via>[\w-]{1,32})"), "logout", "success"),
)
_TUNNELS = (
    (
        re.compile(
            rf"(?P<user>\S{{1,254}}) logged in, (?P<inner>[0-9A-Fa-f:.]{{2,64}})(?: from {_FROM})?"
        ),
        "login",
        "success",
    ),
    (
        re.compile(
            r"(?P<user>\S{1,254}) logged out, (?P<seconds>[0-9]{1,12}) (?P<received>[0-9]{1,18}) "
            rf"(?P<sent>[0-9]{{1,18}}) [0-9]{{1,18}} [0-9]{{1,18}}(?: from {_FROM})?"
        ),
        "logout",
        "success",
    ),
    (re.compile(r"<(?P<user>[^<>]{1,254})>: authenticated"), "login", "success"),
    (
        re.compile(
            rf"(?:<[^<>]{{0,64}}>: )?user (?P<user>.*) authentication failed(?: from {_FROM})?"
        ),
        "login",
        "failure",
    ),
    (
        re.compile(r"(?P<user>\S{1,254}) \((?P<ip>[0-9A-Fa-f:.]{2,64})\): login failed: .*"),
        "login",
        "failure",
    ),
    (
        re.compile(r"(?P<user>\S{1,254}) \((?P<ip>[0-9A-Fa-f:.]{2,64})\): logged in"),
        "login",
        "success",
    ),
    (
        re.compile(r"(?P<user>\S{1,254}) \((?P<ip>[0-9A-Fa-f:.]{2,64})\): logged out: .*"),
        "logout",
        "success",
    ),
)
_CONNECTION = re.compile(
    r"(?:first L2TP UDP packet received from|(?:TCP )?connection established from|"
    r"respond new phase 1 \S+:?|new connection from) (?P<ip>[0-9A-Fa-f:.]{2,64}?)(?::|,|\s|\[|\Z)"
)
_IPSEC = re.compile(
    r"(?P<ip>[0-9A-Fa-f:.]{2,64}?) (?:failed to|parsing packet failed|peer not authorized|phase1)"
)
_DENIED = re.compile(
    r"denied (?:\S{1,64} )?(?:connect|connection|access) from (?P<ip>[0-9A-Fa-f:.]{2,64})"
)
_CHANGE = re.compile(
    r"(?P<what>.{1,254}) (?P<verb>added|changed|removed|moved|set) by (?P<user>.+)", re.DOTALL
)
_LONGEST_PLAIN = 1000
_LEASE = re.compile(
    rf"\S{{1,64}} (?P<verb>assigned|deassigned) (?P<ip>[0-9A-Fa-f:.]{{2,64}}) (?:for|from|to) (?P<mac>{_MAC})"
    r"(?: (?P<name>\S{1,254}))?"
)
_VERDICTS = (
    (
        re.compile(
            r"(?<![a-z])(?:drop|den(?:y|ied)|block|reject|discard|blacklist)", re.IGNORECASE
        ),
        "drop",
        "failure",
    ),
    (re.compile(r"(?<![a-z])(?:accept|allow|pass|permit)", re.IGNORECASE), "accept", "success"),
)
_TRANSPORTS = {"icmpv6": "ipv6-icmp", "icmp6": "ipv6-icmp", "ipsec-esp": "esp"}


def _split(line: SourceLine) -> tuple[list[str], str] | None:
    """Split topics and message: a relay may have taken the topics for the program's name."""
    start = _START.match(line.text)
    if start is not None:
        topics, message = start["topics"].split(","), line.text[start.end() :]
    elif line.frame.app is not None and _ALL_TOPICS.fullmatch(line.frame.app):
        topics, message = line.frame.app.split(","), line.text
    elif _has_topics_for_host(line):
        topics, message = (line.frame.host or "").split(","), line.text
    else:
        return _split_cef(line.text) or _guess_topics(line)
    return (topics, message) if _LEVELS & set(topics) else None


def _has_topics_for_host(line: SourceLine) -> bool:
    """Whether the topics follow the stamp of the device's own file, where a host would stand."""
    host = line.frame.host
    return line.frame.app is None and host is not None and _ALL_TOPICS.fullmatch(host) is not None


def _guess_topics(line: SourceLine) -> tuple[list[str], str] | None:
    """Split a message without topics (`add-topics-string=no`, the default of newer versions): only
    the device's own sentences and packets, which name its interfaces as no other does."""
    message = line.text.strip()
    if message.startswith("in:") and _CHAIN.fullmatch(line.frame.app or ""):
        message = f"{line.frame.app}: {message}"  # a relay took the chain for the program
        return (["firewall", "info"], message) if _PACKET.match(message) else None
    if line.frame.app is not None or len(message) > _LONGEST_PLAIN:
        return None
    if line.frame.time is None and _VIA.search(message) is None:
        return None
    if any(pattern.fullmatch(message) for pattern, _, _ in _SIGN_INS):
        return ["system", "account"], message
    return (["firewall", "info"], message) if _PACKET.match(message) else None


def _split_cef(text: str) -> tuple[list[str], str] | None:
    header = cef.read_header(text)
    if header is None or header.vendor.casefold() != "mikrotik":
        return None
    record = cef.read(text)
    message = "" if record is None else record.fields.get("msg", "")
    return header.name.split(","), message or header.name


def _can_parse(line: SourceLine) -> bool:
    return _split(line) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    parts = _split(line)
    if parts is None:
        raise web_access.build_unreadable("mikrotik_routeros")
    topics, message = parts
    message = message.strip()
    packet = _PACKET.match(message) if "firewall" in topics else None
    fields = _build_act(topics, message) if packet is None else _build_packet(packet)
    fields |= {
        "observer.vendor": "MikroTik",
        "observer.product": "RouterOS",
        "observer.type": "router",
    }
    if line.frame.host and not _has_topics_for_host(line):
        fields["host.name"] = fields["observer.name"] = line.frame.host
    return ParsedEvent(_parse_printed(line) or line.frame.time, fields)


def _parse_printed(line: SourceLine) -> datetime | None:
    start = _START.match(line.text)
    if start is None or start["date"] is None:
        return None
    date, clock = start["date"], start["clock"]
    if "/" not in date:
        return stamps.parse_iso(f"{date}T{clock}", line.zone)
    month, day, *year = date.split("/")
    text = " ".join((month.capitalize(), day, *year, clock))
    return device_stamps.parse_stamp(text, line.arrived, line.zone)


def _build_fields(
    categories: list[str], kinds: list[str], action: str, outcome: str
) -> dict[str, Value]:
    return {
        "event.category": categories,
        "event.type": kinds,
        "event.action": action,
        "event.outcome": outcome,
    }


def _build_packet(packet: re.Match[str]) -> dict[str, Value]:
    prefix = packet["prefix"].strip(" :")
    verdict = next(
        (each[1:] for each in _VERDICTS if each[0].search(prefix)), ("packet", "unknown")
    )
    kind = {"failure": "denied", "success": "allowed"}.get(verdict[1], "info")
    fields = _build_fields(["network"], ["connection", kind], *verdict)
    if prefix:
        fields["rule.name"] = prefix
    fields["rule.ruleset"] = packet["chain"]
    for side, name in (("ingress", "in"), ("egress", "out")):
        interface = packet[name].partition("(")[0]
        if interface:  # else `(unknown 0)` or `(none)`
            fields[f"observer.{side}.interface.name"] = interface
    protocol = packet["protocol"].casefold()
    fields["network.transport"] = _TRANSPORTS.get(protocol, protocol)
    for side in ("source", "destination"):
        addresses.put_endpoint(fields, side, *addresses.parse_endpoint(packet[side] or ""))
    if packet["mac"]:
        fields["source.mac"] = packet["mac"].upper().replace(":", "-")
    length = numbers.parse_whole(packet["length"] or "")
    if length is not None:
        fields["network.bytes"] = length
    _put_nat(fields, packet["nat"] or "")
    return fields


def _put_nat(fields: dict[str, Value], text: str) -> None:
    """Set the translated side of `(from->translated)->to` or `from->(to->translated)`."""
    nat = _NAT.match(text)
    if nat is None:
        return
    side, new = ("source", nat["new"]) if nat["new"] else ("destination", nat["to"])
    endpoint = addresses.parse_endpoint(new)
    if endpoint.ip is not None:
        fields[f"{side}.nat.ip"] = endpoint.ip
    if endpoint.port is not None:
        fields[f"{side}.nat.port"] = endpoint.port


def _build_act(topics: list[str], message: str) -> dict[str, Value]:
    tables = (_SIGN_INS, _TUNNELS) if topics[0] == "system" else (_TUNNELS, _SIGN_INS)
    for pattern, action, outcome in (*tables[0], *tables[1]):
        match = pattern.fullmatch(message)
        if match is not None:
            return _build_sign_in(match, topics, action, outcome)
    change = _CHANGE.fullmatch(message) if topics[0] == "system" else None
    if change is not None:
        fields = _build_fields(
            ["configuration"], ["change"], f"configuration-{change['verb']}", "success"
        )
        people.put_user(fields, change["user"].rpartition(" (")[0] or change["user"])
        fields["message"] = message
        return fields
    return _build_other(topics, message)


def _build_sign_in(
    match: re.Match[str], topics: list[str], action: str, outcome: str
) -> dict[str, Value]:
    several = match.groupdict()
    kind = "end" if action == "logout" else "start"
    via = several.get("via") or topics[0]
    fields = _build_fields(["authentication"], [kind], action, outcome)
    people.put_user(fields, several["user"])
    ip = addresses.parse_address(several.get("ip") or "")
    addresses.put_endpoint(fields, "source", ip, None)
    fields["network.application"] = via
    inner = addresses.parse_address(several.get("inner") or "")
    if inner is not None:
        fields["source.nat.ip"] = inner
    for name, key in (("source.bytes", "received"), ("destination.bytes", "sent")):
        web_access.put_number(fields, name, several.get(key) or "")
    web_access.put_duration(fields, several.get("seconds") or "", 10**9)
    return fields


def _build_other(topics: list[str], message: str) -> dict[str, Value]:
    connection, refused = _CONNECTION.match(message), _IPSEC.match(message)
    denied = _DENIED.fullmatch(message)
    if denied is not None:
        fields = _build_fields(["network"], ["connection", "denied"], "connection", "failure")
        connection = denied
    elif connection is not None:
        fields = _build_fields(["network"], ["connection", "start"], "connection", "unknown")
    elif refused is not None and "error" in topics:
        fields = _build_fields(
            ["network"], ["connection", "denied"], "ipsec-negotiation", "failure"
        )
        connection = refused
    else:
        is_network = topics[0] not in {"system", "script", "manager", "backup"}
        fields = _build_fields(
            ["network" if is_network else "host"], ["info"], f"{topics[0]}-message", "unknown"
        )
    lease = _LEASE.fullmatch(message)
    if lease is not None:
        fields["event.action"] = f"dhcp-{lease['verb']}"
        fields["source.mac"] = lease["mac"].upper().replace(":", "-")
        fields |= {"source.domain": lease["name"]} if lease["name"] else {}
    for match in (connection, lease):
        if match is not None:
            addresses.put_endpoint(fields, "source", addresses.parse_address(match["ip"]), None)
    fields["message"] = message
    return fields


PARSER = Parser(
    id="mikrotik_routeros",
    title="MikroTik RouterOS",
    hints=(
        *(f",{level}".encode() for level in sorted(_LEVELS)),
        *(b"|MikroTik|", b"login failure for user ", b" logged in ", b" logged out ", b" out:"),
    ),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://help.mikrotik.com/docs/spaces/ROS/pages/328094/Log",
        "https://help.mikrotik.com/docs/spaces/ROS/pages/48660574/Filter",
    ),
    examples=EXAMPLES,
)
