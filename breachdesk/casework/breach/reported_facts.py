"""Combine the reports of one breach: a mixed breach has two, each about its own people."""

from __future__ import annotations

from collections.abc import Iterable

from breachdesk.jurisdictions import list_jurisdictions
from breachdesk.ports import UnitOfWork
from schemas.casework.report import NumberPrecision, ReportedQuantity, ReportFacts


def list_reported_facts(uow: UnitOfWork, breach_id: str) -> tuple[ReportFacts, ...]:
    """List the newest answers about each set of people: reports that replace no other count the
    same people, and one that replaces another has people of its own."""
    known = list_jurisdictions()
    newest: dict[str, ReportFacts] = {}
    for facts in uow.breaches.list_versions(ReportFacts, breach_id):
        plugin = known.get(facts.jurisdiction or "")
        newest[plugin.id if plugin and plugin.replaces else ""] = facts
    return tuple(newest[people] for people in sorted(newest))


def sum_quantities(numbers: Iterable[ReportedQuantity]) -> ReportedQuantity:
    """Sum the numbers; the sum is unknown as long as one of them is."""
    every = tuple(numbers)
    values = [number.value for number in every if number.value is not None]
    if not values or len(values) < len(every):
        return ReportedQuantity()
    precisions = [number.precision for number in every]
    order = (NumberPrecision.UNKNOWN, NumberPrecision.APPROXIMATE, NumberPrecision.EXACT)
    return ReportedQuantity(value=sum(values), precision=min(precisions, key=order.index))
