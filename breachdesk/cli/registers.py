"""Commands for the customer and asset register: `customers import`, `assets import`, and lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from breachdesk.bootstrap.container import Container
from breachdesk.casework.imports import register_changes
from breachdesk.casework.imports.assets import import_assets
from breachdesk.casework.imports.customers import import_customers
from breachdesk.cli.customer_sources import import_from
from breachdesk.cli.options import (
    AsJson,
    DataDir,
    err,
    iterate_rows,
    opened_container,
    out,
    print_json,
    print_rows,
)
from breachdesk.cli.people import OPERATOR
from breachdesk.ports import UnitOfWork
from schemas.customer import ImportReport
from schemas.errors import NotFound

CUSTOMER_COLUMNS = ("id", "name", "default_email", "phone", "locale", "notice_hours")
BINDING_COLUMNS = ("kind", "value", "customer_id", "service", "role", "categories", "pecr")
Importer = Callable[..., ImportReport]
SheetFile = Annotated[Path, typer.Argument(metavar="FILE", help="CSV.")]
Preset = Annotated[str, typer.Option(help="Column preset; auto looks at the header.")]


def register_commands(app: typer.Typer) -> None:
    """Register this group's commands."""
    customers = typer.Typer(no_args_is_help=True, help="Whom we promised.")
    assets = typer.Typer(no_args_is_help=True, help="Which asset was whose, when.")

    @customers.command("import")
    def import_customer_sheet(
        file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="CSV.")] = None,
        preset: Preset = "auto",
        source: Annotated[
            str, typer.Option("--from", help="A source of the settings, a folder or an address.")
        ] = "",
        plan: Annotated[
            bool, typer.Option("--plan", help="With --from: only show what would change.")
        ] = False,
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Import customers and their people; broken rows are named, good ones stay."""
        if (file is None) == (not source):
            raise typer.BadParameter("name either a file or --from")
        if file is not None:
            _import_sheet(import_customers, file, preset, data_dir, as_json=as_json)
        else:
            import_from(source, preset, data_dir, plan_only=plan, as_json=as_json)

    @assets.command("import")
    def import_asset_sheet(
        file: SheetFile, preset: Preset = "auto", data_dir: DataDir = None, as_json: AsJson = False
    ) -> None:
        """Import which mailbox, domain, host, IP or site belongs to whom."""
        _import_sheet(import_assets, file, preset, data_dir, as_json=as_json)

    @customers.command("list")
    def list_customers(data_dir: DataDir = None, as_json: AsJson = False) -> None:
        """List all customers."""
        with opened_container(data_dir) as container:
            print_rows(_iterate_customers(container), CUSTOMER_COLUMNS, as_json=as_json)

    @assets.command("list")
    def list_assets(data_dir: DataDir = None, as_json: AsJson = False) -> None:
        """List all bindings in force."""
        with opened_container(data_dir) as container:
            print_rows(_iterate_bindings(container), BINDING_COLUMNS, as_json=as_json)

    _register_history(customers)
    app.add_typer(customers, name="customers")
    app.add_typer(assets, name="assets")


def _register_history(customers: typer.Typer) -> None:
    @customers.command("history")
    def list_customer_history(
        customer_id: Annotated[str, typer.Argument(metavar="ID")],
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """List who changed which field of a customer's register entry, from what to what, and
        when."""
        with opened_container(data_dir) as container:
            rows = container.store.read(lambda uow: _list_history(uow, customer_id))
            print_rows(rows, ("at", "by", "act", "field", "before", "after"), as_json=as_json)


def _iterate_customers(container: Container) -> Iterator[Any]:
    return iterate_rows(container, lambda uow, page: uow.customers.list_page(page, by_id=True))


def _iterate_bindings(container: Container) -> Iterator[Any]:
    return iterate_rows(container, lambda uow, page: uow.customers.list_bindings_page(page))


def _list_history(uow: UnitOfWork, customer_id: str) -> list[dict[str, Any]]:
    """List one row a changed field, oldest first, from the audit chain."""
    return [
        {
            "at": entry.at.isoformat(timespec="seconds"),
            "by": entry.actor,
            "act": entry.act,
            "entry": entry.seq,
            "field": change.name,
            "before": change.before,
            "after": change.after,
        }
        for entry in register_changes.list_history(uow, customer_id)
        for change in register_changes.decrypt_change(uow, entry)
    ]


def _import_sheet(
    importer: Importer, file: Path, preset: str, data_dir: Path | None, *, as_json: bool
) -> None:
    if not file.is_file():
        raise NotFound("no such file", place=str(file), remedy="Check the path.")
    with opened_container(data_dir) as container:
        now = container.now()
        report = container.store.write(
            lambda uow: importer(uow, OPERATOR, file, preset=preset, now=now)
        )
    _print_report(report, as_json=as_json)
    if report.problems:
        raise typer.Exit(1)


def _print_report(report: ImportReport, *, as_json: bool) -> None:
    if as_json:
        print_json(report)
        return
    out.print(
        f"{report.file} ({report.preset}): {report.rows} rows, {report.added} added, "
        f"{report.changed} changed, {report.unchanged} unchanged, {report.refused} refused"
    )
    for problem in report.problems:
        fault: dict[str, Any] = problem.model_dump()
        err.print("  line {line}, {column}: {problem}. {remedy}".format(**fault), markup=False)
