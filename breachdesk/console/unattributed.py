"""Events that belong to nobody we know, and saying whose they are, from then or from earlier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework import attribution
from breachdesk.casework.service_presets import REFERENCE, SERVICES
from breachdesk.console.desk import Desk, Posted, Signed
from breachdesk.console.forms import Form
from breachdesk.console.paging import page_request
from breachdesk.ports import UnitOfWork
from schemas.customer import PROVIDER, Binding, Customer, Unattributed
from schemas.errors import BadInput, BreachDeskError
from schemas.paging import Page, PageRequest

router = APIRouter()
NAMES = 30
"""Of a page: each has a form."""
OFFERED = 100
"""Customers and services that a field offers; where there are more customers, it offers none, and a
part of the name is enough."""
ALIKE = 8
OURSELVES = {PROVIDER, "ourselves"}


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
    customer_id = _customer(uow, form.text("customer"))
    return attribution.bind(
        uow,
        desk.actor,
        form.text("key"),
        customer_id,
        form.text("service"),
        form.when("valid_from", "Since"),
        now=desk.now,
    )


def _customer(uow: UnitOfWork, typed: str) -> str:
    """The id of the one that is meant by its id, its name or a part of it. Raises BadInput."""
    place = "Whose is it"
    if not typed:
        raise BadInput("no customer is chosen", place=place, remedy="Type a name or an id.")
    if typed.casefold() in OURSELVES:
        return PROVIDER
    exact = uow.customers.some([typed])
    if exact:
        return exact[0].id
    alike = uow.customers.page(PageRequest(ALIKE), words=typed)
    same = [c for c in alike.rows if c.name.casefold() == typed.casefold()] or alike.rows
    if len(same) == 1 and alike.next is None:
        return same[0].id
    if not same:
        raise BadInput(
            f"no customer is called {typed}", place=place, remedy="Type a part of the name."
        )
    named = "; ".join(f"{c.name} ({c.id})" for c in same)
    raise BadInput(
        f"several customers are called so: {named}{' and more' if alike.next else ''}",
        place=place,
        remedy="Type the id that stands in brackets.",
    )


def _show(desk: Desk, typed: Mapping[str, str], problem: BreachDeskError | None = None) -> Response:
    request = page_request(desk, NAMES)

    def read(uow: UnitOfWork) -> tuple[Page[Unattributed], Page[Customer], Sequence[str]]:
        keys = uow.customers.page_of_unattributed(request)
        return keys, uow.customers.page(PageRequest(OFFERED)), uow.customers.services()

    keys, customers, services = desk.look(read)
    return desk.page(
        "unattributed.html",
        keys=keys,
        customers=() if customers.next else customers.rows,
        services=sorted({*SERVICES, *services})[:OFFERED],
        roles=desk.house.store.law.reference(REFERENCE),
        typed=typed,
        problem=problem,
    )
