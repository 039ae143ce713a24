"""Commands for documents: `register export`, `report render`, `notice preview`, `notice left`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from breachdesk.casework.breach import register, report
from breachdesk.casework.release import notice_facts
from breachdesk.cli.held import record_left_notices
from breachdesk.cli.options import AsJson, DataDir, opened_container, out, print_json
from schemas.errors import BadInput

BreachId = Annotated[str, typer.Argument(metavar="BREACH")]


def register_commands(app: typer.Typer) -> None:
    """Register this group's commands."""
    registers = typer.Typer(no_args_is_help=True, help="The Art. 33(5) register.")
    reports = typer.Typer(no_args_is_help=True, help="Regulator reports.")
    notices = typer.Typer(
        no_args_is_help=True, help="Letters before they are released, and while mail is held."
    )
    registers.command("export")(export_register)
    reports.command("render")(render_report)
    notices.command("preview")(preview_notices)
    notices.command("left")(record_left_notices)
    app.add_typer(registers, name="register")
    app.add_typer(reports, name="report")
    app.add_typer(notices, name="notice")


def export_register(
    format: Annotated[str, typer.Option("--format", help="json or csv")] = "json",  # noqa: A002
    data_dir: DataDir = None,
) -> None:
    """Export every breach, reported or not, and near misses, to stdout."""
    with opened_container(data_dir) as container:
        entries = register.iterate_entries(container.store.read, container.now())
        for piece in register.iterate_export(entries, format):
            sys.stdout.write(piece)


def render_report(
    breach: BreachId,
    jurisdiction: Annotated[
        str | None, typer.Option(help="Id of the regulator; default: the one that is told first.")
    ] = None,
    format: Annotated[str, typer.Option("--format", help="text, json or pdf")] = "text",  # noqa: A002
    output: Annotated[Path | None, typer.Option("-o", help="File; default stdout.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Render the report as it would be filed now, in the order of the authority's form; missing
    answers are marked."""
    with opened_container(data_dir) as container:
        now = container.now()
        built = container.store.read(
            lambda uow: report.build_report(
                uow,
                breach,
                jurisdiction or report.default_jurisdiction(uow.law),
                container.settings,
                now,
            )
        )
        forms = {
            "text": lambda: container.renderer.render_report_text(built).encode(),
            "json": lambda: built.model_dump_json(indent=2, exclude={"contradictions"}).encode(),
            "pdf": lambda: container.renderer.render_report_pdf(built, container.settings.profile),
        }
        if format not in forms:
            raise BadInput(f"no format {format}", place="--format", remedy="Use text, json or pdf.")
        content = forms[format]()
    if output:
        output.write_bytes(content)
    else:
        sys.stdout.buffer.write(content)


def preview_notices(breach: BreachId, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Preview every letter as it would be sent now, every telephone script, and the problems that
    prevent sending. Exit 1 when there are problems."""
    with opened_container(data_dir) as container:
        letters = container.store.read(
            lambda uow: notice_facts.render_letters(
                uow, breach, container.settings, container.renderer
            )
        )
    blocking = [problem for problem in letters.problems if problem.severity == "block"]
    if as_json:
        for text in (*letters.rendered, *letters.calls):
            print_json(text)
    else:
        for letter in letters.rendered:
            out.print(f"── {letter.customer_id}, {letter.kind} ──", markup=False)
            out.print(f"Subject: {letter.subject}\n\n{letter.text}", markup=False)
        for script in letters.calls:
            out.print(f"── {script.customer_id}, {script.kind}, by telephone ──", markup=False)
            out.print(script.text, markup=False)
        for block, why in letters.missing.items():
            out.print(f"missing: {block}: {why}", markup=False)
        for problem in letters.problems:
            out.print(
                f"{problem.severity}: {problem.where}: {problem.problem} {problem.remedy}",
                markup=False,
            )
    if blocking or letters.missing:
        raise typer.Exit(1)
