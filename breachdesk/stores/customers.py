"""Customers, and which asset was whose, when, as known when."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection, Row

from breachdesk.stores import counters
from breachdesk.stores.each_dialect import by_bytes
from breachdesk.stores.row_digests import RowDigests
from breachdesk.stores.spans import outside, overlap
from breachdesk.stores.stream_tables import unattributed
from breachdesk.stores.tables import bindings, customers
from schemas.customer import AssetKind, Binding, Customer, DataCategory, Pecr, Role, Unattributed
from schemas.errors import NotFound

REGISTER = "register"


class SqlCustomerBook:
    """breachdesk.ports.CustomerBook."""

    def __init__(self, connection: Connection, rows: RowDigests) -> None:
        self._connection = connection
        self._rows = rows

    def get(self, customer_id: str) -> Customer:
        """Raises NotFound."""
        doc = self._doc(customer_id)
        if doc is None:
            raise NotFound(f"no customer {customer_id}", remedy="Import or add the customer.")
        return Customer.model_validate_json(doc)

    def list(self) -> Sequence[Customer]:
        """By id."""
        query = select(customers.c.doc).order_by(by_bytes(self._connection, customers.c.id))
        docs = self._connection.execute(query).scalars()
        return [Customer.model_validate_json(doc) for doc in docs]

    def save(self, customer: Customer) -> None:
        """Add or replace; people are replaced as a whole."""
        doc = customer.model_dump_json()
        stored = self._doc(customer.id)
        if stored == doc:
            return
        if stored is None:
            self._connection.execute(insert(customers).values(id=customer.id, doc=doc))
            self._rows.touch(customers, customer.id)
        else:
            self._rows.replace(customers, customer.id)
            self._connection.execute(
                update(customers).where(customers.c.id == customer.id).values(doc=doc)
            )
        counters.advance(self._connection, REGISTER)

    def bindings(self, *, current: bool = True) -> Sequence[Binding]:
        """All bindings in id order; `current`: only those still known."""
        query = select(bindings).order_by(bindings.c.id)
        if current:
            query = query.where(bindings.c.known_to.is_(None))
        return [_binding(row) for row in self._connection.execute(query)]

    def bind(self, binding: Binding, known_at: datetime) -> None:
        """Add a binding known from `known_at` on. Overlapping rows of the asset are closed in
        transaction time; their parts outside the new span are written again. Binding what is
        bound exactly so changes nothing."""
        overlapping = [old for old in self._of_asset(binding) if overlap(old, binding)]
        if any(_says_the_same(old, binding) for old in overlapping):
            return
        for old in overlapping:
            self._connection.execute(
                update(bindings).where(bindings.c.id == old.id).values(known_to=known_at)
            )
            for part in outside(old, binding):
                self._insert(part, known_at)
        self._insert(binding, known_at)
        counters.advance(self._connection, REGISTER)

    def version(self) -> int:
        """Rises with every change."""
        return counters.current(self._connection, REGISTER)

    def unattributed(self) -> Sequence[Unattributed]:
        """Most events first; keys bound meanwhile are left out."""
        rows = self._connection.execute(
            select(unattributed).order_by(
                unattributed.c.events.desc(), by_bytes(self._connection, unattributed.c.key)
            )
        )
        owned = _Owned(self.bindings())
        return [_unattributed(row) for row in rows if not owned.covers(row.key)]

    def _doc(self, customer_id: str) -> str | None:
        return self._connection.execute(
            select(customers.c.doc).where(customers.c.id == customer_id)
        ).scalar()

    def _of_asset(self, binding: Binding) -> Iterable[Binding]:
        rows = self._connection.execute(
            select(bindings).where(
                bindings.c.kind == binding.kind.value,
                bindings.c.value == binding.value,
                bindings.c.known_to.is_(None),
            )
        )
        return [_binding(row) for row in rows]

    def _insert(self, binding: Binding, known_at: datetime) -> None:
        row = binding.model_dump(exclude={"id", "known_from", "known_to"})
        row["categories"] = [category.value for category in binding.categories]
        self._connection.execute(insert(bindings).values(**row, known_from=known_at, known_to=None))


class _Owned:
    """Which unattributed keys a current binding covers: the asset itself, an address in a bound
    network, a mailbox or host name under a bound domain."""

    def __init__(self, current: Sequence[Binding]) -> None:
        self._assets = {binding.asset for binding in current}
        self._networks = [
            ipaddress.ip_network(binding.value, strict=False)
            for binding in current
            if binding.kind is AssetKind.IP and "/" in binding.value
        ]

    def covers(self, key: str) -> bool:
        kind, _, value = key.partition(":")
        if key in self._assets:
            return True
        if kind == AssetKind.IP:
            return self._in_network(value)
        domain = value.rpartition("@")[2] if kind == AssetKind.MAILBOX else value
        labels = domain.split(".")
        return any(f"domain:{'.'.join(labels[i:])}" in self._assets for i in range(len(labels)))

    def _in_network(self, value: str) -> bool:
        try:
            address = ipaddress.ip_address(value)
        except ValueError:
            return False
        return any(address in network for network in self._networks)


def _says_the_same(old: Binding, new: Binding) -> bool:
    unknown = {"id", "known_from", "known_to"}
    return old.model_dump(exclude=unknown) == new.model_dump(exclude=unknown)


def _binding(row: Row[Any]) -> Binding:
    return Binding(
        id=row.id,
        kind=AssetKind(row.kind),
        value=row.value,
        customer_id=row.customer_id,
        service=row.service,
        role=Role(row.role),
        categories=tuple(DataCategory(category) for category in row.categories),
        pecr=Pecr(row.pecr),
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        known_from=row.known_from,
        known_to=row.known_to,
    )


def _unattributed(row: Row[Any]) -> Unattributed:
    return Unattributed(
        key=row.key,
        events=row.events,
        first=row.first,
        last=row.last,
        datasets=tuple(row.datasets),
    )
