"""Command `figures YEAR`: the figures of a year."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from breachdesk.casework.breach.yearly_figures import compute_year, export_csv
from breachdesk.cli.options import AsJson, DataDir, opened_container, print_json

Year = Annotated[int, typer.Argument(metavar="YEAR")]
Drills = Annotated[bool, typer.Option("--drills", help="Drills alone; else they are left out.")]


def register_commands(app: typer.Typer) -> None:
    """Register this command."""
    app.command("figures")(print_figures)


def print_figures(
    year: Year,
    drills: Drills = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Print breaches and near misses by cause and month, and how long notification took, as CSV on
    stdout."""
    with opened_container(data_dir) as container:
        now, zone = container.now(), container.settings.profile.zone
        year_figures = container.store.read(
            lambda uow: compute_year(uow, year, zone, now, drills=drills)
        )
    if as_json:
        print_json(year_figures)
    else:
        sys.stdout.write(export_csv(year_figures))
