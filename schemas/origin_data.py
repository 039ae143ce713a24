"""Define the settings of what is added to addresses and user agents, and the kinds of networks."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from schemas.customer import FrozenModel


class NetworkKind(StrEnum):
    """Whose address it is, as far as that says who is behind it."""

    VPN = "vpn"
    HOSTING = "hosting"
    RELAY = "relay"
    """A privacy relay, as iCloud Private Relay."""
    TOR = "tor"
    PROXY = "proxy"


class OriginSettings(FrozenModel):
    """What is added to the addresses and user agents of events, all without a network."""

    countries: bool = True
    """Add the country in whose registry the address is, from data that the program carries. It need not be where the user is."""
    country_file: Path | None = None
    """A MaxMind database (`.mmdb`) with countries; it goes before the data that the program carries."""
    asn_file: Path | None = None
    """A MaxMind database (`.mmdb`) with autonomous systems."""
    networks_file: Path | None = None
    """Known networks, one a line: `CIDR,kind,name`. Kinds are vpn, hosting, relay, tor and proxy."""
    user_agents: bool = True
    """Add the program and the operating system that a user agent names."""
