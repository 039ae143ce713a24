"""Commands for maintenance: init, audit verify, dead letters, retention, preflight."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from breachdesk.bootstrap.container import Container, hold_lock
from breachdesk.bootstrap.preflight import run_preflight
from breachdesk.bootstrap.scaffold import create_data_dir
from breachdesk.bootstrap.upkeep import RetainedBytes, feed_dead_letters, replay_dead_letters
from breachdesk.cli import audit, retention
from breachdesk.cli.options import (
    AsJson,
    DataDir,
    err,
    opened_container,
    out,
    print_facts,
    print_json,
    print_rows,
)
from schemas.errors import RetryableError
from schemas.pipeline.event import RecordPosition
from schemas.pipeline.source import DeadLetter
from streams.normalise.line_shapes import LetterGroup, build_vocabulary, group_letters
from streams.normalise.recognise import decode
from streams.parser_loading import load_parsers

MOST_LISTED = 10_000
"""Dead letters; the lines of all are read to group them."""


def register_commands(app: typer.Typer) -> None:
    """Register this group's commands."""
    app.command("init")(init_folder)
    app.command("preflight")(run_preflight_command)
    app.add_typer(audit.group, name="audit")
    _register_group(
        app,
        "dead-letters",
        "Records that became no event.",
        {"list": list_dead_letters, "replay": replay_letters},
    )
    app.add_typer(retention.group, name="retention")


def _register_group(
    app: typer.Typer, name: str, text: str, commands: dict[str, Callable[..., None]]
) -> None:
    group = typer.Typer(no_args_is_help=True, help=text)
    for command, function in commands.items():
        group.command(command)(function)
    app.add_typer(group, name=name)


def init_folder(folder: Annotated[Path, typer.Argument(metavar="DIR")]) -> None:
    """Make a data folder: settings to fill in, example customers and assets."""
    for paths in create_data_dir(folder):
        out.print(f"wrote {paths}", markup=False)
    check = f"breachdesk preflight --data-dir {shlex.quote(str(folder))}"
    out.print(f"Next: fill in {folder}/breachdesk.toml, then {check}", markup=False)


def run_preflight_command(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Check that everything an incident needs is in place. Exit 1 when something is missing."""
    with opened_container(data_dir) as container:
        checks = run_preflight(container)
    if as_json:
        for check in checks:
            print_json(check)
    else:
        for check in checks:
            mark = "LOOK" if not check.passed else "note" if check.warning else "ok  "
            out.print(f"{mark} {check.what}: {check.finding} {check.remedy}".rstrip(), markup=False)
    if not all(check.passed for check in checks):
        raise typer.Exit(1)


def list_dead_letters(
    data_dir: DataDir = None,
    each: Annotated[bool, typer.Option(help="List every record by itself.")] = False,
    lines: Annotated[bool, typer.Option(help="Show a sample line as it was received.")] = False,
    as_json: AsJson = False,
) -> None:
    """List records that became no event, and why: grouped by the shape of their line, the largest
    group first."""
    with opened_container(data_dir) as container:
        letters = container.store.read(lambda uow: uow.sources.list_dead_letters(limit=MOST_LISTED))
        if len(letters) == MOST_LISTED:
            err.print(f"These are the newest {MOST_LISTED:,}; there are more.")
        if each:
            _print_letters(letters, as_json=as_json)
            return
        bytes_of = RetainedBytes(container)
        vocabulary = build_vocabulary(load_parsers(container.settings.reading.parsers))
        by_position = {letter.position: letter for letter in letters}

        def get_raw(position: RecordPosition) -> bytes | None:
            copy = bytes_of.copy_letter(by_position[position])
            return None if copy is None else copy.raw

        groups = group_letters(letters, get_raw, vocabulary)
        rows = [_build_group_row(group, get_raw if lines else None) for group in groups]
    columns = ("letters", "sources", "reason", "shape", *(("line",) if lines else ()))
    print_rows(rows, columns, as_json=as_json, empty="None.")


def _build_group_row(
    group: LetterGroup, get_raw: Callable[[RecordPosition], bytes | None] | None
) -> dict[str, object]:
    row: dict[str, object] = {
        "letters": group.letters,
        "sources": ", ".join(group.sources),
        "parser": group.parser,
        "reason": group.reason,
        "shape": group.shape,
        "newest": group.newest.isoformat(),
        "journal": group.sample.journal,
        "offset": group.sample.offset,
    }
    if get_raw is not None:
        raw = get_raw(group.sample)
        row["line"] = "" if raw is None else decode(raw)[0]
    return row


def _print_letters(letters: Sequence[DeadLetter], *, as_json: bool) -> None:
    rows = [
        {
            "journal": letter.position.journal,
            "offset": letter.position.offset,
            "source": letter.source,
            "arrived": letter.arrived.isoformat(),
            "parser": letter.parser,
            "reason": letter.reason,
            "sha256": letter.sha256,
        }
        for letter in letters
    ]
    print_rows(rows, ("journal", "offset", "source", "reason"), as_json=as_json, empty="None.")


def replay_letters(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Read the dead letters again with today's parsers, with their first arrival and id."""
    with opened_container(data_dir) as container:
        if container.settings.kafka.servers:
            letters, fed = feed_dead_letters(container)
            facts = {"letters": letters, "fed": fed, "gone": letters - fed}
            print_facts(facts, as_json=as_json)
            return
        tried, mended = _replay_here(container)
    if as_json:
        print_json({"tried": tried, "mended": mended})
    else:
        out.print(f"{tried:,} tried, {mended:,} became events")


def _replay_here(container: Container) -> tuple[int, int]:
    with hold_lock(container.settings.data_dir, "pipeline") as alone:
        if not alone:
            raise RetryableError(
                "breachdesk run serves this folder",
                place=str(container.settings.data_dir),
                remedy="Stop it, replay, and start it again.",
            )
        return replay_dead_letters(container)
