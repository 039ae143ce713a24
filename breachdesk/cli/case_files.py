"""Command `case file`: export a case as a printable file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from breachdesk.casework.case_file.build import build_case_file
from breachdesk.cli.options import AsJson, DataDir, opened_container, out, print_json
from breachdesk.cli.people import OPERATOR
from schemas.errors import BadInput

CaseId = Annotated[str, typer.Argument(metavar="CASE")]
To = Annotated[Path, typer.Option("--out", "-o", help="PDF file to write.")]
Nameless = Annotated[bool, typer.Option("--without-names", help="For somebody outside.")]


def register_commands(app: typer.Typer) -> None:
    """Register this group's commands."""
    group = typer.Typer(no_args_is_help=True, help="One case.")
    group.callback()(_describe_group)
    group.command("file")(write_case_file)
    app.add_typer(group, name="case")


def _describe_group() -> None:
    """Export one case."""


def write_case_file(
    case: CaseId,
    to: To,
    without_names: Nameless = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Write what happened, who decided what when and why, and what was sent to whom, as PDF."""
    with opened_container(data_dir) as container:
        now = container.now()
        printed = container.store.read(
            lambda uow: build_case_file(
                uow, OPERATOR, case, container.settings, now, named=not without_names
            )
        )
        content = container.renderer.render_case_file_pdf(printed)
    try:
        to.write_bytes(content)
    except OSError as wrong:
        raise BadInput(
            f"it cannot be written ({wrong.strerror})", place=str(to), remedy="Choose another file."
        ) from None
    if as_json:
        print_json(printed)
        return
    out.print(f"{to}: {case}, fingerprint {printed.hash}")
