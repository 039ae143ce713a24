"""Read an operator's list of networks, and find the network that an address belongs to."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from pathlib import Path
from typing import NamedTuple

from schemas.errors import ConfigurationError
from schemas.origin_data import NetworkKind

COLUMNS = "CIDR,kind,name"
KINDS = ", ".join(NetworkKind)
LONGEST_NAME = 100


class KnownNetwork(NamedTuple):
    """What the list says of a network. `name`: of the service, if it is given."""

    kind: NetworkKind
    name: str | None


class NetworkList:
    """Networks by prefix; the longest prefix that holds an address decides."""

    def __init__(self, networks: Iterable[tuple[IPv4Network | IPv6Network, KnownNetwork]]) -> None:
        self._networks: dict[tuple[int, int, int], KnownNetwork] = {}
        for network, known_network in networks:
            version, length = network.version, network.prefixlen
            prefix = int(network.network_address) >> (network.max_prefixlen - length)
            self._networks[version, length, prefix] = known_network
        lengths = {(version, length) for version, length, _ in self._networks}
        self._lengths = {
            version: sorted((length for v, length in lengths if v == version), reverse=True)
            for version in (4, 6)
        }

    def find(self, address: IPv4Address | IPv6Address) -> KnownNetwork | None:
        """Find the smallest network of the list that holds the address."""
        number, version = int(address), address.version
        for length in self._lengths[version]:
            prefix = number >> (address.max_prefixlen - length)
            network = self._networks.get((version, length, prefix))
            if network is not None:
                return network
        return None


def read_networks(path: Path) -> NetworkList:
    """Read the file. Raises ConfigurationError that names the line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return NetworkList(_parse_rows(path, file))
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise ConfigurationError(
            f"it cannot be read: {problem}",
            place=str(path),
            remedy=f"Give a UTF-8 file with the columns {COLUMNS}.",
        ) from None


def _parse_rows(
    path: Path, lines: Iterable[str]
) -> Iterable[tuple[IPv4Network | IPv6Network, KnownNetwork]]:
    reader = csv.reader(lines)
    for row in reader:
        cells = [cell.strip() for cell in row]
        if not any(cells) or cells[0].startswith("#") or cells[0].casefold() == "cidr":
            continue
        try:
            name = cells[2][:LONGEST_NAME] if len(cells) > 2 and cells[2] else None
            yield ip_network(cells[0]), KnownNetwork(NetworkKind(cells[1].casefold()), name)
        except (ValueError, IndexError):
            raise ConfigurationError(
                "this is no network and kind",
                place=f"{path}, line {reader.line_num}",
                remedy=f"Write {COLUMNS}; the kinds are {KINDS}; no bit may follow the prefix.",
            ) from None
