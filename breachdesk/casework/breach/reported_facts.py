"""What the reports of one breach say together: a mixed breach has two, each of its own people."""

from __future__ import annotations

from collections.abc import Iterable

from breachdesk.gdpr.roles import NotificationTrack
from breachdesk.jurisdictions import list_jurisdictions
from breachdesk.ports import UnitOfWork
from schemas.casework.report import NumberPrecision, ReportedQuantity, ReportFacts


def list_reported_facts(uow: UnitOfWork, breach_id: str) -> tuple[ReportFacts, ...]:
    """The newest answers of each kind of report; two regulators that are told of the same people
    count once."""
    known = list_jurisdictions()
    newest: dict[NotificationTrack, ReportFacts] = {}
    for facts in uow.breaches.list_versions(ReportFacts, breach_id):
        plugin = known.get(facts.jurisdiction or "")
        newest[plugin.track if plugin else NotificationTrack.ICO] = facts
    return tuple(newest[track] for track in NotificationTrack if track in newest)


def sum_quantities(numbers: Iterable[ReportedQuantity]) -> ReportedQuantity:
    """The sum; unknown as long as one of them is."""
    every = tuple(numbers)
    values = [number.value for number in every if number.value is not None]
    if not values or len(values) < len(every):
        return ReportedQuantity()
    precisions = [number.precision for number in every]
    order = (NumberPrecision.UNKNOWN, NumberPrecision.APPROXIMATE, NumberPrecision.EXACT)
    return ReportedQuantity(value=sum(values), precision=min(precisions, key=order.index))
