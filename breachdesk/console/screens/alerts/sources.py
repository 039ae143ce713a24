"""Sources: what they sent, what we understood, when we were blind, and the dead letters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.console.views.navigation import NavigationEntry, NavigationGroup
from breachdesk.console.web.paging import parse_page_request
from breachdesk.console.web.request_context import RequestContext, SignedIn
from breachdesk.console.web.screen import Screen
from breachdesk.ports import UnitOfWork
from schemas.errors import CorruptData
from schemas.paging import Page, PageRequest
from schemas.pipeline.event import RecordPosition
from schemas.pipeline.source import BlindInterval, DeadLetter, SourceView
from streams.normalise.line_shapes import LetterGroup, build_vocabulary, group_letters
from streams.parser_loading import load_parsers

router = APIRouter()
SOURCES, GAPS, LETTERS = 25, 15, 25
"""Rows of a page of each list."""
GROUPED = 200
"""The newest dead letters, whose lines' shapes are shown."""


@dataclass(frozen=True)
class SourcesPage:
    """What the page shows, from one snapshot."""

    sources: Page[SourceView]
    heard: Mapping[str, datetime | None]
    deaf: SourceView | None
    """The one of which most was not understood."""
    letters: Page[DeadLetter]
    gaps: Page[BlindInterval]


@router.get("/sources")
def show_sources(context: SignedIn) -> Response:
    """Each of the lists in pages of its own."""
    requests = (
        parse_page_request(context, SOURCES),
        parse_page_request(context, LETTERS, "letters-"),
        parse_page_request(context, GAPS, "gaps-"),
    )
    state = context.look(lambda uow: _read(uow, *requests))
    return context.render_page(
        "sources.html",
        state=state,
        groups=_group_letters(context),
        silent=list_silent_sources(context, state.heard),
        received=context.app_state.hourly_volume.read_counts(),
    )


def _group_letters(context: RequestContext) -> Sequence[LetterGroup]:
    """Group the newest dead letters by reason and by the shape of their line, without what the
    lines say of people."""
    letters = context.look(lambda uow: uow.sources.list_dead_letters(limit=GROUPED))
    if not letters:
        return ()
    dependencies = context.dependencies

    def get_raw(position: RecordPosition) -> bytes | None:
        try:
            record = dependencies.log.get(position)
        except CorruptData:  # a journal is gone: preflight says so, and the letters stay listed
            return None
        return None if record is None else record.raw

    vocabulary = _get_vocabulary(dependencies.settings.reading.parsers)
    return group_letters(letters, get_raw, vocabulary)


@cache
def _get_vocabulary(parsers: tuple[str, ...]) -> frozenset[str]:
    return build_vocabulary(load_parsers(parsers))


def _read(
    uow: UnitOfWork, sources: PageRequest, letters: PageRequest, gaps: PageRequest
) -> SourcesPage:
    worst = uow.sources.list_by_names(uow.sources.list_troubled()[:1])
    return SourcesPage(
        uow.sources.list_page(sources),
        uow.sources.get_last_arrivals(),
        next((source for source in worst if source.not_understood), None),
        uow.sources.list_dead_letters_page(letters),
        uow.sources.list_gaps_page(gaps),
    )


def list_silent_sources(
    context: RequestContext, heard: Mapping[str, datetime | None]
) -> Sequence[str]:
    """Names of sources quiet for longer than their settings allow, in order."""
    return [
        name
        for name, at in sorted(heard.items())
        if at is not None and _is_silent(context, name, at)
    ]


def _is_silent(context: RequestContext, name: str, at: datetime) -> bool:
    limit = timedelta(minutes=context.dependencies.settings.get_source(name).silence_minutes)
    return context.now - at > limit


SCREEN = Screen(
    id="sources",
    router=router,
    navigation=NavigationEntry(
        "/sources",
        "Sources",
        NavigationGroup.INSTALLATION,
        order=1,
        query=lambda uow: len(uow.sources.list_troubled()),
    ),
)
