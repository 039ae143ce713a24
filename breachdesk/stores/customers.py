"""Customers, and which asset was whose, when, as known when."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, case, exists, func, or_, select
from sqlalchemy.engine import Connection, Row

from breachdesk.customer_port import CustomerCounts
from breachdesk.stores import counters, unattributed_keys
from breachdesk.stores.binding_rows import bind_all, binding_of
from breachdesk.stores.each_dialect import by_bytes
from breachdesk.stores.keyset import Keyset, SortKey
from breachdesk.stores.listed_columns import folded, of_customer
from breachdesk.stores.many_rows import any_of, insert_or_replace_many
from breachdesk.stores.row_digests import RowDigests
from breachdesk.stores.tables import bindings, customers
from schemas.customer import Binding, Customer, Unattributed
from schemas.errors import NotFound
from schemas.paging import Page, PageRequest

REGISTER = "register"
BY_NAME = Keyset(SortKey(customers.c.words), SortKey(customers.c.id))
BY_ID = Keyset(SortKey(customers.c.id))
BY_NUMBER = Keyset(SortKey(bindings.c.id))
CURRENT = bindings.c.known_to.is_(None)


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
        return self._all()

    def page(
        self, request: PageRequest, *, words: str | None = None, by_id: bool = False
    ) -> Page[Customer]:
        """By name, or by id; `words` stand in the name or the id."""
        query = select(customers.c.doc)
        if words is not None:
            query = query.where(customers.c.words.contains(folded(words), autoescape=True))
        if by_id:
            return BY_ID.page(self._connection, query, request, _customer)
        page = BY_NAME.page(self._connection, query, self._by_name(request), _customer)
        return replace(
            page,
            next=page.next and BY_ID.cursor([page.rows[-1].id]),
            previous=page.previous and BY_ID.cursor([page.rows[0].id]),
        )

    def some(self, customer_ids: Collection[str]) -> Sequence[Customer]:
        """Those of these that the register has, by id."""
        return self._all(any_of(self._connection, customers.c.id, customer_ids))

    def with_notice_hours(self, customer_ids: Collection[str] | None = None) -> Sequence[Customer]:
        """Those of these (None: of all) whose contract gives hours for telling them, by id."""
        agreed = customers.c.notice_hours.is_not(None)
        if customer_ids is None:
            return self._all(agreed)
        return self._all(agreed, any_of(self._connection, customers.c.id, customer_ids))

    def names(self, customer_ids: Collection[str]) -> Mapping[str, str]:
        """Names by id, of those that the register has."""
        docs = self._docs(customer_ids)
        return {customer_id: orjson.loads(doc)["name"] for customer_id, doc in docs.items()}

    def ids(self) -> frozenset[str]:
        return frozenset(self._connection.execute(select(customers.c.id)).scalars())

    def counts(self) -> CustomerCounts:
        """How many customers and current bindings the register has."""
        bound = exists().where(bindings.c.customer_id == customers.c.id, CURRENT)
        every, reachable, with_assets = self._connection.execute(
            select(
                func.count(),
                func.coalesce(func.sum(case((customers.c.reachable, 1), else_=0)), 0),
                func.coalesce(func.sum(case((bound, 1), else_=0)), 0),
            ).select_from(customers)
        ).one()
        held = self._connection.execute(
            select(func.count()).select_from(bindings).where(CURRENT)
        ).scalar_one()
        return CustomerCounts(
            int(every), int(every) - int(reachable), int(every) - int(with_assets), int(held)
        )

    def save(self, customer: Customer) -> None:
        """Add or replace; people are replaced as a whole."""
        self.save_all([customer])

    def save_all(self, some: Sequence[Customer]) -> None:
        """As `save` of one after another, no id twice."""
        if not some:
            return
        stored = self._docs([customer.id for customer in some])
        docs = {customer.id: customer.model_dump_json() for customer in some}
        changed = [customer for customer in some if stored.get(customer.id) != docs[customer.id]]
        if not changed:
            return
        self._rows.replace_all(customers, [c.id for c in changed if c.id in stored])
        rows = [{"id": c.id, "doc": docs[c.id], **of_customer(c)} for c in changed]
        insert_or_replace_many(self._connection, customers, rows, [n for n in rows[0] if n != "id"])
        for customer in changed:
            self._rows.touch(customers, customer.id)
        counters.advance(self._connection, REGISTER)

    def bindings(self, *, current: bool = True) -> Sequence[Binding]:
        """All bindings in id order; `current`: only those still known."""
        query = select(bindings).order_by(bindings.c.id)
        if current:
            query = query.where(CURRENT)
        return [binding_of(row) for row in self._connection.execute(query)]

    def page_of_bindings(self, request: PageRequest, *, words: str | None = None) -> Page[Binding]:
        """Current ones in id order; `words` stand in the value, the service or the customer's id."""
        query = select(bindings).where(CURRENT)
        if words is not None:
            columns = (bindings.c.value, bindings.c.service, bindings.c.customer_id)
            found = (column.icontains(words, autoescape=True) for column in columns)
            query = query.where(or_(*found))
        return BY_NUMBER.page(self._connection, query, request, binding_of)

    def bindings_of(self, customer_ids: Collection[str]) -> Sequence[Binding]:
        """Current ones of these customers, in id order."""
        these = any_of(self._connection, bindings.c.customer_id, customer_ids)
        query = select(bindings).where(these, CURRENT).order_by(bindings.c.id)
        return [binding_of(row) for row in self._connection.execute(query)]

    def bindings_among(self, assets: Collection[str]) -> Sequence[Binding]:
        """Current ones of these assets (`kind:value`), in id order."""
        asset = bindings.c.kind + ":" + bindings.c.value
        values = {asset.partition(":")[2] for asset in assets}
        query = (
            select(bindings)
            .where(any_of(self._connection, bindings.c.value, values), CURRENT)
            .where(any_of(self._connection, asset, assets))
            .order_by(bindings.c.id)
        )
        return [binding_of(row) for row in self._connection.execute(query)]

    def asset_counts(self, customer_ids: Collection[str]) -> Mapping[str, int]:
        """How many current bindings each of these customers has."""
        query = (
            select(bindings.c.customer_id, func.count())
            .where(any_of(self._connection, bindings.c.customer_id, customer_ids), CURRENT)
            .group_by(bindings.c.customer_id)
        )
        return {row[0]: int(row[1]) for row in self._connection.execute(query)}

    def bind(self, binding: Binding, known_at: datetime) -> None:
        """Add a binding known from `known_at` on. Overlapping rows of the asset are closed in
        transaction time; their parts outside the new span are written again. Binding what is
        bound exactly so changes nothing."""
        self.bind_all([binding], known_at)

    def bind_all(self, some: Sequence[Binding], known_at: datetime) -> Sequence[bool]:
        """As `bind` of one after another: did each change anything?"""
        changed = bind_all(self._connection, some, known_at)
        if any(changed):
            counters.advance(self._connection, REGISTER)
        return changed

    def version(self) -> int:
        """Rises with every change."""
        return counters.current(self._connection, REGISTER)

    def unattributed(self) -> Sequence[Unattributed]:
        """Most events first; keys bound meanwhile are left out."""
        keys = unattributed_keys.unbound(self._connection)
        return unattributed_keys.rows_of(self._connection, keys)

    def count_unattributed(self) -> int:
        return len(unattributed_keys.unbound(self._connection))

    def page_of_unattributed(self, request: PageRequest) -> Page[Unattributed]:
        """The same, some of them."""
        return unattributed_keys.page(self._connection, request)

    def services(self) -> Sequence[str]:
        """Names of the services of current bindings."""
        query = select(bindings.c.service).where(CURRENT, bindings.c.service != "").distinct()
        return sorted(self._connection.execute(query).scalars())

    def _all(self, *where: ColumnElement[bool]) -> Sequence[Customer]:
        query = select(customers.c.doc).where(*where)
        by_id = query.order_by(by_bytes(self._connection, customers.c.id))
        return [_customer(row) for row in self._connection.execute(by_id)]

    def _by_name(self, request: PageRequest) -> PageRequest:
        """A cursor stands in an address and holds the id only: the name is looked up."""

        def cursor(of: str | None) -> str | None:
            if of is None:
                return None
            (customer_id,) = BY_ID.values(of)
            words = self._connection.execute(
                select(customers.c.words).where(customers.c.id == customer_id)
            ).scalar()
            return BY_NAME.cursor([words or "", customer_id])

        return replace(request, after=cursor(request.after), before=cursor(request.before))

    def _doc(self, customer_id: str) -> str | None:
        return self._docs([customer_id]).get(customer_id)

    def _docs(self, customer_ids: Collection[str]) -> Mapping[str, str]:
        query = select(customers.c.id, customers.c.doc).where(
            any_of(self._connection, customers.c.id, customer_ids)
        )
        return {row.id: row.doc for row in self._connection.execute(query)}


def _customer(row: Row[Any]) -> Customer:
    return Customer.model_validate_json(row.doc)
