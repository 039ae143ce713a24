"""Changes of the customer register that an import found and that wait for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework.imports import delivery_import
from breachdesk.casework.imports.register_changes import FieldChange, list_contact_values
from breachdesk.console.views import labels
from breachdesk.console.views.navigation import NavigationEntry, NavigationGroup, count_waiting
from breachdesk.console.web.paging import parse_page_request
from breachdesk.console.web.permissions import REGISTRAR, requires
from breachdesk.console.web.request_context import Posted, RequestContext, SignedIn
from breachdesk.console.web.screen import Screen
from breachdesk.ports import UnitOfWork
from schemas.errors import BreachDeskError
from schemas.paging import Page
from schemas.register_import import HeldChange, ImportSourceState

router = APIRouter()
CHANGES = 30
"""Of a page."""
ACTS = {"accept": delivery_import.accept_change, "decline": delivery_import.decline_change}


@router.get("/held-changes")
@requires(REGISTRAR)
def show_held_changes(context: SignedIn) -> Response:
    """Oldest first, with what the sources last said."""
    return _show(context)


@router.post("/held-changes/{held_id}/{verb}")
@requires(REGISTRAR)
def submit_decision(held_id: int, verb: str, context: SignedIn, form: Posted) -> Response:
    """Accept or decline one change."""
    del form
    act = ACTS["accept" if verb == "accept" else "decline"]
    return context.submit(
        lambda uow: act(uow, context.actor, held_id, context.now),
        then="/held-changes",
        message="register_decided",
        on_error=lambda problem: _show(context, problem),
    )


def _show(context: RequestContext, problem: BreachDeskError | None = None) -> Response:
    request = parse_page_request(context, CHANGES)

    def read_page(
        uow: UnitOfWork,
    ) -> tuple[Page[HeldChange], Sequence[ImportSourceState], Mapping[str, str]]:
        page = uow.imports.list_held_page(request)
        names = uow.customers.get_names([change.customer_id for change in page.rows])
        return page, uow.imports.list_sources(), names

    page, sources, names = context.look(read_page)
    return context.render_page(
        "held_changes.html",
        page=page,
        fields={change.id: list_field_changes(change) for change in page.rows},
        sources=sources,
        names=names,
        kinds=labels.HELD_KIND,
        reasons=labels.HOLD_REASON,
        problem=problem,
    )


def list_field_changes(change: HeldChange) -> Sequence[FieldChange]:
    """List the fields that the change gives other values; none for a customer that is gone."""
    if change.after is None:
        return ()
    old = {} if change.before is None else list_contact_values(change.before)
    new = list_contact_values(change.after)
    people = {
        person.id: labels.PERSON[person.kind]
        for customer in (change.before, change.after)
        for person in (customer.people if customer else ())
    }
    return [
        FieldChange(_name_field(name, people), old.get(name, ""), new.get(name, ""))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]


def _name_field(name: str, people: Mapping[str, str]) -> str:
    """Name a field in words: `default email`, or `email, account holder` of a person."""
    person, _, part = name.rpartition(".")
    words = part.replace("_", " ")
    return f"{words}, {people[person].lower()}" if person in people else words


SCREEN = Screen(
    id="held_changes",
    router=router,
    navigation=NavigationEntry(
        "/held-changes",
        "Held changes",
        NavigationGroup.RECORDS,
        order=6,
        query=count_waiting,
        number=lambda counts: counts.held_changes,
    ),
)
