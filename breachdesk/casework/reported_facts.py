"""What the reports of one breach say together: a mixed breach has two, each of its own people."""

from __future__ import annotations

from collections.abc import Iterable

from breachdesk.gdpr.roles import Track
from breachdesk.jurisdictions import jurisdictions
from breachdesk.ports import UnitOfWork
from schemas.report import Precision, Quantity, ReportFacts


def reported_facts(uow: UnitOfWork, breach_id: str) -> tuple[ReportFacts, ...]:
    """The newest answers of each kind of report; two regulators that are told of the same people
    count once."""
    known = jurisdictions()
    newest: dict[Track, ReportFacts] = {}
    for facts in uow.breaches.all(ReportFacts, breach_id):
        plugin = known.get(facts.jurisdiction or "")
        newest[plugin.track if plugin else Track.ICO] = facts
    return tuple(newest[track] for track in Track if track in newest)


def together(numbers: Iterable[Quantity]) -> Quantity:
    """The sum; unknown as long as one of them is."""
    every = tuple(numbers)
    values = [number.value for number in every if number.value is not None]
    if not values or len(values) < len(every):
        return Quantity()
    precisions = [number.precision for number in every]
    order = (Precision.UNKNOWN, Precision.APPROXIMATE, Precision.EXACT)
    return Quantity(value=sum(values), precision=min(precisions, key=order.index))
