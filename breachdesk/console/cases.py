"""The list of cases: open ones each with what waits, closed ones with why."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.case_ports import CaseCounts
from breachdesk.console.desk import Desk, Signed
from breachdesk.console.paging import page_request
from breachdesk.console.standings import Standing
from breachdesk.ports import UnitOfWork
from schemas.case import Case, CaseState
from schemas.paging import Page

router = APIRouter()
STATES = {
    "open": (CaseState.OPEN, CaseState.CONFIRMED),
    "closed": (CaseState.CLOSED,),
}


@router.get("/cases")
def cases(desk: Signed, state: str = "open", q: str = "") -> Response:
    """Newest first."""
    which = state if state in STATES else "open"
    found, counts, standings = desk.look(lambda uow: _read(uow, desk, which, q.strip()))
    return desk.page(
        "cases.html", found=found, counts=counts, standings=standings, state=which, q=q.strip()
    )


def _read(
    uow: UnitOfWork, desk: Desk, state: str, words: str
) -> tuple[Page[Case], CaseCounts, dict[str, Standing]]:
    found = uow.cases.page(page_request(desk), states=STATES[state], words=words or None)
    standings: dict[str, Standing] = {}
    if state == "open":
        standings = dict(desk.hall.standings.read(uow, found.rows, desk.now))
    return found, uow.cases.counts(), standings
