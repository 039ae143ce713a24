"""Immutable bitemporal snapshot of asset ownership, so that no event needs SQL."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache

from schemas.customer import AssetKind, Binding

Rows = Mapping[str, Sequence[Binding]]
Number = tuple[int, int]
"""IP version and the address as an integer."""


class RegisterSnapshot:
    """streams.ports.RegisterView over all bindings, also those no longer known.

    A lookup is one dictionary access for names; for addresses one an occurring prefix length,
    longest first. Where two rows of one asset hold at one instant, the one known later wins.
    """

    def __init__(self, bindings: Sequence[Binding], version: int) -> None:
        self.version = version
        newest_first = sorted(bindings, key=lambda b: b.id, reverse=True)
        self._ever = _AssetIndex(newest_first)
        current = [b for b in newest_first if b.known_to is None]
        self._current = _AssetIndex(current)
        ends = {end for b in current for end in (b.valid_from, b.valid_to)}
        self.edges: Sequence[datetime] = sorted(end for end in ends if end is not None)

    def find(
        self, kind: AssetKind, value: str, at: datetime, known_at: datetime | None = None
    ) -> Binding | None:
        """Find the binding in force at event time `at`, as known at `known_at` (None: as known
        now).

        Both spans are half-open. Returns None if nobody owned the asset then."""
        if known_at is None:
            return self._current.find(kind, value, at)
        return self._ever.find(kind, value, at, known_at)


class _AssetIndex:
    """Bindings by kind and normalised value; networks by prefix length."""

    def __init__(self, bindings: Iterable[Binding]) -> None:
        names: dict[str, dict[str, list[Binding]]] = {k.value: {} for k in AssetKind}
        networks: dict[tuple[int, int], dict[int, list[Binding]]] = defaultdict(dict)
        for binding in bindings:
            network = _parse_network(binding) if binding.kind is AssetKind.IP else None
            if network is None:
                value = binding.value.casefold()
                names[binding.kind.value].setdefault(value, []).append(binding)
                continue
            of_length = networks[network.version, network.prefixlen]
            of_length.setdefault(int(network.network_address), []).append(binding)
        self._names: Mapping[str, Rows] = names
        self._networks = sorted(
            ((version, length, rows) for (version, length), rows in networks.items()),
            key=lambda row: -row[1],
        )

    def find(
        self, kind: AssetKind, value: str, at: datetime, known_at: datetime | None = None
    ) -> Binding | None:
        if kind is AssetKind.IP:
            return self._find_by_address(value, at, known_at)
        rows = self._names[kind.value].get(value.casefold())
        return None if rows is None else _find_in_force(rows, at, known_at)

    def _find_by_address(
        self, value: str, at: datetime, known_at: datetime | None
    ) -> Binding | None:
        if not self._networks:
            return None
        number = _parse_address(value)
        if number is None:
            return None
        width = 32 if number[0] == 4 else 128
        for version, length, networks in self._networks:
            if version != number[0]:
                continue
            masked = number[1] >> (width - length) << (width - length)
            rows = networks.get(masked)
            binding = None if rows is None else _find_in_force(rows, at, known_at)
            if binding is not None:
                return binding
        return None


def _find_in_force(
    rows: Sequence[Binding], at: datetime, known_at: datetime | None
) -> Binding | None:
    for row in rows:
        if row.valid_from is not None and at < row.valid_from:
            continue
        if row.valid_to is not None and at >= row.valid_to:
            continue
        if known_at is None or _is_known(row, known_at):
            return row
    return None


def _is_known(row: Binding, known_at: datetime) -> bool:
    if row.known_from is not None and known_at < row.known_from:
        return False
    return row.known_to is None or known_at < row.known_to


def _parse_network(binding: Binding) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(binding.value, strict=False)
    except ValueError:
        return None


@lru_cache(maxsize=16384)
def _parse_address(text: str) -> Number | None:
    """Parse an address; a v4 address mapped into v6 counts as v4."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    plain = mapped or address
    return plain.version, int(plain)
