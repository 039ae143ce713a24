"""The audit chain: does it hold, does the store agree with it, and its newest entries."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.console.views.navigation import NavigationEntry, NavigationGroup
from breachdesk.console.web.paging import parse_page_request
from breachdesk.console.web.request_context import RequestContext, SignedIn
from breachdesk.console.web.screen import Screen
from schemas.audit import AuditReport
from schemas.errors import CorruptData

router = APIRouter()


@router.get("/audit")
def show_audit(context: SignedIn, verify: bool = False) -> Response:
    """The newest entries; with `verify`, every link is computed again and the store compared."""
    request = parse_page_request(context)
    entries, head = context.look(lambda uow: (uow.audit.list_page(request), uow.audit.get_head()))
    report, broken = _examine_chain(context) if verify else (None, None)
    return context.render_page(
        "audit.html", entries=entries, report=report, broken=broken, head=head
    )


def _examine_chain(context: RequestContext) -> tuple[AuditReport | None, CorruptData | None]:
    try:
        return context.look(lambda uow: uow.audit.examine()), None
    except CorruptData as broken:
        return None, broken


SCREEN = Screen(
    id="audit",
    router=router,
    navigation=NavigationEntry("/audit", "Audit", NavigationGroup.INSTALLATION, order=5),
)
