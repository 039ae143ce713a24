"""Map an address to the party that it represents, where connections are counted."""

from __future__ import annotations

import ipaddress

_ONE_CUSTOMER = 64
"""Bits of an IPv6 address that one customer's network shares; the rest is the customer's choice."""


def get_network(address: str) -> str:
    """Return an IPv4 address itself, even if it is written in IPv6; for an IPv6 address, its
    network."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, _ONE_CUSTOMER), strict=False))
