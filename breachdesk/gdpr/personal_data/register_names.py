"""Index everything that the register and the accounts name. Built once for a version of the
register; nothing in it depends on a case or on a reader."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from breachdesk.gdpr.personal_data import register_entries
from breachdesk.gdpr.personal_data.known_names import NameEntries, NameEntry
from breachdesk.gdpr.personal_data.network_addresses import NetworkOwners, normalise_number
from schemas.customer import PROVIDER, AssetKind, Binding, Customer
from schemas.settings import ProviderProfile
from schemas.user import User


class RegisterNames:
    """Immutable index: many threads may search in it."""

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
        self.entries = NameEntries(_generate_entries(known, bound, profile))
        """Of all but our staff, whose entries depend on who worked on the case."""
        self.surnames = register_entries.build_surnames(known, self.users, profile)
        self.numbers = _find_number_owners(known)
        self.networks = NetworkOwners(
            (b.value, b.customer_id) for b in bound if b.kind is AssetKind.IP
        )

    def get_staff_entries(self, involved: frozenset[str]) -> Iterable[NameEntry]:
        """Return the entries of our staff, where these accounts worked on the case."""
        return register_entries.generate_staff_entries(self.users, involved)


def _generate_entries(
    known: Sequence[Customer], bound: Sequence[Binding], profile: ProviderProfile | None
) -> Iterator[NameEntry]:
    shared = register_entries.find_widely_used_domains(known, bound)
    for customer in known:
        yield from register_entries.generate_customer_entries(customer, shared)
    for binding in bound:
        yield from register_entries.generate_binding_entries(binding)
    yield from register_entries.generate_public_body_entries()
    if profile is not None:
        yield from register_entries.generate_profile_entries(profile)


def _find_number_owners(customers: Iterable[Customer]) -> dict[str, set[str]]:
    owners: dict[str, set[str]] = {}
    for customer in customers:
        for phone in (customer.phone, *(p.phone for p in customer.people)):
            key = normalise_number(phone)
            if key:
                owners.setdefault(key, set()).add(customer.id)
    return owners
