"""Record and read who changed what the register says of a customer, from what to what, when.

Each changed customer has an entry of its own in the audit chain. The values are kept outside the
chain, sealed under the customer's own key. Changes are read from the chain, their only record."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from breachdesk.ports import UnitOfWork
from schemas.audit import AuditEntry
from schemas.audit_actions import AuditAction, AuditTopic, find_action
from schemas.customer import Binding, Customer
from schemas.times import convert_to_utc
from schemas.user import Actor

ADDED = AuditAction.REGISTER_CUSTOMER_ADDED
CHANGED = AuditAction.REGISTER_CUSTOMER_CHANGED
BOUND = AuditAction.REGISTER_ASSET_BOUND
LOST = AuditAction.REGISTER_ASSET_LOST
CUSTOMERS = "customers"
ASSETS = "assets"
"""Subjects of the entries that say that anybody's contact, or assets, changed."""
CONTRACT = ("contract_start", "contract_end", "notice_hours", "notice_clause")
"""Fields that neither lead a letter elsewhere nor change its words."""
Values = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ChangeWindow:
    """From a moment on, or after an entry of the chain: a clock that is set back hides nothing."""

    at: datetime
    seq: int

    def is_covering(self, entry: AuditEntry) -> bool:
        """Whether the entry is within the window."""
        return entry.at >= convert_to_utc(self.at) or entry.seq > self.seq


@dataclass(frozen=True, slots=True)
class RegisterChange:
    """One act on one customer's contact."""

    customer_id: str
    at: datetime
    by: str
    is_new: bool
    """The customer was added."""
    fields: tuple[str, ...]
    entry: AuditEntry = field(repr=False)


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field, before and after; empty where there was or is nothing."""

    name: str
    before: str = field(repr=False)
    after: str = field(repr=False)


def record_customer(
    uow: UnitOfWork, actor: Actor, before: Customer | None, after: Customer, now: datetime
) -> None:
    """Record an entry when a field differs."""
    old = {} if before is None else list_contact_values(before)
    new = list_contact_values(after)
    changed = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    if not changed:
        return
    pairs = {name: [old.get(name, ""), new.get(name, "")] for name in changed}
    uow.audit.record(
        at=now,
        actor=actor.id,
        action=ADDED if before is None else CHANGED,
        subject=after.id,
        facts={"fields": changed},
        personal={"change": json.dumps(pairs, ensure_ascii=False)},
        customer_id=after.id,
    )


def list_contact_values(customer: Customer) -> dict[str, str]:
    """List every field by name, each person's by the person's id, as text; blank fields are
    omitted."""
    values = {
        "name": customer.name,
        "default_email": customer.default_email,
        "phone": customer.phone,
        "locale": customer.locale,
    }
    for name in CONTRACT:
        value = getattr(customer, name)
        values[name] = value.isoformat() if isinstance(value, datetime) else str(value or "")
    if customer.processes_for_others:
        values["processes_for_others"] = "yes"
    for person in customer.people:
        for name in ("kind", "name", "email", "phone"):
            values[f"{person.id}.{name}"] = str(getattr(person, name))
    return {name: text for name, text in values.items() if text}


def record_bindings(
    uow: UnitOfWork,
    actor: Actor,
    changes: Iterable[tuple[Binding, Sequence[Binding]]],
    now: datetime,
) -> None:
    """Record one entry for each customer that got an asset, and for each that lost one to another.
    `changes`: what was bound, and the bindings that it corrects."""
    changes_by_customer: dict[str, list[Binding]] = defaultdict(list)
    lost: dict[str, list[Binding]] = defaultdict(list)
    for new, stored in changes:
        changes_by_customer[new.customer_id].append(new)
        for old in stored:
            if old.customer_id != new.customer_id:
                lost[old.customer_id].append(old)
    for action, customers in ((BOUND, changes_by_customer), (LOST, lost)):
        for customer_id, bindings in customers.items():
            uow.audit.record(
                at=now,
                actor=actor.id,
                action=action,
                subject=customer_id,
                facts={
                    "count": len(bindings),
                    "kinds": sorted({b.kind.value for b in bindings}),
                    "services": sorted({b.service for b in bindings}),
                },
                personal={
                    "assets": json.dumps([_format_binding(b) for b in bindings], ensure_ascii=False)
                },
                customer_id=customer_id,
            )


def list_contact_changes(
    uow: UnitOfWork, customers: Iterable[str], since: ChangeWindow
) -> tuple[RegisterChange, ...]:
    """List, oldest first, what could redirect these customers' letters or change their texts."""
    contacts = []
    for entry in uow.audit.list_about(customers):
        fields = tuple(f for f in entry.facts.get("fields", ()) if f not in CONTRACT)
        if entry.act in (ADDED, CHANGED) and fields and since.is_covering(entry):
            is_new = entry.act == ADDED
            change = RegisterChange(entry.subject, entry.at, entry.actor, is_new, fields, entry)
            contacts.append(change)
    return tuple(contacts)


def list_asset_changers(uow: UnitOfWork, since: ChangeWindow) -> frozenset[str]:
    """List who bound any asset since then: bindings decide who is on the list of affected
    customers."""
    entries = uow.audit.list_about([ASSETS])
    return frozenset(e.actor for e in entries if since.is_covering(e) and _has_changes(e))


def list_unnamed_importers(uow: UnitOfWork, since: ChangeWindow) -> frozenset[str]:
    """List who imported customers since then with a release that did not record which."""
    entries = uow.audit.list_about([CUSTOMERS])
    return frozenset(
        e.actor
        for e in entries
        if since.is_covering(e) and _has_changes(e) and "each_named" not in e.facts
    )


def _has_changes(entry: AuditEntry) -> bool:
    counts = (entry.facts.get(name, 0) for name in ("added", "changed", "count"))
    action = find_action(entry.act)
    return action is not None and action.topic is AuditTopic.REGISTER and any(counts)


def list_history(uow: UnitOfWork, customer_id: str) -> Sequence[AuditEntry]:
    """List every entry about the customer and its assets, oldest first."""
    acts: Collection[str] = (ADDED, CHANGED, BOUND, LOST)
    return [entry for entry in uow.audit.list_about([customer_id]) if entry.act in acts]


def decrypt_change(uow: UnitOfWork, entry: AuditEntry) -> tuple[FieldChange, ...]:
    """Decrypt what changed; one change without values when the customer's key was erased."""
    sealed = uow.audit.decrypt_personal(entry)
    if "change" in sealed:
        pairs = _read(sealed["change"])
        if isinstance(pairs, dict):
            return tuple(FieldChange(name, old, new) for name, (old, new) in pairs.items())
    if "assets" in sealed:
        assets = _read(sealed["assets"])
        if isinstance(assets, list):
            is_bound = entry.act == BOUND
            return tuple(
                FieldChange("asset", "" if is_bound else text, text if is_bound else "")
                for text in assets
            )
    return tuple(FieldChange(name, "", "") for name in entry.facts.get("fields", ("asset",)))


def _format_binding(binding: Binding) -> str:
    begin = binding.valid_from.isoformat() if binding.valid_from else "ever"
    end = f" until {binding.valid_to.isoformat()}" if binding.valid_to else ""
    return f"{binding.asset}, {binding.service}, {binding.role}, since {begin}{end}"


def _read(text: str) -> object:
    """Return None when the key was erased."""
    try:
        return json.loads(text)
    except ValueError:
        return None
