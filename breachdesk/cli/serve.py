"""`breachdesk run`, the embedded system; `breachdesk dispatch`, its mail alone."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Annotated

import typer

from breachdesk.bootstrap import mail
from breachdesk.bootstrap.house import Premises, holding
from breachdesk.bootstrap.logs import spoken
from breachdesk.bootstrap.settings import FILE_NAME, data_dir_or_default
from breachdesk.cli.held import print_held
from breachdesk.cli.options import AsJson, DataDir, err, out, premises, print_facts
from schemas.errors import BadInput, Misconfigured, Retryable


def add_to(app: typer.Typer) -> None:
    """Hang these commands on the command line."""
    app.command()(run)
    app.command()(dispatch)


def run(data_dir: DataDir = None) -> None:
    """Listeners, pipeline, console and mail dispatcher in one process."""
    # Only here: other commands need not wait for the web framework.
    from breachdesk.bootstrap.serve import serve

    folder = data_dir_or_default(data_dir)
    if not (folder / FILE_NAME).exists():
        raise Misconfigured(
            f"there is no {FILE_NAME} in it", place=str(folder), remedy="breachdesk init makes one."
        )
    with premises(folder) as house, holding(house.settings.data_dir, "pipeline") as alone:
        if house.settings.kafka.servers or house.settings.store.distributed:
            raise Misconfigured(
                "Kafka or PostgreSQL is named, and run is the embedded system in one process",
                place="kafka.servers, store.url",
                remedy="Start breachdesk worker, breachdesk console and breachdesk dispatch.",
            )
        if not alone:
            raise Retryable(
                "another breachdesk run serves this folder",
                place=str(house.settings.data_dir),
                remedy="Stop it first, or name another --data-dir.",
            )
        serve(house, say=lambda text: out.print(text, markup=False))
        spoken(house.settings.ops, _tell)("stopped; everything received is kept")


def dispatch(
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
    """Send notices. With the store in the data folder: what is due now, once (`run` does this all
    the time). With a shared store: until SIGTERM or SIGINT, beside as many others as you like."""
    if release and not by:
        raise BadInput(
            "mail is released by a named person",
            place="--release",
            remedy="Add --by and the user id of the person who compared the notices.",
        )
    with premises(data_dir) as house:
        if held:
            print_held(mail.held_mail(house), as_json=as_json)
            return
        if release:
            released = mail.release(house, by, let_expire=let_expire)
            print_facts({"released": released.why or "nothing was held"}, as_json=as_json)
        if not house.settings.store.distributed:
            _dispatch_alone(house, released=release, as_json=as_json)
        elif once:
            _one_round(house, as_json=as_json)
        elif not release:
            asyncio.run(mail.dispatch_until_signalled(house, _tell))
            spoken(house.settings.ops, _tell)("stopped between two messages")


def _dispatch_alone(house: Premises, *, released: bool, as_json: bool) -> None:
    with holding(house.settings.data_dir, "dispatch") as alone:
        if alone:
            _one_round(house, as_json=as_json)
        elif not released:
            raise Retryable(
                "another process sends from this folder",
                place=str(house.settings.data_dir),
                remedy="It will do this; or stop it first.",
            )


def _one_round(house: Premises, *, as_json: bool) -> None:
    tried = asyncio.run(mail.send_due(house))
    rows = house.store.look(lambda uow: uow.notices.list())
    counts = dict(sorted(Counter(row.status.value for row in rows).items()))
    print_facts({"tried": tried, "notices": counts}, as_json=as_json)


def _tell(text: str) -> None:
    err.print(text, markup=False)
