"""Set the fields of a line of Fortinet from its pairs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import SourceLine
from streams.tokenizers import addresses, device_stamps, numbers, people, stamps

_TEXTS = {
    "devname": "observer.name",
    "devid": "observer.serial_number",
    "device_id": "observer.serial_number",
    "logid": "event.code",
    "log_id": "event.code",
    "policyid": "rule.id",
    "policy_id": "rule.id",
    "policyname": "rule.name",
    "policy": "rule.name",
    "poluuid": "rule.uuid",
    "srcintf": "observer.ingress.interface.name",
    "src_int": "observer.ingress.interface.name",
    "dstintf": "observer.egress.interface.name",
    "dst_int": "observer.egress.interface.name",
    "app": "network.application",
    "hostname": "url.domain",
    "http_host": "url.domain",
    "agent": "user_agent.original",
    "http_agent": "user_agent.original",
    "referralurl": "http.request.referrer",
    "http_referer": "http.request.referrer",
    "sender": "email.from.address",
    "recipient": "email.to.address",
    "filename": "file.name",
    "file": "file.name",
    "infectedfilename": "file.name",
    "qname": "dns.question.name",
    "qtype": "dns.question.type",
    "qclass": "dns.question.class",
    "srcname": "source.domain",
    "group": "user.group.name",
    "usrgrp": "user.group.name",
    "cfgpath": "rule.description",
}
_RULESETS = ("applist", "profile", "policytype")
_CATEGORIES = ("catdesc", "appcat")
_NUMBERS = {
    "sentbyte": "source.bytes",
    "rcvdbyte": "destination.bytes",
    "ibytes": "source.bytes",
    "obytes": "destination.bytes",
    "sentpkt": "source.packets",
    "rcvdpkt": "destination.packets",
    "filesize": "file.size",
    "infectedfilesize": "file.size",
    "count": "breach.auth.attempts",
}
_SIDES = (
    ("source", ("srcip", "userip", "remote_ip", "src"), ("srcport", "src_port", "remote_port")),
    ("destination", ("dstip", "dst"), ("dstport", "dst_port")),
)
_TUNNEL_SIDES = (
    ("source", ("remip", "srcip"), ("remport", "srcport")),
    ("destination", ("locip", "dstip"), ("locport", "dstport")),
)
"""Of VPN events: the remote address is the client."""
_NATS = (
    ("source.nat", "transip", "transport"),
    ("source.nat", "trans_src", "trans_src_port"),
    ("destination.nat", "tranip", "tranport"),
    ("destination.nat", "trans_dst", "trans_dst_port"),
)
_TRANSPORTS = {
    "1": "icmp",
    "2": "igmp",
    "6": "tcp",
    "17": "udp",
    "47": "gre",
    "50": "esp",
    "51": "ah",
    "58": "ipv6-icmp",
    "89": "ospf",
    "132": "sctp",
}
_DIRECTIONS = {
    "outgoing": "outbound",
    "incoming": "inbound",
    "outbound": "outbound",
    "inbound": "inbound",
    "0": "inbound",
    "1": "outbound",
}
"""Of `direction`, and of CEF's `deviceDirection`."""
_UNSAID = frozenset({"", "n/a", "(null)", "none"})
_ZONE = re.compile(r"\"?(?:UTC)?([+-])([0-9]{1,2}):?([0-9]{2})\"?")
_MOST_OF_A_ZONE = timedelta(hours=26)
"""Two stamps that differ by more are not the same moment in different zones."""


def parse_time(pairs: Mapping[str, str], line: SourceLine) -> datetime | None:
    """Parse date, time and tz; without tz, eventtime, which is absolute, unless the two contradict
    each other."""
    date, clock = pairs.get("date", ""), pairs.get("time", "")
    zone = _ZONE.fullmatch(pairs.get("tz", "") or pairs.get("timezone", ""))
    local: datetime | None = None
    if date and clock:
        suffix = f"{zone[1]}{int(zone[2]):02}:{zone[3]}" if zone is not None else ""
        try:
            local = stamps.parse_iso(f"{date}T{clock}{suffix}", line.zone)
        except UnparseableRecord:
            local = None
    if local is not None and zone is not None:
        return local
    for key in ("eventtime", "timestamp", "itime"):
        moment = device_stamps.parse_stamp(pairs.get(key, ""), line.arrived, line.zone)
        if moment is not None and (local is None or abs(moment - local) < _MOST_OF_A_ZONE):
            return moment
    if local is None and pairs.get("start"):
        return device_stamps.parse_stamp(pairs["start"], line.arrived, line.zone)
    return local


def put_values(fields: dict[str, Value], pairs: Mapping[str, str]) -> None:
    """Set every field that a pair gives."""
    for key, name in _TEXTS.items():
        value = pairs.get(key, "")
        if value.casefold() not in _UNSAID:
            fields.setdefault(name, value)
    for keys, name in ((_RULESETS, "rule.ruleset"), (_CATEGORIES, "rule.category")):
        value = next((pairs[key] for key in keys if pairs.get(key)), "")
        fields |= {name: value} if value else {}
    is_tunnel = pairs.get("subtype") == "vpn"
    for side, ip_keys, port_keys in _TUNNEL_SIDES if is_tunnel else _SIDES:
        _put_side(fields, pairs, side, (ip_keys, port_keys))
    if "dhcp_msg" in pairs or "fctuid" in pairs:
        _put_lease(fields, pairs)
    _put_device(fields, pairs)
    _put_counts(fields, pairs)
    _put_protocol(fields, pairs)
    _put_translation(fields, pairs)
    _put_web(fields, pairs)
    _put_person(fields, pairs)


def _put_side(
    fields: dict[str, Value],
    pairs: Mapping[str, str],
    side: str,
    keys: tuple[tuple[str, ...], tuple[str, ...]],
) -> None:
    parsed_addresses = (addresses.parse_address(pairs[key]) for key in keys[0] if pairs.get(key))
    ip = next((each for each in parsed_addresses if each is not None), None)
    ports = (addresses.parse_port(pairs[key]) for key in keys[1] if pairs.get(key))
    port = next((each for each in ports if each is not None), None)
    addresses.put_endpoint(fields, side, ip, port)
    mac = pairs.get("srcmac" if side == "source" else "dstmac", "")
    if mac and mac != "N/A":
        fields[f"{side}.mac"] = mac.upper().replace(":", "-")


def _put_lease(fields: dict[str, Value], pairs: Mapping[str, str]) -> None:
    """Set the client of a DHCP event or a FortiClient connection, whose keys have no side."""
    ip = addresses.parse_address(pairs.get("ip", ""))
    if ip is not None:
        fields.setdefault("source.ip", ip)
    if "dhcp_msg" in pairs:
        fields |= {"source.mac": pairs["mac"].upper().replace(":", "-")} if "mac" in pairs else {}
        name = fields.pop("url.domain", None)
        fields |= {} if name is None else {"source.domain": name}


def _put_device(fields: dict[str, Value], pairs: Mapping[str, str]) -> None:
    serial = pairs.get("devid") or pairs.get("device_id") or ""
    product = pairs.get("product", "")
    products = {"FMG": "FortiManager", "FAZ": "FortiAnalyzer", "FV": "FortiWeb", "FE": "FortiMail"}
    fields["observer.product"] = next(
        (name for prefix, name in products.items() if serial.startswith(prefix)),
        product or "Fortigate",
    )
    if "observer.name" in fields:
        fields["host.name"] = fields["observer.name"]


def _put_counts(fields: dict[str, Value], pairs: Mapping[str, str]) -> None:
    for key, name in _NUMBERS.items():
        count = numbers.parse_whole(pairs.get(key, ""))
        if count is not None:
            fields[name] = count
    if fields.get("event.category") != ["authentication"]:
        fields.pop("breach.auth.attempts", None)
    if "source.bytes" in fields and "destination.bytes" in fields:
        fields["network.bytes"] = fields["source.bytes"] + fields["destination.bytes"]
    if pairs.get("subtype") == "vpn" and "source.bytes" in fields and "destination.bytes" in fields:
        # The device counts what it sends to the client.
        fields["source.bytes"], fields["destination.bytes"] = (
            fields["destination.bytes"],
            fields["source.bytes"],
        )
    seconds = numbers.parse_whole(pairs.get("duration", ""))
    if seconds is not None:
        duration = numbers.check_64_bits(seconds * 1_000_000_000)
        fields |= {} if duration is None else {"event.duration": duration}


def _put_protocol(fields: dict[str, Value], pairs: Mapping[str, str]) -> None:
    number = pairs.get("proto", "")
    if number:
        fields["network.transport"] = _TRANSPORTS.get(number, number.lower())
        if number.isdigit():
            fields["network.iana_number"] = number
            if number not in _TRANSPORTS:
                del fields["network.transport"]
    service = pairs.get("service", "")
    if service.casefold() not in _UNSAID:
        fields["network.protocol"] = service.lower()
    direction = _DIRECTIONS.get(
        pairs.get("direction") or pairs.get("dir") or pairs.get("deviceDirection") or ""
    )
    if direction:
        fields["network.direction"] = direction


def _put_translation(fields: dict[str, Value], pairs: Mapping[str, str]) -> None:
    for prefix, ip_key, port_key in _NATS:
        ip = addresses.parse_address(pairs.get(ip_key, ""))
        port = addresses.parse_port(pairs.get(port_key, ""))
        if ip is not None:
            fields[f"{prefix}.ip"] = ip
        if port is not None:
            fields[f"{prefix}.port"] = port


def _put_web(fields: dict[str, Value], pairs: Mapping[str, str]) -> None:
    is_api = pairs.get("subtype") == "rest-api"  # whose names are short
    method = pairs.get("httpmethod") or pairs.get("http_method")
    if is_api:
        method = pairs.get("method")
    fields |= {} if not method else {"http.request.method": method.upper()}
    url = pairs.get("url") or pairs.get("http_url") or ""
    if url and url != "N/A":
        fields["url.original"] = url
        rest = url
        if "://" in url[:12]:
            scheme, _, rest = url.partition("://")
            domain, slash, rest = rest.partition("/")
            fields["url.scheme"] = scheme.lower()
            fields["url.domain"] = domain.partition(":")[0].lower()
            rest = slash + rest
        path, mark, query = rest.partition("?")
        if path.startswith("/"):
            fields["url.path"] = path
        query = query if mark else pairs.get("http_qry", "")
        fields |= {} if not query else {"url.query": query}
    code = pairs.get("httpcode") or pairs.get("http_retcode")
    status = numbers.parse_whole((pairs.get("status") if is_api else code) or "")
    if status is not None:
        fields["http.response.status_code"] = status
    attack = pairs.get("attack") or pairs.get("virus")
    if attack and attack != "N/A":
        fields["rule.name"] = attack
        identity = pairs.get("attackid") or pairs.get("virusid")
        fields |= {"rule.id": identity} if identity else {}


def _put_person(fields: dict[str, Value], pairs: Mapping[str, str]) -> None:
    keys = ("xauthuser", "eapuser", "user", "unauthuser", "initiator", "adminuser")
    for key in keys if pairs.get("subtype") == "vpn" else keys[2:]:
        name = pairs.get(key, "")
        if name.casefold() in _UNSAID:
            continue
        domain, slash, rest = name.rpartition("\\")
        people.put_user(fields, rest if slash else name)
        if slash and domain:
            fields["user.domain"] = domain
        return
