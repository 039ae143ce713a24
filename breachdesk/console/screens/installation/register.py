"""The Art. 33(5) register: every breach and near miss, and its export."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework.breach import register
from breachdesk.console.screens.cases.letters import streamed
from breachdesk.console.views.navigation import NavigationEntry, NavigationGroup
from breachdesk.console.web.request_context import SignedIn
from breachdesk.console.web.screen import Screen
from schemas.casework.register import RegisterEntry

router = APIRouter()
ENTRIES = 10
"""Of a page."""
MOST = 1_000_000
MEDIA = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


@router.get("/register")
def show_register(context: SignedIn, page: int = 1) -> Response:
    """One card a breach or near miss, newest first; the last page for a number beyond it."""
    entries, total = _list_page_entries(context, max(page, 1))
    pages = max(-(-total // ENTRIES), 1)
    at = min(max(page, 1), pages)
    if at < page:
        entries, total = _list_page_entries(context, at)
    return context.render_page("register.html", entries=entries, total=total, page=at, pages=pages)


@router.get("/register.csv")
def export_csv(context: SignedIn) -> Response:
    """For a spreadsheet."""
    return _export(context, "csv")


@router.get("/register.json")
def export_json(context: SignedIn) -> Response:
    """For a program."""
    return _export(context, "json")


def _list_page_entries(context: SignedIn, page: int) -> tuple[Sequence[RegisterEntry], int]:
    """The page's entries, and how many there are in all."""
    begin = min((page - 1) * ENTRIES, MOST)
    return context.look(
        lambda uow: register.list_page(uow, context.now, begin=begin, limit=ENTRIES)
    )


def _export(context: SignedIn, form: str) -> Response:
    pieces = register.iterate_export(register.iterate_entries(context.look, context.now), form)
    return streamed(pieces, MEDIA[form], f"register-{context.now:%Y-%m-%d}.{form}")


SCREEN = Screen(
    id="register",
    router=router,
    navigation=NavigationEntry("/register", "Register", NavigationGroup.RECORDS, order=1),
)
