"""A case that no alert began: a call, a letter, a lost laptop, a mis-sent mail."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework import cases
from breachdesk.console.desk import Desk, Posted, Signed
from breachdesk.console.forms import Form
from breachdesk.console.pages import customer_names
from breachdesk.ports import UnitOfWork
from schemas.case import Case, Origin
from schemas.customer import Binding
from schemas.errors import BreachDeskError
from schemas.paging import PageRequest

router = APIRouter()
SHOWN = 50
"""Assets found that are shown at once."""
CUSTOMERS = 20
"""Customers whose assets are looked for by the customer's name."""


@router.get("/cases/new")
def new_case(desk: Signed) -> Response:
    """The empty form."""
    return _show(desk, {})


@router.post("/cases/new")
def open_by_hand(desk: Signed, form: Posted) -> Response:
    """Opens it and goes there; `find` shows the assets that were looked for, and what was typed."""
    if form.text("find"):
        return _show(desk, form, ticked=form.every("asset"))
    return desk.attempt(
        lambda uow: _open(uow, desk, form),
        then=lambda case: f"/cases/{case.id}",
        done="case-opened",
        again=lambda problem: _show(desk, form, problem, ticked=form.every("asset")),
    )


def _open(uow: UnitOfWork, desk: Desk, form: Form) -> Case:
    return cases.open_by_hand(
        uow,
        desk.actor,
        title=form.text("title"),
        origin=form.word("origin", Origin, "Who told us"),
        third_party=form.text("third_party"),
        known=form.text("known"),
        assets=(*form.every("asset"), *form.lines("assets")),
        supplier_told_at=form.when("supplier_told_at", "They told us at"),
        now=desk.now,
        drill=desk.house.is_drill,
    )


def _show(
    desk: Desk,
    typed: Mapping[str, str],
    problem: BreachDeskError | None = None,
    *,
    ticked: Collection[str] = (),
) -> Response:
    words = typed.get("asset_words", "").strip()
    choice = desk.look(lambda uow: _choice(uow, words, ticked))
    return desk.page(
        "new_case.html", typed=typed, problem=problem, choice=choice, words_typed=words
    )


@dataclass(frozen=True)
class Choice:
    """Assets of the register that the form offers."""

    known: int
    """All that the register has."""
    ticked: Sequence[Binding]
    found: Sequence[Binding]
    more: bool
    """More were found than are shown."""
    names: Mapping[str, str]


def _choice(uow: UnitOfWork, words: str, ticked: Collection[str]) -> Choice:
    kept = uow.customers.bindings_among(ticked) if ticked else ()
    found, more = _found(uow, words) if words else ((), False)
    fresh = [binding for binding in found if binding.asset not in ticked]
    names = customer_names(uow, (binding.customer_id for binding in (*kept, *fresh)))
    return Choice(uow.customers.counts().bindings, kept, fresh, more, names)


def _found(uow: UnitOfWork, words: str) -> tuple[Sequence[Binding], bool]:
    """By the asset itself, then by its customer's name."""
    page = uow.customers.page_of_bindings(PageRequest(SHOWN), words=words)
    customers = uow.customers.page(PageRequest(CUSTOMERS), words=words)
    theirs = uow.customers.bindings_of([customer.id for customer in customers.rows])
    every = {binding.id: binding for binding in (*page.rows, *theirs)}
    more = page.next is not None or customers.next is not None or len(every) > SHOWN
    return list(every.values())[:SHOWN], more
