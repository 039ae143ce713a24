"""Show changes of the register: values visible to those who need them, else masked."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from breachdesk.casework.affected.contact_changes import find_former_numbers, list_suspect_changes
from breachdesk.casework.imports import register_changes
from breachdesk.casework.imports.register_changes import RegisterChange
from breachdesk.console.web.request_context import RequestContext
from breachdesk.ports import UnitOfWork
from schemas.audit import AuditEntry
from schemas.casework.breach import Breach
from schemas.user import Permission

SHOWN = 50
"""Entries of one customer's page, the newest."""
MAY_READ = frozenset({Permission.RESPONDER, Permission.APPROVER, Permission.REGISTRAR})
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
    """Number to telephone: the one registered before all of these changes. Empty: there was
    none."""


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


def build_contact_warnings(
    uow: UnitOfWork, context: RequestContext, breach: Breach, customers: Collection[str]
) -> ContactWarnings:
    """Build at most SHOWN entries of each kind."""
    policy = context.dependencies.settings.notices
    every = list_suspect_changes(uow, breach, customers, policy)
    changes = [change for change in every if not change.is_new][::-1]
    additions = [change for change in every if change.is_new][::-1]
    shown = (changes[:SHOWN], additions[:SHOWN])
    named = {change.customer_id for change in shown[0]}
    numbers = find_former_numbers(uow, (change for change in every if change.customer_id in named))
    return ContactWarnings(
        len({change.customer_id for change in every}),
        tuple(
            _build_warning(uow, context, change, numbers[change.customer_id]) for change in shown[0]
        ),
        tuple(ContactWarning(each.customer_id, each.at, each.by) for each in shown[1]),
        len(every) - sum(map(len, shown)),
    )


def _build_warning(
    uow: UnitOfWork, context: RequestContext, change: RegisterChange, number: str
) -> ContactWarning:
    permissions = context.user.permissions
    return ContactWarning(
        change.customer_id,
        change.at,
        change.by,
        tuple(_iterate_rows(uow, change.entry, permissions)),
        number if permissions & MAY_READ else redact_contact(number),
    )


def list_history(
    uow: UnitOfWork, context: RequestContext, customer_id: str
) -> tuple[ContactRow, ...]:
    """List at most SHOWN entries, newest first."""
    entries = register_changes.list_history(uow, customer_id)[-SHOWN:]
    return build_contact_rows(uow, context, list(reversed(entries)))


def build_contact_rows(
    uow: UnitOfWork, context: RequestContext, entries: Sequence[AuditEntry]
) -> tuple[ContactRow, ...]:
    """Build one row for each changed field, in the entries' order."""
    return tuple(
        row for entry in entries for row in _iterate_rows(uow, entry, context.user.permissions)
    )


def _iterate_rows(
    uow: UnitOfWork, entry: AuditEntry, permissions: frozenset[Permission]
) -> Iterator[ContactRow]:
    open_to_reader = bool(permissions & MAY_READ)
    for change in register_changes.decrypt_change(uow, entry):
        before, after = change.before, change.after
        if not open_to_reader:
            before, after = redact_contact(before), redact_contact(after)
        yield ContactRow(
            entry.subject, entry.at, entry.actor, format_field_name(change.name), before, after
        )


def format_field_name(name: str) -> str:
    """Format a field like `contoso-dp.email` as `address of contoso-dp`."""
    person, dot, last = name.rpartition(".")
    words = FIELDS.get(last, last)
    return f"{words} of {person}" if dot else words


def redact_contact(text: str) -> str:
    """Mask `jo.mason@contoso.example` as `j***@contoso.example`; of anything else show the last two
    letters."""
    local, at, domain = text.rpartition("@")
    if at and re.fullmatch(r"[^\s,]+", local):
        return f"{local[0]}***@{domain}"
    return f"***{text[-2:]}" if len(text) > 4 else "***" if text else ""
