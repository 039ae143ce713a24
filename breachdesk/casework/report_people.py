"""What is written down of suppliers and other bodies, as answers to a form's questions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from breachdesk.casework import bodies, suppliers
from breachdesk.gdpr.filing import Filing
from breachdesk.ports import UnitOfWork

PEOPLE = "people and bodies"


def from_people(uow: UnitOfWork, filing: Filing) -> Iterator[tuple[str, Any, str]]:
    """Field of ReportFacts, answer, and where it is from."""
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
