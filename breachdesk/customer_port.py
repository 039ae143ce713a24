"""Protocol of a unit of work for the register: customers, people, bindings."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from schemas.customer import Binding, Customer, UnattributedEvents
from schemas.paging import Page, PageRequest


@dataclass(frozen=True, slots=True)
class CustomerCounts:
    """How many customers and current bindings the register has."""

    customers: int
    unreachable: int
    """Customers without address, telephone and people."""
    without_assets: int
    """Customers to whom nothing is bound."""
    bindings: int


class CustomerBook(Protocol):
    """Customers, people and bindings of the register."""

    def get(self, customer_id: str) -> Customer: ...

    def list(self) -> Sequence[Customer]:
        """List all customers by id, for acts that consider everybody, and exports."""
        ...

    def list_page(
        self, request: PageRequest, *, words: str | None = None, by_id: bool = False
    ) -> Page[Customer]:
        """List a page by name, or by id; `words` must occur in the name or the id."""
        ...

    def list_by_ids(self, customer_ids: Collection[str]) -> Sequence[Customer]:
        """List those of these customers that the register has, by id."""
        ...

    def list_with_notice_hours(
        self, customer_ids: Collection[str] | None = None
    ) -> Sequence[Customer]:
        """List those of these customers (None: of all) whose contract gives a notice period in
        hours, by id."""
        ...

    def get_names(self, customer_ids: Collection[str]) -> Mapping[str, str]:
        """Return the names, by id, of those that the register has."""
        ...

    def list_ids(self) -> frozenset[str]: ...

    def count_all(self) -> CustomerCounts: ...

    def save(self, customer: Customer) -> None:
        """Add or replace; people are replaced as a whole."""
        ...

    def save_all(self, customers: Sequence[Customer]) -> None:
        """Save many customers; no id may occur twice."""
        ...

    def list_bindings(self, *, current: bool = True) -> Sequence[Binding]:
        """List all bindings; `current` keeps only those still known (known_to is None)."""
        ...

    def list_bindings_page(
        self, request: PageRequest, *, words: str | None = None
    ) -> Page[Binding]:
        """List a page of current bindings in id order; `words` must occur in the value, the service
        or the customer's id."""
        ...

    def list_bindings_of(self, customer_ids: Collection[str]) -> Sequence[Binding]:
        """List current bindings of these customers, in id order."""
        ...

    def list_bindings_among(self, assets: Collection[str]) -> Sequence[Binding]:
        """List current bindings of these assets (`kind:value`), in id order."""
        ...

    def count_assets(self, customer_ids: Collection[str]) -> Mapping[str, int]:
        """Count the current bindings of each of these customers."""
        ...

    def bind_all(self, bindings: Sequence[Binding], known_at: datetime) -> Sequence[bool]:
        """Bind many in order, as `bind` does. Returns for each whether it changed anything."""
        ...

    def bind(self, binding: Binding, known_at: datetime) -> None:
        """Add a binding known from now on; an overlapping row of the same asset is closed in
        transaction time and its parts outside the new span are written again."""
        ...

    def get_version(self) -> int:
        """Return a number that rises with every change; Register.view() compares it."""
        ...

    def list_unattributed(self) -> Sequence[UnattributedEvents]:
        """List unattributed keys, most events first; keys bound meanwhile are omitted."""
        ...

    def count_unattributed(self) -> int: ...

    def list_unattributed_page(self, request: PageRequest) -> Page[UnattributedEvents]:
        """List a page of the same; its cursors contain no names. Raises BadInput for an invalid
        cursor."""
        ...

    def list_services(self) -> Sequence[str]:
        """List the names of the services of current bindings, in order."""
        ...
