"""Find which assets an event's fields name, and whose they were at that time."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from breachdesk.gdpr.personal_data.names import EMAIL
from schemas.customer import AssetKind, Binding

HOSTS = ("host.name", "observer.name")
OWN_ADDRESSES = ("destination.ip", "observer.ip")
"""Never source.ip: that is the other side."""
CHOSEN_FIELDS = (
    "rule.name", "file.", "user_agent.", "email.subject", "url.", "http.request.", "message",
    "breach.mailbox.forward_to",
)  # fmt: skip
"""Fields whose text somebody chose: who breaks in may write another's address there."""


def omit_chosen_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Omit fields that a user chose, and keep what the system itself records of who and where."""
    return {name: value for name, value in fields.items() if not name.startswith(CHOSEN_FIELDS)}


def list_named_assets(fields: Mapping[str, Any]) -> frozenset[str]:
    """List `kind:value` of mailboxes, hosts and addresses that these ECS fields name."""
    return frozenset(_iterate_named(fields))


def add_domains(assets: Iterable[str]) -> frozenset[str]:
    """Add the domain of every mailbox to these assets."""
    names = set(assets)
    names |= {f"domain:{a.rpartition('@')[2]}" for a in names if a.startswith("mailbox:")}
    return frozenset(names)


def _iterate_named(fields: Mapping[str, Any]) -> Iterator[str]:
    for name, value in fields.items():
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str):
                yield from (f"mailbox:{address.casefold()}" for address in EMAIL.findall(text))
        if name in HOSTS and isinstance(value, str):
            yield f"host:{value.casefold()}"
        if name in OWN_ADDRESSES and isinstance(value, str):
            yield f"ip:{value}"


def is_in_force(binding: Binding, moment: datetime) -> bool:
    """Whether the binding is in force: half-open, from `valid_from` up to `valid_to`."""
    begun = binding.valid_from is None or binding.valid_from <= moment
    return begun and (binding.valid_to is None or moment < binding.valid_to)


def is_in_force_between(binding: Binding, begin: datetime, end: datetime) -> bool:
    """Whether it was in force at any moment between the two."""
    begun = binding.valid_from is None or binding.valid_from <= end
    return begun and (binding.valid_to is None or begin < binding.valid_to)


class BindingIndex:
    """The register's bindings, found by asset, customer and what an event names."""

    def __init__(self, bindings: Sequence[Binding]) -> None:
        self._by_asset: dict[str, list[Binding]] = {}
        self._by_customer: dict[str, list[Binding]] = {}
        self._networks = [b for b in bindings if b.kind is AssetKind.IP and "/" in b.value]
        for binding in bindings:
            self._by_asset.setdefault(binding.asset, []).append(binding)
            self._by_customer.setdefault(binding.customer_id, []).append(binding)

    def list_of_asset(self, asset: str) -> Sequence[Binding]:
        """List every binding that the asset ever had."""
        return self._by_asset.get(asset, ())

    def list_of_customer(self, customer_id: str) -> Sequence[Binding]:
        """List every binding of the customer, ended ones too."""
        return self._by_customer.get(customer_id, ())

    def find_at(self, asset: str, customer_id: str, moment: datetime) -> Binding | None:
        """Find the binding in force then, else any other of this asset to this customer."""
        own = [b for b in self.list_of_asset(asset) if b.customer_id == customer_id]
        return next((b for b in own if is_in_force(b, moment)), own[0] if own else None)

    def list_naming(self, assets: Iterable[str], moment: datetime) -> Sequence[Binding]:
        """List bindings in force of these assets, of a mailbox's domain, of an address's
        network."""
        searched = add_domains(assets)
        direct = [b for asset in sorted(searched) for b in self.list_of_asset(asset)]
        within = [b for b in self._networks if any(_is_within(a, b.value) for a in searched)]
        return [b for b in dict.fromkeys((*direct, *within)) if is_in_force(b, moment)]


def _is_within(asset: str, network: str) -> bool:
    kind, _, value = asset.partition(":")
    if kind != "ip":
        return False
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
