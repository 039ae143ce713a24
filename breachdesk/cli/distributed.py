"""Commands of the distributed system: `worker`, `console`, `poll`, `follow`, `replay`,
`store migrate`."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Annotated

import typer

from breachdesk.bootstrap.container import Container
from breachdesk.bootstrap.observability.logs import choose_printer
from breachdesk.cli.options import AsJson, DataDir, err, opened_container, out, print_json
from schemas.errors import ConfigurationError

OPERATOR = "operator:cli"


def register_commands(app: typer.Typer) -> None:
    """Register this group's commands."""
    app.command("worker")(run_worker_command)
    app.command("console")(run_console_command)
    app.command("poll")(poll_command)
    app.command("follow")(follow_command)
    app.command("replay")(replay_records)
    group = typer.Typer(no_args_is_help=True, help="The shared store's schema.")
    group.command("migrate")(migrate_store)
    app.add_typer(group, name="store")


def run_worker_command(data_dir: DataDir = None) -> None:
    """Detect what Kafka carries, as one of many, until stopped."""
    # Only here: the embedded system does not install Faust.
    from breachdesk.bootstrap.worker import run_worker

    with opened_container(data_dir) as container:
        run_worker(container, say=_print_text)
        stopped = choose_printer(container.settings.ops, _print_text)
        stopped("stopped; what was committed stays, the rest is another worker's")


def run_console_command(data_dir: DataDir = None) -> None:
    """Serve the console and HTTP intake over the shared store, as one of several processes, until
    stopped."""
    # Only here: other commands need not wait for the web framework.
    from breachdesk.bootstrap.console import serve_console

    with opened_container(data_dir) as container:
        serve_console(container, say=lambda text: out.print(text, markup=False))
        choose_printer(container.settings.ops, _print_text)("stopped")


def poll_command(data_dir: DataDir = None) -> None:
    """Poll the Microsoft 365 tenants of the settings into Kafka until stopped. One process does
    this."""
    from breachdesk.bootstrap.polling import run_poller

    _run_until_stopped(data_dir, run_poller)


def follow_command(data_dir: DataDir = None) -> None:
    """Follow the files of the settings into Kafka until stopped. One process does this for a
    folder."""
    from breachdesk.bootstrap.following import run_follower

    _run_until_stopped(data_dir, run_follower)


def _run_until_stopped(
    data_dir: Path | None, run: Callable[[Container, Callable[[str], None], Event], None]
) -> None:
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with opened_container(data_dir) as container:
        run(container, _print_text, stop)
        choose_printer(container.settings.ops, _print_text)("stopped")


def replay_records(
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
    """Process records of Kafka again: alerts and counts are unchanged, and nothing is sent
    twice."""
    if (offset is None) != from_beginning:
        raise typer.BadParameter("say either --offset N or --from-beginning")
    with opened_container(data_dir) as container:
        moved = container.store.rewind(partitions or (), offset, actor=OPERATOR)
    if not moved and not as_json:
        out.print("No partition was ever processed.")
    for name in moved:
        if as_json:
            print_json({"partition": name, "next": offset})
        else:
            out.print(f"{name}: next is {'the beginning' if offset is None else offset}")


def migrate_store(
    grant: Annotated[
        str, typer.Option(help="A role that shall use the store, but never rewrite the audit.")
    ] = "",
    data_dir: DataDir = None,
) -> None:
    """Bring the shared store's schema up to date, as the role that owns it."""
    from breachdesk.bootstrap.settings import get_data_dir, load_settings
    from breachdesk.stores.postgres.schema import migrate_postgres

    settings = load_settings(get_data_dir(data_dir))
    if not settings.store.distributed:
        raise ConfigurationError(
            "no shared store is named",
            place="store.url",
            remedy="A store in the data folder migrates by itself.",
        )
    migrate_postgres(settings.store, grant=grant)
    err.print("the store's schema is up to date")


def _print_text(text: str) -> None:
    err.print(text, markup=False)
