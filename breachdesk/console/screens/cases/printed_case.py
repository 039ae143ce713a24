"""The case file: a section at a time on the screen, whole as PDF."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework.case_file.build import SECTIONS, build_case_file, read_section
from breachdesk.console.screens.cases.letters import build_download
from breachdesk.console.web.request_context import SignedIn
from breachdesk.console.web.screen import Screen

router = APIRouter()
OUT = "out"
FIRST = "brief"
ROWS = 100
"""Of a table on the screen; the PDF holds all of them."""
PARTS = 50
LONGEST = 1_200
"""Characters of a cell on the screen."""


@router.get("/cases/{case_id}/file")
def show_case_file(
    case_id: str, context: SignedIn, section: str = FIRST, names: str = ""
) -> Response:
    """One section, to read on the screen: a file of thousands of letters fits no page."""
    settings = context.dependencies.settings
    read = context.look(
        lambda uow: read_section(
            uow, context.actor, case_id, section, settings, context.now, named=names != OUT
        )
    )
    return context.render_page(
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
def download_pdf(case_id: str, context: SignedIn, names: str = "") -> Response:
    """All of it, to hand over."""
    settings = context.dependencies.settings
    printed = context.look(
        lambda uow: build_case_file(
            uow, context.actor, case_id, settings, context.now, named=names != OUT
        )
    )
    content = context.dependencies.renderer.render_case_file_pdf(printed)
    suffix = "" if printed.named else "-without-names"
    return build_download(content, "application/pdf", f"{printed.case_id}-file{suffix}.pdf")


SCREEN = Screen(id="printed_case", router=router)
