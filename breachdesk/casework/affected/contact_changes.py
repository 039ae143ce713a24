"""Find contacts that changed shortly before or during an incident, or since the list was frozen.

An attacker who reads a customer's mail will not report that the address on file was changed. The
change is shown next to the recipient, and a person telephones the earlier number."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from breachdesk.casework.affected.corrections import list_correction_recipients
from breachdesk.casework.affected.recipients import UnsafeAddresses, list_recipients
from breachdesk.casework.imports.register_changes import (
    ChangeWindow,
    FieldChange,
    RegisterChange,
    decrypt_change,
    list_contact_changes,
)
from breachdesk.casework.opening import cases
from breachdesk.gdpr.roles import CORRECTED_BY, select_reached
from breachdesk.ports import UnitOfWork
from schemas.casework.affected import Exposure, Manifest, Recipient
from schemas.casework.breach import Breach
from schemas.casework.case import CaseTask
from schemas.casework.notice_kind import NoticeKind
from schemas.customer import Customer
from schemas.settings import NoticePolicy
from schemas.times import convert_to_utc

LISTED = 100
"""Customers that one task names; the pages name the others."""
Key = tuple[str, str, NoticeKind]


def find_incident_start(uow: UnitOfWork, breach: Breach) -> datetime:
    """Find the earliest moment on file; a later correction never shortens it."""
    case = uow.cases.get(breach.case_id)
    alerts = uow.alerts.get_many(case.alerts)
    moments = [
        case.opened_at,
        breach.confirmed_at,
        breach.aware_at,
        breach.detected_at,
        breach.occurred_from,
        *(awareness.aware_at for awareness in breach.awareness),
        *(alert.first for alert in alerts),
    ]
    return min(convert_to_utc(moment) for moment in moments if moment is not None)


def compute_watch_start(uow: UnitOfWork, breach: Breach, days: int) -> ChangeWindow:
    """Compute the window from `days` before the incident; entries written after the case was opened
    count too."""
    first = next(iter(uow.audit.list_entries(subject=breach.case_id)), None)
    begin = find_incident_start(uow, breach) - timedelta(days=days)
    return ChangeWindow(begin, first.seq if first else sys.maxsize)


def list_suspect_changes(
    uow: UnitOfWork, breach: Breach, customers: Iterable[str], policy: NoticePolicy
) -> tuple[RegisterChange, ...]:
    """List changed contacts of these customers in the window, and customers added since the
    incident began, oldest first."""
    during = compute_watch_start(uow, breach, 0)
    watched = replace(during, at=during.at - timedelta(days=policy.contact_change_days))
    changes = list_contact_changes(uow, customers, watched)
    return tuple(c for c in changes if not c.is_new or during.is_covering(c.entry))


def list_moved_customers(
    exposures: Iterable[Exposure],
    frozen: Sequence[Recipient],
    customers: Mapping[str, Customer],
) -> tuple[str, ...]:
    """List customers whose register entry differs from the frozen list."""
    contacts = {_get_key(r): _get_contact(r) for r in frozen}
    now = {
        _get_key(r): _get_contact(r)
        for r in _list_registered_recipients(exposures, customers, frozen)
    }
    moved = {key[0] for key in contacts.keys() | now.keys() if contacts.get(key) != now.get(key)}
    return tuple(sorted(moved))


def is_still_registered(
    exposures: Iterable[Exposure], frozen: Recipient, customer: Customer
) -> bool:
    """Whether the register still holds the frozen name and address for this person."""
    own = [e for e in exposures if e.customer_id == customer.id]
    now = _list_registered_recipients(own, {customer.id: customer}, (frozen,))
    return any(
        _get_key(r) == _get_key(frozen) and (r.name, r.email) == (frozen.name, frozen.email)
        for r in now
    )


def build_contacts_task(
    uow: UnitOfWork, manifest: Manifest, changes: Sequence[RegisterChange], now: datetime
) -> CaseTask | None:
    """Build one task that names every changed contact, with the number held before."""
    recipient_ids = {r.customer_id for r in manifest.recipients}
    mine = sorted(
        (change for change in changes if change.customer_id in recipient_ids),
        key=lambda c: c.is_new,
    )
    if not mine:
        return None
    listed = mine[:LISTED]
    of_listed = {change.customer_id for change in listed}
    numbers = find_former_numbers(uow, (c for c in changes if c.customer_id in of_listed))
    lines = [_format_change(uow, change, numbers[change.customer_id]) for change in listed]
    seqs = ",".join(str(change.entry.seq) for change in mine)
    mark = hashlib.sha256(seqs.encode()).hexdigest()[:12]
    count = len({change.customer_id for change in mine})
    return cases.build_check_task(
        f"contacts-{manifest.breach_id}-{mark}",
        f"Check {count} changed or new contact{'s' if count > 1 else ''} before release",
        "the register was changed shortly before the incident or during it",
        now,
        "Ring the number held before, never one that came with the change. Ask whether they asked "
        "for it.\n\n" + "\n".join(lines),
    )


def find_former_numbers(uow: UnitOfWork, changes: Iterable[RegisterChange]) -> Mapping[str, str]:
    """Find, by customer, the telephone number that was registered before all of these changes,
    which come oldest first; empty: there was none. An attacker who changes an address may change
    the number in a separate step, before or after."""
    numbers: dict[str, str] = {}
    others: set[str] = set()
    for change in changes:
        if change.customer_id in numbers:
            continue
        if change.is_new or any(map(_is_number, change.fields)):
            numbers[change.customer_id] = _find_first_before(decrypt_change(uow, change.entry))
        else:
            others.add(change.customer_id)
    for customer_id in others - numbers.keys():
        customer = uow.customers.get(customer_id)
        people = (person.phone for person in customer.people if person.phone)
        numbers[customer_id] = customer.phone or next(people, "")
    return numbers


def _find_first_before(fields: Iterable[FieldChange]) -> str:
    return next((f.before for f in fields if _is_number(f.name) and f.before), "")


def _is_number(field: str) -> bool:
    return field == "phone" or field.endswith(".phone")


def _format_change(uow: UnitOfWork, change: RegisterChange, number: str) -> str:
    fields = decrypt_change(uow, change.entry)
    differences = "; ".join(
        f"{f.name}: {f.before or 'nothing'} → {f.after or 'nothing'}" for f in fields
    )
    return (
        f"{change.customer_id}, {change.at:%d %B %Y %H:%M} UTC, by {change.by}: {differences}. "
        f"Number before: {number or 'none; take it from the contract or an invoice'}"
    )


def _list_registered_recipients(
    exposures: Iterable[Exposure], customers: Mapping[str, Customer], frozen: Sequence[Recipient]
) -> tuple[Recipient, ...]:
    """List who would be notified of these exposures, or corrected, according to the register
    now."""
    any_address = UnsafeAddresses(frozenset(), ())
    known = [e for e in select_reached(exposures) if e.customer_id in customers]
    wrong = [
        (r.customer_id, r.person_id, CORRECTED_BY[r.kind]) for r in frozen if r.kind in CORRECTED_BY
    ]
    return (
        *list_recipients(known, customers, any_address),
        *list_correction_recipients(wrong, customers, frozen, any_address),
    )


def _get_key(recipient: Recipient) -> Key:
    return recipient.customer_id, recipient.person_id, recipient.kind


def _get_contact(recipient: Recipient) -> tuple[str, str, str]:
    return recipient.name, recipient.email, recipient.phone
