"""List unattributed names in the logs, except those that were bound since.

A name may be bound by itself, by its domain or by its network, and no index answers that. Therefore
the names are compared with the assets first, and rows are read only for the names that are
shown."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Connection, Row

from breachdesk.stores.sql.bulk_rows import match_any
from breachdesk.stores.sql.dialects import sort_by_bytes
from breachdesk.stores.tables.case_tables import bindings
from breachdesk.stores.tables.stream_tables import unattributed
from schemas.customer import AssetKind, UnattributedEvents
from schemas.errors import BadInput
from schemas.paging import Page, PageRequest


def list_unbound(
    connection: Connection, get_bound_assets: Callable[[], BoundAssets]
) -> Sequence[str]:
    """List keys that no current binding covers, by number of events, highest first."""
    by_events = unattributed.c.events.desc(), sort_by_bytes(connection, unattributed.c.key)
    keys = connection.execute(select(unattributed.c.key).order_by(*by_events)).scalars().all()
    if not keys:
        return []
    bound = get_bound_assets()
    return [key for key in keys if not bound.is_bound(key)]


def read_bound_assets(connection: Connection) -> BoundAssets:
    """Read what the current bindings cover."""
    assets = select(bindings.c.kind, bindings.c.value).where(bindings.c.known_to.is_(None))
    return BoundAssets((kind, value) for kind, value in connection.execute(assets))


def list_rows(connection: Connection, keys: Sequence[str]) -> Sequence[UnattributedEvents]:
    """List the rows of these keys, in their order."""
    if not keys:
        return []
    query = select(unattributed).where(match_any(connection, unattributed.c.key, keys))
    rows = {row.key: _build_unattributed(row) for row in connection.execute(query)}
    return [rows[key] for key in keys]


def list_page(
    connection: Connection, request: PageRequest, keys: Sequence[str]
) -> Page[UnattributedEvents]:
    """Return a page of these keys, which `list_unbound` gave. The cursor is the digest of a key, because
    an e-mail address must not appear in a URL. A cursor of a key that was bound since gives the
    first page."""
    begin = 0
    if request.after is not None:
        begin = _find_index(keys, request.after) + 1
    elif request.before is not None:
        begin = max(_find_index(keys, request.before) - request.limit, 0)
    if begin >= len(keys):
        begin = max(len(keys) - request.limit, 0)
    shown = keys[begin : begin + request.limit]
    return Page(
        list_rows(connection, shown),
        len(keys),
        next=_compute_digest(shown[-1]) if begin + len(shown) < len(keys) else None,
        previous=_compute_digest(shown[0]) if begin else None,
    )


def _compute_digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:DIGITS]


def _find_index(keys: Sequence[str], digest: str) -> int:
    if len(digest) != DIGITS or set(digest) - set("0123456789abcdef"):
        raise BadInput(
            "this address names no place in the list",
            place="page",
            remedy="Open the list again from its first page.",
        )
    return next((i for i, key in enumerate(keys) if _compute_digest(key) == digest), -1)


DIGITS = 24


class BoundAssets:
    """Which unattributed keys a current binding covers: the asset itself, an address in a bound
    network, a mailbox or host name under a bound domain."""

    def __init__(self, current: Iterable[tuple[str, str]]) -> None:
        self._assets: set[str] = set()
        self._networks = []
        for kind, value in current:
            self._assets.add(f"{kind}:{value}")
            if kind == AssetKind.IP and "/" in value:
                self._networks.append(ipaddress.ip_network(value, strict=False))

    def is_bound(self, key: str) -> bool:
        kind, _, value = key.partition(":")
        if key in self._assets:
            return True
        if kind == AssetKind.IP:
            return self._is_in_network(value)
        domain = value.rpartition("@")[2] if kind == AssetKind.MAILBOX else value
        labels = domain.split(".")
        return any(f"domain:{'.'.join(labels[i:])}" in self._assets for i in range(len(labels)))

    def _is_in_network(self, value: str) -> bool:
        try:
            address = ipaddress.ip_address(value)
        except ValueError:
            return False
        return any(address in network for network in self._networks)


def _build_unattributed(row: Row[Any]) -> UnattributedEvents:
    return UnattributedEvents(
        key=row.key,
        events=row.events,
        first=row.first,
        last=row.last,
        datasets=tuple(row.datasets),
    )
