"""The Art. 33(5) register: every breach and near miss, and its export."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework import register
from breachdesk.console.desk import Signed
from breachdesk.console.notice import saved

router = APIRouter()
ENTRIES = 10
"""Of a page."""
MOST = 1_000_000
MEDIA = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


@router.get("/register")
def show(desk: Signed, page: int = 1) -> Response:
    """One card a breach or near miss, newest first."""
    at = max(page, 1)
    begin = min((at - 1) * ENTRIES, MOST)
    entries, total = desk.look(lambda uow: register.page(uow, desk.now, begin=begin, limit=ENTRIES))
    return desk.page(
        "register.html", entries=entries, total=total, page=at, pages=-(-total // ENTRIES) or 1
    )


@router.get("/register.csv")
def as_csv(desk: Signed) -> Response:
    """For a spreadsheet."""
    return _export(desk, "csv")


@router.get("/register.json")
def as_json(desk: Signed) -> Response:
    """For a program."""
    return _export(desk, "json")


def _export(desk: Signed, form: str) -> Response:
    entries = desk.look(lambda uow: register.entries(uow, now=desk.now))
    content = register.export(entries, form).encode()
    return saved(content, MEDIA[form], f"register-{desk.now:%Y-%m-%d}.{form}")
