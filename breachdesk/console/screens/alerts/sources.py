"""Sources: what they sent, what we understood, when we were blind, and the dead letters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework.watching.figures import IntakeFigures, read_figures
from breachdesk.casework.watching.reader_troubles import list_troubles
from breachdesk.console.views.navigation import NavigationEntry, NavigationGroup, count_waiting
from breachdesk.console.web.paging import parse_page_request
from breachdesk.console.web.request_context import RequestContext, SignedIn
from breachdesk.console.web.screen import Screen
from breachdesk.ports import UnitOfWork
from schemas.errors import CorruptData
from schemas.paging import Page, PageRequest
from schemas.pipeline.event import RecordPosition
from schemas.pipeline.operations import OperationsAlert, OperationsKind
from schemas.pipeline.source import BlindInterval, DeadLetter, SourceView
from streams.normalise.line_shapes import LetterGroup, build_vocabulary, group_letters
from streams.parser_loading import load_parsers
from streams.ports import SubjectKind

router = APIRouter()
SOURCES, GAPS, LETTERS, ALERTS = 25, 15, 25, 15
"""Rows of a page of each list."""
SILENCE = (OperationsKind.SILENT, OperationsKind.NEVER_SEEN)
KIND_LABELS = {
    OperationsKind.SILENT: "silent",
    OperationsKind.NEVER_SEEN: "never received",
    OperationsKind.UNREADABLE: "unreadable records",
    OperationsKind.DELAYED: "delayed",
    OperationsKind.CLOCK_WRONG: "wrong clock",
    OperationsKind.COLLAPSED: "far fewer records",
    OperationsKind.FLOODED: "far more records",
    OperationsKind.UNREAD: "cannot be read",
    OperationsKind.CUSTOMER_SILENT: "customer silent",
}
LATENESS_LABELS = {
    5: "5 s", 30: "30 s", 120: "2 min", 600: "10 min", 3_600: "1 h", 21_600: "6 h", 86_400: "24 h",
}  # fmt: skip
"""By upper bound of a class (streams.ports.counts.LATENESS_SECONDS)."""
GROUPED = 200
"""The newest dead letters, whose lines' shapes are shown."""


@dataclass(frozen=True)
class SourceFilter:
    """Which sources the list is narrowed to."""

    words: str | None
    troubled: bool


@dataclass(frozen=True)
class SourcesPage:
    """What the page shows, from one snapshot."""

    sources: Page[SourceView]
    figures: Mapping[str, IntakeFigures]
    open_alerts: Sequence[OperationsAlert]
    """All that are open, by source."""
    alerts: Page[OperationsAlert]
    """The newest, open or closed."""
    silent: Sequence[str]
    least_understood: tuple[str, int] | None
    """The source of which most was not understood, and how many lines."""
    letters: Page[DeadLetter]
    gaps: Page[BlindInterval]


@router.get("/sources")
def show_sources(context: SignedIn, q: str = "", show: str = "") -> Response:
    """Each of the lists in pages of its own."""
    words = q.strip()
    requests = (
        parse_page_request(context, SOURCES),
        parse_page_request(context, LETTERS, "letters-"),
        parse_page_request(context, GAPS, "gaps-"),
        parse_page_request(context, ALERTS, "alerts-"),
    )
    chosen = SourceFilter(words or None, troubled=show == "alerts")
    state = context.look(lambda uow: _read(uow, context.now, chosen, *requests))
    return context.render_page(
        "sources.html",
        state=state,
        groups=_group_letters(context),
        silent=state.silent,
        received=context.app_state.hourly_volume.read_counts(),
        q=words,
        show=show,
        kind_labels=KIND_LABELS,
        lateness_labels=LATENESS_LABELS,
        troubles=_list_troubles(context),
    )


def _list_troubles(context: RequestContext) -> Sequence[str]:
    troubles = context.dependencies.troubles
    own = () if troubles is None else troubles.list_current()
    others = context.look(lambda uow: list_troubles(uow, context.now))
    return sorted({*own, *others})


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
    uow: UnitOfWork,
    now: datetime,
    chosen: SourceFilter,
    sources: PageRequest,
    letters: PageRequest,
    gaps: PageRequest,
    alerts: PageRequest,
) -> SourcesPage:
    page = uow.sources.list_page(sources, words=chosen.words, troubled=chosen.troubled)
    names = [source.name for source in page.rows]
    open_alerts = uow.watch.list_open()
    return SourcesPage(
        page,
        read_figures(uow, SubjectKind.SOURCE, names, now),
        open_alerts,
        uow.watch.list_page(alerts),
        [alert.source for alert in open_alerts if alert.kind in SILENCE],
        uow.sources.find_least_understood(),
        uow.sources.list_dead_letters_page(letters),
        uow.sources.list_gaps_page(gaps),
    )


SCREEN = Screen(
    id="sources",
    router=router,
    navigation=NavigationEntry(
        "/sources",
        "Sources",
        NavigationGroup.INSTALLATION,
        order=1,
        query=count_waiting,
        number=lambda counts: counts.operations_alerts,
    ),
)
