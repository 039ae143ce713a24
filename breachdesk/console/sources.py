"""Sources: what they sent, what we understood, when we were blind, and the dead letters."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.console.desk import Signed
from breachdesk.console.overview import silent_sources

router = APIRouter()


@router.get("/sources")
def show(desk: Signed) -> Response:
    """All of it on one page."""
    sources, letters, gaps = desk.look(
        lambda uow: (
            tuple(uow.sources.list()),
            uow.sources.dead_letters(limit=200),
            uow.sources.gaps(),
        )
    )
    return desk.page(
        "sources.html",
        sources=sources,
        dead_letters=letters,
        gaps=gaps,
        silent=silent_sources(desk, sources),
        received=desk.hall.hours.read(),
    )
