"""The list of cases, each with where it stands."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.console.case_file import CaseFile, read_case
from breachdesk.console.desk import Desk, Signed
from breachdesk.console.way import next_step
from breachdesk.ports import UnitOfWork

router = APIRouter()


@router.get("/cases")
def cases(desk: Signed) -> Response:
    """Open ones first, newest first."""
    files = desk.look(lambda uow: _read(uow, desk))
    return desk.page(
        "cases.html",
        live=[(file, next_step(file)) for file in files if file.is_open],
        closed=[file for file in files if not file.is_open],
    )


def _read(uow: UnitOfWork, desk: Desk) -> list[CaseFile]:
    return [read_case(uow, case.id, desk.now) for case in uow.cases.list()]
