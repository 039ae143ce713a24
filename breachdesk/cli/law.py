"""Command `law list`: the law that this installation applies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from breachdesk.cli.options import AsJson, DataDir, err, opened_container, print_rows
from schemas.law import DatedEntry, LawBook, Provision, ReviewedEntry

COLUMNS = ("id", "name", "period", "valid_from", "valid_to", "reviewed_on", "verified", "file")


def register_commands(app: typer.Typer) -> None:
    """Register this group's commands."""
    law = typer.Typer(no_args_is_help=True, help="Hours, authorities, forms and their reviews.")

    @law.command("list")
    def list_law(data_dir: DataDir = None, as_json: AsJson = False) -> None:
        """List every entry with its days, its source and its review. Exit 1 when a correction is
        broken."""
        with opened_container(data_dir) as container:
            book = container.law
        print_rows(_iterate_rows(book), COLUMNS, as_json=as_json)
        for each in book.problems:
            err.print(f"{each.place}: {each.problem}", markup=False)
        if book.problems:
            raise typer.Exit(1)

    app.add_typer(law, name="law")


def _iterate_rows(book: LawBook) -> Iterator[dict[str, Any]]:
    for entry in book.entries:
        yield {
            "id": entry.id,
            "name": entry.name,
            "title": entry.title,
            "period": entry.period if isinstance(entry, Provision) else None,
            **_format_days(entry),
            "source": entry.source,
            "reviewed_on": entry.reviewed_on.isoformat(),
            "verified": "yes" if entry.verified else "no",
            "note": entry.note,
            "file": entry.file or "shipped",
        }


def _format_days(entry: ReviewedEntry) -> dict[str, str | None]:
    if not isinstance(entry, DatedEntry):
        return {"valid_from": None, "valid_to": None}
    end = None if entry.valid_to is None else entry.valid_to.isoformat()
    return {"valid_from": entry.valid_from.isoformat(), "valid_to": end}
