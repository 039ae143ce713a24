"""The audit chain: does it hold, does the store agree with it, and its newest entries."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.console.desk import Desk, Signed
from schemas.audit import AuditReport
from schemas.errors import Corrupt

router = APIRouter()
SHOWN = 200


@router.get("/audit")
def show(desk: Signed, verify: bool = False) -> Response:
    """The newest entries; with `verify`, every link is computed again and the store compared."""
    entries = desk.look(lambda uow: uow.audit.entries(limit=SHOWN))
    report, broken = _examined(desk) if verify else (None, None)
    head = desk.look(lambda uow: uow.audit.head())
    return desk.page(
        "audit.html", entries=list(reversed(entries)), report=report, broken=broken, head=head
    )


def _examined(desk: Desk) -> tuple[AuditReport | None, Corrupt | None]:
    try:
        return desk.look(lambda uow: uow.audit.examine()), None
    except Corrupt as broken:
        return None, broken
