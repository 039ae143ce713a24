"""A case that no alert began: a call, a letter, a lost laptop, a mis-sent mail."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework.opening import cases
from breachdesk.console.views.forms import SubmittedForm
from breachdesk.console.views.pages import get_customer_names
from breachdesk.console.web.permissions import ANALYST_OR_RESPONDER, requires
from breachdesk.console.web.request_context import Posted, RequestContext, SignedIn
from breachdesk.console.web.screen import Screen
from breachdesk.ports import UnitOfWork
from schemas.casework.case import Case, CaseOrigin
from schemas.customer import Binding
from schemas.errors import BreachDeskError
from schemas.paging import PageRequest

router = APIRouter()
SHOWN = 50
"""Assets found that are shown at once."""
CUSTOMERS = 20
"""Customers whose assets are looked for by the customer's name."""


@router.get("/cases/new")
def show_new_case(context: SignedIn) -> Response:
    """The empty form."""
    return _show(context, {})


@router.post("/cases/new")
@requires(ANALYST_OR_RESPONDER)
def submit_new_case(context: SignedIn, form: Posted) -> Response:
    """Opens it and goes there; `find` shows the assets that were looked for, and what was typed."""
    if form.get_text("find"):
        return _show(context, form, ticked=form.list_values("asset"))
    return context.submit(
        lambda uow: _open_case(uow, context, form),
        then=lambda case: f"/cases/{case.id}",
        message="case-opened",
        on_error=lambda problem: _show(context, form, problem, ticked=form.list_values("asset")),
    )


def _open_case(uow: UnitOfWork, context: RequestContext, form: SubmittedForm) -> Case:
    return cases.open_by_hand(
        uow,
        context.actor,
        title=form.get_text("title"),
        origin=form.parse_choice("origin", CaseOrigin, "Who told us"),
        third_party=form.get_text("third_party"),
        known=form.get_text("known"),
        assets=(*form.list_values("asset"), *form.list_lines("assets")),
        supplier_told_at=form.parse_time("supplier_told_at", "Reported to us at"),
        now=context.now,
        drill=context.dependencies.is_drill,
    )


def _show(
    context: RequestContext,
    typed: Mapping[str, str],
    problem: BreachDeskError | None = None,
    *,
    ticked: Collection[str] = (),
) -> Response:
    words = typed.get("asset_words", "").strip()
    choice = context.look(lambda uow: _read_choice(uow, words, ticked))
    return context.render_page(
        "new_case.html", typed=typed, problem=problem, choice=choice, words_typed=words
    )


@dataclass(frozen=True)
class AssetChoice:
    """Assets of the register that the form offers."""

    known: int
    """All that the register has."""
    ticked: Sequence[Binding]
    matches: Sequence[Binding]
    more: bool
    """More were found than are shown."""
    names: Mapping[str, str]


def _read_choice(uow: UnitOfWork, words: str, ticked: Collection[str]) -> AssetChoice:
    ticked_bindings = uow.customers.list_bindings_among(ticked) if ticked else ()
    matching, more = _find_bindings(uow, words) if words else ((), False)
    fresh = [binding for binding in matching if binding.asset not in ticked]
    names = get_customer_names(uow, (binding.customer_id for binding in (*ticked_bindings, *fresh)))
    return AssetChoice(uow.customers.count_all().bindings, ticked_bindings, fresh, more, names)


def _find_bindings(uow: UnitOfWork, words: str) -> tuple[Sequence[Binding], bool]:
    """By the asset itself, then by its customer's name."""
    page = uow.customers.list_bindings_page(PageRequest(SHOWN), words=words)
    customers = uow.customers.list_page(PageRequest(CUSTOMERS), words=words)
    theirs = uow.customers.list_bindings_of([customer.id for customer in customers.rows])
    every = {binding.id: binding for binding in (*page.rows, *theirs)}
    more = page.next is not None or customers.next is not None or len(every) > SHOWN
    return list(every.values())[:SHOWN], more


SCREEN = Screen(id="new_case", router=router)
