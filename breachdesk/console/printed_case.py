"""The case file: a section at a time on the screen, whole as PDF."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework.case_file.build import SECTIONS, print_case, read_section
from breachdesk.console.desk import Signed
from breachdesk.console.notice import saved

router = APIRouter()
OUT = "out"
FIRST = "brief"
ROWS = 100
"""Of a table on the screen; the PDF holds all of them."""
PARTS = 50
LONGEST = 1_200
"""Characters of a cell on the screen."""


@router.get("/cases/{case_id}/file")
def show(case_id: str, desk: Signed, section: str = FIRST, names: str = "") -> Response:
    """One section, to read on the screen: a file of thousands of letters fits no page."""
    settings = desk.house.settings
    read = desk.look(
        lambda uow: read_section(
            uow, desk.actor, case_id, section, settings, desk.now, named=names != OUT
        )
    )
    return desk.page(
        "printed_case.html",
        read=read,
        sections={name: heading for name, (heading, _) in SECTIONS.items()},
        chosen=section,
        named=names != OUT,
        rows=ROWS,
        parts=PARTS,
        longest=LONGEST,
    )


@router.get("/cases/{case_id}/file.pdf")
def pdf(case_id: str, desk: Signed, names: str = "") -> Response:
    """All of it, to hand over."""
    settings = desk.house.settings
    printed = desk.look(
        lambda uow: print_case(uow, desk.actor, case_id, settings, desk.now, named=names != OUT)
    )
    content = desk.house.renderer.case_file_pdf(printed)
    suffix = "" if printed.named else "-without-names"
    return saved(content, "application/pdf", f"{printed.case_id}-file{suffix}.pdf")
