"""Set ECS fields from a device's pairs, by tables of the device's keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from schemas.pipeline.event import Value
from streams.tokenizers import addresses, numbers, people

UNSAID = frozenset({"", "-", "n/a", "none", "(null)", "null", "unknown", "any", "undefined"})
"""What devices write where they have nothing to say, case-folded."""
TRANSPORTS = {
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
"""Names of IANA's protocol numbers."""
_OTHER_NAMES = {"icmpv6": "ipv6-icmp", "icmp6": "ipv6-icmp", "icmp-v6": "ipv6-icmp"}
End = tuple[str, Sequence[str], Sequence[str]]
"""A side, and the keys of its address and port, the likeliest first."""


def find_value(pairs: Mapping[str, str], keys: Sequence[str]) -> str:
    """Return the first value of these keys that says something; empty: there is none."""
    for key in keys:
        value = pairs.get(key, "")
        if value.casefold() not in UNSAID:
            return value
    return ""


def put_texts(
    fields: dict[str, Value], pairs: Mapping[str, str], table: Mapping[str, Sequence[str]]
) -> None:
    """Set each field from the first of its keys that says something."""
    for name, keys in table.items():
        value = find_value(pairs, keys)
        if value:
            fields[name] = value


def put_numbers(
    fields: dict[str, Value], pairs: Mapping[str, str], table: Mapping[str, Sequence[str]]
) -> None:
    """Set each field from the first of its keys that is a whole number, and the sum of bytes
    where the device does not give it."""
    for name, keys in table.items():
        counts = (numbers.parse_whole(pairs[key]) for key in keys if key in pairs)
        count = next((each for each in counts if each is not None), None)
        if count is not None:
            fields[name] = count
    if "source.bytes" in fields and "destination.bytes" in fields:
        fields.setdefault("network.bytes", fields["source.bytes"] + fields["destination.bytes"])


def put_ends(fields: dict[str, Value], pairs: Mapping[str, str], ends: Sequence[End]) -> None:
    """Set each side's address and port: `source`, `destination`, `source.nat`, `destination.nat`."""
    for side, ip_keys, port_keys in ends:
        endpoints = (addresses.parse_endpoint(pairs[key]) for key in ip_keys if pairs.get(key))
        end = next((each for each in endpoints if each.ip is not None), addresses.NOWHERE)
        ports = (addresses.parse_port(pairs[key]) for key in port_keys if pairs.get(key))
        port = next((each for each in ports if each is not None), end.port)
        if end.ip is not None:
            fields[f"{side}.ip"] = end.ip
        if port is not None:
            fields[f"{side}.port"] = port


def put_transport(fields: dict[str, Value], text: str) -> None:
    """Set the transport from IANA's number or a name."""
    name = text.strip().lower()
    if name.isdigit():
        fields["network.iana_number"] = name
        name = TRANSPORTS.get(name, "")
    if name and name not in UNSAID:
        fields["network.transport"] = _OTHER_NAMES.get(name, name)


def put_mac(fields: dict[str, Value], side: str, text: str) -> None:
    """Set a hardware address as ECS writes it."""
    if text.casefold() not in UNSAID and len(text) <= 32:
        fields[f"{side}.mac"] = text.upper().replace(":", "-")


def put_account(fields: dict[str, Value], name: str) -> None:
    r"""Set the user of `name`, `DOMAIN\name`, or a mail address."""
    name = name.strip()
    if name.casefold() in UNSAID or len(name) > 256:
        return
    domain, slash, rest = name.rpartition("\\")
    people.put_user(fields, rest if slash else name)
    domain = domain.rstrip("\\")
    if domain:
        fields["user.domain"] = domain


def put_url(fields: dict[str, Value], text: str) -> None:
    """Set an address of the web, whole or from its path on, and its parts."""
    fields["url.original"] = text
    rest = text
    if "://" in text[:16]:
        scheme, _, rest = text.partition("://")
        domain, slash, rest = rest.partition("/")
        host, _, number = domain.rpartition("@")[2].partition(":")
        fields["url.scheme"] = scheme.lower()
        if host and not host.startswith("["):
            fields["url.domain"] = host.partition("?")[0].lower()
        port = addresses.parse_port(number)
        fields |= {} if port is None else {"url.port": port}
        rest = slash + rest
    path, mark, query = rest.partition("?")
    if path.startswith("/"):
        fields["url.path"] = path
    if mark and query:
        fields["url.query"] = query


def put_seconds(fields: dict[str, Value], text: str) -> None:
    """Set the duration from whole seconds."""
    seconds = numbers.parse_whole(text)
    if seconds is not None:
        duration = numbers.check_64_bits(seconds * 1_000_000_000)
        fields |= {} if duration is None else {"event.duration": duration}
