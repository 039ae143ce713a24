"""Attribute assets without an owner: a person binds them, from then or from earlier."""

from __future__ import annotations

from datetime import datetime

from breachdesk.casework.authority import require_permission
from breachdesk.casework.imports.asset_values import normalise_value
from breachdesk.casework.imports.assets import is_overlapping
from breachdesk.casework.imports.register_changes import ASSETS, record_bindings
from breachdesk.casework.imports.replay_request import replay_after
from breachdesk.casework.imports.service_presets import SERVICES, USUAL, ServicePreset
from breachdesk.ports import UnitOfWork
from schemas.audit_actions import AuditAction
from schemas.customer import PROVIDER, AssetKind, Binding
from schemas.errors import BadInput
from schemas.user import Actor, Permission


def bind_asset(
    uow: UnitOfWork,
    actor: Actor,
    key: str,
    customer_id: str,
    service: str,
    valid_from: datetime | None,
    now: datetime,
) -> Binding:
    """Bind `domain:contoso.example` to this customer (or `provider`) since `valid_from` (None:
    always), known from now on. An empty service means the usual one of that kind; a host has none.

    Events that were nobody's because of it are read again (`replay_request`). Raises NotFound
    for an unknown customer, BadInput for an invalid key or service."""
    require_permission(actor, Permission.REGISTRAR, act="say whose an asset is")
    kind, value = _parse_asset(key)
    if customer_id != PROVIDER:
        uow.customers.get(customer_id)
    preset = _find_service(uow, service or _get_usual_service(kind, customer_id))
    binding = Binding(
        kind=kind,
        value=value,
        customer_id=customer_id,
        service=preset.name,
        role=preset.role,
        categories=preset.categories,
        pecr=preset.pecr,
        valid_from=valid_from,
    )
    current = uow.customers.list_bindings_among([binding.asset])
    overlapping = [b for b in current if is_overlapping(b, binding)]
    before = uow.customers.get_version()
    with replay_after(uow, now):
        uow.customers.bind(binding, now)
    if uow.customers.get_version() != before:
        record_bindings(uow, actor, [(binding, overlapping)], now)
        uow.audit.record(
            at=now,
            actor=actor.id,
            action=AuditAction.REGISTER_ASSETS_BOUND,
            subject=ASSETS,
            facts={
                "count": 1,
                "customer": customer_id,
                "kind": kind.value,
                "service": preset.name,
                "since": valid_from.isoformat() if valid_from else "ever",
            },
        )
    return binding.model_copy(update={"known_from": now})


def _parse_asset(key: str) -> tuple[AssetKind, str]:
    kind, _, value = key.partition(":")
    if kind not in list(AssetKind):
        raise BadInput(
            "not an asset",
            place="asset",
            remedy=f"Write kind:value; kinds are {', '.join(AssetKind)}.",
        )
    return AssetKind(kind), normalise_value(AssetKind(kind), value)


def _get_usual_service(kind: AssetKind, customer_id: str) -> str:
    if customer_id == PROVIDER:
        return "our own system"
    if kind not in USUAL:
        raise BadInput(
            "a machine may be a server, a workstation or a firewall, and each holds other data",
            place="service",
            remedy="Name the service: managed server, workstation or managed firewall.",
        )
    return USUAL[kind]


def _find_service(uow: UnitOfWork, name: str) -> ServicePreset:
    """Find a preset, or what an asset in the register already holds under that name."""
    preset = SERVICES.get(name.strip().casefold())
    if preset is not None:
        return preset
    for known in uow.customers.list_bindings():
        if known.service.casefold() == name.strip().casefold():
            return ServicePreset(known.service, known.role, known.categories, "", known.pecr)
    names = ", ".join(preset.name for preset in SERVICES.values())
    raise BadInput("no such service", place="service", remedy=f"Choose one of: {names}.")
