"""Store customers, and who owned which asset, when, as known when."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import orjson
from sqlalchemy import ColumnElement, case, exists, func, or_, select
from sqlalchemy.engine import Connection, Row

from breachdesk.customer_port import CustomerCounts
from breachdesk.stores.books import unattributed_keys
from breachdesk.stores.books.binding_rows import bind_all, build_binding
from breachdesk.stores.books.unattributed_keys import BoundAssets
from breachdesk.stores.sql import counters
from breachdesk.stores.sql.bulk_rows import insert_or_replace_many, match_any
from breachdesk.stores.sql.dialects import sort_by_bytes
from breachdesk.stores.sql.keyset import KeysetPager, SortKey
from breachdesk.stores.sql.listed_columns import build_customer_columns, fold_text
from breachdesk.stores.sql.row_digests import RowDigests
from breachdesk.stores.sql.snapshot_cache import SnapshotView
from breachdesk.stores.tables.case_tables import bindings, customers
from schemas.customer import Binding, Customer, UnattributedEvents
from schemas.errors import NotFound
from schemas.paging import Page, PageRequest

REGISTER = "register"
BY_NAME = KeysetPager(SortKey(customers.c.words), SortKey(customers.c.id))
BY_ID = KeysetPager(SortKey(customers.c.id))
BY_NUMBER = KeysetPager(SortKey(bindings.c.id))
CURRENT = bindings.c.known_to.is_(None)


class SqlCustomerBook:
    """breachdesk.ports.CustomerBook."""

    def __init__(
        self, connection: Connection, row_digests: RowDigests, cache: SnapshotView | None = None
    ) -> None:
        self._connection = connection
        self._row_digests = row_digests
        self._cache = cache
        self._version: int | None = None
        """The register's, as the snapshot has it; an act may change it."""

    def get(self, customer_id: str) -> Customer:
        """Return the customer. Raises NotFound."""
        doc = self._find_doc(customer_id)
        if doc is None:
            raise NotFound(f"no customer {customer_id}", remedy="Import or add the customer.")
        return Customer.model_validate_json(doc)

    def list(self) -> Sequence[Customer]:
        """List all customers by id."""
        return self._list_customers()

    def list_page(
        self, request: PageRequest, *, words: str | None = None, by_id: bool = False
    ) -> Page[Customer]:
        """Return a page of customers by name or by id; `words` must occur in the name or the id."""
        query = select(customers.c.doc)
        if words is not None:
            query = query.where(customers.c.words.contains(fold_text(words), autoescape=True))
        if by_id:
            return BY_ID.read_page(self._connection, query, request, _parse_customer)
        page = BY_NAME.read_page(
            self._connection, query, self._expand_cursors(request), _parse_customer
        )
        return replace(
            page,
            next=page.next and BY_ID.encode_cursor([page.rows[-1].id]),
            previous=page.previous and BY_ID.encode_cursor([page.rows[0].id]),
        )

    def list_by_ids(self, customer_ids: Collection[str]) -> Sequence[Customer]:
        """List those of these customers that the register has, by id."""
        return self._list_customers(match_any(self._connection, customers.c.id, customer_ids))

    def list_with_notice_hours(
        self, customer_ids: Collection[str] | None = None
    ) -> Sequence[Customer]:
        """List those of these customers (None: of all) with contractual notice hours, by id."""
        agreed = customers.c.notice_hours.is_not(None)
        if customer_ids is None:
            return self._list_customers(agreed)
        return self._list_customers(
            agreed, match_any(self._connection, customers.c.id, customer_ids)
        )

    def get_names(self, customer_ids: Collection[str]) -> Mapping[str, str]:
        """Return names by id, of those customers that the register has."""
        docs = self._read_docs(customer_ids)
        return {customer_id: orjson.loads(doc)["name"] for customer_id, doc in docs.items()}

    def list_ids(self) -> frozenset[str]:
        return frozenset(self._connection.execute(select(customers.c.id)).scalars())

    def count_all(self) -> CustomerCounts:
        """Count customers and current bindings."""
        bound = exists().where(bindings.c.customer_id == customers.c.id, CURRENT)
        every, reachable, with_assets = self._connection.execute(
            select(
                func.count(),
                func.coalesce(func.sum(case((customers.c.reachable, 1), else_=0)), 0),
                func.coalesce(func.sum(case((bound, 1), else_=0)), 0),
            ).select_from(customers)
        ).one()
        current_bindings = self._connection.execute(
            select(func.count()).select_from(bindings).where(CURRENT)
        ).scalar_one()
        return CustomerCounts(
            int(every),
            int(every) - int(reachable),
            int(every) - int(with_assets),
            int(current_bindings),
        )

    def save(self, customer: Customer) -> None:
        """Add or replace; people are replaced as a whole."""
        self.save_all([customer])

    def save_all(self, some: Sequence[Customer]) -> None:
        """Save several customers with distinct ids."""
        if not some:
            return
        stored = self._read_docs([customer.id for customer in some])
        docs = {customer.id: customer.model_dump_json() for customer in some}
        changed = [customer for customer in some if stored.get(customer.id) != docs[customer.id]]
        if not changed:
            return
        self._row_digests.replace_all(customers, [c.id for c in changed if c.id in stored])
        rows = [{"id": c.id, "doc": docs[c.id], **build_customer_columns(c)} for c in changed]
        insert_or_replace_many(self._connection, customers, rows, [n for n in rows[0] if n != "id"])
        for customer in changed:
            self._row_digests.touch(customers, customer.id)
        counters.advance(self._connection, REGISTER)

    def list_bindings(self, *, current: bool = True) -> Sequence[Binding]:
        """List bindings in id order; `current` restricts the list to those still known."""
        query = select(bindings).order_by(bindings.c.id)
        if current:
            query = query.where(CURRENT)
        return [build_binding(row) for row in self._connection.execute(query)]

    def list_bindings_page(
        self, request: PageRequest, *, words: str | None = None
    ) -> Page[Binding]:
        """Return current bindings in id order; `words` must occur in the value, the service or the
        customer's id."""
        query = select(bindings).where(CURRENT)
        if words is not None:
            columns = (bindings.c.value, bindings.c.service, bindings.c.customer_id)
            matches = (column.icontains(words, autoescape=True) for column in columns)
            query = query.where(or_(*matches))
        return BY_NUMBER.read_page(self._connection, query, request, build_binding)

    def list_bindings_of(self, customer_ids: Collection[str]) -> Sequence[Binding]:
        """List current bindings of these customers, in id order."""
        these = match_any(self._connection, bindings.c.customer_id, customer_ids)
        query = select(bindings).where(these, CURRENT).order_by(bindings.c.id)
        return [build_binding(row) for row in self._connection.execute(query)]

    def list_bindings_among(self, assets: Collection[str]) -> Sequence[Binding]:
        """List current bindings of these assets (`kind:value`), in id order."""
        asset = bindings.c.kind + ":" + bindings.c.value
        values = {asset.partition(":")[2] for asset in assets}
        query = (
            select(bindings)
            .where(match_any(self._connection, bindings.c.value, values), CURRENT)
            .where(match_any(self._connection, asset, assets))
            .order_by(bindings.c.id)
        )
        return [build_binding(row) for row in self._connection.execute(query)]

    def count_assets(self, customer_ids: Collection[str]) -> Mapping[str, int]:
        """Count the current bindings of each customer."""
        query = (
            select(bindings.c.customer_id, func.count())
            .where(match_any(self._connection, bindings.c.customer_id, customer_ids), CURRENT)
            .group_by(bindings.c.customer_id)
        )
        return {row[0]: int(row[1]) for row in self._connection.execute(query)}

    def bind(self, binding: Binding, known_at: datetime) -> None:
        """Add a binding known from `known_at` on. Overlapping rows of the asset are closed in
        transaction time; their parts outside the new span are written again. Binding what is
        bound exactly so changes nothing."""
        self.bind_all([binding], known_at)

    def bind_all(self, some: Sequence[Binding], known_at: datetime) -> Sequence[bool]:
        """Bind the assets one after another and return, for each, whether anything changed."""
        changed = bind_all(self._connection, some, known_at)
        if any(changed):
            counters.advance(self._connection, REGISTER)
        return changed

    def get_version(self) -> int:
        """Return the register's version, which rises with every change."""
        if self._version is not None:
            return self._version
        version = counters.get_current(self._connection, REGISTER)
        if self._cache is not None:
            self._version = version
        return version

    def list_unattributed(self) -> Sequence[UnattributedEvents]:
        """List unattributed keys by number of events, highest first, without keys that were bound
        since."""
        keys = self._list_unbound()
        return unattributed_keys.list_rows(self._connection, keys)

    def count_unattributed(self) -> int:
        return len(self._list_unbound())

    def list_unattributed_page(self, request: PageRequest) -> Page[UnattributedEvents]:
        """Return a page of the keys that `list_unattributed` lists."""
        return unattributed_keys.list_page(self._connection, request, self._list_unbound())

    def _list_unbound(self) -> Sequence[str]:
        return unattributed_keys.list_unbound(self._connection, self._get_bound_assets)

    def _get_bound_assets(self) -> BoundAssets:
        """Return what the current bindings cover, also as an earlier snapshot of the same register
        computed it: every page counts the keys that nobody owns."""
        make = partial(unattributed_keys.read_bound_assets, self._connection)
        if self._cache is None:
            return make()
        current = counters.get_all_current(self._connection, [REGISTER, counters.ERASURES])
        return self._cache.get_cached(
            "bound assets", current[REGISTER], make, revision=lambda: current[counters.ERASURES]
        )

    def list_services(self) -> Sequence[str]:
        """List the services of current bindings."""
        query = select(bindings.c.service).where(CURRENT, bindings.c.service != "").distinct()
        return sorted(self._connection.execute(query).scalars())

    def _list_customers(self, *where: ColumnElement[bool]) -> Sequence[Customer]:
        query = select(customers.c.doc).where(*where)
        by_id = query.order_by(sort_by_bytes(self._connection, customers.c.id))
        return [_parse_customer(row) for row in self._connection.execute(by_id)]

    def _expand_cursors(self, request: PageRequest) -> PageRequest:
        """Replace the cursor, which appears in URLs and holds only the id, with one that holds the
        name too."""

        def expand_cursor(of: str | None) -> str | None:
            if of is None:
                return None
            (customer_id,) = BY_ID.decode_cursor(of)
            words = self._connection.execute(
                select(customers.c.words).where(customers.c.id == customer_id)
            ).scalar()
            return BY_NAME.encode_cursor([words or "", customer_id])

        return replace(
            request, after=expand_cursor(request.after), before=expand_cursor(request.before)
        )

    def _find_doc(self, customer_id: str) -> str | None:
        return self._read_docs([customer_id]).get(customer_id)

    def _read_docs(self, customer_ids: Collection[str]) -> Mapping[str, str]:
        query = select(customers.c.id, customers.c.doc).where(
            match_any(self._connection, customers.c.id, customer_ids)
        )
        return {row.id: row.doc for row in self._connection.execute(query)}


def _parse_customer(row: Row[Any]) -> Customer:
    return Customer.model_validate_json(row.doc)
