"""Coverage: which customers and services are watched by what, and which by nothing."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework.watching import coverage
from breachdesk.casework.watching.coverage import CoverageRow
from breachdesk.casework.watching.figures import read_figures
from breachdesk.console.screens.cases.letters import build_download
from breachdesk.console.views.navigation import NavigationEntry, NavigationGroup
from breachdesk.console.web.paging import parse_page_request
from breachdesk.console.web.request_context import RequestContext, SignedIn
from breachdesk.console.web.screen import Screen
from breachdesk.ports import UnitOfWork
from breachdesk.watch_port import CoverageGap
from schemas.paging import PageRequest
from streams.ports import SubjectKind

router = APIRouter()
CUSTOMERS = 25
"""Of a page."""
EXPORTED = 500
"""Customers that an export reads at a time."""


@router.get("/coverage")
def show_coverage(context: SignedIn, gap: str = "", q: str = "") -> Response:
    """Customers by id, each with a row for each kind of service."""
    words = q.strip()
    request = parse_page_request(context, CUSTOMERS)
    totals, page, figures = context.look(
        lambda uow: (
            coverage.read_totals(uow, context.now),
            chosen := coverage.read_page(uow, request, context.now, _parse_gap(gap), words or None),
            read_figures(uow, SubjectKind.CUSTOMER, chosen.page.rows, context.now),
        )
    )
    return context.render_page(
        "coverage.html",
        totals=totals,
        page=page.page,
        rows=page.rows,
        figures=figures,
        gap=gap,
        q=words,
    )


def _parse_gap(text: str) -> CoverageGap | None:
    return CoverageGap(text) if text in set(CoverageGap) else None


@router.get("/coverage.csv")
def export_csv(context: SignedIn, gap: str = "") -> Response:
    """Export all rows, or those with the gap, for a spreadsheet."""
    text = coverage.export_csv(_read_all(context, gap))
    return build_download(text.encode(), "text/csv; charset=utf-8", _name_file(context, "csv"))


@router.get("/coverage.json")
def export_json(context: SignedIn, gap: str = "") -> Response:
    """Export all rows, or those with the gap, for a program."""
    rows = [row.model_dump(mode="json") for row in _read_all(context, gap)]
    return build_download(orjson.dumps(rows), "application/json", _name_file(context, "json"))


def _name_file(context: RequestContext, suffix: str) -> str:
    return f"coverage-{context.now:%Y-%m-%d}.{suffix}"


def _read_all(context: RequestContext, gap: str) -> Sequence[CoverageRow]:
    def read(uow: UnitOfWork) -> Sequence[CoverageRow]:
        rows: list[CoverageRow] = []
        request = PageRequest(EXPORTED)
        while True:
            part = coverage.read_page(uow, request, context.now, _parse_gap(gap))
            rows += part.rows
            if part.page.next is None:
                return rows
            request = PageRequest(EXPORTED, after=part.page.next)

    return context.look(read)


SCREEN = Screen(
    id="coverage",
    router=router,
    navigation=NavigationEntry("/coverage", "Coverage", NavigationGroup.INSTALLATION, order=2),
)
