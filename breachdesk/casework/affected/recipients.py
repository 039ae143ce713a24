"""Choose who is notified of an exposure, and by which channel: nothing in the evidence is
mailed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product

from breachdesk.gdpr.roles import list_letter_kinds
from schemas.casework.affected import ContactChannel, Exposure, Recipient
from schemas.casework.notice_kind import NoticeKind
from schemas.customer import AssetKind, Binding, Customer, DataRole, Person, PersonKind


def list_recipients(
    reached: Iterable[Exposure],
    customers: Mapping[str, Customer],
    unsafe: UnsafeAddresses,
) -> tuple[Recipient, ...]:
    """List each (customer, person, kind) once, and each address once a customer and kind.

    A controller exposure reaches the account holder at the default address and every known user; a
    processor exposure the customer's data-protection contact alone, else the account holder."""
    recipients: dict[tuple[str, str, NoticeKind], Recipient] = {}
    addresses: set[tuple[str, NoticeKind, str]] = set()
    for exposure in sorted(reached, key=lambda e: (e.customer_id, e.role)):
        customer = customers[exposure.customer_id]
        people = list_people(customer, exposure.role)
        for kind, (person, note) in product(list_letter_kinds(exposure), people):
            recipient = build_recipient(customer, person, kind, note, unsafe)
            address = (customer.id, recipient.kind, recipient.email.casefold())
            if not recipient.email or address not in addresses:
                addresses.add(address)
                recipients.setdefault((customer.id, person.id, recipient.kind), recipient)
    return tuple(recipients.values())


class UnsafeAddresses:
    """Addresses that whoever is in the evidence may read."""

    def __init__(self, in_evidence: frozenset[str], bindings: Sequence[Binding]) -> None:
        self._assets = in_evidence
        named = {a.rpartition("@")[2] for a in in_evidence if a.startswith("mailbox:")}
        tenants = {
            b.customer_id for b in bindings if b.kind is AssetKind.TENANT and b.asset in in_evidence
        }
        self._tenant_domains = {customer: set(named) for customer in tenants}
        for binding in bindings:
            if binding.customer_id in tenants and binding.kind is AssetKind.DOMAIN:
                self._tenant_domains[binding.customer_id].add(binding.value)

    def find_reason(self, email: str, customer_id: str) -> str:
        """Find why this address is not mailed; empty when it may be."""
        address = email.casefold()
        domain = address.rpartition("@")[2]
        if f"mailbox:{address}" in self._assets:
            return "its mailbox is in the evidence"
        labels = domain.split(".")
        if any(f"domain:{'.'.join(labels[i:])}" in self._assets for i in range(len(labels))):
            return "its mail domain is in the evidence"
        if domain in self._tenant_domains.get(customer_id, ()):
            return "its mail tenant is in the evidence"
        return ""


def list_people(customer: Customer, role: DataRole) -> Iterable[tuple[Person, str | None]]:
    """List who is notified of this customer's exposure in this role, each with a note on why."""
    holder = _get_account_holder(customer)
    if role is DataRole.CONTROLLER:
        users = (p for p in customer.people if p.kind is PersonKind.USER)
        return [(holder, None), *((user, None) for user in users)]
    contact = customer.find_contact(PersonKind.DATA_PROTECTION)
    if contact is not None:
        return [(contact, None)]
    return [(holder, "no data-protection contact is known; told to the account holder")]


def _get_account_holder(customer: Customer) -> Person:
    """Return the known person at the default address of the account, whatever their own address on
    file; the account itself where no person is known."""
    known = customer.find_contact(PersonKind.ACCOUNT_HOLDER)
    if known is None:
        return Person(
            id=f"{customer.id}-account",
            customer_id=customer.id,
            kind=PersonKind.ACCOUNT_HOLDER,
            name=customer.name,
            email=customer.default_email,
            phone=customer.phone,
        )
    return known.model_copy(
        update={
            "email": customer.default_email or known.email,
            "phone": known.phone or customer.phone,
        }
    )


def build_recipient(
    customer: Customer,
    person: Person,
    kind: NoticeKind,
    note: str | None,
    unsafe: UnsafeAddresses,
) -> Recipient:
    """Build a recipient by e-mail where the address is safe, else by telephone, with the reason."""
    why = unsafe.find_reason(person.email, customer.id) if person.email else "no address is stored"
    return Recipient(
        customer_id=customer.id,
        person_id=person.id,
        person_kind=person.kind,
        kind=kind,
        name=person.name or customer.name,
        email=person.email,
        phone=person.phone or customer.phone,
        channel=ContactChannel.TELEPHONE if why else ContactChannel.EMAIL,
        reason="; ".join(filter(None, (why, note))),
    )
