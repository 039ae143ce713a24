"""The distributed parts: `worker`, `console`, `replay`, `store migrate`."""

from __future__ import annotations

from typing import Annotated

import typer

from breachdesk.bootstrap.logs import spoken
from breachdesk.cli.options import AsJson, DataDir, err, out, premises, print_json
from schemas.errors import Misconfigured

OPERATOR = "operator:cli"


def add_to(app: typer.Typer) -> None:
    """Hang these commands on the command line."""
    app.command()(worker)
    app.command()(console)
    app.command()(replay)
    group = typer.Typer(no_args_is_help=True, help="The shared store's schema.")
    group.command("migrate")(migrate)
    app.add_typer(group, name="store")


def worker(data_dir: DataDir = None) -> None:
    """Detect what Kafka carries, as one of many, until stopped."""
    # Only here: the embedded system does not install Faust.
    from breachdesk.bootstrap.worker import run_worker

    with premises(data_dir) as house:
        run_worker(house, say=_tell)
        stopped = spoken(house.settings.ops, _tell)
        stopped("stopped; what was committed stays, the rest is another worker's")


def console(data_dir: DataDir = None) -> None:
    """Screens and HTTP intake over the shared store, as one of many, until stopped."""
    # Only here: other commands need not wait for the web framework.
    from breachdesk.bootstrap.console import serve_console

    with premises(data_dir) as house:
        serve_console(house, say=lambda text: out.print(text, markup=False))
        spoken(house.settings.ops, _tell)("stopped")


def replay(
    partitions: Annotated[
        list[str] | None, typer.Argument(metavar="[TOPIC/NUMBER]…", help="Default: all.")
    ] = None,
    offset: Annotated[int | None, typer.Option(help="Read this offset next.")] = None,
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="Read all that the topic still holds.")
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Process records of Kafka once more: alerts and counts stay, nothing is sent twice."""
    if (offset is None) != from_beginning:
        raise typer.BadParameter("say either --offset N or --from-beginning")
    with premises(data_dir) as house:
        moved = house.store.rewind(partitions or (), offset, actor=OPERATOR)
    if not moved and not as_json:
        out.print("No partition was ever processed.")
    for name in moved:
        if as_json:
            print_json({"partition": name, "next": offset})
        else:
            out.print(f"{name}: next is {'the beginning' if offset is None else offset}")


def migrate(
    grant: Annotated[
        str, typer.Option(help="A role that shall use the store, but never rewrite the audit.")
    ] = "",
    data_dir: DataDir = None,
) -> None:
    """Bring the shared store's schema up to date, as the role that owns it."""
    from breachdesk.bootstrap.settings import data_dir_or_default, load_settings
    from breachdesk.stores.postgres_schema import migrate_postgres

    settings = load_settings(data_dir_or_default(data_dir))
    if not settings.store.distributed:
        raise Misconfigured(
            "no shared store is named",
            place="store.url",
            remedy="A store in the data folder migrates by itself.",
        )
    migrate_postgres(settings.store, grant=grant)
    err.print("the store's schema is up to date")


def _tell(text: str) -> None:
    err.print(text, markup=False)
