"""Set the fields of a log of PAN-OS from its columns."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import SourceLine
from streams.tokenizers import addresses, device_stamps, numbers, people, stamps

_TEXTS = {
    "serial": "observer.serial_number",
    "device_name": "observer.name",
    "rule": "rule.name",
    "matchname": "rule.name",
    "from": "observer.ingress.zone",
    "to": "observer.egress.zone",
    "inbound_if": "observer.ingress.interface.name",
    "outbound_if": "observer.egress.interface.name",
    "app": "network.application",
    "user_agent": "user_agent.original",
    "referer": "http.request.referrer",
    "filedigest": "file.hash.sha256",
    "session_end_reason": "event.reason",
    "error": "event.reason",
    "machinename": "source.domain",
    "path": "rule.description",
    "eventid": "event.code",
    "sender": "email.from.address",
}
_COUNTS = {
    "bytes": "network.bytes",
    "bytes_sent": "source.bytes",
    "bytes_received": "destination.bytes",
    "pkts_sent": "source.packets",
    "pkts_received": "destination.packets",
    "packets": "network.packets",
}
_SIDES = (
    ("source", ("src", "public_ip", "public_ipv6", "ip"), "sport"),
    ("destination", ("dst",), "dport"),
)
_NATS = (("source.nat", "natsrc", "natsport"), ("destination.nat", "natdst", "natdport"))
_UNSAID = frozenset({"", "n/a", "any", "unknown", "none", "(null)", "no-serial", "not-applicable"})
_NO_ADDRESS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - what the device writes for none
_HIGH = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_MOST_OF_A_ZONE = timedelta(hours=26)
_THREAT = re.compile(r"(.*?)\s*\(([0-9]{1,12})\)", re.DOTALL)
_CONFIG_CLIENTS = frozenset({"CONFIG", "AUDIT"})


def find_high_resolution(fields: Sequence[str]) -> str | None:
    """Find the stamp with an offset that stands behind the older columns."""
    return next(
        (field for field in fields if _HIGH.fullmatch(field) and not field.startswith("1970")), None
    )


def parse_time(record: Mapping[str, str], line: SourceLine) -> datetime | None:
    """Parse the time of generation: the stamp with an offset, unless it contradicts the other."""
    local = _parse_stamp(record.get("time", ""), line)
    if local is None:
        local = _parse_stamp(record.get("time_received", "") or record.get("rt", ""), line)
    high = _parse_stamp(record.get("time_high", ""), line)
    if high is not None and (local is None or abs(high - local) < _MOST_OF_A_ZONE):
        return high
    return local


def _parse_stamp(text: str, line: SourceLine) -> datetime | None:
    if not text:
        return None
    try:
        return stamps.parse_iso(text.replace("/", "-"), line.zone)
    except UnparseableRecord:
        return device_stamps.parse_stamp(text, line.arrived, line.zone)


def put_values(fields: dict[str, Value], record: Mapping[str, str]) -> None:
    """Set every field that a column gives."""
    for column, name in _TEXTS.items():
        value = record.get(column, "")
        if value.casefold() not in _UNSAID:
            fields.setdefault(name, value)
    if "observer.name" in fields:
        fields["host.name"] = fields["observer.name"]
    _put_ends(fields, record)
    for column, name in _COUNTS.items():
        count = numbers.parse_whole(record.get(column, ""))
        if count is not None:
            fields[name] = count
    seconds = numbers.parse_whole(record.get("elapsed") or record.get("login_duration") or "")
    if seconds is not None and (duration := numbers.check_64_bits(seconds * 1_000_000_000)):
        fields["event.duration"] = duration
    protocol = record.get("proto", "").lower()
    if protocol and protocol not in _UNSAID:
        fields["network.transport"] = protocol
    _put_threat(fields, record)
    _put_person(fields, record)


def _put_ends(fields: dict[str, Value], record: Mapping[str, str]) -> None:
    for side, columns, port in _SIDES:
        parsed_addresses = (_read_address(record.get(column, "")) for column in columns)
        ip = next((each for each in parsed_addresses if each is not None), None)
        addresses.put_endpoint(fields, side, ip, addresses.parse_port(record.get(port, "")))
    for prefix, column, port in _NATS:
        ip = _read_address(record.get(column, ""))
        number = addresses.parse_port(record.get(port, ""))
        fields |= {} if ip is None else {f"{prefix}.ip": ip}
        fields |= {} if not number else {f"{prefix}.port": number}
    private = _read_address(record.get("private_ip", ""))
    if private is not None:
        fields["source.nat.ip"] = private
    if record["type"] in _CONFIG_CLIENTS:
        ip = _read_address(record.get("host", ""))
        fields |= {} if ip is None else {"source.ip": ip}


def _read_address(text: str) -> str | None:
    return None if text in _NO_ADDRESS else addresses.parse_address(text)


def _put_threat(fields: dict[str, Value], record: Mapping[str, str]) -> None:
    if record["type"] != "THREAT":
        return
    category = record.get("category", "")
    if category.casefold() not in _UNSAID:
        fields["rule.category"] = category
    named = _THREAT.fullmatch(record.get("threatid", ""))
    subtype = record.get("subtype", "").lower()
    if named is not None and subtype != "url":
        fields["rule.id"] = named[2]
        fields |= {"threat.indicator.name": named[1]} if named[1] else {}
    place = record.get("misc", "")
    if place and subtype == "url":
        _put_url(fields, place)
    elif place:
        fields["file.name"] = place.rpartition("/")[2] or place
        fields["file.path"] = place
    method = record.get("http_method", "")
    if method.casefold() not in _UNSAID:
        fields["http.request.method"] = method.upper()


def _put_url(fields: dict[str, Value], text: str) -> None:
    fields["url.original"] = text
    rest = text.partition("://")[2] if "://" in text[:12] else text
    domain, slash, path = rest.partition("/")
    host, _, number = domain.partition(":")
    if host:
        fields["url.domain"] = host.lower()
    port = addresses.parse_port(number)
    fields |= {} if port is None else {"url.port": port}
    if slash:
        path, mark, query = path.partition("?")
        fields["url.path"] = f"/{path}"
        fields |= {"url.query": query} if mark else {}


def _put_person(fields: dict[str, Value], record: Mapping[str, str]) -> None:
    for column in ("admin", "srcuser", "normalize_user", "user"):
        name = record.get(column, "")
        if name.casefold() not in _UNSAID:
            put_name(fields, name)
            break
    target = record.get("dstuser", "")
    if target.casefold() in _UNSAID:
        return
    if record["type"] in {"AUTHENTICATION", "SYSTEM", "CONFIG"}:
        if "user.name" not in fields:
            put_name(fields, target)
    else:
        fields["user.target.name"] = target.rpartition("\\")[2].casefold()


def put_name(fields: dict[str, Value], name: str) -> None:
    r"""Set the user of `domain\name`; relays may have doubled the backslash."""
    domain, slash, rest = name.rpartition("\\")
    people.put_user(fields, rest if slash else name)
    domain = domain.rstrip("\\")
    if domain:
        fields["user.domain"] = domain
