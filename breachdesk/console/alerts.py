"""The list of alerts, and opening a case from several of them."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework import triage
from breachdesk.console.desk import Desk, Posted, Signed
from breachdesk.console.pages import customer_names
from breachdesk.ports import UnitOfWork
from schemas.alert import AlertState, AlertView
from schemas.errors import BadInput, BreachDeskError

router = APIRouter()
PAGE = 100
STATES = {
    "new": (AlertState.NEW,),
    "case": (AlertState.CASE,),
    "dismissed": (AlertState.DISMISSED,),
    "all": (),
}


@router.get("/alerts")
def alerts(desk: Signed, state: str = "new", page: int = 1) -> Response:
    """Gravest first, then newest."""
    return _list(desk, state if state in STATES else "new", max(page, 1))


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
        again=lambda problem: _list(desk, "new", 1, problem),
    )


def _ticked(uow: UnitOfWork, alert_ids: tuple[str, ...]) -> tuple[int, ...]:
    if not alert_ids:
        raise BadInput("no alert is ticked", place="Alerts", remedy="Tick at least one.")
    return tuple(uow.alerts.get(alert_id).pk for alert_id in alert_ids)


def _list(desk: Desk, state: str, page: int, problem: BreachDeskError | None = None) -> Response:
    found, names = desk.look(
        lambda uow: (uow.alerts.list(states=STATES[state]), customer_names(uow))
    )
    begin = (page - 1) * PAGE
    return desk.page(
        "alerts.html",
        problem=problem,
        state=state,
        total=len(found),
        customers=_customers(found),
        alerts=found[begin : begin + PAGE],
        names=names,
        page=page,
        pages=-(-len(found) // PAGE) or 1,
        begin=begin,
    )


def _customers(found: Sequence[AlertView]) -> int:
    return len({customer for alert in found for customer in alert.customers})
