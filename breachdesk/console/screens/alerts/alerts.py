"""The list of alerts, and opening a case from several of them."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework.opening import triage
from breachdesk.console.views.navigation import NavigationEntry, NavigationGroup
from breachdesk.console.views.pages import get_customer_names
from breachdesk.console.web.paging import parse_page_request
from breachdesk.console.web.permissions import ANALYST_OR_RESPONDER, requires
from breachdesk.console.web.request_context import Posted, RequestContext, SignedIn
from breachdesk.console.web.screen import Screen
from breachdesk.ports import UnitOfWork
from schemas.errors import BadInput, BreachDeskError
from schemas.paging import Page, PageRequest
from schemas.pipeline.alert import AlertState, AlertView

router = APIRouter()
STATES = {
    "new": (AlertState.NEW,),
    "case": (AlertState.CASE,),
    "dismissed": (AlertState.DISMISSED,),
    "all": (),
}


@router.get("/alerts")
def show_alerts(context: SignedIn, state: str = "new") -> Response:
    """Highest severity first, then newest."""
    return _show_list(context, state if state in STATES else "new", parse_page_request(context))


@router.post("/alerts/open-case")
@requires(ANALYST_OR_RESPONDER)
def submit_case(context: SignedIn, form: Posted) -> Response:
    """One case of all the alerts that were ticked."""
    return context.submit(
        lambda uow: triage.open_case(
            uow,
            context.actor,
            _list_ticked(uow, form.list_values("alert")),
            form.get_text("title"),
            now=context.now,
            drill=context.dependencies.is_drill,
        ),
        then=lambda case: f"/cases/{case.id}",
        message="case-opened",
        on_error=lambda problem: _show_list(context, "new", PageRequest(), problem),
    )


def _list_ticked(uow: UnitOfWork, alert_ids: tuple[str, ...]) -> tuple[int, ...]:
    if not alert_ids:
        raise BadInput("no alert is ticked", place="Alerts", remedy="Tick at least one.")
    return tuple(uow.alerts.get(alert_id).pk for alert_id in alert_ids)


def _show_list(
    context: RequestContext,
    state: str,
    request: PageRequest,
    problem: BreachDeskError | None = None,
) -> Response:
    def read_list(uow: UnitOfWork) -> tuple[Page[AlertView], dict[str, str]]:
        alerts = uow.alerts.list_page(request, states=STATES[state])
        return alerts, get_customer_names(uow, collect_first_customers(alerts.rows))

    alerts, names = context.look(read_list)
    return context.render_page(
        "alerts.html",
        problem=problem,
        state=state,
        alerts=alerts,
        customers=_count_customers(alerts),
        names=names,
    )


def collect_first_customers(alerts: Sequence[AlertView]) -> set[str]:
    """Of each alert the customer whom a row of a list names."""
    return {alert.customers[0] for alert in alerts if alert.customers}


def _count_customers(alerts: Page[AlertView]) -> int:
    """How many customers the whole list touches; 0 where the page does not show all of it."""
    if len(alerts.rows) < alerts.total:
        return 0
    return len({customer for alert in alerts.rows for customer in alert.customers})


SCREEN = Screen(
    id="alerts",
    router=router,
    navigation=NavigationEntry(
        "/alerts",
        "Alerts",
        NavigationGroup.WORK,
        order=2,
        query=lambda uow: uow.alerts.count((AlertState.NEW,)),
    ),
)
