"""The list of cases: open ones each with what waits, closed ones with why."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.case_ports import CaseCounts
from breachdesk.console.views.case_standings import CaseStanding, count_cases
from breachdesk.console.views.navigation import NavigationEntry, NavigationGroup
from breachdesk.console.web.paging import parse_page_request
from breachdesk.console.web.request_context import RequestContext, SignedIn
from breachdesk.console.web.screen import Screen
from breachdesk.ports import UnitOfWork
from schemas.casework.case import Case, CaseState
from schemas.paging import Page

router = APIRouter()
STATES = {
    "open": (CaseState.OPEN, CaseState.CONFIRMED),
    "closed": (CaseState.CLOSED,),
}


@router.get("/cases")
def show_cases(context: SignedIn, state: str = "open", q: str = "") -> Response:
    """Newest first."""
    which = state if state in STATES else "open"
    page, counts, standings = context.look(lambda uow: _read(uow, context, which, q.strip()))
    return context.render_page(
        "cases.html", found=page, counts=counts, standings=standings, state=which, q=q.strip()
    )


def _read(
    uow: UnitOfWork, context: RequestContext, state: str, words: str
) -> tuple[Page[Case], CaseCounts, dict[str, CaseStanding]]:
    page = uow.cases.list_page(
        parse_page_request(context), states=STATES[state], words=words or None
    )
    standings: dict[str, CaseStanding] = {}
    if state == "open":
        standings = dict(context.app_state.standings.read_standings(uow, page.rows, context.now))
    return page, uow.cases.count_all(), standings


SCREEN = Screen(
    id="cases",
    router=router,
    navigation=NavigationEntry(
        "/cases",
        "Cases",
        NavigationGroup.WORK,
        order=3,
        query=count_cases,
        number=lambda counts: counts.open,
    ),
)
