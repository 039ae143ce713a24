"""Apply a delivery to the register in one act: harmless changes at once, the others when a person
accepts them.

The state of the source, the changes and what waits are written together, so that an interrupted
import has happened wholly or not at all. The same delivery again changes nothing."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from breachdesk.casework.authority import require_permission
from breachdesk.casework.imports.delivered_assets import AssetOutcome, bind_delivered
from breachdesk.casework.imports.deliveries import DeliveredPart, Delivery
from breachdesk.casework.imports.import_plan import ImportPlan, PlannedChange, plan_import
from breachdesk.casework.imports.register_changes import CUSTOMERS, record_customer
from breachdesk.casework.imports.vendor_profile import AddressRole
from breachdesk.ports import UnitOfWork
from schemas.audit_actions import AuditAction
from schemas.customer_source import CustomerSourceSettings
from schemas.errors import EditConflict
from schemas.register_import import ChangeKind, HeldChange, HeldState, ImportSourceState
from schemas.user import Actor, Permission

IMPORTER = Actor(id="system:import", permissions=frozenset({Permission.REGISTRAR}))
"""Who applies what a schedule brings."""


@dataclass(frozen=True, slots=True)
class DeliveryOutcome:
    """What an import of a delivery did."""

    plan: ImportPlan
    assets: AssetOutcome
    waiting: int
    """Changes of the source that wait for a person now."""


def plan_delivery(
    uow: UnitOfWork, source: CustomerSourceSettings, delivery: Delivery
) -> ImportPlan:
    """Plan what the delivery would change, and change nothing."""
    return plan_import(
        delivery,
        {customer.id: customer for customer in uow.customers.list()},
        uow.imports.get_source(source.name).members,
        address=AddressRole(source.email),
        most_percent=source.most_percent,
    )


def import_delivery(
    uow: UnitOfWork,
    actor: Actor,
    source: CustomerSourceSettings,
    delivery: Delivery,
    state: ImportSourceState,
    now: datetime,
) -> DeliveryOutcome:
    """Apply what needs nobody, let the rest wait, and store the state of the source. `state`: what
    the reader knows of the delivery."""
    require_permission(actor, Permission.REGISTRAR, act="change the customer register")
    plan = plan_delivery(uow, source, delivery)
    after = [change.after for change in plan.safe if change.after is not None]
    uow.customers.save_all(after)
    for change in plan.safe:
        if change.after is not None:
            record_customer(uow, actor, change.before, change.after, now)
    waiting = uow.imports.replace_waiting(
        source.name, [_build_held(change, source.name, now) for change in plan.held]
    )
    assets = bind_delivered(uow, actor, delivery, source.services, now)
    uow.imports.save_source(
        state.model_copy(
            update={
                "members": tuple(sorted(plan.members)),
                "checked_at": now,
                "imported_at": now,
                "trouble": "",
            }
        )
    )
    if plan.safe or plan.held or assets.bound:
        _record_import(uow, actor, source, plan, assets, waiting, now)
    return DeliveryOutcome(plan, assets, waiting)


def note_unread(uow: UnitOfWork, source: str, trouble: str, now: datetime) -> None:
    """Record that the source could not be read; it is audited when the reason is another than
    before. Nothing else changes."""
    state = uow.imports.get_source(source)
    if state.trouble != trouble:
        uow.audit.record(
            at=now,
            actor=IMPORTER.id,
            action=AuditAction.REGISTER_DELIVERY_REFUSED,
            subject=CUSTOMERS,
            facts={"source": source},
        )
    uow.imports.save_source(state.model_copy(update={"trouble": trouble, "checked_at": now}))


def note_unchanged(uow: UnitOfWork, source: str, now: datetime) -> None:
    """Record that the source holds what it held."""
    state = uow.imports.get_source(source)
    uow.imports.save_source(state.model_copy(update={"trouble": "", "checked_at": now}))


def accept_change(uow: UnitOfWork, actor: Actor, held_id: int, now: datetime) -> HeldChange:
    """Apply a change that waited. A customer that is gone gets a contract end and stays in the
    register. Raises EditConflict where the customer has changed since."""
    require_permission(actor, Permission.REGISTRAR, act="change the customer register")
    change = uow.imports.get_held(held_id)
    known = uow.customers.list_by_ids([change.customer_id])
    current = known[0] if known else None
    if current != change.before:
        raise EditConflict(
            "the customer has changed since this was found",
            place=change.customer_id,
            remedy="Wait for the next import, or change the customer by hand.",
        )
    after = change.after
    if change.kind is ChangeKind.GONE and change.before is not None:
        after = change.before.model_copy(update={"contract_end": now})
    uow.imports.decide_held(held_id, HeldState.ACCEPTED, actor.id, now)
    if after is not None:
        uow.customers.save(after)
        record_customer(uow, actor, change.before, after, now)
    _record_decision(uow, actor, change, AuditAction.REGISTER_CHANGE_ACCEPTED, now)
    return change


def decline_change(uow: UnitOfWork, actor: Actor, held_id: int, now: datetime) -> HeldChange:
    """Leave the register as it is; the same change does not come back."""
    require_permission(actor, Permission.REGISTRAR, act="change the customer register")
    change = uow.imports.get_held(held_id)
    uow.imports.decide_held(held_id, HeldState.DECLINED, actor.id, now)
    _record_decision(uow, actor, change, AuditAction.REGISTER_CHANGE_DECLINED, now)
    return change


def compute_delivery_digest(parts: Sequence[DeliveredPart]) -> str:
    """Compute what identifies the bytes of a delivery."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{part.name}\0{len(part.content)}\0".encode())
        digest.update(part.content)
    return digest.hexdigest()


def _build_held(change: PlannedChange, source: str, now: datetime) -> HeldChange:
    return HeldChange(
        source=source,
        kind=change.kind,
        customer_id=change.customer_id,
        reasons=change.reasons,
        before=change.before,
        after=change.after,
        digest=change.digest,
        found_at=now,
    )


def _record_import(
    uow: UnitOfWork,
    actor: Actor,
    source: CustomerSourceSettings,
    plan: ImportPlan,
    assets: AssetOutcome,
    waiting: int,
    now: datetime,
) -> None:
    kinds = Counter(change.kind.value for change in plan.safe)
    uow.audit.record(
        at=now,
        actor=actor.id,
        action=AuditAction.REGISTER_DELIVERY_IMPORTED,
        subject=CUSTOMERS,
        facts={
            "source": source.name,
            "rows": plan.rows,
            "added": kinds[ChangeKind.ADDED.value],
            "changed": kinds[ChangeKind.CHANGED.value],
            "unchanged": plan.unchanged,
            "refused": plan.refused,
            "waiting": waiting,
            "assets": len(assets.bound),
            "each_named": True,
        },
    )


def _record_decision(
    uow: UnitOfWork, actor: Actor, change: HeldChange, action: AuditAction, now: datetime
) -> None:
    uow.audit.record(
        at=now,
        actor=actor.id,
        action=action,
        subject=change.customer_id,
        facts={
            "source": change.source,
            "kind": change.kind.value,
            "reasons": [reason.value for reason in change.reasons],
        },
    )
