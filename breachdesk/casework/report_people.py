"""What is written down of suppliers and other bodies, as answers to a form's questions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from breachdesk.casework import bodies, suppliers
from breachdesk.gdpr.filing import Filing
from breachdesk.ports import UnitOfWork
from schemas.case import Origin

PEOPLE = "people and bodies"
TOLD_US = {
    Origin.PROCESSOR: "A supplier told us",
    Origin.THIRD_PARTY: "Somebody outside told us",
    Origin.CUSTOMER: "A customer told us",
}


def from_people(uow: UnitOfWork, filing: Filing) -> Iterator[tuple[str, Any, str]]:
    """Field of ReportFacts, answer, and where it is from."""
    yield "how_found", _how_found(uow, filing), "the case"
    named = suppliers.names(uow, filing.case)
    if named:
        yield "other_providers", "yes", PEOPLE
        yield "other_providers_words", "; ".join(named), PEOPLE
    said = bodies.bodies_told(uow, filing.breach.id)
    zone = filing.profile.zone
    told = tuple(bodies.said_of(body, zone) for body in said if body.applicable)
    if told:
        yield "told_bodies", "yes", PEOPLE
        yield "other_bodies", told, PEOPLE


def _how_found(uow: UnitOfWork, filing: Filing) -> str:
    """Who told us, without a name, and when; else the alert that names what this is about."""
    lead = TOLD_US.get(filing.case.origin)
    if lead is not None:
        at = suppliers.first_told_at(uow, filing.case)
        return f"{lead} on {filing.when(at)}." if at is not None else f"{lead}."
    if filing.detected_at is not None:
        return f"Our systems raised an alert on {filing.when(filing.detected_at)}."
    return ""
