"""The decision memo to read, print and hand over, and the grounds for telling each body."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import JSONResponse, PlainTextResponse, Response

from breachdesk.casework.decision_memo import decision_memo, memo_text
from breachdesk.casework.reporting_grounds import reporting_grounds
from breachdesk.console.case_file import CaseFile, read_case
from breachdesk.console.desk import Desk, Signed
from breachdesk.console.way import way
from breachdesk.ports import UnitOfWork
from schemas.memo import DecisionMemo

router = APIRouter()


@router.get("/cases/{case_id}/decision/memo")
def show_memo(case_id: str, desk: Signed) -> Response:
    """The newest decision as a document."""
    file, memo = desk.look(lambda uow: _read(uow, desk, case_id))
    return desk.page("memo.html", file=file, case=file.case, way=way(file), memo=memo)


@router.get("/cases/{case_id}/decision/memo.txt")
def memo_as_text(case_id: str, desk: Signed) -> Response:
    """Plain text, as a file."""
    _, memo = desk.look(lambda uow: _read(uow, desk, case_id))
    return PlainTextResponse(memo_text(memo), headers=_as_file(memo, "txt"))


@router.get("/cases/{case_id}/decision/memo.json")
def memo_as_json(case_id: str, desk: Signed) -> Response:
    """The same rows for another program."""
    _, memo = desk.look(lambda uow: _read(uow, desk, case_id))
    return JSONResponse(memo.model_dump(mode="json"), headers=_as_file(memo, "json"))


@router.get("/cases/{case_id}/decision/grounds")
def show_grounds(case_id: str, desk: Signed) -> Response:
    """Should this be reported? Body by body."""
    promise = desk.house.settings.profile.promise

    def read(uow: UnitOfWork) -> tuple[CaseFile, object]:
        file = read_case(uow, case_id, desk.now)
        return file, reporting_grounds(uow, file.known_breach().id, promise)

    file, bodies = desk.look(read)
    return desk.page("grounds.html", file=file, case=file.case, way=way(file), bodies=bodies)


def _read(uow: UnitOfWork, desk: Desk, case_id: str) -> tuple[CaseFile, DecisionMemo]:
    file = read_case(uow, case_id, desk.now)
    zone = desk.house.settings.profile.zone
    return file, decision_memo(uow, file.known_breach().id, zone)


def _as_file(memo: DecisionMemo, ending: str) -> dict[str, str]:
    name = f"{memo.breach_id}-decision-{memo.version}.{ending}"
    return {"content-disposition": f'attachment; filename="{name}"'}
