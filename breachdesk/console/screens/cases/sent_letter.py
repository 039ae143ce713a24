"""One letter as it was approved and sent: never what would be written today."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework.release.sent_texts import find_sealed_mail
from breachdesk.console.screens.cases.letters import build_download
from breachdesk.console.views.case_progress import build_steps
from breachdesk.console.views.case_view import CaseFile, read_case
from breachdesk.console.web.request_context import RequestContext, SignedIn
from breachdesk.console.web.screen import Screen
from breachdesk.ports import UnitOfWork
from schemas.casework.approval import Approval
from schemas.casework.notice import NoticeRow, RenderedText
from schemas.errors import NotFound

router = APIRouter()


@router.get("/cases/{case_id}/sent/{row_id}")
def show_sent_letter(case_id: str, row_id: int, context: SignedIn) -> Response:
    """The text, what became of it, and who approved it."""
    file, row, mail, approval = context.look(
        lambda uow: _read_letter(uow, context, case_id, row_id)
    )
    return context.render_page(
        "sent.html",
        file=file,
        case=file.case,
        case_steps=build_steps(file),
        row=row,
        mail=mail,
        approval=approval,
        person=next(
            (
                r
                for r in (file.manifest.recipients if file.manifest else ())
                if (r.customer_id, r.person_id) == (row.customer_id, row.person_id)
            ),
            None,
        ),
    )


@router.get("/cases/{case_id}/sent/{row_id}/attachments/{name}")
def download_attachment(case_id: str, row_id: int, name: str, context: SignedIn) -> Response:
    """A file that went with it, to save."""
    _, _, mail, _ = context.look(lambda uow: _read_letter(uow, context, case_id, row_id))
    content = mail.attachments.get(name) if mail else None
    if content is None:
        raise NotFound("no such attachment", place=case_id)
    return build_download(content.encode(), "application/json", name)


def _read_letter(
    uow: UnitOfWork, context: RequestContext, case_id: str, row_id: int
) -> tuple[CaseFile, NoticeRow, RenderedText | None, Approval | None]:
    file = read_case(uow, case_id, context.now)
    breach = file.get_breach()
    row = next((row for row in file.rows if row.id == row_id), None)
    if row is None:
        raise NotFound("no such letter", place=case_id, remedy="See the list of its letters.")
    approvals = uow.breaches.list_versions(Approval, breach.id)
    approval = next((a for a in approvals if a.hash == row.approval_hash), None)
    return file, row, find_sealed_mail(uow, row), approval


SCREEN = Screen(id="sent_letter", router=router)
