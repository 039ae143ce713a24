"""The case file: to read, to print, and as PDF."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework.case_file.build import print_case
from breachdesk.console.desk import Desk, Signed
from breachdesk.console.notice import saved
from breachdesk.ports import UnitOfWork
from schemas.case_file import PrintedCase

router = APIRouter()
OUT = "out"


@router.get("/cases/{case_id}/file")
def show(case_id: str, desk: Signed, names: str = "") -> Response:
    """To read on the screen."""
    printed, case = desk.look(
        lambda uow: (_print(uow, desk, case_id, names), uow.cases.get(case_id))
    )
    return desk.page("printed_case.html", printed=printed, case=case)


@router.get("/cases/{case_id}/file.pdf")
def pdf(case_id: str, desk: Signed, names: str = "") -> Response:
    """To hand over."""
    printed = desk.look(lambda uow: _print(uow, desk, case_id, names))
    content = desk.house.renderer.case_file_pdf(printed)
    suffix = "" if printed.named else "-without-names"
    return saved(content, "application/pdf", f"{printed.case_id}-file{suffix}.pdf")


def _print(uow: UnitOfWork, desk: Desk, case_id: str, names: str) -> PrintedCase:
    house = desk.house
    return print_case(uow, desk.actor, case_id, house.settings, desk.now, named=names != OUT)
