"""What casework needs of a unit of work for the register: customers, people, bindings."""

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
    """Customers, people and bindings."""

    def get(self, customer_id: str) -> Customer: ...

    def list(self) -> Sequence[Customer]:
        """By id. All of them: for acts that consider everybody, and exports."""
        ...

    def list_page(
        self, request: PageRequest, *, words: str | None = None, by_id: bool = False
    ) -> Page[Customer]:
        """By name, or by id; `words` stand in the name or the id."""
        ...

    def list_by_ids(self, customer_ids: Collection[str]) -> Sequence[Customer]:
        """Those of these that the register has, by id."""
        ...

    def list_with_notice_hours(
        self, customer_ids: Collection[str] | None = None
    ) -> Sequence[Customer]:
        """Those of these (None: of all) whose contract gives hours for telling them, by id."""
        ...

    def get_names(self, customer_ids: Collection[str]) -> Mapping[str, str]:
        """Names by id, of those that the register has."""
        ...

    def list_ids(self) -> frozenset[str]: ...

    def count_all(self) -> CustomerCounts: ...

    def save(self, customer: Customer) -> None:
        """Add or replace; people are replaced as a whole."""
        ...

    def save_all(self, customers: Sequence[Customer]) -> None:
        """As `save` of one after another, no id twice."""
        ...

    def list_bindings(self, *, current: bool = True) -> Sequence[Binding]:
        """All bindings; `current`: only those still known (known_to is None)."""
        ...

    def list_bindings_page(
        self, request: PageRequest, *, words: str | None = None
    ) -> Page[Binding]:
        """Current ones in id order; `words` stand in the value, the service or the customer's id."""
        ...

    def list_bindings_of(self, customer_ids: Collection[str]) -> Sequence[Binding]:
        """Current ones of these customers, in id order."""
        ...

    def list_bindings_among(self, assets: Collection[str]) -> Sequence[Binding]:
        """Current ones of these assets (`kind:value`), in id order."""
        ...

    def count_assets(self, customer_ids: Collection[str]) -> Mapping[str, int]:
        """How many current bindings each of these customers has."""
        ...

    def bind_all(self, bindings: Sequence[Binding], known_at: datetime) -> Sequence[bool]:
        """As `bind` of one after another: did each change anything?"""
        ...

    def bind(self, binding: Binding, known_at: datetime) -> None:
        """Add a binding known from now on; an overlapping row of the same asset is closed in
        transaction time and its parts outside the new span are written again."""
        ...

    def get_version(self) -> int:
        """Rises with every change: Register.view() compares it."""
        ...

    def list_unattributed(self) -> Sequence[UnattributedEvents]:
        """Most events first; keys bound meanwhile are left out."""
        ...

    def count_unattributed(self) -> int: ...

    def list_unattributed_page(self, request: PageRequest) -> Page[UnattributedEvents]:
        """The same, some of them. The cursors name nobody. Raises BadInput for one that is none."""
        ...

    def list_services(self) -> Sequence[str]:
        """Names of the services of current bindings, in order."""
        ...
