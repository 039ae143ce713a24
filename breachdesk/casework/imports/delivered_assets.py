"""Bind the machines and sites of a delivery. An asset of another customer is never taken away by an
import: its row is refused, and a person binds it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from breachdesk.casework.authority import require_permission
from breachdesk.casework.imports.asset_values import normalise_value
from breachdesk.casework.imports.delivered_customers import is_former
from breachdesk.casework.imports.deliveries import Delivery, Record
from breachdesk.casework.imports.register_changes import record_bindings
from breachdesk.casework.imports.replay_request import replay_after
from breachdesk.casework.imports.service_presets import SERVICES, ServicePreset
from breachdesk.casework.imports.vendor_profile import RecordKind
from breachdesk.ports import UnitOfWork
from schemas.customer import PROVIDER, AssetKind, Binding, RowProblem
from schemas.errors import BadInput
from schemas.user import Actor, Permission

_SITES = frozenset({"hosted website"})


@dataclass(frozen=True, slots=True)
class AssetOutcome:
    """What became of the assets of a delivery."""

    bound: tuple[Binding, ...] = ()
    unchanged: int = 0
    former: int = 0
    problems: tuple[RowProblem, ...] = ()


def bind_delivered(
    uow: UnitOfWork,
    actor: Actor,
    delivery: Delivery,
    services: Mapping[str, str],
    now: datetime,
) -> AssetOutcome:
    """Bind the assets of customers that the register has. `services`: the settings' presets by type
    of asset."""
    require_permission(actor, Permission.REGISTRAR, act="change whose assets are whose")
    lists = [each for each in delivery.lists if each.shape.kind is RecordKind.ASSETS]
    if not lists or delivery.vendor is None:
        return AssetOutcome()
    words = {**delivery.vendor.services, **{k.casefold(): v for k, v in services.items()}}
    binder = _AssetBinder(words, uow.customers.list_ids())
    for record in lists[0].records:
        binder.take(record, lists[0].shape.inactive_words)
    return binder.bind(uow, actor, now)


class _AssetBinder:
    """One delivery's assets."""

    def __init__(self, words: Mapping[str, str], customers: Collection[str]) -> None:
        self._words = words
        self._customers = customers
        self._bindings: dict[str, tuple[Record, Binding]] = {}
        self._owners: dict[str, set[str]] = defaultdict(set)
        self._counts: Counter[str] = Counter()
        self._problems: list[RowProblem] = []

    def take(self, record: Record, former_words: Collection[str]) -> None:
        """Take in one record of a machine or site."""
        if is_former(record, former_words):
            self._counts["former"] += 1
            return
        try:
            binding = self._parse(record)
        except BadInput as wrong:
            self._add_problem(record, wrong.problem, wrong.remedy)
            return
        self._owners[binding.asset].add(binding.customer_id)
        self._bindings[binding.asset] = record, binding

    def bind(self, uow: UnitOfWork, actor: Actor, now: datetime) -> AssetOutcome:
        """Bind what is new and nobody else's."""
        stored: dict[str, list[Binding]] = defaultdict(list)
        for known in uow.customers.list_bindings_among(self._bindings.keys()):
            stored[known.asset].append(known)
        new: list[Binding] = []
        for asset, (record, binding) in self._bindings.items():
            if len(self._owners[asset]) > 1:
                self._add_problem(record, "is named for two customers", "Give each its own name.")
            elif any(known.customer_id != binding.customer_id for known in stored[asset]):
                remedy = "Bind it by hand if it has changed hands."
                self._add_problem(record, "is bound to another customer", remedy)
            elif stored[asset]:
                self._counts["unchanged"] += 1
            else:
                new.append(binding)
        with replay_after(uow, now):
            uow.customers.bind_all(new, now)
        record_bindings(uow, actor, [(binding, ()) for binding in new], now)
        return AssetOutcome(
            tuple(new), self._counts["unchanged"], self._counts["former"], tuple(self._problems)
        )

    def _parse(self, record: Record) -> Binding:
        customer, kind_word = record.get("customer"), record.get("type")
        if customer not in self._customers or customer == PROVIDER:
            raise BadInput("belongs to no customer we know", remedy="Deliver the customer too.")
        preset = self._find_service(kind_word)
        kind = AssetKind.SITE if preset.name in _SITES else AssetKind.HOST
        return Binding(
            kind=kind,
            value=normalise_value(kind, record.get("value")),
            customer_id=customer,
            service=preset.name,
            role=preset.role,
            categories=preset.categories,
            pecr=preset.pecr,
        )

    def _find_service(self, word: str) -> ServicePreset:
        name = self._words.get(word.casefold(), "")
        preset = SERVICES.get(name.casefold())
        if preset is None:
            raise BadInput(
                "has a type that no service is named for",
                remedy="Name the type under `services` of this source.",
            )
        return preset

    def _add_problem(self, record: Record, problem: str, remedy: str) -> None:
        self._problems.append(
            RowProblem(line=record.line, column="asset", problem=problem, remedy=remedy)
        )


def list_bound_assets(bindings: Sequence[Binding]) -> tuple[str, ...]:
    """List the names of the assets, each once."""
    return tuple(dict.fromkeys(binding.asset for binding in bindings))
