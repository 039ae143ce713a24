"""`figures YEAR`: a year in figures."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from breachdesk.casework.figures import export_csv, of_year
from breachdesk.cli.options import AsJson, DataDir, premises, print_json

Year = Annotated[int, typer.Argument(metavar="YEAR")]
Drills = Annotated[bool, typer.Option("--drills", help="Drills alone; else they are left out.")]


def add_to(app: typer.Typer) -> None:
    """Hang this command on the command line."""
    app.command("figures")(figures)


def figures(
    year: Year,
    drills: Drills = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Breaches and near misses by cause and month, and how long telling took, as CSV on stdout."""
    with premises(data_dir) as house:
        now, zone = house.now(), house.settings.profile.zone
        made = house.store.look(lambda uow: of_year(uow, year, zone, now, drills=drills))
    if as_json:
        print_json(made)
    else:
        sys.stdout.write(export_csv(made))
