"""Every answer that a regulator's form demands: `from whole_report import whole_answers`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from schemas.casework.report import NumberPrecision, ReportedQuantity

ANSWERS: dict[str, Any] = {
    "what_happened": "A stranger signed in.",
    "how_found": "An alert.",
    "people": ReportedQuantity(value=64, precision=NumberPrecision.APPROXIMATE),
    "records": ReportedQuantity(value=64, precision=NumberPrecision.APPROXIMATE),
    "harmed": ("confidentiality",),
    "consequences": "False invoices.",
    "measures_before": "Logs.",
    "measures_after": "New passwords.",
    "people_told": "about_to",
}
OF_FORM: dict[str, dict[str, Any]] = {
    "uk_ico": {
        "reason": "meets_threshold",
        "cyber": "yes",
        "data_kinds": ("basic_identifiers", "economic_financial", "identification", "other"),
        "people_kinds": ("customers",),
        "likelihood": "likely",
        "high_risk": "yes",
        "impact": "low",
        "recovery": "complete",
        "trained": "yes",
        "reporter_name": "Rowan Vale",
    },
    "uk_pecr": {
        "data_kinds": ("traffic", "subscriber", "economic_financial", "identification", "other"),
        "other_providers": "no",
        "means": ("none_yet",),
        "abroad": "no",
    },
}


def whole_answers(jurisdiction: str, aware: datetime, **changes: Any) -> dict[str, Any]:
    """Fields of ReportFacts for one form, `changes` over them."""
    times = {
        "occurred_from": aware - timedelta(hours=9),
        "discovered_at": aware - timedelta(hours=1),
    }
    return ANSWERS | OF_FORM[jurisdiction] | times | changes
