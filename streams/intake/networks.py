"""Whom an address stands for, where connections are counted."""

from __future__ import annotations

import ipaddress

_ONE_CUSTOMER = 64
"""Bits of an IPv6 address that one customer's network shares; the rest is the customer's choice."""


def get_network(address: str) -> str:
    """An IPv4 address as it is, also when it is written in IPv6; of an IPv6 one, its network."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, _ONE_CUSTOMER), strict=False))
