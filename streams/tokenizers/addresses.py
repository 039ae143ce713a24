"""Parse IP addresses as logs write them, to canonical text (RFC 5952 for v6)."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from socket import AF_INET, inet_pton
from typing import NamedTuple

from schemas.pipeline.event import Value


class NetworkEndpoint(NamedTuple):
    """Where a packet came from or went to; None: not said, or not an address."""

    ip: str | None
    port: int | None


class NamedEndpoint(NamedTuple):
    """SonicWall's `ip:port:interface:host`."""

    ip: str | None
    port: int | None
    interface: str
    host: str


NOWHERE = NetworkEndpoint(None, None)
_SUFFIXED = re.compile(
    r"((?:[0-9A-Fa-f]{0,4}:){2,7}+[0-9A-Fa-f]{1,4})(?:#|p| port |\.)([0-9]{1,5})"
    r"|((?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}):([0-9]{1,5})"
)
"""A v6 address and a port without brackets (RFC 5952, 6), and behind eight groups a ninth."""


_LONGEST = 320
"""Longer text is no address, and must not fill the caches."""
_LONGEST_PORT = 5


def parse_address(text: str) -> str | None:
    """Return canonical text, or None. A v4 address mapped into v6 becomes v4; a zone id is
    dropped."""
    if _is_dotted_quad(text):
        return text  # such a quad is canonical
    return _parse_address(text) if len(text) <= _LONGEST else None


def _is_dotted_quad(text: str) -> bool:
    """Whether it is four numbers up to 255 without leading zeros."""
    if ":" in text or "." not in text:  # asking the library costs more, and most of all to hear no
        return False
    try:
        inet_pton(AF_INET, text)
    except (OSError, ValueError):  # ValueError: not even characters
        return False
    return True


@lru_cache(maxsize=16384)
def _parse_address(text: str) -> str | None:
    try:
        parsed = ipaddress.ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)


@lru_cache(maxsize=16384)
def is_public(text: str) -> bool:
    """Whether this is a valid address that is routed in the open internet or reserved for
    documentation."""
    parsed = ipaddress.ip_address(text)
    inside = parsed.is_loopback or parsed.is_link_local or parsed.is_unspecified
    return not (inside or any(parsed in net for net in _PRIVATE if net.version == parsed.version))


_PRIVATE = tuple(
    ipaddress.ip_network(net)
    for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)


def parse_port(text: str) -> int | None:
    """Parse 0–65535, or return None."""
    if len(text) <= _LONGEST_PORT and text.isdigit() and text.isascii():
        number = int(text)
        if number <= 65535:
            return number
    return None


def parse_endpoint(text: str) -> NetworkEndpoint:
    """Parse `v4`, `v6`, `v4:port`, `[v6]:port`, `[v6]`, `v6#port`, or empty."""
    host, colon, number = text.partition(":")
    if colon and len(number) <= _LONGEST_PORT and ":" not in number and _is_dotted_quad(host):
        # The named constructor costs twice as much.
        return tuple.__new__(NetworkEndpoint, (host, parse_port(number.rstrip())))
    return _parse_endpoint(text) if len(text) <= _LONGEST else NOWHERE


@lru_cache(maxsize=16384)
def _parse_endpoint(text: str) -> NetworkEndpoint:
    text = text.strip()
    if text.startswith("["):
        inside, _, rest = text[1:].partition("]")
        return NetworkEndpoint(parse_address(inside), parse_port(rest.removeprefix(":")))
    if text.count(":") == 1:
        host, _, number = text.partition(":")
        return NetworkEndpoint(parse_address(host), parse_port(number))
    suffixed = _SUFFIXED.fullmatch(text)
    if suffixed is not None:
        ip, number = suffixed[1] or suffixed[3], suffixed[2] or suffixed[4]
        return NetworkEndpoint(parse_address(ip), parse_port(number))
    return NetworkEndpoint(parse_address(text), None) if text else NOWHERE


def parse_named_endpoint(text: str) -> NamedEndpoint:
    """Parse `192.0.2.1:53:X3:DC01`, with any part missing (`:28503:WAN`); a bare v6 address too."""
    if len(text) > _LONGEST:
        text = text[:_LONGEST]
    first, colon, rest = text.partition(":")
    if colon and _is_dotted_quad(first):
        number, _, rest = rest.partition(":")
        interface, _, host = rest.partition(":")
        return tuple.__new__(NamedEndpoint, (first, parse_port(number), interface, host))
    return _parse_named_endpoint(text)


@lru_cache(maxsize=16384)
def _parse_named_endpoint(text: str) -> NamedEndpoint:
    whole = parse_address(text)
    if whole is not None:
        return NamedEndpoint(whole, None, "", "")
    parts = [*text.split(":", 3), "", "", ""]
    return NamedEndpoint(parse_address(parts[0]), parse_port(parts[1]), parts[2], parts[3])


_FIELDS = {side: (f"{side}.ip", f"{side}.port") for side in ("source", "destination")}


def put_endpoint(fields: dict[str, Value], side: str, ip: str | None, number: int | None) -> None:
    """Set `source.ip` and `source.port` (or destination's), if they are known."""
    ip_field, port_field = _FIELDS[side]
    if ip is not None:
        fields[ip_field] = ip
    if number is not None:
        fields[port_field] = number
