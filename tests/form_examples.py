"""Any jurisdiction's form, filled in and blank. `from form_examples import build_filing`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from breachdesk.gdpr.filing import ReportFiling
from breachdesk.gdpr.jurisdiction import Jurisdiction
from breachdesk.gdpr.law import load_shipped_law
from schemas.casework.breach import Breach
from schemas.casework.case import Case, CaseOrigin
from schemas.casework.report import NotYetKnown, NumberPrecision, ReportedQuantity, ReportFacts
from schemas.settings import ProviderProfile

LAW = load_shipped_law()
AWARE = datetime(2026, 11, 23, 9, 12, tzinfo=UTC)


def build_filing(
    plugin: Jurisdiction, facts: ReportFacts | None, now: datetime = AWARE + timedelta(hours=4)
) -> ReportFiling:
    breach = Breach(
        id="BR-0001", case_id="CASE-0001", title="t", confirmed_by="rowan", confirmed_at=AWARE,
        reason="r", aware_at=AWARE, detected_at=AWARE - timedelta(hours=2),
    )  # fmt: skip
    case = Case(id="CASE-0001", title="t", origin=CaseOrigin.OWN, opened_by="asha", opened_at=AWARE)
    profile = ProviderProfile(
        legal_name="Provider Ltd", registered_address="1 Quay", ico_registration="ZA000000",
        contact_name="Ada Quist", contact_email="p@provider.example",
    )  # fmt: skip
    return ReportFiling(
        breach=breach, case=case, profile=profile, form=plugin.get_form(LAW, now), facts=facts,
        decision=None, exposures=(), due=plugin.compute_deadline(LAW, AWARE).due, now=now,
    )  # fmt: skip


def build_whole_facts(plugin: Jurisdiction, **changes: Any) -> ReportFacts:
    """Answers in words, and the choices of the jurisdiction's own example."""
    answers: dict[str, Any] = {
        "what_happened": "A stranger signed in.", "how_found": "An alert.",
        "occurred_from": AWARE - timedelta(hours=5), "discovered_at": AWARE,
        "people": ReportedQuantity(value=64, precision=NumberPrecision.APPROXIMATE),
        "records": ReportedQuantity(value=64, precision=NumberPrecision.EXACT),
        "consequences": "False invoices.", "measures_before": "Logs.",
        "measures_after": "New passwords.",
        "not_yet_known": (
            NotYetKnown(what="copies", who="rowan", by=AWARE + timedelta(days=4)),
        ),
    }  # fmt: skip
    return ReportFacts(
        breach_id="BR-0001", version=1, written_by="rowan", written_at=AWARE,
        jurisdiction=plugin.id, **(answers | plugin.report_example.answers | changes),
    )  # fmt: skip
