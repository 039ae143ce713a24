"""Answers of the demo's responder in the report to the regulator, about our own incident only."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from schemas.casework.affected import Certainty, Manifest
from schemas.casework.breach import Breach
from schemas.casework.report import (
    NotYetKnown,
    NumberPrecision,
    PreventionStep,
    ReportedQuantity,
    ReportFacts,
)
from schemas.customer import DataRole


def build_report_facts(
    breach: Breach, manifest: Manifest, by: str, now: datetime, jurisdiction: str
) -> ReportFacts:
    """Build the answers before the letters leave; counts are of controller exposures."""
    people = len(
        {
            e.customer_id
            for e in manifest.exposures
            if e.role is DataRole.CONTROLLER and e.certainty is not Certainty.EXCLUDED
        }
    )
    return ReportFacts(
        breach_id=breach.id,
        version=1,
        written_by=by,
        written_at=now,
        jurisdiction=jurisdiction,
        people=ReportedQuantity(value=people, precision=NumberPrecision.APPROXIMATE),
        records=ReportedQuantity(value=people, precision=NumberPrecision.APPROXIMATE),
        discovered_at=breach.discovered_at,
        not_yet_known=(
            NotYetKnown(
                what="whether the account pages were copied",
                who="our responder",
                by=now + timedelta(days=4),
            ),
        ),
        **_INCIDENT,
        **_MEASURES,
    )


def build_facts_after_letters(facts: ReportFacts) -> ReportFacts:
    """Build the same answers once the letters were handed over."""
    return facts.model_copy(update={"people_told": "told_all", "people_told_words": ""})


_INCIDENT: dict[str, Any] = {
    "spoken": False,
    "reason": "meets_threshold",
    "what_happened": "A password was guessed by trying many accounts. From the same "
    "address, a stranger signed in to our billing panel and opened customers' account pages.",
    "how_found": "Our monitoring joined the failed sign-ins, the successful one and what followed.",
    "cyber": "yes",
    "occurred_from": datetime(2026, 11, 22, 3, 40, tzinfo=UTC),
    "occurred_to": datetime(2026, 11, 22, 3, 52, tzinfo=UTC),
    "people_kinds": ("customers",),
    "data_kinds": ("basic_identifiers", "economic_financial"),
    "consequences": "Invoice fraud and convincing false calls in our name.",
    "actual_harm": "None is known to us so far.",
    "likelihood": "likely",
    "high_risk": "yes",
    "harmed": ("confidentiality",),
    "affected_how": "The account pages of customers in our billing panel were opened by "
    "somebody who had no right to. Nothing was changed or deleted, and the panel stayed available.",
    "impact": "low",
    "recovery": "complete",
}
_MEASURES: dict[str, Any] = {
    "trained": "yes",
    "training": "A course on data protection when somebody joins us, repeated every year.",
    "measures_before": "Monitoring of sign-ins, separate accounts for staff, encrypted storage.",
    "measures_after": "Sessions ended and passwords changed. We tell the people affected to check "
    "bills that show a new bank account.",
    "prevention": (
        PreventionStep(
            what="A second factor for every staff account", on=date(2026, 11, 23), done=True
        ),
        PreventionStep(
            what="The billing panel can be reached from our own network only",
            on=date(2026, 11, 30),
        ),
    ),
    "people_told": "about_to",
    "people_told_words": "The letters leave today, once a second person has approved them.",
    "told_bodies": "planning",
    "other_bodies": ("Report Fraud, if a false invoice appears",),
    "abroad": "no",
    "code_of_conduct": "no",
    "reporter_name": "Rowan Responder",
    "reporter_email": "rowan@fenland-it.example",
}
