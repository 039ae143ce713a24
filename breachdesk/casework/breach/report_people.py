"""Propose answers to a form's questions from the records of suppliers and other bodies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from breachdesk.casework.records import informed_bodies, suppliers
from breachdesk.gdpr.filing import ReportFiling
from breachdesk.ports import UnitOfWork
from schemas.casework.case import CaseOrigin

PEOPLE = "people and bodies"
SOURCES = {
    CaseOrigin.PROCESSOR: "A supplier told us",
    CaseOrigin.THIRD_PARTY: "Somebody outside told us",
    CaseOrigin.CUSTOMER: "A customer told us",
}


def propose_from_people(uow: UnitOfWork, filing: ReportFiling) -> Iterator[tuple[str, Any, str]]:
    """Propose (field of ReportFacts, answer, origin)."""
    yield "how_found", _describe_discovery(uow, filing), "the case"
    named = suppliers.list_names(uow, filing.case)
    if named:
        yield "other_providers", "yes", PEOPLE
        yield "other_providers_words", "; ".join(named), PEOPLE
    documents = informed_bodies.list_bodies(uow, filing.breach.id)
    zone = filing.profile.zone
    texts = tuple(informed_bodies.format_body(body, zone) for body in documents if body.applicable)
    if texts:
        yield "told_bodies", "yes", PEOPLE
        yield "other_bodies", texts, PEOPLE


def _describe_discovery(uow: UnitOfWork, filing: ReportFiling) -> str:
    """Describe who told us, without a name, and when; else the first alert."""
    lead = SOURCES.get(filing.case.origin)
    if lead is not None:
        at = suppliers.find_first_told_at(uow, filing.case)
        return f"{lead} on {filing.format_moment(at)}." if at is not None else f"{lead}."
    if filing.detected_at is not None:
        return f"Our systems raised an alert on {filing.format_moment(filing.detected_at)}."
    return ""
