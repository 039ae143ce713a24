"""Options and output shared by all commands: the data folder, JSON, tables, exit codes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

import orjson
import typer
from pydantic import BaseModel
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from breachdesk.bootstrap.container import Container
from breachdesk.bootstrap.settings import get_data_dir, load_settings
from breachdesk.ports import UnitOfWork
from schemas.paging import Page, PageRequest, iterate_all_rows
from schemas.text_signs import escape_json, mark_hidden, mark_hidden_in_line

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Data folder; default BREACHDESK_DATA_DIR, else ./data."),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout.")]

Row = TypeVar("Row")
TABLE_ROWS = 500
"""Rows that are read from the store and printed at a time."""
PIPE_WIDTH = 240
"""Columns of a table that no terminal limits."""


class EscapingConsole(Console):
    """A rich console that shows hidden characters and escapes, and takes no text for markup."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print with rich, after `schemas.text_signs.mark_hidden` on each text."""
        options = {"markup": False, "emoji": False} | options
        super().print(*(mark_hidden(o) if isinstance(o, str) else o for o in objects), **options)


out = EscapingConsole(
    highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else PIPE_WIDTH
)
err = EscapingConsole(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def opened_container(data_dir: Path | None) -> Iterator[Container]:
    """Open the container of a data folder and close it at the end."""
    with Container(load_settings(get_data_dir(data_dir))) as container:
        yield container


def to_plain(value: Any) -> Any:
    """Convert a model, or a structure that contains models, to plain JSON values."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return value


def print_json(value: Any) -> None:
    """Print one JSON object on one line."""
    sys.stdout.buffer.write(format_json_line(to_plain(value)))
    sys.stdout.buffer.flush()


def format_json_line(value: Any) -> bytes:
    """Format one JSON object and a line end; hidden characters are escaped."""
    text = orjson.dumps(value, default=str, option=orjson.OPT_APPEND_NEWLINE).decode()
    return escape_json(text).encode()


def print_rows(
    rows: Iterable[Any], columns: Sequence[str], *, as_json: bool, empty: str = "Nothing yet."
) -> None:
    """Print rows as JSON lines as they arrive, or as tables of the named columns, one table a
    page."""
    if as_json:
        for row in rows:
            print_json(row)
        return
    some = iter(rows)
    documents = [to_plain(row) for row in islice(some, TABLE_ROWS)]
    if not documents:
        out.print(empty)
    while documents:
        out.print(_build_table(documents, columns))
        documents = [to_plain(row) for row in islice(some, TABLE_ROWS)]


def _build_table(documents: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column.replace("_", " "), no_wrap=number == 0, overflow="fold")
    for document in documents:
        table.add_row(
            *(Text(mark_hidden_in_line(format_cell(document.get(column)))) for column in columns)
        )
    return table


def iterate_rows(
    container: Container, page: Callable[[UnitOfWork, PageRequest], Page[Row]]
) -> Iterator[Row]:
    """Iterate over all rows of a list of the store, reading a page at a time."""

    def read_page(request: PageRequest) -> Page[Row]:
        return container.store.read(lambda uow: page(uow, request))

    return iterate_all_rows(read_page, TABLE_ROWS)


def format_cell(value: Any) -> str:
    """Format one value for a table's cell."""
    if value is None:
        return "–"
    if isinstance(value, list | tuple):
        return ", ".join(str(v) for v in value) or "–"
    return str(value)


def format_obligation(duty: Mapping[str, Any]) -> str:
    """Format an obligation like `runs: Tell the people affected, due …; owed to …; ends by …; UK
    GDPR Art. 34(1)`."""
    waiver = duty["waiver"]
    state = "ended" if duty["ended_at"] else "waived" if waiver else "runs"
    owed = ", ".join(f"{o['customer_id']} ({o['because']})" for o in duty["owed"])
    how = f"waived by {waiver['waived_by']}" if waiver else duty["ended_by"]
    parts = [
        f"{state}: {duty['title']}{': ' + duty['customer_id'] if duty['customer_id'] else ''}",
        f"since {duty['started_at']}",
        f"due {duty['due']}" if duty["due"] else None,
        f"owed to {owed}" if owed else None,
        f"ends by {duty['ends_by']}" if state == "runs" else f"{duty['ended_at'] or ''} {how}",
        duty["source"],
        f"reviewed {duty['reviewed_on']}" if duty["reviewed_on"] else None,
    ]
    return "; ".join(part.strip() for part in parts if part)


LINES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {"obligations": format_obligation}
"""Fields whose entries are told in a line each."""


def print_facts(value: Any, *, as_json: bool) -> None:
    """Print one document as JSON, or as one line a field."""
    document = to_plain(value)
    if as_json:
        print_json(document)
        return
    for name, content in document.items():
        if isinstance(content, list) and name in LINES:
            out.print(f"{name}:")
            for item in content:
                out.print(f"  {LINES[name](item)}", markup=False)
            continue
        if isinstance(content, list) and content and isinstance(content[0], dict):
            out.print(f"{name.replace('_', ' ')}:")
            for item in content:
                out.print(f"  {item}", markup=False)
            continue
        out.print(f"{name.replace('_', ' ')}: {format_cell(content)}", markup=False)


class ProgressBar:
    """A progress bar on a terminal, silence in a pipe."""

    def __init__(self, title: str, total: float | None = None) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:,.0f}"),
            TimeRemainingColumn(),
            console=err,
            disable=not err.is_terminal,
            transient=True,
        )
        self._task: TaskID = self._progress.add_task(title, total=total)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def set_progress(self, completed: float, total: float | None = None) -> None:
        """Set the progress."""
        self._progress.update(self._task, completed=completed, total=total)
