"""Commands `breachdesk run`, the embedded system, and `breachdesk dispatch`, its mail dispatcher
alone."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Annotated

import typer

from breachdesk.bootstrap import mail
from breachdesk.bootstrap.container import Container, hold_lock
from breachdesk.bootstrap.observability.logs import choose_printer
from breachdesk.bootstrap.settings import FILE_NAME, get_data_dir
from breachdesk.cli.held import print_held
from breachdesk.cli.options import AsJson, DataDir, err, opened_container, out, print_facts
from schemas.errors import BadInput, ConfigurationError, RetryableError


def register_commands(app: typer.Typer) -> None:
    """Register these commands."""
    app.command("run")(run_embedded)
    app.command("dispatch")(dispatch_notices)


def run_embedded(data_dir: DataDir = None) -> None:
    """Run listeners, pipeline, console and mail dispatcher in one process."""
    # Only here: other commands need not wait for the web framework.
    from breachdesk.bootstrap.serve import serve_embedded

    folder = get_data_dir(data_dir)
    if not (folder / FILE_NAME).exists():
        raise ConfigurationError(
            f"there is no {FILE_NAME} in it", place=str(folder), remedy="breachdesk init makes one."
        )
    with (
        opened_container(folder) as container,
        hold_lock(container.settings.data_dir, "pipeline") as alone,
    ):
        if container.settings.kafka.servers or container.settings.store.distributed:
            raise ConfigurationError(
                "Kafka or PostgreSQL is named, and run is the embedded system in one process",
                place="kafka.servers, store.url",
                remedy="Start breachdesk worker, breachdesk console and breachdesk dispatch.",
            )
        if not alone:
            raise RetryableError(
                "another breachdesk run serves this folder",
                place=str(container.settings.data_dir),
                remedy="Stop it first, or name another --data-dir.",
            )
        serve_embedded(container, say=lambda text: out.print(text, markup=False))
        choose_printer(container.settings.ops, _print_text)("stopped; everything received is kept")


def dispatch_notices(
    held: Annotated[
        bool,
        typer.Option("--held", help="Show why mail is held and what may have left; send nothing."),
    ] = False,
    release: Annotated[
        bool, typer.Option("--release", help="A person has compared notices and mail log: go on.")
    ] = False,
    by: Annotated[str, typer.Option(help="With --release: user id of the person who looked.")] = "",
    let_expire: Annotated[
        bool,
        typer.Option("--let-expire", help="With --release: notices past their time may expire."),
    ] = False,
    once: Annotated[
        bool, typer.Option("--once", help="One round, also where a shared store is configured.")
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Send notices. With the store in the data folder: send what is due now, once (`run` does this
    all the time). With a shared store: send until SIGTERM or SIGINT, as one of any number of
    dispatchers."""
    if release and not by:
        raise BadInput(
            "mail is released by a named person",
            place="--release",
            remedy="Add --by and the user id of the person who compared the notices.",
        )
    with opened_container(data_dir) as container:
        if held:
            print_held(mail.read_held_mail(container), as_json=as_json)
            return
        if release:
            released = mail.release_mail(container, by, let_expire=let_expire)
            print_facts({"released": released.why or "nothing was held"}, as_json=as_json)
        if not container.settings.store.distributed:
            _dispatch_alone(container, released=release, as_json=as_json)
        elif once:
            _dispatch_once(container, as_json=as_json)
        elif not release:
            asyncio.run(mail.dispatch_until_signalled(container, _print_text))
            choose_printer(container.settings.ops, _print_text)("stopped between two messages")


def _dispatch_alone(container: Container, *, released: bool, as_json: bool) -> None:
    with hold_lock(container.settings.data_dir, "dispatch") as alone:
        if alone:
            _dispatch_once(container, as_json=as_json)
        elif not released:
            raise RetryableError(
                "another process sends from this folder",
                place=str(container.settings.data_dir),
                remedy="It will do this; or stop it first.",
            )


def _dispatch_once(container: Container, *, as_json: bool) -> None:
    tried = asyncio.run(mail.send_due(container))
    rows = container.store.read(lambda uow: uow.notices.list())
    counts = dict(sorted(Counter(row.status.value for row in rows).items()))
    print_facts({"tried": tried, "notices": counts}, as_json=as_json)


def _print_text(text: str) -> None:
    err.print(text, markup=False)
