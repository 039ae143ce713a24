"""Events that belong to nobody we know, and saying whose they are, from then or from earlier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework.imports import attribution
from breachdesk.casework.imports.service_presets import REFERENCE, SERVICES
from breachdesk.console.views.forms import SubmittedForm
from breachdesk.console.views.navigation import NavigationEntry, NavigationGroup
from breachdesk.console.web.paging import parse_page_request
from breachdesk.console.web.permissions import REGISTRAR, requires
from breachdesk.console.web.request_context import Posted, RequestContext, SignedIn
from breachdesk.console.web.screen import Screen
from breachdesk.ports import UnitOfWork
from schemas.customer import PROVIDER, Binding, Customer, UnattributedEvents
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
@requires(REGISTRAR)
def show_unattributed(context: SignedIn) -> Response:
    """Most events first."""
    return _show(context, {})


@router.post("/unattributed")
@requires(REGISTRAR)
def submit_binding(context: SignedIn, form: Posted) -> Response:
    """Bind the key to the customer."""
    return context.submit(
        lambda uow: _bind_asset(uow, context, form),
        then="/unattributed",
        message="bound",
        on_error=lambda problem: _show(context, form, problem),
    )


def _bind_asset(uow: UnitOfWork, context: RequestContext, form: SubmittedForm) -> Binding:
    customer_id = _find_customer_id(uow, form.get_text("customer"))
    return attribution.bind_asset(
        uow,
        context.actor,
        form.get_text("key"),
        customer_id,
        form.get_text("service"),
        form.parse_time("valid_from", "Since"),
        now=context.now,
    )


def _find_customer_id(uow: UnitOfWork, typed: str) -> str:
    """The id of the one that is meant by its id, its name or a part of it. Raises BadInput."""
    place = "Whose is it"
    if not typed:
        raise BadInput("no customer is chosen", place=place, remedy="Type a name or an id.")
    if typed.casefold() in OURSELVES:
        return PROVIDER
    exact = uow.customers.list_by_ids([typed])
    if exact:
        return exact[0].id
    alike = uow.customers.list_page(PageRequest(ALIKE), words=typed)
    same = [c for c in alike.rows if c.name.casefold() == typed.casefold()] or alike.rows
    if len(same) == 1 and alike.next is None:
        return same[0].id
    if not same:
        raise BadInput(
            f"no customer is called {typed}", place=place, remedy="Type a part of the name."
        )
    named = "; ".join(f"{c.name} ({c.id})" for c in same)
    raise BadInput(
        f"several customers have this name: {named}{' and more' if alike.next else ''}",
        place=place,
        remedy="Type the id in brackets.",
    )


def _show(
    context: RequestContext, typed: Mapping[str, str], problem: BreachDeskError | None = None
) -> Response:
    request = parse_page_request(context, NAMES)

    def read_page(
        uow: UnitOfWork,
    ) -> tuple[Page[UnattributedEvents], Page[Customer], Sequence[str]]:
        keys = uow.customers.list_unattributed_page(request)
        return keys, uow.customers.list_page(PageRequest(OFFERED)), uow.customers.list_services()

    keys, customers, services = context.look(read_page)
    return context.render_page(
        "unattributed.html",
        keys=keys,
        customers=() if customers.next else customers.rows,
        services=sorted({*SERVICES, *services})[:OFFERED],
        roles=context.dependencies.store.law.get_reference(REFERENCE),
        typed=typed,
        problem=problem,
    )


SCREEN = Screen(
    id="unattributed",
    router=router,
    navigation=NavigationEntry(
        "/unattributed",
        "Unattributed",
        NavigationGroup.RECORDS,
        order=5,
        query=lambda uow: uow.customers.count_unattributed(),
    ),
)
