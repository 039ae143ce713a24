"""Entry point of `breachdesk`. Exit codes: 0 done, 1 the thing checked is wrong, 2 usage or
configuration, 3 something outside failed and may succeed later."""

from __future__ import annotations

import os
import sys
from importlib import metadata
from typing import Annotated

import typer

from breachdesk.cli import (
    accounts,
    bindings,
    case_files,
    complaints,
    customer_sources,
    demo,
    distributed,
    documents,
    feed,
    figures,
    holdings,
    law,
    near_misses,
    registers,
    rules,
    serve,
    topics,
    upkeep,
    watching,
)
from breachdesk.cli.options import err, out
from schemas.errors import BreachDeskError
from schemas.private_files import UMASK

app = typer.Typer(
    name="breachdesk",
    help="From a raw log line to a notified customer and a regulator report.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _print_version(requested: bool) -> None:
    if requested:
        out.print(f"breachdesk {metadata.version('breachdesk')}", highlight=False)
        raise typer.Exit


@app.callback()
def _read_options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    pass


COMMAND_GROUPS = (
    feed,
    holdings,
    registers,
    watching,
    customer_sources,
    bindings,
    rules,
    law,
    near_misses,
    complaints,
    case_files,
    figures,
    documents,
    serve,
    distributed,
    topics,
    upkeep,
    accounts,
    demo,
)
for group in COMMAND_GROUPS:
    group.register_commands(app)


def run_main() -> None:
    """Run the command; our own errors become one message and an exit code. Files that a command
    writes are readable by its user alone."""
    os.umask(UMASK)
    try:
        app()
    except BreachDeskError as error:
        err.print(f"breachdesk: {error}", markup=False, soft_wrap=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)


if __name__ == "__main__":
    run_main()
