"""Compute which sources watch a customer's assets, and who was reachable through a system of our
own."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime

from breachdesk.casework.affected.bindings import is_in_force_between
from breachdesk.casework.affected.evidence import AssetSighting, CaseEvidence
from schemas.customer import PROVIDER, AssetKind, Binding, DataCategory, DataRole

SHARED = frozenset(
    {
        AssetKind.TENANT, AssetKind.MAILBOX, AssetKind.DOMAIN, AssetKind.SITE, AssetKind.SERVICE,
    }
)  # fmt: skip
"""Kinds that one source may watch for many customers; hosts and addresses are watched locally."""

ACCOUNT_DATA = (DataCategory.IDENTITY, DataCategory.CONTACT)
"""What we hold about every account, where the register does not say more."""


@dataclass(frozen=True, slots=True)
class ProviderExposure:
    """What access to our own systems makes reachable, in each role."""

    reasons: dict[DataRole, str]
    categories: dict[DataRole, tuple[DataCategory, ...]]
    named: frozenset[str]
    """Customers whose page of a system of ours was opened."""
    named_sightings: tuple[AssetSighting, ...]
    sources: frozenset[str]
    """Sources that watch our own systems."""
    times: dict[DataRole, tuple[datetime, datetime]] = field(default_factory=dict)
    """First and last event at our own systems; missing: no event says when."""


def compute_provider_exposure(evidence: CaseEvidence) -> ProviderExposure:
    """Compute the exposure from sightings at, or hand-picked assets of, the provider itself."""
    reasons: dict[DataRole, list[str]] = defaultdict(list)
    times: dict[DataRole, list[datetime]] = defaultdict(list)
    ours = [s for s in evidence.sightings if s.customer == PROVIDER]
    for sighting in ours:
        if sighting.outcome != "failure":
            role = _determine_role(evidence, sighting.asset, sighting)
            reasons[role].append(sighting.asset)
            times[role].append(sighting.event.time)
    picked = [a for a in evidence.case.assets if _is_ours(evidence, a)]
    unseen = [asset for customer, asset, _ in evidence.unseen if customer == PROVIDER]
    for asset in (*picked, *unseen):
        reasons[_determine_role(evidence, asset, None)].append(asset)
    categories = {role: _list_categories(evidence, role) for role in DataRole}
    named = tuple(_list_page_sightings(evidence, ours, categories[DataRole.CONTROLLER]))
    return ProviderExposure(
        {role: _format_reason(assets) for role, assets in reasons.items()},
        categories,
        frozenset(s.customer for s in named),
        named,
        _list_our_sources(evidence, ours),
        {role: (min(each), max(each)) for role, each in times.items()},
    )


def _format_reason(assets: list[str]) -> str:
    kinds = ", ".join(sorted(set(assets)))
    return (
        f"a system of our own was opened ({kinds}); from there every customer could be reached "
        "and nothing shows that this one was not"
    )


def _is_ours(evidence: CaseEvidence, asset: str) -> bool:
    return any(b.customer_id == PROVIDER for b in evidence.bindings.list_of_asset(asset))


def _determine_role(evidence: CaseEvidence, asset: str, sighting: AssetSighting | None) -> DataRole:
    """Determine the role from the binding; a system without a description holds our account
    data."""
    moment = sighting.event.time if sighting else evidence.end
    binding = evidence.bindings.find_at(asset, PROVIDER, moment)
    return binding.role if binding else DataRole.CONTROLLER


def _list_categories(evidence: CaseEvidence, role: DataRole) -> tuple[DataCategory, ...]:
    ours = evidence.bindings.list_of_customer(PROVIDER)
    categories = {c for b in ours if b.role is role for c in b.categories}
    return tuple(sorted(categories)) or (ACCOUNT_DATA if role is DataRole.CONTROLLER else ())


def _list_page_sightings(
    evidence: CaseEvidence, ours: list[AssetSighting], categories: tuple[DataCategory, ...]
) -> list[AssetSighting]:
    """List successful requests to a system of ours whose path names a known customer, about what we
    hold there. A typed path can only add a customer; it excludes nobody."""
    known = {c.id.casefold(): c.id for c in evidence.customers}
    sightings = []
    for sighting in ours:
        if sighting.outcome != "success":
            continue
        segments = str(sighting.event.summary.get("url.path", "")).casefold().split("/")
        sightings += [
            replace(sighting, customer=customer_id, categories=sighting.categories or categories)
            for customer_id in sorted({known[s] for s in segments if s in known})
        ]
    return sightings


def _list_our_sources(evidence: CaseEvidence, ours: list[AssetSighting]) -> frozenset[str]:
    bound = {
        b.value for b in evidence.bindings.list_of_customer(PROVIDER) if b.kind is AssetKind.SOURCE
    }
    return frozenset(bound | {s.event.source.casefold() for s in ours})


class SourceCoverage:
    """Which sources would have seen something at a customer's assets."""

    def __init__(self, evidence: CaseEvidence) -> None:
        self._kinds: dict[str, set[AssetKind]] = defaultdict(set)
        self._owned: dict[str, set[str]] = defaultdict(set)
        self._seen: dict[str, set[str]] = defaultdict(set)
        for source in evidence.sources:
            self._owned[source.owner].add(source.name.casefold())
        for sighting in evidence.sightings:
            kind = AssetKind(sighting.asset.partition(":")[0])
            name = sighting.event.source.casefold()
            self._seen[sighting.customer].add(name)
            if kind in SHARED and sighting.customer != PROVIDER:
                self._kinds[name].add(kind)

    def list_sources(self, customer_id: str, bindings: list[Binding]) -> set[str]:
        """List the customer's own sources, those that saw it in this case, and shared ones for its
        kinds."""
        kinds = {b.kind for b in bindings}
        shared = {name for name, watched in self._kinds.items() if watched & kinds}
        bound = {b.value for b in bindings if b.kind is AssetKind.SOURCE}
        return self._owned[customer_id] | self._seen[customer_id] | shared | bound


def list_bindings_in_window(
    evidence: CaseEvidence, customer_id: str, role: DataRole
) -> list[Binding]:
    """List the customer's bindings of this role in force at any moment of the incident."""
    return [
        b
        for b in evidence.bindings.list_of_customer(customer_id)
        if b.role is role and is_in_force_between(b, evidence.begin, evidence.end)
    ]
