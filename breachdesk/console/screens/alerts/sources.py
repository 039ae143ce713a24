"""Sources: what they sent, what we understood, when we were blind, and the dead letters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
from schemas.pipeline.operations import OperationsKind
from schemas.pipeline.source import BlindInterval, DeadLetter, SourceView
from streams.normalise.line_shapes import LetterGroup, build_vocabulary, group_letters
from streams.parser_loading import load_parsers

router = APIRouter()
SOURCES, GAPS, LETTERS = 25, 15, 25
"""Rows of a page of each list."""
SILENCE = (OperationsKind.SILENT, OperationsKind.NEVER_SEEN)
GROUPED = 200
"""The newest dead letters, whose lines' shapes are shown."""


@dataclass(frozen=True)
class SourcesPage:
    """What the page shows, from one snapshot."""

    sources: Page[SourceView]
    silent: Sequence[str]
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
        silent=state.silent,
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
        list_silent_sources(uow),
        next((source for source in worst if source.not_understood), None),
        uow.sources.list_dead_letters_page(letters),
        uow.sources.list_gaps_page(gaps),
    )


def list_silent_sources(uow: UnitOfWork) -> Sequence[str]:
    """List names of sources with an open alert of silence, in order."""
    return [alert.source for alert in uow.watch.list_open() if alert.kind in SILENCE]


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
