"""Typeset regulator reports and case files as A4 pages with typst. The data goes in as JSON, never
as markup."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import typst

from notifiers.letters.formatting import format_moment
from schemas.casework.case_file import PrintedCase
from schemas.casework.report import RegulatorReport, ReportPhase
from schemas.errors import BadInput
from schemas.settings import ProviderProfile
from schemas.text_signs import mark_hidden_in_value

STAGES = {
    ReportPhase.INITIAL: "Initial",
    ReportPhase.FOLLOW_UP: "Follow-up",
    ReportPhase.FINAL: "Final",
}
REPORT = "regulator.typ"
CASE_FILE = "case_file.typ"
PICTURE = "picture.typ"


def render_report_pdf(
    templates: Path, report: RegulatorReport, profile: ProviderProfile, zone: ZoneInfo
) -> bytes:
    """Render the report; the same report gives the same bytes, because it uses typst's own fonts,
    and the report's time as the file's time.

    Raises BadInput naming the template if typesetting fails."""
    data = _build_report_data(report, profile, zone)
    return _render_pdf(templates, REPORT, {"report": data}, report.prepared_at)


def render_case_file_pdf(templates: Path, printed: PrintedCase) -> bytes:
    """Render the case file; the same file gives the same bytes. Raises BadInput like
    `render_report_pdf`."""
    data = printed.model_dump(mode="json")
    return _render_pdf(templates, CASE_FILE, {"file": data}, printed.prepared_at)


def render_png(templates: Path, svg: str) -> bytes:
    """Render the picture; the same picture gives the same bytes."""
    folder = templates / "reports"
    try:
        content = typst.compile(
            str(folder / PICTURE),
            root=str(folder),
            ignore_system_fonts=True,
            format="png",
            ppi=144,
            sys_inputs={"svg": svg},
        )
    except typst.TypstError as wrong:
        raise BadInput(
            wrong.message.splitlines()[0],
            place=f"template reports/{PICTURE}",
            remedy="Mend the template; no picture was made.",
        ) from None
    return content[0] if isinstance(content, list) else content


def _render_pdf(templates: Path, name: str, data: dict[str, Any], at: datetime) -> bytes:
    folder = templates / "reports"
    try:
        return typst.compile(
            str(folder / name),
            root=str(folder),
            ignore_system_fonts=True,
            sys_inputs={
                key: json.dumps(mark_hidden_in_value(value)) for key, value in data.items()
            },
            pdf_standards=["ua-1"],
            # typst takes whole seconds only
            timestamp=at.replace(microsecond=0),
        )
    except typst.TypstError as wrong:
        raise BadInput(
            wrong.message.splitlines()[0],
            place=f"template reports/{name}",
            remedy="Mend the template; no document was made.",
        ) from None


def _build_report_data(
    report: RegulatorReport, profile: ProviderProfile, zone: ZoneInfo
) -> dict[str, Any]:
    """Build what the page needs, without personal names: the organisation, not its people."""
    return {
        "authority": report.authority,
        "breach": report.breach_id,
        "version": report.version,
        "stage": STAGES[report.stage],
        "prepared": format_moment(report.prepared_at, zone),
        "drill": report.drill,
        "hash": report.hash,
        "organisation": profile.legal_name,
        "registration": profile.ico_registration,
        "questions": [question.model_dump(mode="json") for question in report.questions],
        "missing": report.missing,
    }
