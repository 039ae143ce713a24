"""Changes of the register as pages show them: values open to those who need them, else masked."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from breachdesk.casework import register_changes
from breachdesk.casework.contact_watch import numbers_before, suspect_changes
from breachdesk.casework.register_changes import RegisterChange
from breachdesk.console.desk import Desk
from breachdesk.ports import UnitOfWork
from schemas.audit import AuditEntry
from schemas.breach import Breach
from schemas.user import Duty

SHOWN = 50
"""Entries of one customer's page, the newest."""
MAY_READ = frozenset({Duty.RESPONDER, Duty.APPROVER, Duty.REGISTRAR})
"""Who compares an old address with a new one."""
FIELDS = {
    "name": "name",
    "default_email": "default address",
    "email": "address",
    "phone": "telephone",
    "locale": "language",
    "kind": "kind of person",
    "contract_start": "contract since",
    "contract_end": "contract until",
    "notice_hours": "hours to tell them of a breach",
    "notice_clause": "clause on telling them of a breach",
    "processes_for_others": "processes for other controllers",
    "asset": "asset",
}


@dataclass(frozen=True)
class ContactRow:
    """One changed field."""

    customer_id: str
    at: datetime
    by: str
    what: str
    before: str = field(repr=False)
    after: str = field(repr=False)


@dataclass(frozen=True)
class ContactWarning:
    """A recipient's contact that changed shortly before or during the incident."""

    customer_id: str
    at: datetime
    by: str
    rows: tuple[ContactRow, ...] = ()
    """Empty for a customer that was added."""
    number: str = field(default="", repr=False)
    """To ring: it stood in the register before all of these changes. Empty: none did."""


@dataclass(frozen=True)
class ContactWarnings:
    """Of all recipients. Changes come before additions, each newest first."""

    count: int = 0
    """Customers."""
    changed: tuple[ContactWarning, ...] = ()
    added: tuple[ContactWarning, ...] = ()
    """After the incident began."""
    hidden: int = 0
    """Entries beyond SHOWN."""


def contact_warnings(
    uow: UnitOfWork, desk: Desk, breach: Breach, customers: Collection[str]
) -> ContactWarnings:
    """At most SHOWN entries of each kind."""
    policy = desk.house.settings.notices
    every = suspect_changes(uow, breach, customers, policy)
    changes = [change for change in every if not change.is_new][::-1]
    additions = [change for change in every if change.is_new][::-1]
    shown = (changes[:SHOWN], additions[:SHOWN])
    named = {change.customer_id for change in shown[0]}
    numbers = numbers_before(uow, (change for change in every if change.customer_id in named))
    return ContactWarnings(
        len({change.customer_id for change in every}),
        tuple(_warning(uow, desk, change, numbers[change.customer_id]) for change in shown[0]),
        tuple(ContactWarning(each.customer_id, each.at, each.by) for each in shown[1]),
        len(every) - sum(map(len, shown)),
    )


def _warning(uow: UnitOfWork, desk: Desk, change: RegisterChange, number: str) -> ContactWarning:
    duties = desk.user.duties
    return ContactWarning(
        change.customer_id,
        change.at,
        change.by,
        tuple(_rows(uow, change.entry, duties)),
        number if duties & MAY_READ else masked(number),
    )


def shown_history(uow: UnitOfWork, desk: Desk, customer_id: str) -> tuple[ContactRow, ...]:
    """Newest first, at most SHOWN entries."""
    entries = register_changes.history(uow, customer_id)[-SHOWN:]
    return contact_rows(uow, desk, list(reversed(entries)))


def contact_rows(
    uow: UnitOfWork, desk: Desk, entries: Sequence[AuditEntry]
) -> tuple[ContactRow, ...]:
    """In the entries' order, each changed field a row."""
    return tuple(row for entry in entries for row in _rows(uow, entry, desk.user.duties))


def _rows(uow: UnitOfWork, entry: AuditEntry, duties: frozenset[Duty]) -> Iterator[ContactRow]:
    open_to_reader = bool(duties & MAY_READ)
    for change in register_changes.opened(uow, entry):
        before, after = change.before, change.after
        if not open_to_reader:
            before, after = masked(before), masked(after)
        yield ContactRow(entry.subject, entry.at, entry.actor, named(change.name), before, after)


def named(name: str) -> str:
    """`contoso-dp.email` → `address of contoso-dp`."""
    person, dot, last = name.rpartition(".")
    words = FIELDS.get(last, last)
    return f"{words} of {person}" if dot else words


def masked(text: str) -> str:
    """`jo.mason@contoso.example` → `j***@contoso.example`; of anything else the last two letters."""
    local, at, domain = text.rpartition("@")
    if at and re.fullmatch(r"[^\s,]+", local):
        return f"{local[0]}***@{domain}"
    return f"***{text[-2:]}" if len(text) > 4 else "***" if text else ""
