"""The loaded rules, and how often each has fired."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.console.views.navigation import NavigationEntry, NavigationGroup
from breachdesk.console.web.paging import build_numbered_page
from breachdesk.console.web.request_context import SignedIn
from breachdesk.console.web.screen import Screen

router = APIRouter()
ROWS = 100


@router.get("/rules")
def show_rules(context: SignedIn, page: str = "1", rule: str = "") -> Response:
    """Gravest first; `rule`: the page that this rule is on."""
    firings = context.look(lambda uow: uow.alerts.get_firings())
    rules = sorted(
        context.dependencies.explainer.list_rules(), key=lambda r: (-r.severity.rank, r.title)
    )
    ids = [each.id for each in rules]
    at = ids.index(rule) // ROWS + 1 if rule in ids else page
    shown = build_numbered_page(rules, at, ROWS)
    return context.render_page("rules.html", rules=shown, firings=firings)


SCREEN = Screen(
    id="rules",
    router=router,
    navigation=NavigationEntry("/rules", "Rules", NavigationGroup.INSTALLATION, order=3),
)
