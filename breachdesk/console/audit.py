"""The audit chain: does it hold, and its newest entries."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.console.desk import Desk, Signed
from schemas.errors import Corrupt

router = APIRouter()
SHOWN = 200


@router.get("/audit")
def show(desk: Signed, verify: bool = False) -> Response:
    """The newest entries; with `verify`, every link is computed again."""
    entries = desk.look(lambda uow: uow.audit.entries(limit=SHOWN))
    links, broken = _verified(desk) if verify else (0, None)
    return desk.page(
        "audit.html", entries=list(reversed(entries)), links=links, broken=broken, verified=verify
    )


def _verified(desk: Desk) -> tuple[int, Corrupt | None]:
    try:
        return desk.look(lambda uow: uow.audit.verify()), None
    except Corrupt as broken:
        return 0, broken
