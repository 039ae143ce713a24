"""Extract from a case's evidence which event touched which asset of which customer, and how.

An event's own touches count where the store knows them. Otherwise they are resolved again: by the
alert's touches that the event names, then by the bindings in force at the time of the event."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from breachdesk.casework.affected.bindings import (
    BindingIndex,
    add_domains,
    list_named_assets,
    omit_chosen_fields,
)
from breachdesk.ports import UnitOfWork
from schemas.casework.breach import Breach
from schemas.casework.case import Case
from schemas.customer import PROVIDER, Customer
from schemas.pipeline.alert import ATTEMPTS, PROVIDER_SCOPE, AlertView, EvidenceView
from schemas.pipeline.source import BlindInterval, SourceView

FAR_PAST = datetime.min.replace(tzinfo=UTC)

Touched = tuple[str, str, str]
"""(customer, asset, category)"""


@dataclass(frozen=True, slots=True)
class AssetSighting:
    """One event that reached, or tried to reach, one asset of one customer."""

    event: EvidenceView = field(repr=False)
    customer: str
    asset: str
    categories: tuple[str, ...]
    rules: frozenset[str] = frozenset()
    """Of the alerts that hold the event."""
    alerted_at: datetime | None = None
    """When the first of these alerts was raised; None: before the event, so it named another."""

    @property
    def outcome(self) -> str:
        """ECS event.outcome: success, failure, or empty."""
        outcome = str(self.event.summary.get("event.outcome", "")).casefold()
        return outcome if outcome in {"success", "failure"} else ""

    @property
    def action(self) -> str:
        return str(self.event.summary.get("event.action", "") or self.event.step).casefold()

    @property
    def attempts(self) -> int:
        """How many attempts the event's record tells of."""
        attempts: int = self.event.summary.get(ATTEMPTS, 1)
        return attempts


@dataclass(frozen=True, slots=True)
class CaseEvidence:
    """Everything `who is affected` is concluded from."""

    breach: Breach
    case: Case
    customers: Sequence[Customer]
    bindings: BindingIndex
    sightings: Sequence[AssetSighting]
    unseen: frozenset[Touched]
    """Touched according to an alert, but no kept event shows how."""
    succeeded: frozenset[Touched]
    """Of these, those of alerts of which every kept event succeeded."""
    begin: datetime
    end: datetime
    gaps: Sequence[BlindInterval]
    """Blind intervals that overlap the incident."""
    sources: Sequence[SourceView]
    alerts: Sequence[AlertView] = ()
    unattributed: tuple[str, ...] = ()


def gather_evidence(uow: UnitOfWork, breach_id: str) -> CaseEvidence:
    """Read the case's alerts, their events, the register and the blind intervals."""
    breach = uow.breaches.get(breach_id)
    case = uow.cases.get(breach.case_id)
    alerts = uow.alerts.get_many(case.alerts)
    bindings = BindingIndex(uow.customers.list_bindings())
    readings = [_read_alert(uow, alert, bindings) for alert in alerts]
    times = [event.time for reading in readings for event in reading.events]
    begin, end = _compute_window(breach, case, times)
    seen = {(s.customer, s.asset) for reading in readings for s in reading.sightings}
    return CaseEvidence(
        breach=breach,
        case=case,
        customers=uow.customers.list(),
        bindings=bindings,
        sightings=_deduplicate_sightings(readings),
        unseen=frozenset(t for r in readings for t in r.unseen if t[:2] not in seen),
        succeeded=frozenset(
            t for r in readings if r.all_succeeded for t in r.unseen if t[:2] not in seen
        ),
        begin=begin,
        end=end,
        gaps=tuple(uow.sources.list_gaps_within(begin, end)),
        sources=uow.sources.list(),
        alerts=alerts,
        unattributed=tuple(sorted({key for alert in alerts for key in alert.unattributed})),
    )


def list_assets(uow: UnitOfWork, case: Case) -> frozenset[str]:
    """List `kind:value` of everything the evidence of a case names or touches, attempted or
    successful, and what was chosen by hand: none of it is safe to send mail to or from."""
    assets = set(case.assets)
    for pk in case.alerts:
        alert = uow.alerts.get(pk)
        assets.update(asset for _, asset, _ in alert.touches)
        assets.update(key for key in alert.unattributed if key.startswith("mailbox:"))
        for event in uow.alerts.list_evidence(pk):
            assets.update(list_named_assets(event.summary))
            assets.update(asset for _, asset, _ in event.touches)
    return frozenset(assets)


@dataclass(frozen=True, slots=True)
class _AlertEvidence:
    """One alert, read event by event."""

    events: Sequence[EvidenceView]
    sightings: Sequence[AssetSighting]
    unseen: Sequence[Touched]

    @property
    def all_succeeded(self) -> bool:
        outcomes = {event.summary.get("event.outcome") for event in self.events}
        return outcomes == {"success"}


def _read_alert(uow: UnitOfWork, alert: AlertView, bindings: BindingIndex) -> _AlertEvidence:
    events = uow.alerts.list_evidence(alert.pk)
    sightings = [s for event in events for s in _iterate_sightings(event, alert, bindings)]
    seen = {(s.customer, s.asset) for s in sightings}
    return _AlertEvidence(events, sightings, [t for t in alert.touches if t[:2] not in seen])


def _deduplicate_sightings(readings: Iterable[_AlertEvidence]) -> tuple[AssetSighting, ...]:
    """Deduplicate events that several alerts hold."""
    sightings: dict[tuple[str, str, str], AssetSighting] = {}
    for sighting in (s for reading in readings for s in reading.sightings):
        key = (sighting.event.event_id, sighting.customer, sighting.asset)
        sightings[key] = (
            _merge_sightings(sightings[key], sighting) if key in sightings else sighting
        )
    return tuple(sightings.values())


def _merge_sightings(one: AssetSighting, other: AssetSighting) -> AssetSighting:
    times = [t for t in (one.alerted_at, other.alerted_at) if t is not None]
    return replace(one, rules=one.rules | other.rules, alerted_at=min(times, default=None))


def _iterate_sightings(
    event: EvidenceView, alert: AlertView, bindings: BindingIndex
) -> Iterator[AssetSighting]:
    touched = event.touches or tuple(_find_reattributed(event, alert, bindings))
    event = event.model_copy(update={"touches": touched})
    by_asset: dict[tuple[str, str], list[str]] = {}
    for customer, asset, category in touched:
        by_asset.setdefault((customer, asset), []).append(category)
    raised = alert.detected_at if alert.detected_at >= event.time else None
    for (customer, asset), categories in by_asset.items():
        named = tuple(sorted(set(categories) - {""}))
        yield AssetSighting(event, customer, asset, named, frozenset({alert.rule}), raised)


def _find_reattributed(
    event: EvidenceView, alert: AlertView, bindings: BindingIndex
) -> Iterable[Touched]:
    """Find touches by the alert's touches of the customers whom the event names, else by the
    bindings."""
    named = add_domains(list_named_assets(omit_chosen_fields(event.summary))) | {
        f"source:{event.source.casefold()}"
    }
    owners = {customer for customer, asset, _ in alert.touches if asset in named}
    everybody = {customer for customer, _, _ in alert.touches}
    if not owners and len(everybody) == 1 and alert.organization in everybody:
        owners = everybody
    if owners:
        return [t for t in alert.touches if t[0] in owners]
    matches = bindings.list_naming(named, event.time)
    if matches:
        return [(b.customer_id, b.asset, c.value) for b in matches for c in b.categories]
    return _find_unplaced(event, alert)


def _find_unplaced(event: EvidenceView, alert: AlertView) -> Iterable[Touched]:
    """Find successful events across customers at no asset that we could identify: they happened at
    a system of our own, and widen `possible`."""
    failed = event.summary.get("event.outcome") == "failure"
    if failed or alert.organization not in (PROVIDER, PROVIDER_SCOPE):
        return []
    return [(PROVIDER, f"source:{event.source.casefold()}", "")]


def _compute_window(
    breach: Breach, case: Case, times: Sequence[datetime]
) -> tuple[datetime, datetime]:
    """Compute the window from the first to the last known moment; without any, everything until the
    case began."""
    begins = [t for t in (breach.occurred_from, *times) if t is not None]
    ends = [t for t in (breach.occurred_to, *times) if t is not None]
    return min(begins, default=FAR_PAST), max(ends, default=case.opened_at)
