"""The audit chain: does it hold, does the store agree with it, and its newest entries."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.console.desk import Desk, Signed
from breachdesk.console.paging import page_request
from schemas.audit import AuditReport
from schemas.errors import Corrupt

router = APIRouter()


@router.get("/audit")
def show(desk: Signed, verify: bool = False) -> Response:
    """The newest entries; with `verify`, every link is computed again and the store compared."""
    request = page_request(desk)
    entries, head = desk.look(lambda uow: (uow.audit.page(request), uow.audit.head()))
    report, broken = _examined(desk) if verify else (None, None)
    return desk.page("audit.html", entries=entries, report=report, broken=broken, head=head)


def _examined(desk: Desk) -> tuple[AuditReport | None, Corrupt | None]:
    try:
        return desk.look(lambda uow: uow.audit.examine()), None
    except Corrupt as broken:
        return None, broken
