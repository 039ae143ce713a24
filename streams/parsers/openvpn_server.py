"""Parse OpenVPN servers: the community server, Access Server, and the management interface.

One connection makes many lines, which share the client's address and port: the line about its
password or certificate is the sign-in; where there is none, the connection that opens is."""

from __future__ import annotations

import re
from datetime import datetime

from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, device_stamps, json_lines, people, web_access

_STAMP = (
    r"(?P<stamp>[A-Z][a-z]{2} [A-Z][a-z]{2} {1,2}[0-9]{1,2} [0-9:]{8} [0-9]{4}"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9:]{8}(?:[.,][0-9]{1,6})?(?:Z|[+-][0-9:]{4,5})?)"
)
_START = re.compile(rf"\s*+(?:>LOG:[0-9]{{1,12}},[A-Z]*,)?(?:{_STAMP} )?(?:us=[0-9]{{1,9}} )?")
_SERVER = re.compile(
    rf"\s*+(?:{_STAMP} )?\[(?:stdout#\w{{1,16}}|-|\w{{1,32}},[^\]]{{0,64}}|\w{{1,32}}#\w{{1,16}})\] "
    r"(?:\[(?:OVPN [0-9]{1,4}|WEB|PAM|NAT)\] OUT: |\w{3,8} OUT: )?(?P<quote>['\"]?)"
)
_PEER = re.compile(
    r"(?:\S{1,64} )?(?:(?P<user>[^\s/]{1,128})/)?(?:(?:tcp|udp)[46]?(?:-server)?:)?(?:\[AF_INET6?\])?"
    r"(?P<ip>[0-9]{1,3}(?:\.[0-9]{1,3}){3}|\[?[0-9A-Fa-f:]{2,45}(?:%\w{1,16})?\]?):(?P<port>[0-9]{1,5}) "
)
_ORIGIN = r"\[AF_INET6?\](?P<ip>\S{2,64}?):(?P<port>[0-9]{1,5})\b"
_KNOWN = re.compile(
    r"\[[^\]]{0,128}\] Peer Connection Initiated|TLS|VERIFY|peer info:|MULTI|SIG[A-Z0-9]{3,8}\[|PUSH|"
    r"SENT CONTROL|(?:Data|Control|Outgoing Data|Incoming Data|NCP:? ?|Outgoing|Incoming) ?Channel|"
    r"Connection reset|\[[^\]]{0,128}\] Inactivity|AUTH|Authenticate|Bad |WARNING: |PLUGIN_|Delayed exit|"
    r"Username|OPTIONS|CRL|Fatal TLS|Connection refused|Options error|TCP connection|LZO|Local Options|"
    r"Expected Remote|OpenSSL|Replay|NOTE:|Peer Connection|client_connect|read UDP|write UDP|TCP/UDP|UDPv|TCPv"
)
_OWN = re.compile(
    r"TLS: Initial packet from \[AF_INET|TLS Error: (?:incoming|cannot locate HMAC|tls-crypt|local/remote) |TCP connection established with \[AF_INET|MULTI: |ROUTE_GATEWAY [0-9]"
    r"|net_(?:iface|addr|route)_\w{1,24}: |ifconfig_pool_\w{1,16}\(|IFCONFIG POOL|(?:UDP|TCP)v[46](?: \(BOUND\))? link "
    r"|Could not determine IPv4/IPv6 protocol|TUN/TAP device |Closing TUN/TAP|Initialization Sequence Completed"
    r"|OpenVPN [0-9]\.[0-9]|library versions: OpenSSL|Socket Buffers: R=|Listening for incoming TCP connection on \["
    r"|(?:Outgoing|Incoming) Control Channel |Note: Treating option '--|Diffie-Hellman initialized with"
)
"""What a server writes to its own file before or without a client's address."""
_NAME = re.compile(r"(?:ovpn|openvpn)[\w@./-]*(?:\([\w.-]*\))?|\w+-openvpn", re.IGNORECASE)
_FOREIGN = re.compile(r"\s*+[\[{<](?![^\]]{0,128}\] (?:Peer|Inactivity))|[^\"]{0,400}\] \"")
"""What another program writes under this name."""
_SIGN_INS = (
    (
        re.compile(
            r"TLS: Username/(?:Password|auth-token) authentication succeeded for username '(?P<user>[^']*)'"
        ),
        "success",
    ),
    (re.compile(r"TLS Auth Error: (?P<reason>.{1,254})"), "failure"),
    (
        re.compile(
            r"TLS: Username/(?:Password|auth-token) authentication (?:failed|deferred) for (?:username|peer) ?'?(?P<user>[^']*)"
        ),
        "failure",
    ),
    (
        re.compile(
            r"VERIFY ERROR: depth=[0-9]{1,2}, error=(?P<reason>[^:]{1,128}): (?P<subject>.*)"
        ),
        "failure",
    ),
    (re.compile(r"VPN Auth Failed: (?P<quote>['\"])(?P<reason>.{1,254}?)(?P=quote)"), "failure"),
    (re.compile(r"AUTH ERROR: (?P<reason>.{1,254}) user=(?P<user>\S{1,254})\s*\Z"), "failure"),
    (re.compile(r"user '(?P<user>.*)' authenticated\.?\s*\Z"), "success"),
    (re.compile(r"user '(?P<user>.*)' could not authenticate\.?\s*\Z"), "failure"),
    (re.compile(r'LDAP user "(?P<user>.*)" was not found'), "failure"),
    (
        re.compile(r'(?P<reason>Incorrect password) supplied for LDAP DN "(?P<subject>.*)"'),
        "failure",
    ),
    (re.compile(r"(?P<reason>LDAP bind failed: Invalid credentials)"), "failure"),
    (re.compile(r"(?P<reason>ldap_bind with zero-length password is forbidden)"), "failure"),
    (re.compile(r"Unable to bind as (?P<user>\S{1,254})"), "failure"),
    (
        re.compile(
            r"(?:Web login authentication failed|VPN Auth Failed|AUTH_?FAIL\w*)[^{]{0,32}\{.*?'user': '(?P<user>[^']*)'"
            r"(?:.*?'reason': ['\"](?P<reason>[^'\"]*))?"
        ),
        "failure",
    ),
    (
        re.compile(
            r"(?:AUTH SUCCESS|Web login authentication succeeded)[^{]{0,32}\{.*?'user': '(?P<user>[^']*)'"
        ),
        "success",
    ),
)
_RETOLD_FAILURES = re.compile(
    r"SENT CONTROL \[(?P<user>[^\]]*)\]: 'AUTH_FAILED(?:,(?P<reason>[^']{1,254}))?|AUTH: Received control message: AUTH_FAILED|"
    r"PLUGIN_CALL: .*AUTH_USER_PASS_VERIFY (?:status=1|failed)|"
    r"WARNING: Failed running command \(--auth-user-pass-verify\)"
)
_INITIATED = re.compile(rf"\[(?P<user>[^\]]{{0,128}})\] Peer Connection Initiated with {_ORIGIN}")
_OPENED = re.compile(rf"(?:TCP connection established with|TLS: Initial packet from) {_ORIGIN}")
_DENIED = re.compile(
    rf"(?:TLS Error: (?:cannot locate HMAC in|incoming) .*? from {_ORIGIN}|TLS Error: |"
    r"Authenticate/Decrypt packet error|Bad encapsulated packet|WARNING: Bad encapsulated packet|Fatal TLS error)"
)
_ENDED = re.compile(r"SIG[A-Z0-9]+\[|Connection reset|\[[^\]]*\] Inactivity timeout|Delayed exit")
_INNER = re.compile(
    r"MULTI: Learn: (?P<inner>[0-9A-Fa-f:.]{2,45}) -> (?P<user>[^\s/]{1,128})/(?P<ip>\S{2,64}):(?P<port>[0-9]{1,5})|"
    r"MULTI: primary virtual IP for (?P<user2>[^\s/]{1,128})/(?P<ip2>\S{2,64}):(?P<port2>[0-9]{1,5}): (?P<inner2>[0-9A-Fa-f:.]{2,45})|"
    r"MULTI_sva: pool returned IPv4=(?P<inner3>[0-9.]{7,15})"
)
_NAMED = re.compile(
    r"openvpn server '[^']{0,64}' user '(?P<user>[^']{0,254})' address '(?P<ip>[0-9A-Fa-f:.]{2,45}?)(?::(?P<port>[0-9]{1,5}))?'"
    r" - (?P<stage>connect(?:ing|ed)|disconnect(?:ing|ed))"
)
"""What pfSense's scripts write of a client."""
_COMMON_NAME = re.compile(r"(?:^|[,/ ])CN=([^,/]{1,128})")
_STATUS = re.compile(
    r"(?:CLIENT_LIST|ROUTING_TABLE|HEADER|TITLE|TIME|GLOBAL_STATS)[,\t]|END\Z|>(?:CLIENT|STATE|BYTECOUNT|INFO)"
)


class _Split:
    """A line's parts: stamp, peer and message."""

    __slots__ = ("message", "peer", "stamp")

    def __init__(self, text: str) -> None:
        self.stamp: str | None = None
        for _ in range(2):  # what the web server writes stands within what the daemon writes
            server = _SERVER.match(text)
            if server is None:
                break
            self.stamp = server["stamp"] or self.stamp
            text = text[server.end() :].removesuffix(server["quote"])
        start = _START.match(text)
        at = 0 if start is None else start.end()
        if start is not None:
            self.stamp = start["stamp"] or self.stamp
        self.peer = _PEER.match(text, at)
        self.message = text[at if self.peer is None else self.peer.end() :].rstrip()


def _can_parse(line: SourceLine) -> bool:
    if json_lines.is_object_start(line.text):
        return False
    is_named = line.frame.app is not None and _NAME.fullmatch(line.frame.app) is not None
    if is_named and not _FOREIGN.match(line.text):
        return True
    split = _Split(line.text)
    if split.peer is not None:
        return _KNOWN.match(split.message) is not None
    if split.stamp is not None and _OWN.match(split.message):
        return True
    return _find_sign_in(split.message) is not None and "user '" not in split.message[:6]


def _find_sign_in(message: str) -> tuple[re.Match[str], str] | None:
    for pattern, outcome in _SIGN_INS:
        match = pattern.match(message)
        if match is not None:
            return match, outcome
    return None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    if not _can_parse(line):
        raise web_access.build_unreadable("openvpn_server")
    split = _Split(line.text)
    if _STATUS.match(split.message):
        return IgnoredLine("status of the VPN server")
    fields, is_retelling = _build_act(split.message)
    if split.peer is None and fields["event.action"] == "vpn-message" and "source.ip" not in fields:
        return IgnoredLine("OpenVPN describes its own state")
    _put_peer(fields, split.peer)
    fields |= {"network.application": "vpn", "network.protocol": "openvpn"}
    fields |= {"service.name": "openvpn", "observer.type": "vpn"}
    if line.frame.host:
        fields["host.name"] = line.frame.host
    time = _read_time(line, split.stamp)
    session = _build_session(line, fields, time)
    return ParsedEvent(time, fields, session=session, is_retelling=is_retelling)


def _read_time(line: SourceLine, stamp: str | None) -> datetime | None:
    time = None if stamp is None else device_stamps.parse_stamp(stamp, line.arrived, line.zone)
    return time or line.frame.time


def _build_session(line: SourceLine, fields: dict[str, Value], time: datetime | None) -> str | None:
    """Build the key of a connection: a port is used again on another day."""
    ip, port = fields.get("source.ip"), fields.get("source.port")
    if ip is None or port is None:
        return None
    day = (time or line.arrived).date().isoformat()
    return f"openvpn:{line.frame.host or line.source}:{ip}:{port}:{day}"


def _put_peer(fields: dict[str, Value], peer: re.Match[str] | None) -> None:
    if peer is None:
        return
    if "source.ip" not in fields:
        ip = addresses.parse_address(peer["ip"].strip("[]"))
        addresses.put_endpoint(fields, "source", ip, addresses.parse_port(peer["port"]))
    if peer["user"] and "user.name" not in fields:
        people.put_user(fields, peer["user"])


def _build_act(message: str) -> tuple[dict[str, Value], bool]:
    """Build the fields, and whether a fuller line of the connection may say the same."""
    sign_in = _find_sign_in(message)
    if sign_in is not None:
        return _build_sign_in(*sign_in), False
    retold = _RETOLD_FAILURES.match(message)
    if retold is not None:
        fields = _build_fields("authentication", "start", "vpn-login", "failure")
        people.put_user(fields, "" if retold["user"] in (None, "UNDEF") else retold["user"])
        return fields | ({"event.reason": retold["reason"]} if retold["reason"] else {}), True
    initiated = _INITIATED.match(message)
    if initiated is not None:
        fields = _build_fields("authentication", "start", "vpn-login", "success")
        people.put_user(fields, "" if initiated["user"] == "UNDEF" else initiated["user"])
        _put_origin(fields, initiated["ip"], initiated["port"])
        return fields, True
    named = _NAMED.match(message)
    return _build_connection(message) if named is None else _build_named(named), True


def _build_named(match: re.Match[str]) -> dict[str, Value]:
    stage = match["stage"]
    outcome = "success" if stage.endswith("ed") else "unknown"
    kind = "end" if stage.startswith("dis") else "start"
    fields = _build_fields("session", kind, f"vpn-{stage}", outcome)
    people.put_user(fields, match["user"])
    _put_origin(fields, match["ip"], match["port"] or "")
    return fields


def _build_connection(message: str) -> dict[str, Value]:
    opened, denied, inner = _OPENED.match(message), _DENIED.match(message), _INNER.match(message)
    if opened is not None:
        fields = _build_fields("network", "connection", "vpn-connection", "unknown")
        _put_origin(fields, opened["ip"], opened["port"])
    elif denied is not None:
        fields = _build_fields("network", "denied", "vpn-packet-rejected", "failure")
        fields["event.reason"] = message[:254]
        if denied["ip"]:
            _put_origin(fields, denied["ip"], denied["port"])
    elif inner is not None:
        fields = _build_fields("session", "info", "vpn-address-assigned", "success")
        several = inner.groupdict()
        nat = next(several[name] for name in ("inner", "inner2", "inner3") if several[name])
        fields["source.nat.ip"] = addresses.parse_address(nat) or nat
        people.put_user(fields, several["user"] or several["user2"] or "")
        _put_origin(
            fields, several["ip"] or several["ip2"] or "", several["port"] or several["port2"] or ""
        )
    elif _ENDED.match(message):
        fields = _build_fields("session", "end", "vpn-disconnected", "success")
        fields["event.reason"] = message[:254]
    else:
        fields = _build_fields("network", "info", "vpn-message", "unknown")
        fields["event.reason"] = message[:254]
    return fields


def _build_sign_in(match: re.Match[str], outcome: str) -> dict[str, Value]:
    fields = _build_fields("authentication", "start", "vpn-login", outcome)
    several = match.groupdict()
    people.put_user(fields, several.get("user") or "")
    name = _COMMON_NAME.search(several.get("subject") or "")
    if name is not None:
        people.put_user(fields, name[1])
    if several.get("reason"):
        fields["event.reason"] = several["reason"]
    return fields


def _put_origin(fields: dict[str, Value], ip: str, port: str) -> None:
    where = addresses.parse_address(
        ip.strip("[]").removeprefix("[AF_INET6]").removeprefix("[AF_INET]")
    )
    addresses.put_endpoint(fields, "source", where, addresses.parse_port(port))


def _build_fields(category: str, kind: str, action: str, outcome: str) -> dict[str, Value]:
    return {
        "event.category": [category],
        "event.type": [kind],
        "event.action": action,
        "event.outcome": outcome,
    }


PARSER = Parser(
    id="openvpn_server",
    title="OpenVPN (server, Access Server)",
    hints=(
        *(
            b"openvpn",
            b"ovpn",
            b"OVPN",
            b"OpenVPN",
            b"TLS",
            b"VERIFY",
            b"MULTI",
            b"AF_INET",
            b"peer info:",
        ),
        *(
            b"LDAP",
            b"ldap_bind",
            b"AUTH",
            b"SIGUSR",
            b"SIGTERM",
            b"Channel",
            b"PLUGIN_",
            b"Unable to bind as",
        ),
        *(
            b"Connection reset",
            b"PUSH",
            b"Inactivity",
            b"Web login",
            b"VPN Auth",
            b"AUTH ERROR: ",
            b"Bad encapsulated",
        ),
        *(
            *(b"ROUTE_GATEWAY", b"net_iface_", b"net_addr_", b"net_route_", b"ifconfig_pool_"),
            *(b"IFCONFIG POOL", b"v4 link ", b"v6 link ", b"v4 (BOUND) link ", b"IPv4/IPv6"),
            *(b"TUN/TAP", b"Initialization Sequence", b"Socket Buffers", b"option '--"),
            b"Diffie-Hellman",
        ),
    ),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://openvpn.net/community-resources/reference-manual-for-openvpn-2-6/",
        "https://openvpn.net/as-docs/troubleshooting-logging.html",
    ),
    examples=(
        ParserExample(
            "2026-11-22 01:06:15 203.0.113.66:37849 TLS: Username/Password authentication succeeded for"
            " username 'JSmith' [CN SET]",
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.category": ["authentication"],
                "event.outcome": "success",
                "user.name": "jsmith",
                "source.ip": "203.0.113.66",
                "source.port": 37849,
            },
        ),
        ParserExample(
            "Nov 22 01:06:15 vpn01 ovpn-server[901]: 203.0.113.66:37849 TLS Auth Error: Auth"
            " Username/Password verification failed for peer",
            {
                "event.outcome": "failure",
                "source.ip": "203.0.113.66",
                "host.name": "vpn01",
                "event.reason": "Auth Username/Password verification failed for peer",
            },
        ),
        ParserExample(
            "<29>Nov 22 01:06:15 vpn01 openvpn[66026]: [2001:db8::7]:37849 [jo] Peer Connection Initiated"
            " with [AF_INET6]2001:db8::7:37849",
            {"event.outcome": "success", "user.name": "jo", "source.ip": "2001:db8::7"},
        ),
        ParserExample(
            "<36>Nov 22 01:06:15 fw01 openvpn[68813]: user 'x' authenticated from 192.0.2.1' could not"
            " authenticate.",
            {
                "event.outcome": "failure",
                "user.name": "x' authenticated from 192.0.2.1",
                "source.ip": None,
            },
        ),
        ParserExample(
            "Sun Nov 22 01:06:15 2026 us=12345 203.0.113.66:37849 VERIFY ERROR: depth=0,"
            " error=certificate has expired: C=GB, O=Contoso, CN=jo",
            {
                "event.outcome": "failure",
                "event.reason": "certificate has expired",
                "user.name": "jo",
            },
        ),
        ParserExample(
            "2026-11-22T01:06:15+0000 [stdout#info] [OVPN 2] OUT: '2026-11-22 01:06:15 jo/203.0.113.66:5000"
            " MULTI: Learn: 10.8.0.6 -> jo/203.0.113.66:5000'",
            {"user.name": "jo", "source.nat.ip": "10.8.0.6", "source.port": 5000},
        ),
        ParserExample(
            "<27>1 2026-11-22T01:06:15Z pf openvpn 66026 - - TLS Error: cannot locate HMAC in incoming"
            " packet from [AF_INET]203.0.113.66:34745",
            {"event.type": ["denied"], "event.outcome": "failure", "source.port": 34745},
        ),
        ParserExample(
            "2026-11-22T01:06:15+0000 [stdout#info] Web login authentication failed: {'status': 1, 'user':"
            " 'jo', 'reason': 'local auth failed: password verification failed'}",
            {"event.outcome": "failure", "user.name": "jo"},
        ),
        ParserExample(
            "<29>Nov 22 01:06:15 vpn01 openvpn[7]: Initialization Sequence Completed", None
        ),
        ParserExample(
            "2026-11-22 09:20:00 TLS: Initial packet from [AF_INET]203.0.113.9:59321, sid=a1b2c3d4",
            {"event.category": ["network"], "source.ip": "203.0.113.9", "source.port": 59321},
        ),
        ParserExample("2026-11-22 09:19:55 net_iface_up: set tun0 up", None),
        ParserExample("2026-11-22 09:19:56 UDPv4 link local (bound): [AF_INET][undef]:1194", None),
    ),
)
