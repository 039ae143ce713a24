"""Customers: the list, one with its people and assets, and the import with its report."""

from __future__ import annotations

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
from breachdesk.console.paging import page_request
from breachdesk.console.uploads import stored
from breachdesk.customer_port import CustomerCounts
from breachdesk.ports import UnitOfWork
from schemas.customer import Customer, ImportReport
from schemas.errors import BreachDeskError
from schemas.paging import Page

router = APIRouter()
PAGE = 100


@router.get("/customers")
def show(desk: Signed, q: str = "") -> Response:
    """By name, with what is known of each."""
    words = q.strip()
    found, counts, bound = desk.look(lambda uow: _page(uow, desk, words or None))
    return desk.page("customers.html", found=found, counts=counts, assets=bound, q=words)


def _page(
    uow: UnitOfWork, desk: Desk, words: str | None
) -> tuple[Page[Customer], CustomerCounts, Mapping[str, int]]:
    found = uow.customers.page(page_request(desk, PAGE), words=words)
    bound = uow.customers.asset_counts([customer.id for customer in found.rows])
    return found, uow.customers.counts(), bound


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
            uow.customers.bindings_of([customer_id]),
            shown_history(uow, desk, customer_id),
        )
    )
    return desk.page(
        "customer.html",
        customer=customer,
        bindings=bindings,
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
