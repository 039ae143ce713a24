"""Read the text of an ASA's or FTD's message: both ends, the person, bytes, duration, reason.

Messages are sentences that share a grammar: `for IFACE:IP/PORT (MAPPED/PORT)(USER) to IFACE:IP/PORT`,
`Group <G> User <U> IP <I> …`, `reason = R : user = U : user IP = I`. A name that a stranger typed
is read greedily between the fixed words around it."""

from __future__ import annotations

import itertools
import re
from typing import NamedTuple

from schemas.pipeline.event import Value
from streams.parsers.cisco_asa import persons
from streams.tokenizers import addresses


def _build_end(side: str) -> str:
    """Build the pattern of `IFACE:IP/PORT (MAPPED/PORT)(USER)`."""
    return (
        rf"\(?(?P<{side}>[^\s/(),;]++)(?:/(?P<{side}_port>[A-Za-z0-9_-]++))?\)?"
        rf"(?:\s?\((?P<{side}_nat>(?=[0-9A-Fa-f]*+[.:])[0-9A-Fa-f.:]++|[\w.-]++(?=/))"
        rf"(?:/(?P<{side}_nat_port>[0-9]++))?\))?"
        rf"(?:\s?\((?!type |no )(?P<{side}_user>[^()]*+)\))?"
    )


_PAIR = re.compile(
    r"(?:(?:(?<=\s)|\A)(?:for|from|src|between|SRC|client|server|[Ff]low)\s+(?!(?:from|for|client|server|flow|src) )(?:laddr )?)"
    rf"{_build_end('a')}(?: (?P<a_bare>[^\s()]++))?"
    r",?\s*(?P<word>(?:to|dst|dest|DEST|and)(?=\s)|->)\s*"
    rf"{_build_end('b')}"
)
_SPACED = "106002"
"""PIX writes the ports of a denial by an outbound list behind blanks."""
_LATE_PORT = re.compile(r" ([0-9]{1,5})\s*\Z")
_LIST = re.compile(
    r"\Aaccess-list (?P<rule>\S++) (?:permitted|denied|est-allowed) (?P<transport>\S++) "
    r"(?:for user (?P<user>.*) )?(?P<a>[^\s/]++/[^\s(/]++)\((?P<a_port>[0-9]++)\)"
    r"(?:\((?P<a_user>[^()]*+)\))?(?:, ?\S++)? ?-> ?"
    r"(?P<b>[^\s/]++/[^\s(/]++)\((?P<b_port>[0-9]++)\)(?:\((?P<b_user>[^()]*+)\))?"
)
_ICMP = re.compile(
    r"faddr (?P<f>[^\s/(]++)/[0-9]++\s?(?:\((?P<f_user>[^()]*+)\))?\s*"
    r"gaddr (?P<g>[^\s/(]++)/[0-9]++\s?(?:\([^()]*+\))?\s*"
    r"laddr (?P<l>[^\s/(]++)/[0-9]++\s?(?:\((?P<l_user>[^()]*+)\))?"
)
_PAYLOAD = re.compile(
    r"Original IP payload: (?:protocol )?\S++ src (?P<a>[^\s/(]++)(?:/(?P<a_port>[0-9]++))?"
    r"(?:\([^()]*+\))? dst (?P<b>[^\s/(]++)(?:/(?P<b_port>[0-9]++))?(?:\s|\.?\Z|\.\s)"
)
_INNER = re.compile(
    r" src (?P<a>[^\s(]++)(?:\((?P<a_user>[^()]*+)\))? dst (?P<b>[^\s(]++)(?:\((?P<b_user>[^()]*+)\))?"
)
_ONE = re.compile(
    r"(?:(?<=\s)|\A)(?:from|local-host|laddr|with client|for client) (?P<a>[^\s/(),;]*[0-9A-Fa-f][.:][^\s/(),;]*)"
    r"(?:/(?P<a_port>[0-9]++))?(?:\((?P<a_user>[^()]*+)\))?"
)
_TO = re.compile(r"\bto (?P<b>[0-9A-Fa-f.:]++)(?=[\s,]|\Z)")
_URL = re.compile(
    r"(?:(?P<user>[^\s@]++)@)?(?P<a>[^\s(@]++)(?:\((?P<a_user>[^()]*+)\))? Accessed (?:JAVA )?URL "
    r"(?:(?P<b_user>[^\s@:]++)@)?(?P<b>\[[0-9a-fA-F:]++\]|[^\s:]++):(?P<url>.*)",
    re.DOTALL,
)
_URL_DENIED = re.compile(
    r"Access denied URL (?P<url>.*) SRC (?P<a>\S++) DEST (?P<b>\S++) on interface (?P<iface>\S++)",
    re.DOTALL,
)
_TRANSPORT = re.compile(
    r"\b(?:(?P<name>TCP|UDP|ICMPv6|IPv6-ICMP|ICMP6|ICMP|GRE|ESP|AH|SCTP|IGMP|OSPF|EIGRP|PIM|VRRP)\b"
    r"|protocol (?P<number>[0-9]{1,3})\b)",
    re.IGNORECASE,
)
_NUMBERED = {
    "1": "icmp",
    "2": "igmp",
    "6": "tcp",
    "17": "udp",
    "47": "gre",
    "50": "esp",
    "51": "ah",
    "58": "ipv6-icmp",
    "88": "eigrp",
    "89": "ospf",
    "103": "pim",
    "112": "vrrp",
    "132": "sctp",
}
_SAME = {"icmpv6": "ipv6-icmp", "icmp6": "ipv6-icmp"}
_INTERFACE = re.compile(r"\bon (?:interface (\S++)|(\S++) interface\b)")
_PORT_LITERALS = {
    "domain": 53, "ftp": 21, "ftp-data": 20, "http": 80, "https": 443, "ssh": 22, "telnet": 23,
    "smtp": 25, "pop3": 110, "imap4": 143, "ldap": 389, "ldaps": 636, "snmp": 161, "snmptrap": 162,
    "ntp": 123, "sqlnet": 1521, "sip": 5060, "h323": 1720, "pptp": 1723, "netbios-ns": 137,
    "netbios-dgm": 138, "netbios-ssn": 139, "bootps": 67, "bootpc": 68, "tftp": 69, "syslog": 514,
    "radius": 1645, "radius-acct": 1646, "tacacs": 49, "isakmp": 500, "www": 80, "whois": 43,
}  # fmt: skip
"""The names that the device writes for ports, by its own list."""
_DURATION = re.compile(r"\bduration ([0-9]{1,6}):([0-9]{2}):([0-9]{2})")
_BYTES = re.compile(r"\bduration \S++ (?:forwarded )?bytes ([0-9]{1,18})")
_LONG_DURATION = re.compile(
    r"Duration: (?:([0-9]{1,5})d ?)?([0-9]{1,5})h:([0-9]{1,2})m:([0-9]{1,2})s"
)
_GROUP_RULE = re.compile(r" by access-group \"([^\"]++)\"")
_NAMED_RULE = re.compile(r"access-list (\S++) (?:permitted|denied|est-allowed) | list (\S++) src ")
_REASON = re.compile(
    r"(?:, reason:? -?|\breason - |\bReason: |due to )\"?([^\"\n]*?)\"?[.]?\s*(?:\(0x[0-9a-fA-F]+\))?\Z"
)
_RESOLVED = re.compile(
    r"(?P<side>source|destination) \S++ resolved from (?P<list>\S++) list: (?P<name>[^,\s]++)"
)


class _End(NamedTuple):
    """One end as the message writes it."""

    text: str
    port: str | None = None
    nat: str | None = None
    nat_port: str | None = None


def put_body(fields: dict[str, Value], code: str, body: str) -> None:
    """Set what the message's text says."""
    words = persons.put_person(fields, code, body)
    _put_ends(fields, code, body)
    _put_transport(fields, body)
    _put_counts(fields, body)
    _put_rule(fields, code, body)
    reason = words or _find_reason(body)
    if reason:
        fields.setdefault("event.reason", reason.strip()[:1000])


def _find_reason(body: str) -> str | None:
    match = _REASON.search(body[-400:])
    return match[1] if match else None


def _put_ends(fields: dict[str, Value], code: str, body: str) -> None:
    if code in {"304001", "304002", "304007"}:
        _put_web(fields, body)
        return
    pattern = _LIST if body.startswith("access-list") else _ICMP if " faddr " in body else None
    match = pattern.search(body) if pattern else None
    if match is not None:
        put = _put_list if pattern is _LIST else _put_icmp
        put(fields, body, match)
        return
    if code == "313005":
        _put_payload(fields, body)
        return
    pair = _find_pair(body)
    if pair is not None:
        _put_pair(fields, code, body, pair)
        return
    one = _ONE.search(body)
    if one is not None and "source.ip" not in fields:
        interface = _put_end(fields, "source", _End(one["a"], one["a_port"]))
        _put_interface(fields, "ingress", interface)
        persons.put_name(fields, one["a_user"] or "")
        to = _TO.search(body, one.end())
        if to is not None:
            _put_end(fields, "destination", _End(to["b"].removesuffix(":")))


def _find_pair(body: str) -> re.Match[str] | None:
    """Find the first pair with an end that is an address or has a port."""
    for pair in itertools.islice(_PAIR.finditer(body), 4):
        for side in "ab":
            if pair[f"{side}_port"] or addresses.parse_address(_split_interface(pair[side])[1]):
                return pair
    return None


def _put_pair(fields: dict[str, Value], code: str, body: str, pair: re.Match[str]) -> None:
    ends = [_End(pair[s], pair[f"{s}_port"], pair[f"{s}_nat"], pair[f"{s}_nat_port"]) for s in "ab"]
    people_there = [pair["a_user"] or pair["a_bare"], _pick_person(pair["b_user"])]
    late = _LATE_PORT.match(body, pair.end()) if code == _SPACED else None
    if late is not None and (pair["a_bare"] or "").isdigit():
        ends = [_End(pair["a"], pair["a_bare"]), _End(pair["b"], late[1])]
        people_there = []
    if code.startswith("302") and " outbound " in body[:40]:
        # The end after `for` is the outer one; an outbound connection begins at the other.
        ends.reverse()
        people_there.reverse()
    if code.startswith("305") and ends[1].port is not None:
        mapped = addresses.parse_address(_split_interface(ends[1].text)[1])
        if mapped is not None:
            fields["source.nat.ip"] = mapped
            port = addresses.parse_port(ends[1].port)
            fields |= {} if port is None else {"source.nat.port": port}
    _put_interface(fields, "ingress", _put_end(fields, "source", ends[0]))
    _put_interface(fields, "egress", _put_end(fields, "destination", ends[1]))
    for name in people_there:
        if name and "user.name" not in fields:
            persons.put_name(fields, name)


def _pick_person(text: str | None) -> str | None:
    """Return what stands in parentheses behind the second end if it is a person, not a host."""
    return text if text and "\\" in text else None


def _put_list(fields: dict[str, Value], _body: str, match: re.Match[str]) -> None:
    for side, way, letter in (("source", "ingress", "a"), ("destination", "egress", "b")):
        interface, _, address = match[letter].partition("/")
        _put_end(fields, side, _End(address, match[f"{letter}_port"]))
        _put_interface(fields, way, interface)
    persons.put_name(fields, match["user"] or match["a_user"] or match["b_user"] or "")
    transport = match["transport"].lower()
    fields["network.transport"] = _NUMBERED.get(transport, _SAME.get(transport, transport))


def _put_icmp(fields: dict[str, Value], body: str, match: re.Match[str]) -> None:
    """Set the ends of an ICMP connection: the foreign address is the source of an inbound one."""
    inbound = " inbound " in body[:40]
    first, second = ("f", "l") if inbound else ("l", "f")
    nat = _split_interface(match["g"])[1]
    _put_interface(
        fields,
        "ingress",
        _put_end(fields, "source", _End(match[first], nat=None if inbound else nat)),
    )
    _put_interface(
        fields,
        "egress",
        _put_end(fields, "destination", _End(match[second], nat=nat if inbound else None)),
    )
    persons.put_name(fields, match["f_user"] or match["l_user"] or "")


def _put_payload(fields: dict[str, Value], body: str) -> None:
    """Set the ends of the packet that an ICMP error is about, else of the error itself."""
    inner = _INNER.search(body)
    match = _PAYLOAD.search(body)
    if inner is not None:
        _put_interface(fields, "ingress", _split_interface(inner["a"])[0])
        _put_interface(fields, "egress", _split_interface(inner["b"])[0])
        persons.put_name(fields, inner["a_user"] or inner["b_user"] or "")
    if match is not None:
        _put_end(fields, "source", _End(match["a"], match["a_port"]))
        _put_end(fields, "destination", _End(match["b"].rstrip("."), match["b_port"]))
    elif inner is not None:
        _put_end(fields, "source", _End(inner["a"]))
        _put_end(fields, "destination", _End(inner["b"]))


def _put_web(fields: dict[str, Value], body: str) -> None:
    match = _URL.match(body) or _URL_DENIED.match(body)
    if match is None:
        return
    groups = match.groupdict()
    _put_end(fields, "source", _End(groups["a"]))
    _put_end(fields, "destination", _End(groups["b"].strip("[]")))
    fields["url.original"] = groups["url"]
    persons.put_name(
        fields, groups.get("user") or groups.get("a_user") or groups.get("b_user") or ""
    )


def _split_interface(text: str) -> tuple[str | None, str]:
    """Split `IFACE:address`; an address of version 6 without interface stays whole."""
    if addresses.parse_address(text) is not None:
        return None, text
    interface, colon, rest = text.partition(":")
    return (interface, rest) if colon else (None, text)


def _put_interface(fields: dict[str, Value], way: str, name: str | None) -> None:
    if name:
        fields[f"observer.{way}.interface.name"] = name


def _put_port(fields: dict[str, Value], literal: str) -> None:
    """Set the port that the device writes as one of its own literals."""
    port = _PORT_LITERALS.get(literal)
    if port is not None:
        fields["destination.port"] = port


def _put_end(fields: dict[str, Value], side: str, end: _End) -> str | None:
    """Set an end's address, port and translation; return its interface."""
    if not end.text:
        return None
    interface, text = _split_interface(end.text)
    ip = addresses.parse_address(text)
    port = addresses.parse_port(end.port or "")
    addresses.put_endpoint(fields, side, ip, port)
    if ip is None and re.search(r"[A-Za-z]", text):
        fields[f"{side}.domain"] = text
    if end.port and port is None and side == "destination" and not end.port.isdigit():
        fields["network.protocol"] = end.port.lower()
        _put_port(fields, end.port.lower())
    nat_ip = addresses.parse_address(end.nat or "")
    nat_port = addresses.parse_port(end.nat_port or "")
    if nat_ip is not None and nat_ip != ip:
        fields[f"{side}.nat.ip"] = nat_ip
    if nat_port is not None and nat_port != port:
        fields[f"{side}.nat.port"] = nat_port
    return interface


def _put_transport(fields: dict[str, Value], body: str) -> None:
    if "network.transport" not in fields:
        match = _TRANSPORT.search(body[:160])
        if match is not None:
            name = (match["name"] or "").lower()
            value = _NUMBERED.get(match["number"] or "", name)
            fields |= {"network.transport": _SAME.get(value, value)} if value else {}
            if match["number"]:
                fields["network.iana_number"] = match["number"]
    for direction in ("inbound", "outbound"):
        if f" {direction} " in body[:60].lower():
            fields["network.direction"] = direction


def _put_counts(fields: dict[str, Value], body: str) -> None:
    match = _DURATION.search(body)
    if match is not None:
        seconds = int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3])
        fields["event.duration"] = seconds * 1_000_000_000
    else:
        match = _LONG_DURATION.search(body)
        if match is not None:
            days, hours, minutes, rest = (int(part or 0) for part in match.groups())
            seconds = days * 86400 + hours * 3600 + minutes * 60 + rest
            fields["event.duration"] = seconds * 1_000_000_000
    volume = _BYTES.search(body)
    if volume is not None:
        fields["network.bytes"] = int(volume[1])
        reason = body[volume.end() :].partition("(")[0].partition(" from ")[0].strip()
        if reason:
            fields["event.reason"] = reason[:1000]


def _put_rule(fields: dict[str, Value], code: str, body: str) -> None:
    match = _GROUP_RULE.search(body) or _NAMED_RULE.search(body[:200])
    if match is not None:
        fields["rule.name"] = next(group for group in match.groups() if group)
    place = _INTERFACE.search(body)
    if place is not None and "observer.ingress.interface.name" not in fields:
        fields["observer.ingress.interface.name"] = (place[1] or place[2]).rstrip(".:,;")
    if code.startswith("338"):
        resolved = _RESOLVED.search(body)
        if resolved is not None:
            fields["rule.ruleset"] = resolved["list"]
            if addresses.parse_address(resolved["name"].partition("/")[0]) is None:
                fields[f"{resolved['side']}.domain"] = resolved["name"].casefold()
