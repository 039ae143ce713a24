"""Commands `complaints list` and `complaints export`: complaints about how we handle data."""

from __future__ import annotations

import sys

import typer

from breachdesk.casework.breach.complaints_export import export_csv
from breachdesk.cli.options import AsJson, DataDir, opened_container, print_rows
from schemas.casework.case_record import Complaint

COLUMNS = (
    "id",
    "case_id",
    "received_at",
    "acknowledge_by",
    "acknowledged_at",
    "answered_at",
)


def register_commands(app: typer.Typer) -> None:
    """Register this group's commands."""
    group = typer.Typer(no_args_is_help=True, help="Complaints, and by when each is acknowledged.")

    @group.command("list")
    def list_complaints(data_dir: DataDir = None, as_json: AsJson = False) -> None:
        """List complaints, the earliest due first; `--json` includes their text."""
        with opened_container(data_dir) as container:
            rows = container.store.read(lambda uow: uow.records.list_page(Complaint))
            print_rows(rows, COLUMNS, as_json=as_json)

    @group.command("export")
    def export_complaints(data_dir: DataDir = None) -> None:
        """Export all complaints, with their text, as CSV to stdout."""
        with opened_container(data_dir) as container:
            rows = container.store.read(lambda uow: uow.records.list_page(Complaint))
        sys.stdout.write(export_csv(rows))

    app.add_typer(group, name="complaints")
