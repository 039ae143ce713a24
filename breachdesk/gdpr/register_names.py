"""Everything that the register and the accounts name, arranged for a search. Built once for a version
of the register; nothing in it depends on a case or on a reader."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from breachdesk.gdpr import entries_of
from breachdesk.gdpr.known_names import Entries, Entry
from breachdesk.gdpr.network_addresses import Networks, national
from schemas.customer import PROVIDER, AssetKind, Binding, Customer
from schemas.settings import ProviderProfile
from schemas.user import User


class RegisterNames:
    """Immutable: many threads may search in it."""

    def __init__(
        self,
        customers: Iterable[Customer],
        bindings: Iterable[Binding] = (),
        users: Iterable[User] = (),
        *,
        profile: ProviderProfile | None = None,
    ) -> None:
        known = [c for c in customers if c.id != PROVIDER]
        bound = list(bindings)
        self.users = tuple(users)
        self.customer_ids = frozenset(c.id for c in known)
        self.customers = len(known)
        self.entries = Entries(_entries(known, bound, profile))
        """Of all but our staff, whose entries depend on who worked on the case."""
        self.surnames = entries_of.surnames(known, self.users, profile)
        self.numbers = _owners_of_numbers(known)
        self.networks = Networks((b.value, b.customer_id) for b in bound if b.kind is AssetKind.IP)

    def staff_entries(self, involved: frozenset[str]) -> Iterable[Entry]:
        """Of our staff, where these accounts worked on the case."""
        return entries_of.of_staff(self.users, involved)


def _entries(
    known: Sequence[Customer], bound: Sequence[Binding], profile: ProviderProfile | None
) -> Iterator[Entry]:
    shared = entries_of.widely_used_domains(known, bound)
    for customer in known:
        yield from entries_of.of_customer(customer, shared)
    for binding in bound:
        yield from entries_of.of_binding(binding)
    yield from entries_of.public_bodies()
    if profile is not None:
        yield from entries_of.of_profile(profile)


def _owners_of_numbers(customers: Iterable[Customer]) -> dict[str, set[str]]:
    owners: dict[str, set[str]] = {}
    for customer in customers:
        for phone in (customer.phone, *(p.phone for p in customer.people)):
            key = national(phone)
            if key:
                owners.setdefault(key, set()).add(customer.id)
    return owners
