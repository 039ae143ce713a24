"""The loaded rules, and how often each has fired."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.console.desk import Signed
from breachdesk.console.paging import numbered_page

router = APIRouter()
ROWS = 100


@router.get("/rules")
def show(desk: Signed, page: str = "1", rule: str = "") -> Response:
    """Gravest first; `rule`: the page that this one stands on."""
    firings = desk.look(lambda uow: uow.alerts.firings())
    rules = sorted(desk.house.explainer.rules(), key=lambda r: (-r.severity.rank, r.title))
    ids = [each.id for each in rules]
    at = ids.index(rule) // ROWS + 1 if rule in ids else page
    shown = numbered_page(rules, at, ROWS)
    return desk.page("rules.html", rules=shown, firings=firings)
