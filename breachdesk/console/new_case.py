"""A case that no alert began: a call, a letter, a lost laptop, a mis-sent mail."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework import cases
from breachdesk.console.desk import Desk, Posted, Signed
from breachdesk.console.forms import Form
from breachdesk.console.pages import customer_names
from breachdesk.ports import UnitOfWork
from schemas.case import Case, Origin
from schemas.errors import BreachDeskError

router = APIRouter()


@router.get("/cases/new")
def new_case(desk: Signed) -> Response:
    """The empty form."""
    return _show(desk, {})


@router.post("/cases/new")
def open_by_hand(desk: Signed, form: Posted) -> Response:
    """Opens it and goes there."""
    return desk.attempt(
        lambda uow: _open(uow, desk, form),
        then=lambda case: f"/cases/{case.id}",
        done="case-opened",
        again=lambda problem: _show(desk, form, problem),
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


def _show(desk: Desk, typed: Mapping[str, str], problem: BreachDeskError | None = None) -> Response:
    bindings, names = desk.look(
        lambda uow: (uow.customers.bindings(current=True), customer_names(uow))
    )
    return desk.page("new_case.html", typed=typed, problem=problem, bindings=bindings, names=names)
