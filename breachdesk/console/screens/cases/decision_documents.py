"""The decision memo to read, print and hand over, and the grounds for telling each body."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import JSONResponse, PlainTextResponse, Response

from breachdesk.casework.decision.decision_memo import build_memo, render_memo
from breachdesk.casework.decision.reporting_grounds import list_reporting_grounds
from breachdesk.console.views.case_progress import build_steps
from breachdesk.console.views.case_view import CaseFile, read_case
from breachdesk.console.web.request_context import RequestContext, SignedIn
from breachdesk.console.web.screen import Screen
from breachdesk.ports import UnitOfWork
from schemas.casework.memo import DecisionMemo

router = APIRouter()


@router.get("/cases/{case_id}/decision/memo")
def show_memo(case_id: str, context: SignedIn) -> Response:
    """The newest decision as a document."""
    file, memo = context.look(lambda uow: _read_memo(uow, context, case_id))
    return context.render_page(
        "memo.html", file=file, case=file.case, case_steps=build_steps(file), memo=memo
    )


@router.get("/cases/{case_id}/decision/memo.txt")
def download_memo_text(case_id: str, context: SignedIn) -> Response:
    """Plain text, as a file."""
    _, memo = context.look(lambda uow: _read_memo(uow, context, case_id))
    return PlainTextResponse(render_memo(memo), headers=_build_file_headers(memo, "txt"))


@router.get("/cases/{case_id}/decision/memo.json")
def download_memo_json(case_id: str, context: SignedIn) -> Response:
    """The same rows for another program."""
    _, memo = context.look(lambda uow: _read_memo(uow, context, case_id))
    return JSONResponse(memo.model_dump(mode="json"), headers=_build_file_headers(memo, "json"))


@router.get("/cases/{case_id}/decision/grounds")
def show_grounds(case_id: str, context: SignedIn) -> Response:
    """Should this be reported? Body by body."""
    promise = context.dependencies.settings.profile.promise

    def read_grounds(uow: UnitOfWork) -> tuple[CaseFile, object]:
        file = read_case(uow, case_id, context.now)
        return file, list_reporting_grounds(uow, file.get_breach().id, promise)

    file, bodies = context.look(read_grounds)
    return context.render_page(
        "grounds.html", file=file, case=file.case, case_steps=build_steps(file), bodies=bodies
    )


def _read_memo(
    uow: UnitOfWork, context: RequestContext, case_id: str
) -> tuple[CaseFile, DecisionMemo]:
    file = read_case(uow, case_id, context.now)
    zone = context.dependencies.settings.profile.zone
    return file, build_memo(uow, file.get_breach().id, zone)


def _build_file_headers(memo: DecisionMemo, ending: str) -> dict[str, str]:
    name = f"{memo.breach_id}-decision-{memo.version}.{ending}"
    return {"content-disposition": f'attachment; filename="{name}"'}


SCREEN = Screen(id="decision_documents", router=router)
