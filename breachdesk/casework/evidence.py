"""What the evidence of a case says: which event touched which asset of which customer, and how.

An event's own touches count where the store knows them. Else they are found again: by the alert's
touches that the event names, then by the bindings in force at the time of the event.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from breachdesk.casework.naming import Bindings, named_assets
from breachdesk.ports import UnitOfWork
from schemas.alert import AlertView, EvidenceView
from schemas.breach import Breach
from schemas.case import Case
from schemas.customer import PROVIDER, Binding, Customer
from schemas.source import BlindInterval, SourceView

FAR_PAST = datetime.min.replace(tzinfo=UTC)

Touched = tuple[str, str, str]
"""(customer, asset, category)"""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One event that reached, or tried to reach, one asset of one customer."""

    event: EvidenceView = field(repr=False)
    customer: str
    asset: str
    categories: tuple[str, ...]

    @property
    def outcome(self) -> str:
        """ECS event.outcome: success, failure, or empty."""
        outcome = str(self.event.summary.get("event.outcome", "")).casefold()
        return outcome if outcome in {"success", "failure"} else ""

    @property
    def action(self) -> str:
        return str(self.event.summary.get("event.action", "") or self.event.step).casefold()


@dataclass(frozen=True, slots=True)
class CaseEvidence:
    """Everything `who is affected` is concluded from."""

    breach: Breach
    case: Case
    customers: Sequence[Customer]
    bindings: Bindings
    sightings: Sequence[Sighting]
    unseen: frozenset[Touched]
    """Touched according to an alert, but no retained event shows how."""
    begin: datetime
    end: datetime
    gaps: Sequence[BlindInterval]
    """Blind intervals that overlap the incident."""
    sources: Sequence[SourceView]
    unattributed: tuple[str, ...] = ()


def gather(uow: UnitOfWork, breach_id: str) -> CaseEvidence:
    """Read the case's alerts, their events, the register and the blind intervals."""
    breach = uow.breaches.get(breach_id)
    case = uow.cases.get(breach.case_id)
    alerts = [uow.alerts.get(pk) for pk in case.alerts]
    bindings = Bindings(uow.customers.bindings())
    sightings, unseen, times = _sightings(uow, alerts, bindings)
    begin, end = _window(breach, case, times)
    return CaseEvidence(
        breach=breach,
        case=case,
        customers=uow.customers.list(),
        bindings=bindings,
        sightings=tuple(sightings),
        unseen=frozenset(unseen),
        begin=begin,
        end=end,
        gaps=tuple(g for g in uow.sources.gaps() if _overlaps(g, begin, end)),
        sources=uow.sources.list(),
        unattributed=tuple(sorted({key for alert in alerts for key in alert.unattributed})),
    )


def assets_in_evidence(uow: UnitOfWork, case: Case) -> frozenset[str]:
    """`kind:value` of everything the evidence of a case names or touches, tried or opened, and
    what was chosen by hand: none of it is safe to send mail to or from."""
    found = set(case.assets)
    for pk in case.alerts:
        alert = uow.alerts.get(pk)
        found.update(asset for _, asset, _ in alert.touches)
        found.update(key for key in alert.unattributed if key.startswith("mailbox:"))
        for event in uow.alerts.evidence(pk):
            found.update(named_assets(event.summary))
            found.update(asset for _, asset, _ in event.touches)
    return frozenset(found)


def _sightings(
    uow: UnitOfWork, alerts: Iterable[AlertView], bindings: Bindings
) -> tuple[list[Sighting], set[Touched], list[datetime]]:
    sightings: dict[tuple[str, str, str], Sighting] = {}
    unseen: set[Touched] = set()
    times: list[datetime] = []
    for alert in alerts:
        events = uow.alerts.evidence(alert.pk)
        times.extend(event.time for event in events)
        found = [s for event in events for s in _of_event(event, alert, bindings)]
        seen = {(s.customer, s.asset) for s in found}
        unseen.update(t for t in alert.touches if (t[0], t[1]) not in seen)
        for sighting in found:
            key = (sighting.event.event_id, sighting.customer, sighting.asset)
            sightings.setdefault(key, sighting)
    return list(sightings.values()), unseen, times


def _of_event(event: EvidenceView, alert: AlertView, bindings: Bindings) -> Iterator[Sighting]:
    touched = event.touches or tuple(_found_again(event, alert, bindings))
    by_asset: dict[tuple[str, str], list[str]] = {}
    for customer, asset, category in touched:
        by_asset.setdefault((customer, asset), []).append(category)
    for (customer, asset), categories in by_asset.items():
        yield Sighting(event, customer, asset, tuple(sorted(set(categories) - {""})))


def _found_again(event: EvidenceView, alert: AlertView, bindings: Bindings) -> Iterable[Touched]:
    named = named_assets(event.summary) | {f"source:{event.source.casefold()}"}
    by_alert = [t for t in alert.touches if t[1] in named]
    if by_alert:
        return by_alert
    owners = {customer for customer, _, _ in alert.touches}
    if len(owners) == 1:
        return alert.touches
    return _by_bindings(bindings.naming(named, event.time), event, alert)


def _by_bindings(
    found: Sequence[Binding], event: EvidenceView, alert: AlertView
) -> Iterable[Touched]:
    if found:
        return [(b.customer_id, b.asset, c.value) for b in found for c in b.categories]
    if alert.organization == PROVIDER:
        return [(PROVIDER, f"source:{event.source.casefold()}", "")]
    return []


def _window(breach: Breach, case: Case, times: Sequence[datetime]) -> tuple[datetime, datetime]:
    """From the first to the last known moment; without any, everything until the case began."""
    begins = [t for t in (breach.occurred_from, *times) if t is not None]
    ends = [t for t in (breach.occurred_to, *times) if t is not None]
    return min(begins, default=FAR_PAST), max(ends, default=case.opened_at)


def _overlaps(gap: BlindInterval, begin: datetime, end: datetime) -> bool:
    return gap.begin <= end and (gap.end is None or gap.end >= begin)
