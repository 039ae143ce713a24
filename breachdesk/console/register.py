"""The Art. 33(5) register: every breach and near miss, and its export."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework import register
from breachdesk.console.desk import Signed
from breachdesk.console.notice import streamed
from schemas.register import RegisterEntry

router = APIRouter()
ENTRIES = 10
"""Of a page."""
MOST = 1_000_000
MEDIA = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


@router.get("/register")
def show(desk: Signed, page: int = 1) -> Response:
    """One card a breach or near miss, newest first; the last page for a number beyond it."""
    entries, total = _entries_of(desk, max(page, 1))
    pages = max(-(-total // ENTRIES), 1)
    at = min(max(page, 1), pages)
    if at < page:
        entries, total = _entries_of(desk, at)
    return desk.page("register.html", entries=entries, total=total, page=at, pages=pages)


@router.get("/register.csv")
def as_csv(desk: Signed) -> Response:
    """For a spreadsheet."""
    return _export(desk, "csv")


@router.get("/register.json")
def as_json(desk: Signed) -> Response:
    """For a program."""
    return _export(desk, "json")


def _entries_of(desk: Signed, page: int) -> tuple[Sequence[RegisterEntry], int]:
    """The page's entries, and how many there are in all."""
    begin = min((page - 1) * ENTRIES, MOST)
    return desk.look(lambda uow: register.page(uow, desk.now, begin=begin, limit=ENTRIES))


def _export(desk: Signed, form: str) -> Response:
    pieces = register.pieces(register.stream(desk.look, desk.now), form)
    return streamed(pieces, MEDIA[form], f"register-{desk.now:%Y-%m-%d}.{form}")
