"""Commands that tell what is watched: `sources list|show`, `coverage`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, TypeVar

import typer

from breachdesk.bootstrap.container import Container
from breachdesk.casework.watching import coverage
from breachdesk.casework.watching.coverage import CoverageRow
from breachdesk.casework.watching.figures import read_figures
from breachdesk.cli.options import (
    AsJson,
    DataDir,
    opened_container,
    out,
    print_facts,
    print_rows,
)
from breachdesk.ports import UnitOfWork
from breachdesk.watch_port import CoverageGap
from schemas.errors import NotFound
from schemas.paging import PageRequest
from schemas.pipeline.source import SourceView
from streams.ports import SubjectKind

Row = TypeVar("Row")
AT_ONCE = 200
SOURCE_COLUMNS = (
    "name", "owner", "parser", "last_arrived", "records_per_minute", "usual_records_per_minute",
    "failure_share", "alerts",
)  # fmt: skip
TOTAL_COLUMNS = ("kind", "assets", "watched", "sentence")
NO_ASSETS = "No customer has an asset in the register: `breachdesk assets import FILE`."
Name = Annotated[str, typer.Argument(metavar="NAME")]
Gap = Annotated[
    CoverageGap | None,
    typer.Option(help="nothing: customers of which no source tells; some: with a gap."),
]
Totals = Annotated[bool, typer.Option("--totals", help="Only how many assets are watched.")]


def register_commands(app: typer.Typer) -> None:
    """Register this group's commands."""
    sources = typer.Typer(no_args_is_help=True, help="What sends records, and what is wrong.")

    @sources.command("list")
    def list_sources(data_dir: DataDir = None, as_json: AsJson = False) -> None:
        """List all sources with their figures of the last 24 hours and open operations alerts."""
        with opened_container(data_dir) as container:
            rows = _iterate_sources(container)
            print_rows(
                rows if as_json else map(_describe_line, rows), SOURCE_COLUMNS, as_json=as_json
            )

    @sources.command("show")
    def show_source(name: Name, data_dir: DataDir = None, as_json: AsJson = False) -> None:
        """Show one source, with its blind intervals and open operations alerts."""
        with opened_container(data_dir) as container:
            print_facts(
                container.store.read(lambda uow: _describe_source(uow, name, container)),
                as_json=as_json,
            )

    @app.command("coverage")
    def show_coverage(
        gap: Gap = None, totals: Totals = False, data_dir: DataDir = None, as_json: AsJson = False
    ) -> None:
        """List which customers and services are watched by what."""
        with opened_container(data_dir) as container:
            if totals:
                _print_totals(container, as_json=as_json)
                return
            rows = _iterate_coverage(container, gap)
            print_rows(
                rows if as_json else map(coverage.describe_row, rows),
                coverage.COLUMNS,
                as_json=as_json,
            )

    app.add_typer(sources, name="sources")


def _iterate_sources(container: Container) -> Iterator[Mapping[str, Any]]:
    def read(request: PageRequest) -> tuple[Sequence[Mapping[str, Any]], str | None]:
        def read_page(uow: UnitOfWork) -> tuple[Sequence[Mapping[str, Any]], str | None]:
            page = uow.sources.list_page(request)
            return _describe(uow, page.rows, container), page.next

        return container.store.read(read_page)

    return _iterate_pages(read)


def _iterate_pages(
    read: Callable[[PageRequest], tuple[Sequence[Row], str | None]],
) -> Iterator[Row]:
    rows, after = read(PageRequest(AT_ONCE))
    yield from rows
    while after is not None:
        rows, after = read(PageRequest(AT_ONCE, after=after))
        yield from rows


def _describe_source(uow: UnitOfWork, name: str, container: Container) -> Mapping[str, Any]:
    views = uow.sources.list_by_names([name])
    if not views:
        raise NotFound(f"no source {name}", remedy="`breachdesk sources list` names them.")
    return _describe(uow, views, container)[0]


def _describe(
    uow: UnitOfWork, views: Sequence[SourceView], container: Container
) -> list[Mapping[str, Any]]:
    names = [view.name for view in views]
    figures = read_figures(uow, SubjectKind.SOURCE, names, container.now())
    alerts: dict[str, list[dict[str, Any]]] = {}
    for alert in uow.watch.list_open(names):
        facts = alert.model_dump(mode="json", exclude={"source", "usual"})
        alerts.setdefault(alert.source, []).append(facts)
    return [
        {
            **view.model_dump(mode="json", exclude={"last_arrived"}),
            "last_arrived": view.last_arrived and view.last_arrived.isoformat(),
            **{
                f"{key}_24h" if key in DAILY else key: value
                for key, value in figures[view.name].model_dump(mode="json").items()
                if key not in {"name", "last_arrived", "last_event"}
            },
            "alerts": alerts.get(view.name, []),
        }
        for view in views
    ]


DAILY = frozenset(
    {"received", "parsed", "ignored", "failures", "unattributed", "copies", "late", "suspect"}
)
"""Figures of the last 24 hours; a source has some of the same names ever since."""


def _describe_line(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Describe a source for the table: time to the second, rounded figures, kinds of alerts."""
    rates = ("records_per_minute", "usual_records_per_minute")
    share, arrived = row["failure_share"], row["last_arrived"]
    return {
        **row,
        "last_arrived": arrived and f"{datetime.fromisoformat(arrived):%Y-%m-%dT%H:%M:%SZ}",
        **{key: None if row[key] is None else f"{row[key]:.2f}" for key in rates},
        "failure_share": None if share is None else f"{share:.1%}",
        "alerts": [alert["kind"] for alert in row["alerts"]],
    }


def _iterate_coverage(container: Container, gap: CoverageGap | None) -> Iterator[CoverageRow]:
    now = container.now()

    def read(request: PageRequest) -> tuple[Sequence[CoverageRow], str | None]:
        result = container.store.read(lambda uow: coverage.read_page(uow, request, now, gap))
        return result.rows, result.page.next

    return _iterate_pages(read)


def _print_totals(container: Container, *, as_json: bool) -> None:
    totals = container.store.read(lambda uow: coverage.read_totals(uow, container.now()))
    rows = [{**kind.model_dump(mode="json"), "sentence": kind.sentence} for kind in totals.kinds]
    if as_json:
        print_facts({**totals.model_dump(mode="json"), "kinds": rows}, as_json=True)
        return
    out.print(totals.sentence, markup=False)
    print_rows(rows, TOTAL_COLUMNS, as_json=False, empty=NO_ASSETS)
