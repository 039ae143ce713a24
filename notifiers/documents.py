"""A regulator report as A4 pages, set by typst. The data goes in as JSON, never as markup."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import typst

from notifiers.phrases import moment
from schemas.errors import BadInput
from schemas.report import RegulatorReport, ReportStage
from schemas.settings import ProviderProfile
from schemas.signs import shown_in

STAGES = {
    ReportStage.INITIAL: "Initial",
    ReportStage.FOLLOW_UP: "Follow-up",
    ReportStage.FINAL: "Final",
}
TEMPLATE = "regulator.typ"


def report_pdf(
    templates: Path, report: RegulatorReport, profile: ProviderProfile, zone: ZoneInfo
) -> bytes:
    """Same report, same bytes: typst's own fonts, and the report's time as the file's time.

    Raises BadInput naming the template when it cannot be set.
    """
    room = templates / "reports"
    try:
        return typst.compile(
            str(room / TEMPLATE),
            root=str(room),
            ignore_system_fonts=True,
            sys_inputs={"report": json.dumps(shown_in(_data(report, profile, zone)))},
            pdf_standards=["ua-1"],
            # typst takes whole seconds only
            timestamp=report.prepared_at.replace(microsecond=0),
        )
    except typst.TypstError as wrong:
        raise BadInput(
            wrong.message.splitlines()[0],
            place=f"template reports/{TEMPLATE}",
            remedy="Mend the template; no report was made.",
        ) from None


def _data(report: RegulatorReport, profile: ProviderProfile, zone: ZoneInfo) -> dict[str, Any]:
    """What the page needs, and no personal name: the organisation, not its people."""
    return {
        "authority": report.authority,
        "breach": report.breach_id,
        "version": report.version,
        "stage": STAGES[report.stage],
        "prepared": moment(report.prepared_at, zone),
        "drill": report.drill,
        "hash": report.hash,
        "organisation": profile.legal_name,
        "registration": profile.ico_registration,
        "questions": [question.model_dump(mode="json") for question in report.questions],
        "missing": report.missing,
    }
