"""`breachdesk run`: the embedded system, until it is interrupted."""

from __future__ import annotations

import typer

from breachdesk.bootstrap.house import driving
from breachdesk.bootstrap.serve import serve
from breachdesk.cli.options import DataDir, err, out, premises
from schemas.errors import Retryable


def add_to(app: typer.Typer) -> None:
    """Hang these commands on the command line."""
    app.command()(run)


def run(data_dir: DataDir = None) -> None:
    """Listeners, pipeline, console and mail dispatcher in one process."""
    with premises(data_dir) as house, driving(house.settings.data_dir) as alone:
        if not alone:
            raise Retryable(
                "another breachdesk run serves this folder",
                place=str(house.settings.data_dir),
                remedy="Stop it first, or name another --data-dir.",
            )
        serve(house, say=lambda text: out.print(text, markup=False))
    err.print("stopped; everything received is kept")
