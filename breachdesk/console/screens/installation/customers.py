"""Customers: the list, one with its people and assets, and the import with its report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.datastructures import UploadFile
from starlette.responses import Response

from breachdesk.casework.imports import assets, contracts, customers
from breachdesk.casework.imports.column_presets import ASSET_PRESETS, CUSTOMER_PRESETS
from breachdesk.console.views.navigation import NavigationEntry, NavigationGroup
from breachdesk.console.web.contact_rows import list_history
from breachdesk.console.web.paging import parse_page_request
from breachdesk.console.web.permissions import REGISTRAR, requires
from breachdesk.console.web.request_context import Posted, RequestContext, SignedIn
from breachdesk.console.web.screen import Screen
from breachdesk.console.web.uploads import store_upload
from breachdesk.customer_port import CustomerCounts
from breachdesk.ports import UnitOfWork
from schemas.customer import Customer, ImportReport
from schemas.errors import BreachDeskError
from schemas.paging import Page

router = APIRouter()
PAGE = 100


@router.get("/customers")
def show_customers(context: SignedIn, q: str = "") -> Response:
    """By name, with what is known of each."""
    words = q.strip()
    page, counts, bound = context.look(lambda uow: _read_page(uow, context, words or None))
    waiting = context.look(lambda uow: (uow.imports.count_held(), uow.proposals.count_waiting()))
    return context.render_page(
        "customers.html", found=page, counts=counts, assets=bound, q=words, waiting=waiting
    )


def _read_page(
    uow: UnitOfWork, context: RequestContext, words: str | None
) -> tuple[Page[Customer], CustomerCounts, Mapping[str, int]]:
    page = uow.customers.list_page(parse_page_request(context, PAGE), words=words)
    bound = uow.customers.count_assets([customer.id for customer in page.rows])
    return page, uow.customers.count_all(), bound


@router.get("/customers/import")
@requires(REGISTRAR)
def show_import(context: SignedIn) -> Response:
    """Which file, which kind."""
    return _render_import(context, {})


@router.post("/customers/import")
@requires(REGISTRAR)
def submit_import(request: Request, context: SignedIn, form: Posted) -> Response:
    """Imports the file and shows the validation report, row by row where it matters."""
    upload = request.state.files.get("file")
    try:
        report = _import_upload(
            context, upload, form.get_text("what"), form.get_text("preset") or "auto"
        )
    except BreachDeskError as problem:
        return _render_import(context, form, problem)
    context.app_state.navigation.clear()
    return context.render_page("import_report.html", report=report, what=form.get_text("what"))


@router.post("/customers/{customer_id:path}")
@requires(REGISTRAR)
def submit_contract(customer_id: str, context: SignedIn, form: Posted) -> Response:
    """What the contract says of breaches."""
    return context.submit(
        lambda uow: contracts.set_contract(
            uow,
            context.actor,
            customer_id,
            notice_hours=form.parse_number("notice_hours", "Hours"),
            notice_clause=form.get_text("notice_clause") or None,
            processes_for_others=form.is_ticked("processes_for_others"),
            now=context.now,
        ),
        then=f"/customers/{quote(customer_id)}",
        message="contract",
        on_error=lambda problem: _render_customer(context, customer_id, form, problem),
    )


@router.get("/customers/{customer_id:path}")
def show_customer(customer_id: str, context: SignedIn) -> Response:
    """People, and every asset with from when to when."""
    return _render_customer(context, customer_id, None)


def _render_customer(
    context: RequestContext,
    customer_id: str,
    typed: Mapping[str, str] | None,
    problem: BreachDeskError | None = None,
) -> Response:
    customer, bindings, changes = context.look(
        lambda uow: (
            uow.customers.get(customer_id),
            uow.customers.list_bindings_of([customer_id]),
            list_history(uow, context, customer_id),
        )
    )
    return context.render_page(
        "customer.html",
        customer=customer,
        bindings=bindings,
        changes=changes,
        typed=_collect_contract_fields(customer) if typed is None else typed,
        problem=problem,
    )


def _collect_contract_fields(customer: Customer) -> dict[str, str]:
    return {
        "notice_hours": str(customer.notice_hours or ""),
        "notice_clause": customer.notice_clause or "",
        "processes_for_others": "yes" if customer.processes_for_others else "",
    }


def _import_upload(
    context: RequestContext, upload: UploadFile | None, what: str, preset: str
) -> ImportReport:
    with store_upload(upload) as (path, name):
        report = context.act(lambda uow: _import_file(uow, context, path, what, preset))
    return report.model_copy(update={"file": name})


def _import_file(
    uow: UnitOfWork, context: RequestContext, path: Path, what: str, preset: str
) -> ImportReport:
    act = assets.import_assets if what == "assets" else customers.import_customers
    return act(uow, context.actor, path, preset=preset, now=context.now)


def _render_import(
    context: RequestContext, typed: Mapping[str, str], problem: BreachDeskError | None = None
) -> Response:
    presets = {preset.id: preset.title for preset in (*CUSTOMER_PRESETS, *ASSET_PRESETS)}
    return context.render_page("import.html", presets=presets, typed=typed, problem=problem)


SCREEN = Screen(
    id="customers",
    router=router,
    navigation=NavigationEntry("/customers", "Customers", NavigationGroup.RECORDS, order=4),
)
