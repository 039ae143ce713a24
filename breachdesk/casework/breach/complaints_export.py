"""Export all complaints for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from breachdesk.casework.breach.register import format_cell
from schemas.casework.case_record import Complaint

COLUMNS = (
    "id", "case_id", "customer_id", "received_at", "route", "acknowledge_by", "acknowledged_at",
    "acknowledged_by", "answered_at", "answered_by", "complainant", "contact", "about",
    "acknowledgement", "outcome",
)  # fmt: skip


def export_csv(complaints: Iterable[Complaint]) -> str:
    """Export one row a complaint, with cells escaped against formulas."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for complaint in complaints:
        plain = complaint.model_dump(mode="json")
        writer.writerow([format_cell(plain[name]) for name in COLUMNS])
    return out.getvalue()
