"""Normalise assets to one spelling, so that values from parsers match the register's."""

from __future__ import annotations

import ipaddress
import re

from schemas.addresses import encode_domain
from schemas.customer import AssetKind
from schemas.errors import BadInput
from schemas.text_signs import list_hidden

MAIL_ADDRESS = re.compile(r"[^\s@\"'<>;,:\[\]()]+@[^\s@\"'<>;,:\[\]()]+\.[^\s@\"'<>;,:\[\]().]+")
"""A mailbox as logs name it. Nobody is mailed there: `schemas.addresses` is stricter."""
_HOST_NAME = re.compile(r"(?=.{4,253}\Z)([\w](?:[\w-]{0,61}[\w])?\.)+[\w-]{2,63}")
_LONGEST = 200
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_PRIVATE = tuple(
    ipaddress.ip_network(text)
    for text in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
    )
)


def normalise_value(kind: AssetKind, value: str) -> str:
    """Normalise a value: case-folded; an address or network in canonical text; the domain of a name
    as logs write it (IDNA). Raises BadInput with the remedy; the message does not repeat the value,
    which may name a person."""
    text = value.strip().casefold()
    if not text or len(text) > _LONGEST:
        raise BadInput(f"empty, or longer than {_LONGEST} characters", remedy="Correct the value.")
    if list_hidden(text):
        raise BadInput("with a character that cannot be seen", remedy="Type the value again.")
    if kind is AssetKind.IP:
        return _normalise_network(text)
    if kind is AssetKind.MAILBOX:
        return _normalise_mailbox(text)
    if kind is AssetKind.DOMAIN:
        text = text.removeprefix("@").rstrip(".")
    return _normalise_site(kind, text) if kind in (AssetKind.DOMAIN, AssetKind.SITE) else text


def _normalise_mailbox(text: str) -> str:
    local, _, domain = text.rpartition("@")
    name = encode_domain(domain)
    if name is None or not MAIL_ADDRESS.fullmatch(text):
        raise BadInput("not a mail address", remedy="Write it as name@domain.")
    return f"{local}@{name}"


def _normalise_site(kind: AssetKind, text: str) -> str:
    host = _extract_host(text) if kind is AssetKind.SITE else text
    name = encode_domain(host) if _HOST_NAME.fullmatch(host) else None
    if not name:
        raise BadInput(
            f"not a {kind} name",
            remedy="Write only the host name, such as www.contoso.example, without https://.",
        )
    return name + text[len(host) :]


def _extract_host(text: str) -> str:
    """Extract the host of `<host>?<parameter>=<value>`."""
    host, mark, condition = text.partition("?")
    return host if not mark or re.fullmatch(r"[^=&\s]+=[^=&\s]+", condition) else ""


def _convert_network(network: Network) -> Network:
    """Convert an IPv4 network mapped into IPv6 to IPv4, as the register looks addresses up."""
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is None or network.prefixlen < 96:
        return network
    return ipaddress.ip_network((mapped, network.prefixlen - 96))


def _normalise_network(text: str) -> str:
    try:
        network = _convert_network(ipaddress.ip_network(text))
    except ValueError as wrong:
        raise BadInput(
            "not an IP address or network",
            remedy="Write 198.51.100.7 or 198.51.100.0/29; a network's host bits are zero.",
        ) from wrong
    if any(network.version == net.version and network.overlaps(net) for net in _PRIVATE):
        raise BadInput(
            "a private network: many customers use the same one",
            remedy="Bind the router's host name, or the source, instead.",
        )
    alone = network.prefixlen == network.max_prefixlen
    return str(network.network_address if alone else network)
