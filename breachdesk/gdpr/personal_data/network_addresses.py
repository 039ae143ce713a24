"""Find telephone numbers and IP addresses in any notation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_RUN = re.compile(r"(?<![\w.])\+?\(?\d(?:[ \t\n()./-]{0,3}\d){7,24}(?!\w)")
_GROUP = re.compile(r"\+?\d+")
_FIRST_SIGNS = ("+", "0", "44")
"""Without one of them a row of digits is a version, an order or a date."""
_SHORTEST, _LONGEST = 8, 13
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?!\w|\.\d)")
_IPV6 = re.compile(
    r"(?<![\w:.])(?=[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:)[0-9A-Fa-f:]{2,39}(?:(?:\d{1,3}\.){3}\d{1,3})?(?![\w:])"
)

Address = IPv4Address | IPv6Address


def normalise_number(number: str) -> str:
    """Return the digits after the country code and the leading nought: `+44 (0)1632 960001` and
    `01632 960001` are one number. Empty where there are too few."""
    digits = re.sub(r"\D", "", number)
    if number.strip().startswith("+") or digits.startswith("00"):
        digits = digits.removeprefix("00").removeprefix("44")
    digits = digits.removeprefix("0")
    return digits if _SHORTEST <= len(digits) <= _LONGEST else ""


def find_numbers(text: str) -> Iterator[tuple[int, int, str]]:
    """Find start, end and digits of everything that could be a telephone number, beginning at any
    group of digits of a run: two consecutive numbers are both found."""
    for run in _RUN.finditer(text):
        groups = list(_GROUP.finditer(run.group()))
        for first, begins in enumerate(groups):
            if not begins.group().startswith(_FIRST_SIGNS):
                continue
            digits = ""
            for group in groups[first:]:
                digits += re.sub(r"\D", "", group.group())
                plus = "+" if begins.group().startswith(("+", "44")) else ""
                key = normalise_number(plus + digits)
                if key:
                    start = run.start() + begins.start()
                    yield start, run.start() + group.end(), key
                if len(digits) > _LONGEST + 2:
                    break


def find_addresses(text: str) -> Iterator[tuple[int, int, Address]]:
    """Start, end and value of each IP address, version 4 or 6."""
    for pattern in (_IPV4, _IPV6):
        for match in pattern.finditer(text):
            try:
                yield match.start(), match.end(), ip_address(match.group())
            except ValueError:
                continue


class NetworkOwners:
    """Owners of addresses, for any number of networks."""

    def __init__(self, owned: Iterable[tuple[str, str]]) -> None:
        """Create the index of (address or network, owner); private and reserved ones identify
        nobody and are omitted."""
        self._by_length: dict[tuple[int, int], dict[int, set[str]]] = {}
        for value, owner in owned:
            network = ip_network(value, strict=False)
            if network.is_private and not _is_documentation(str(network)):
                continue
            rows = self._by_length.setdefault((network.version, network.prefixlen), {})
            rows.setdefault(int(network.network_address), set()).add(owner)

    def find_owners(self, address: Address) -> frozenset[str]:
        """Find every owner of a network that contains the address."""
        owners: set[str] = set()
        for (version, length), rows in self._by_length.items():
            if version == address.version:
                shift = address.max_prefixlen - length
                owners |= rows.get(int(address) >> shift << shift, set())
        return frozenset(owners)


_DOCUMENTATION = tuple(
    ip_network(text)
    for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20")
)
"""Not routed, but used in examples and drills as if they were (RFC 5737, 3849, 9637)."""


def _is_documentation(text: str) -> bool:
    network = ip_network(text)
    return any(
        network.version == known.version and network.subnet_of(known)  # type: ignore[arg-type]  # same version
        for known in _DOCUMENTATION
    )
