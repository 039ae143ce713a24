"""The list of alerts, and opening a case from several of them."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework import triage
from breachdesk.console.desk import Desk, Posted, Signed
from breachdesk.console.pages import customer_names
from breachdesk.console.paging import page_request
from breachdesk.ports import UnitOfWork
from schemas.alert import AlertState, AlertView
from schemas.errors import BadInput, BreachDeskError
from schemas.paging import Page, PageRequest

router = APIRouter()
STATES = {
    "new": (AlertState.NEW,),
    "case": (AlertState.CASE,),
    "dismissed": (AlertState.DISMISSED,),
    "all": (),
}


@router.get("/alerts")
def alerts(desk: Signed, state: str = "new") -> Response:
    """Gravest first, then newest."""
    return _list(desk, state if state in STATES else "new", page_request(desk))


@router.post("/alerts/open-case")
def open_case(desk: Signed, form: Posted) -> Response:
    """One case of all the alerts that were ticked."""
    return desk.attempt(
        lambda uow: triage.open_case(
            uow,
            desk.actor,
            _ticked(uow, form.every("alert")),
            form.text("title"),
            now=desk.now,
            drill=desk.house.is_drill,
        ),
        then=lambda case: f"/cases/{case.id}",
        done="case-opened",
        again=lambda problem: _list(desk, "new", PageRequest(), problem),
    )


def _ticked(uow: UnitOfWork, alert_ids: tuple[str, ...]) -> tuple[int, ...]:
    if not alert_ids:
        raise BadInput("no alert is ticked", place="Alerts", remedy="Tick at least one.")
    return tuple(uow.alerts.get(alert_id).pk for alert_id in alert_ids)


def _list(
    desk: Desk, state: str, request: PageRequest, problem: BreachDeskError | None = None
) -> Response:
    def read(uow: UnitOfWork) -> tuple[Page[AlertView], dict[str, str]]:
        alerts = uow.alerts.page(request, states=STATES[state])
        return alerts, customer_names(uow, first_customers(alerts.rows))

    alerts, names = desk.look(read)
    return desk.page(
        "alerts.html",
        problem=problem,
        state=state,
        alerts=alerts,
        customers=_customers(alerts),
        names=names,
    )


def first_customers(alerts: Sequence[AlertView]) -> set[str]:
    """Of each alert the customer whom a row of a list names."""
    return {alert.customers[0] for alert in alerts if alert.customers}


def _customers(alerts: Page[AlertView]) -> int:
    """How many customers the whole list touches; 0 where the page does not show all of it."""
    if len(alerts.rows) < alerts.total:
        return 0
    return len({customer for alert in alerts.rows for customer in alert.customers})
