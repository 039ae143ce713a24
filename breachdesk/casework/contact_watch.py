"""Contacts that changed shortly before or during an incident, or since the list was frozen.

Whoever reads a customer's mail tells nobody that the address on file was changed for it. So the
change is shown beside the recipient, and somebody telephones the number held before.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from breachdesk.casework import cases
from breachdesk.casework.corrections import correction_recipients
from breachdesk.casework.recipients import UnsafeAddresses, recipients_of
from breachdesk.casework.register_changes import (
    FieldChange,
    RegisterChange,
    Since,
    contact_changes,
    opened,
)
from breachdesk.gdpr.roles import CORRECTED_BY, reached
from breachdesk.ports import UnitOfWork
from schemas.affected import Exposure, Manifest, NoticeKind, Recipient
from schemas.breach import Breach
from schemas.case import Task
from schemas.customer import Customer
from schemas.settings import NoticePolicy
from schemas.times import in_utc

LISTED = 100
"""Customers that one task names; the pages name the others."""
Key = tuple[str, str, NoticeKind]


def incident_start(uow: UnitOfWork, breach: Breach) -> datetime:
    """The earliest moment that anything on file gives: a later correction never shortens it."""
    case = uow.cases.get(breach.case_id)
    alerts = uow.alerts.of(case.alerts)
    moments = [
        case.opened_at,
        breach.confirmed_at,
        breach.aware_at,
        breach.detected_at,
        breach.occurred_from,
        *(awareness.aware_at for awareness in breach.awareness),
        *(alert.first for alert in alerts),
    ]
    return min(in_utc(moment) for moment in moments if moment is not None)


def watched_since(uow: UnitOfWork, breach: Breach, days: int) -> Since:
    """So many days before the incident began; whatever was written down after the case was
    opened is of that time too."""
    first = next(iter(uow.audit.entries(subject=breach.case_id)), None)
    begin = incident_start(uow, breach) - timedelta(days=days)
    return Since(begin, first.seq if first else sys.maxsize)


def suspect_changes(
    uow: UnitOfWork, breach: Breach, customers: Iterable[str], policy: NoticePolicy
) -> tuple[RegisterChange, ...]:
    """Oldest first: contacts of these customers that changed in the watched time, and customers
    that were added since the incident began."""
    during = watched_since(uow, breach, 0)
    watched = watched_since(uow, breach, policy.contact_change_days)
    changes = contact_changes(uow, customers, watched)
    return tuple(c for c in changes if not c.is_new or during.covers(c.entry))


def moved_since_frozen(
    exposures: Iterable[Exposure],
    frozen: Sequence[Recipient],
    customers: Mapping[str, Customer],
) -> tuple[str, ...]:
    """Customers of whom the register says something else now than when the list was frozen."""
    said = {_key(r): _contact(r) for r in frozen}
    now = {_key(r): _contact(r) for r in _as_registered(exposures, customers, frozen)}
    moved = {key[0] for key in said.keys() | now.keys() if said.get(key) != now.get(key)}
    return tuple(sorted(moved))


def is_still_registered(
    exposures: Iterable[Exposure], frozen: Recipient, customer: Customer
) -> bool:
    """The register holds the frozen name and address for this person today."""
    own = [e for e in exposures if e.customer_id == customer.id]
    now = _as_registered(own, {customer.id: customer}, (frozen,))
    return any(
        _key(r) == _key(frozen) and (r.name, r.email) == (frozen.name, frozen.email) for r in now
    )


def check_contacts_task(
    uow: UnitOfWork, manifest: Manifest, changes: Sequence[RegisterChange], now: datetime
) -> Task | None:
    """One task that names every changed contact, with the number held before."""
    told = {r.customer_id for r in manifest.recipients}
    mine = sorted(
        (change for change in changes if change.customer_id in told), key=lambda c: c.is_new
    )
    if not mine:
        return None
    listed = mine[:LISTED]
    of_listed = {change.customer_id for change in listed}
    numbers = numbers_before(uow, (c for c in changes if c.customer_id in of_listed))
    lines = [_line(uow, change, numbers[change.customer_id]) for change in listed]
    seqs = ",".join(str(change.entry.seq) for change in mine)
    mark = hashlib.sha256(seqs.encode()).hexdigest()[:12]
    count = len({change.customer_id for change in mine})
    return cases.check_task(
        f"contacts-{manifest.breach_id}-{mark}",
        f"Check {count} changed or new contact{'s' if count > 1 else ''} before release",
        "the register was changed shortly before the incident or during it",
        now,
        "Ring the number held before, never one that came with the change. Ask whether they asked "
        "for it.\n\n" + "\n".join(lines),
    )


def numbers_before(uow: UnitOfWork, changes: Iterable[RegisterChange]) -> Mapping[str, str]:
    """By customer: the telephone number that stood in the register before all of these changes,
    which come oldest first; empty: none did. Whoever changes an address changes the number in a
    step of its own, before or after."""
    numbers: dict[str, str] = {}
    others: set[str] = set()
    for change in changes:
        if change.customer_id in numbers:
            continue
        if change.is_new or any(map(_is_number, change.fields)):
            numbers[change.customer_id] = _first_before(opened(uow, change.entry))
        else:
            others.add(change.customer_id)
    for customer_id in others - numbers.keys():
        customer = uow.customers.get(customer_id)
        people = (person.phone for person in customer.people if person.phone)
        numbers[customer_id] = customer.phone or next(people, "")
    return numbers


def _first_before(fields: Iterable[FieldChange]) -> str:
    return next((f.before for f in fields if _is_number(f.name) and f.before), "")


def _is_number(field: str) -> bool:
    return field == "phone" or field.endswith(".phone")


def _line(uow: UnitOfWork, change: RegisterChange, number: str) -> str:
    fields = opened(uow, change.entry)
    said = "; ".join(f"{f.name}: {f.before or 'nothing'} → {f.after or 'nothing'}" for f in fields)
    return (
        f"{change.customer_id}, {change.at:%d %B %Y %H:%M} UTC, by {change.by}: {said}. "
        f"Number before: {number or 'none; take it from the contract or an invoice'}"
    )


def _as_registered(
    exposures: Iterable[Exposure], customers: Mapping[str, Customer], frozen: Sequence[Recipient]
) -> tuple[Recipient, ...]:
    """Whom the register would have us tell of these exposures now, and tell that it was wrong."""
    any_address = UnsafeAddresses(frozenset(), ())
    known = [e for e in reached(exposures) if e.customer_id in customers]
    wrong = [
        (r.customer_id, r.person_id, CORRECTED_BY[r.kind]) for r in frozen if r.kind in CORRECTED_BY
    ]
    return (
        *recipients_of(known, customers, any_address),
        *correction_recipients(wrong, customers, frozen, any_address),
    )


def _key(recipient: Recipient) -> Key:
    return recipient.customer_id, recipient.person_id, recipient.kind


def _contact(recipient: Recipient) -> tuple[str, str, str]:
    return recipient.name, recipient.email, recipient.phone
