"""Parse Cisco Meraki: `1764000000.226844514 MX-HQ flows allow src=192.0.2.10 dst=… protocol=tcp …`.

The epoch and the device's name begin the message; the word behind them is the kind of line. Events
are sentences or key='value' pairs; what a person typed stands in quotes."""

from __future__ import annotations

import re
from collections.abc import Mapping

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, device_stamps, field_tables, key_value

_KINDS = (
    r"flows|firewall|vpn_firewall|cellular_firewall|bridge_anyconnect_client_vpn_firewall"
    r"|ip_flow_start|ip_flow_end|urls|events|security_event|airmarshal_events|ids-alerts"
)
_START = re.compile(
    r"\s*+(?:<[0-9]{1,3}>)?\s*+(?:[0-9]\s++)?(?P<epoch>[0-9]{9,10}\.[0-9]{1,9}) (?P<host>\S{1,255}) "
    rf"(?P<kind>{_KINDS})(?=\s)"
)
_SAID_VERDICT = re.compile(r"\s(?P<word>allow|deny)\s")
_PATTERN = re.compile(
    r"\spattern: (?:Group Policy )?(?P<word>allow|deny|[01](?=\s|\Z))?", re.IGNORECASE
)
_VERDICTS = {
    "allow": ("allowed", "success"),
    "deny": ("denied", "failure"),
    "0": ("allowed", "success"),
    "1": ("denied", "failure"),
}
"""What a rule did; inbound rules write the figures."""
_ENDS = (
    ("source", ("src", "client_ip", "ip_src", "Client"), ("sport",)),
    ("destination", ("dst", "server"), ("dport",)),
)
_REQUEST = re.compile(r"\srequest: (?P<method>\S+) (?P<url>\S+)\s*\Z")
_MESSAGE = re.compile(r"\smessage: (?P<message>.*)\Z", re.DOTALL)
_SESSION = re.compile(
    r"\s*+(?P<name>(?:client_vpn|anyconnect_vpn)_\w{1,30}) user id '(?P<user>.*)' local ip (?P<local>\S++)"
    r" (?:re)?connected from (?P<ip>\S++)\s*\Z",
    re.DOTALL,
)
_LEASE = re.compile(r"\s*+dhcp lease of ip (?P<ip>\S++) from .*? for client mac (?P<mac>\S++)")
_BLOCKED = re.compile(r"\s*+Blocked (?P<what>\w+) Packet from (?P<mac>\S++) with IP (?P<ip>\S++)")
_PEER = re.compile(r"\bPeer IP=(?P<ip>[0-9A-Fa-f.:]+)(?: Peer port=(?P<port>[0-9]+))?")
_PEER_USER = re.compile(r"\bUser(?:\[(?P<user>[^\]]*+)\]|=(?P<name>.*?)):? ", re.DOTALL)
_VOLUME = re.compile(r"Bytes xmt: ([0-9]{1,18}), Bytes rcv: ([0-9]{1,18})(?:, Reason: ([^']*))?")
_TUNNEL = re.compile(
    r"\bIKE_SA \S+ (?P<what>established|deleted?) between (?P<here>[0-9A-Fa-f.:]+)\[[^\]]*+\]"
    r"\.\.\.(?P<ip>[0-9A-Fa-f.:]+)\["
)
_TUNNEL_END = re.compile(r"\b(?:closing|deleting) (?:IKE|CHILD)_SA\b")
_SIGNATURE = re.compile(r"\ssignature=(\S++)")
_SIGN_INS: dict[str, tuple[str, str]] = {
    "8021x_eap_success": ("start", "success"),
    "8021x_auth": ("start", "success"),
    "8021x_eap_failure": ("start", "failure"),
    "8021x_client_deauth": ("end", "success"),
    "8021x_deauth": ("end", "success"),
    "wpa_auth": ("start", "success"),
    "wpa_deauth": ("end", "success"),
    "splash_auth": ("start", "success"),
    "anyconnect_vpn_auth_success": ("start", "success"),
    "anyconnect_vpn_auth_failure": ("start", "failure"),
    "client_vpn_connect": ("start", "success"),
    "client_vpn_disconnect": ("end", "success"),
    "anyconnect_vpn_connect": ("start", "success"),
    "anyconnect_vpn_disconnect": ("end", "success"),
}
_SESSIONS = frozenset({"association", "disassociation", "vpn_connectivity_change"})


def _can_parse(line: SourceLine) -> bool:
    return _START.match(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    start = _START.match(line.text)
    if start is None:
        raise UnparseableRecord(
            "no message of a Meraki device",
            place="cisco_meraki",
            remedy="Send the roles flows, urls, events and security_event by syslog.",
        )
    kind, body = start["kind"], line.text[start.end() :]
    fields: dict[str, Value] = {
        "event.category": ["network"],
        "event.type": ["info"],
        "event.outcome": "unknown",
        "event.action": kind,
        "observer.vendor": "Cisco",
        "observer.product": "Meraki",
        "observer.type": "firewall",
        "observer.name": start["host"],
        "host.name": start["host"],
    }
    _READERS.get(kind, _put_flow)(fields, kind, body)
    time = device_stamps.parse_stamp(start["epoch"], line.arrived, line.zone)
    return ParsedEvent(time, fields)


def _read_pairs(body: str) -> Mapping[str, str]:
    return key_value.select_first_values(key_value.parse_pairs(body))


def _put_ends(fields: dict[str, Value], pairs: Mapping[str, str]) -> None:
    field_tables.put_ends(fields, pairs, _ENDS)
    if fields.get("source.ip") == "0.0.0.0":  # noqa: S104 - what the device writes for none
        del fields["source.ip"]
    mac = pairs.get("client_mac") or pairs.get("mac") or pairs.get("MAC") or ""
    field_tables.put_mac(fields, "source", mac)
    protocol = pairs.get("protocol", "").partition("/")[0]
    field_tables.put_transport(fields, protocol)


def _put_flow(fields: dict[str, Value], kind: str, body: str) -> None:
    head, _, rule = body.partition(" pattern:")
    pairs = _read_pairs(head)
    _put_ends(fields, pairs)
    translated = addresses.parse_port(pairs.get("translated_port", ""))
    for side, key in (("source", "translated_src_ip"), ("destination", "translated_dst_ip")):
        ip = addresses.parse_address(pairs.get(key, ""))
        if ip is not None:
            fields[f"{side}.nat.ip"] = ip
            fields |= {} if translated is None else {f"{side}.nat.port": translated}
    if kind.startswith("ip_flow"):
        stage = kind.rpartition("_")[2]
        fields |= {"event.type": ["connection", stage], "event.outcome": "success"}
        return
    match = _SAID_VERDICT.match(body) or _PATTERN.search(f" pattern:{rule}")
    word = ((match["word"] if match is not None else None) or "").lower()
    verdict, outcome = _VERDICTS.get(word, ("info", "unknown"))
    fields |= {"event.type": ["connection", verdict], "event.outcome": outcome}
    if rule.strip():
        fields["rule.name"] = rule.strip()


def _put_request(fields: dict[str, Value], _kind: str, body: str) -> None:
    request = _REQUEST.search(body)
    pairs = _read_pairs(body if request is None else body[: request.start()])
    _put_ends(fields, pairs)
    fields |= {
        "event.category": ["network", "web"],
        "event.type": ["access"],
        "event.action": "http-access",
        "event.outcome": "success",
    }
    if pairs.get("agent"):
        fields["user_agent.original"] = pairs["agent"]
    if request is not None:
        if request["method"] != "UNKNOWN":
            fields["http.request.method"] = request["method"]
        field_tables.put_url(fields, request["url"])


def _put_security(fields: dict[str, Value], _kind: str, body: str) -> None:
    message = _MESSAGE.search(body)
    head = body if message is None else body[: message.start()]
    pairs = _read_pairs(head)
    _put_ends(fields, pairs)
    words = head.split(maxsplit=1)
    name = words[0] if words and "=" not in words[0] else "ids_alerted"
    verdict = (pairs.get("decision") or pairs.get("action") or "").lower()
    denied = verdict in {"blocked", "block"}
    allowed = verdict in {"allowed", "allow"}
    is_file = "sha256" in pairs or name.startswith("security_filtering")
    fields |= {
        "event.category": ["network", "malware" if is_file else "intrusion_detection"],
        "event.type": ["denied" if denied else "allowed" if allowed else "info"],
        "event.outcome": "failure" if denied else "success" if allowed else "unknown",
        "event.action": name,
    }
    signature = _SIGNATURE.search(head)
    if signature is not None:
        fields["rule.id"] = signature[1]
    for key, field in (("sha256", "file.hash.sha256"), ("name", "rule.name")):
        if pairs.get(key):
            fields[field] = pairs[key]
    if message is not None:
        fields["message"] = fields["rule.name"] = message["message"].strip()
    if pairs.get("url"):
        field_tables.put_url(fields, pairs["url"])


def _put_event(fields: dict[str, Value], _kind: str, body: str) -> None:
    session = _SESSION.match(body)
    if session is not None:
        fields["event.action"] = session["name"]
        field_tables.put_account(fields, session["user"])
        for side, group in (("source", "ip"), ("source.nat", "local")):
            end = addresses.parse_endpoint(session[group])
            fields |= {} if end.ip is None else {f"{side}.ip": end.ip}
        _put_sign_in(fields, session["name"])
        return
    pairs = _read_pairs(body)
    name = pairs.get("type", "")
    if not name:
        _put_sentence(fields, body)
        return
    fields["event.action"] = name
    _put_ends(fields, pairs)
    field_tables.put_account(fields, pairs.get("identity", ""))
    peer = addresses.parse_endpoint(pairs.get("peer_contact", ""))
    if peer.ip is not None:
        addresses.put_endpoint(fields, "source", peer.ip, peer.port)
    _put_sign_in(fields, name)
    if name.startswith("anyconnect"):
        _put_peer(fields, body)
    elif name in _SESSIONS:
        fields["event.category"] = ["network", "session"]
    elif pairs.get("url"):
        field_tables.put_url(fields, pairs["url"])


def _put_sign_in(fields: dict[str, Value], name: str) -> None:
    known = _SIGN_INS.get(name)
    if known is not None:
        stage, outcome = known
        fields["event.category"] = ["authentication", "session"]
        fields |= {"event.type": [stage], "event.outcome": outcome}


def _put_peer(fields: dict[str, Value], body: str) -> None:
    """Set what the words of an AnyConnect event say of its client."""
    message = body.partition("msg=")[2].strip(" '")
    peer, user = _PEER.search(message), _PEER_USER.search(message)
    if peer is not None:
        port = addresses.parse_port(peer["port"] or "")
        addresses.put_endpoint(fields, "source", addresses.parse_address(peer["ip"]), port)
    if user is not None:
        field_tables.put_account(fields, user["user"] or user["name"] or "")
    fields["message"] = message
    volume = _VOLUME.search(message)
    if volume is not None:
        # The device transmits to the client, which is the source.
        fields |= {"source.bytes": int(volume[2]), "destination.bytes": int(volume[1])}
        fields["network.bytes"] = int(volume[1]) + int(volume[2])
        fields |= {"event.category": ["network", "session"], "event.type": ["connection", "end"]}
        fields["event.outcome"] = "success"
        if volume[3]:
            fields["event.reason"] = volume[3].strip()


def _put_sentence(fields: dict[str, Value], body: str) -> None:
    text = body.strip()
    fields["message"] = text
    lease = _LEASE.match(body)
    if lease is not None:
        fields["event.action"] = "dhcp_lease"
        ip = addresses.parse_address(lease["ip"])
        fields |= {} if ip is None else {"source.ip": ip}
        field_tables.put_mac(fields, "source", lease["mac"])
        return
    if text.startswith("Site-to-Site VPN:"):
        _put_tunnel(fields, text)
        return
    blocked = _BLOCKED.match(body)
    if blocked is not None:
        fields["event.action"] = f"blocked_{blocked['what'].lower()}"
        fields |= {"event.type": ["denied"], "event.outcome": "failure"}
        ip = addresses.parse_address(blocked["ip"])
        fields |= {} if ip is None else {"source.ip": ip}
        field_tables.put_mac(fields, "source", blocked["mac"])


def _put_tunnel(fields: dict[str, Value], text: str) -> None:
    fields["event.action"] = "site_to_site_vpn"
    fields["event.category"] = ["network", "session"]
    tunnel = _TUNNEL.search(text)
    if tunnel is not None:
        stage = "start" if tunnel["what"] == "established" else "end"
        fields |= {"event.type": ["connection", stage], "event.outcome": "success"}
        for side, group in (("source", "ip"), ("destination", "here")):
            addresses.put_endpoint(fields, side, addresses.parse_address(tunnel[group]), None)
    elif _TUNNEL_END.search(text):
        fields |= {"event.type": ["connection", "end"], "event.outcome": "success"}


def _put_air(fields: dict[str, Value], _kind: str, body: str) -> None:
    pairs = _read_pairs(body)
    fields["event.category"] = ["network", "intrusion_detection"]
    fields["event.action"] = pairs.get("type") or "airmarshal"
    for side, key in (("source", "src"), ("destination", "dst")):
        field_tables.put_mac(fields, side, pairs.get(key, ""))


_READERS = {
    "urls": _put_request,
    "events": _put_event,
    "security_event": _put_security,
    "ids-alerts": _put_security,
    "airmarshal_events": _put_air,
}

PARSER = Parser(
    id="cisco_meraki",
    title="Cisco Meraki (MX, MR, MS)",
    hints=(
        *(b" flows ", b"firewall src=", b" ip_flow_start ", b" ip_flow_end ", b" urls "),
        *(b" events ", b" security_event ", b" airmarshal_events ", b" ids-alerts "),
    ),
    claims=_can_parse,
    parse=_parse,
    is_sure=True,
    references=(
        "https://documentation.meraki.com/General_Administration/Monitoring_and_Reporting/Syslog_Event_Types_and_Log_Samples",
    ),
    examples=(
        ParserExample(
            "1795338847.112233445 MX-HQ flows src=203.0.113.66 dst=192.0.2.1 protocol=tcp sport=40112"
            " dport=3389 pattern: 1 all",
            {
                "event.type": ["connection", "denied"],
                "event.outcome": "failure",
                "destination.port": 3389,
            },
        ),
        ParserExample(
            "1795338848.112233445 MX-HQ flows src=203.0.113.7 dst=192.0.2.1 protocol=tcp sport=40113"
            " dport=443 pattern: 0 (tcp || udp) && dst port 443",
            {"event.type": ["connection", "allowed"], "event.outcome": "success"},
        ),
        ParserExample(
            "<134>1 1795338847.226844514 MX-HQ flows src=192.0.2.10 dst=203.0.113.80"
            " mac=24:2F:FA:1E:B7:E6 protocol=tcp sport=50112 dport=23 pattern: deny (dst 0.0.0.0/0)",
            {
                "event.type": ["connection", "denied"],
                "event.outcome": "failure",
                "source.ip": "192.0.2.10",
                "source.mac": "24-2F-FA-1E-B7-E6",
                "destination.port": 23,
                "host.name": "MX-HQ",
            },
        ),
        ParserExample(
            "Nov 22 09:15:00 relay1 1795338900.5 MX-HQ ip_flow_start src=2001:db8::10"
            " dst=2001:db8:1::80 protocol=udp sport=45061 dport=53 translated_src_ip=198.51.100.2"
            " translated_port=45061",
            {
                "event.type": ["connection", "start"],
                "source.ip": "2001:db8::10",
                "source.nat.ip": "198.51.100.2",
                "source.nat.port": 45061,
            },
        ),
        ParserExample(
            "<134>1 1795338960.1 MX-HQ events anyconnect_vpn_connect user id"
            " 'eve' local ip 192.0.2.1 connected from 192.0.2.2' local ip 192.0.2.245 connected from"
            " 203.0.113.66",
            {
                "event.outcome": "success",
                "source.ip": "203.0.113.66",
                "user.name": "eve' local ip 192.0.2.1 connected from 192.0.2.2",
            },
        ),
        ParserExample(
            "<134>1 1795339020.1 MX-HQ events type=anyconnect_vpn_auth_failure msg= 'RADIUS[373]"
            " Server IP=192.0.2.53 Server port=1812 Peer IP=203.0.113.66 Peer port=56193 User=eve:"
            " Authentication request rejected. '",
            {
                "event.category": ["authentication", "session"],
                "event.outcome": "failure",
                "source.ip": "203.0.113.66",
                "user.name": "eve",
            },
        ),
        ParserExample(
            "<134>1 1795339080.1 MX-HQ urls src=192.0.2.10:60336 dst=203.0.113.80:443"
            " mac=78:7B:8A:CC:05:18 agent='x src=192.0.2.9' request: GET https://web.example/a?b=1",
            {
                "source.ip": "192.0.2.10",
                "source.port": 60336,
                "url.domain": "web.example",
                "url.path": "/a",
                "http.request.method": "GET",
            },
        ),
        ParserExample(
            "<134>1 1795339140.3 MX-HQ security_event ids_alerted signature=1:29708:4 priority=1"
            " timestamp=1795339140.33 dhost=D0:AB:D5:7B:43:73 direction=ingress protocol=tcp/ip"
            " src=198.51.100.77:80 dst=192.0.2.10:56391 decision=blocked message: EXPLOIT attempt",
            {
                "event.category": ["network", "intrusion_detection"],
                "event.outcome": "failure",
                "rule.id": "1:29708:4",
                "source.ip": "198.51.100.77",
                "destination.port": 56391,
            },
        ),
        ParserExample(
            "<134>1 1795338847.5 MX-HQ events Site-to-Site VPN: <l2tp-over-ipsec-1|241> IKE_SA"
            " l2tp-over-ipsec-1[241] established between 192.0.2.1[192.0.2.1]...203.0.113.9[10.0.0.9]",
            {
                "event.type": ["connection", "start"],
                "source.ip": "203.0.113.9",
                "destination.ip": "192.0.2.1",
            },
        ),
    ),
)
