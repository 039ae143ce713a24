"""Events that belong to nobody we know, and saying whose they are, from then or from earlier."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework import attribution
from breachdesk.casework.service_presets import REFERENCE, SERVICES
from breachdesk.console.desk import Desk, Posted, Signed
from breachdesk.console.forms import Form
from breachdesk.ports import UnitOfWork
from schemas.customer import Binding
from schemas.errors import BadInput, BreachDeskError

router = APIRouter()


@router.get("/unattributed")
def show(desk: Signed) -> Response:
    """Most events first."""
    return _show(desk, {})


@router.post("/unattributed")
def bind(desk: Signed, form: Posted) -> Response:
    """Bind the key to the customer."""
    return desk.attempt(
        lambda uow: _bind(uow, desk, form),
        then="/unattributed",
        done="bound",
        again=lambda problem: _show(desk, form, problem),
    )


def _bind(uow: UnitOfWork, desk: Desk, form: Form) -> Binding:
    customer_id = form.text("customer").partition(" ")[0]
    if not customer_id:
        raise BadInput("no customer is chosen", place="Whose is it", remedy="Choose one.")
    return attribution.bind(
        uow,
        desk.actor,
        form.text("key"),
        customer_id,
        form.text("service"),
        form.when("valid_from", "Since"),
        now=desk.now,
    )


def _show(desk: Desk, typed: Mapping[str, str], problem: BreachDeskError | None = None) -> Response:
    keys, customers, bindings = desk.look(
        lambda uow: (
            attribution.suggestions(uow),
            uow.customers.list(),
            uow.customers.bindings(),
        )
    )
    return desk.page(
        "unattributed.html",
        keys=keys,
        customers=customers,
        services=sorted({*SERVICES, *(b.service for b in bindings if b.service)}),
        roles=desk.house.store.law.reference(REFERENCE),
        typed=typed,
        problem=problem,
    )
