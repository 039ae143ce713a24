"""Sources: what they sent, what we understood, when we were blind, and the dead letters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.console.desk import Desk, Signed
from breachdesk.console.paging import page_request
from breachdesk.ports import UnitOfWork
from schemas.paging import Page, PageRequest
from schemas.source import BlindInterval, DeadLetter, SourceView

router = APIRouter()
SOURCES, GAPS, LETTERS = 25, 15, 25
"""Rows of a page of each list."""


@dataclass(frozen=True)
class State:
    """What the page shows, from one snapshot."""

    sources: Page[SourceView]
    heard: Mapping[str, datetime | None]
    deaf: SourceView | None
    """The one of which most was not understood."""
    letters: Page[DeadLetter]
    gaps: Page[BlindInterval]


@router.get("/sources")
def show(desk: Signed) -> Response:
    """Each of the lists in pages of its own."""
    requests = (
        page_request(desk, SOURCES),
        page_request(desk, LETTERS, "letters-"),
        page_request(desk, GAPS, "gaps-"),
    )
    state = desk.look(lambda uow: _read(uow, *requests))
    return desk.page(
        "sources.html",
        state=state,
        silent=silent_sources(desk, state.heard),
        received=desk.hall.hours.read(),
    )


def _read(uow: UnitOfWork, sources: PageRequest, letters: PageRequest, gaps: PageRequest) -> State:
    worst = uow.sources.some(uow.sources.troubled()[:1])
    return State(
        uow.sources.page(sources),
        uow.sources.heard(),
        next((source for source in worst if source.not_understood), None),
        uow.sources.page_of_letters(letters),
        uow.sources.page_of_gaps(gaps),
    )


def silent_sources(desk: Desk, heard: Mapping[str, datetime | None]) -> Sequence[str]:
    """Names of sources quiet for longer than their settings allow, in order."""
    return [
        name for name, at in sorted(heard.items()) if at is not None and _silent(desk, name, at)
    ]


def _silent(desk: Desk, name: str, at: datetime) -> bool:
    limit = timedelta(minutes=desk.house.settings.source(name).silence_minutes)
    return desk.now - at > limit
