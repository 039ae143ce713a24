"""Customers: the list, one with its people and assets, and the import with its report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.datastructures import UploadFile
from starlette.responses import Response

from breachdesk.casework import assets, contracts, customers
from breachdesk.casework.presets import ASSET_PRESETS, CUSTOMER_PRESETS
from breachdesk.console.contact_rows import shown_history
from breachdesk.console.desk import Desk, Posted, Signed
from breachdesk.console.uploads import stored
from breachdesk.ports import UnitOfWork
from schemas.customer import Customer, ImportReport
from schemas.errors import BreachDeskError

router = APIRouter()
PAGE = 100


@router.get("/customers")
def show(desk: Signed, q: str = "", page: int = 1) -> Response:
    """By name, with what is known of each."""
    everyone, bindings = desk.look(lambda uow: (uow.customers.list(), uow.customers.bindings()))
    found = [c for c in everyone if q.casefold() in f"{c.id} {c.name}".casefold()]
    found.sort(key=lambda c: c.name.casefold())
    begin = (max(page, 1) - 1) * PAGE
    return desk.page(
        "customers.html",
        total=len(everyone),
        found=len(found),
        customers=found[begin : begin + PAGE],
        assets=Counter(b.customer_id for b in bindings),
        unreachable=sum(not (c.default_email or c.phone or c.people) for c in everyone),
        q=q,
        page=max(page, 1),
        pages=-(-len(found) // PAGE) or 1,
    )


@router.get("/customers/import")
def choose(desk: Signed) -> Response:
    """Which file, which kind."""
    return _show_import(desk, {})


@router.post("/customers/import")
def take(request: Request, desk: Signed, form: Posted) -> Response:
    """Imports the file and shows the validation report, row by row where it matters."""
    upload = request.state.files.get("file")
    try:
        report = _take(desk, upload, form.text("what"), form.text("preset") or "auto")
    except BreachDeskError as problem:
        return _show_import(desk, form, problem)
    desk.hall.chrome.forget()
    return desk.page("import_report.html", report=report, what=form.text("what"))


@router.post("/customers/{customer_id:path}")
def keep_contract(customer_id: str, desk: Signed, form: Posted) -> Response:
    """What the contract says of breaches."""
    return desk.attempt(
        lambda uow: contracts.keep_contract(
            uow,
            desk.actor,
            customer_id,
            notice_hours=form.whole("notice_hours", "Hours"),
            notice_clause=form.text("notice_clause") or None,
            processes_for_others=form.ticked("processes_for_others"),
            now=desk.now,
        ),
        then=f"/customers/{quote(customer_id)}",
        done="contract",
        again=lambda problem: _show_one(desk, customer_id, form, problem),
    )


@router.get("/customers/{customer_id:path}")
def one(customer_id: str, desk: Signed) -> Response:
    """People, and every asset with from when to when."""
    return _show_one(desk, customer_id, None)


def _show_one(
    desk: Desk,
    customer_id: str,
    typed: Mapping[str, str] | None,
    problem: BreachDeskError | None = None,
) -> Response:
    customer, bindings, changes = desk.look(
        lambda uow: (
            uow.customers.get(customer_id),
            uow.customers.bindings(current=True),
            shown_history(uow, desk, customer_id),
        )
    )
    own = [b for b in bindings if b.customer_id == customer_id]
    return desk.page(
        "customer.html",
        customer=customer,
        bindings=own,
        changes=changes,
        typed=_contract_of(customer) if typed is None else typed,
        problem=problem,
    )


def _contract_of(customer: Customer) -> dict[str, str]:
    return {
        "notice_hours": str(customer.notice_hours or ""),
        "notice_clause": customer.notice_clause or "",
        "processes_for_others": "yes" if customer.processes_for_others else "",
    }


def _take(desk: Desk, upload: UploadFile | None, what: str, preset: str) -> ImportReport:
    with stored(upload) as (path, name):
        report = desk.act(lambda uow: _import(uow, desk, path, what, preset))
    return report.model_copy(update={"file": name})


def _import(uow: UnitOfWork, desk: Desk, path: Path, what: str, preset: str) -> ImportReport:
    act = assets.import_assets if what == "assets" else customers.import_customers
    return act(uow, desk.actor, path, preset=preset, now=desk.now)


def _show_import(
    desk: Desk, typed: Mapping[str, str], problem: BreachDeskError | None = None
) -> Response:
    presets = {preset.id: preset.title for preset in (*CUSTOMER_PRESETS, *ASSET_PRESETS)}
    return desk.page("import.html", presets=presets, typed=typed, problem=problem)
