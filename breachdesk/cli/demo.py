"""`breachdesk demo`: two days of logs, one incident, played before your eyes."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from breachdesk.bootstrap.house import Premises, holding
from breachdesk.bootstrap.mail import send_due
from breachdesk.cli.options import AsJson, Bar, err, out, print_facts
from breachdesk.demo import drill, shared
from breachdesk.demo.lines import DemoLines, build, write_lines
from breachdesk.demo.play import ACCOUNTS, PASSWORD, furnish, play_lines
from breachdesk.demo.stage import (
    MORNING_AFTER,
    StageClock,
    demo_settings,
    fresh_folder,
    in_arrival_order,
    write_settings,
)
from breachdesk.demo.summary import summarise, write_documents
from schemas import private_files
from schemas.settings import Settings

T = TypeVar("T")
Workers = Sequence[subprocess.Popen[bytes]]
FOLDER = Path("demo-data")


def add_to(app: typer.Typer) -> None:
    """Hang this command on the command line."""
    app.command()(demo)


def demo(
    unattended: Annotated[
        bool, typer.Option("--unattended", help="Play the people too, as a drill, and end.")
    ] = False,
    write_lines_to: Annotated[
        Path | None,
        typer.Option("--write-lines", metavar="DIR", help="Only write lines and registers."),
    ] = None,
    port: Annotated[int, typer.Option(help="The console's port.")] = 8080,
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", help="Default ./demo-data; cleared when it is a demo's."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """A realistic incident from raw vendor lines to notices and reports, marked as a drill."""
    seconds = Stopwatch()
    cast = seconds.time("lines", build)
    if write_lines_to:
        write_lines(cast, write_lines_to)
        err.print(f"wrote the demo's lines and registers to {write_lines_to}", markup=False)
        return
    if not unattended:
        from breachdesk.bootstrap.http_port import refuse_a_taken_port

        refuse_a_taken_port("127.0.0.1", port)
    clock = StageClock(in_arrival_order(cast)[0][0])
    settings = _settle(data_dir or FOLDER, cast, port)
    with Premises(settings, clock) as house, _workers(settings) as workers:
        received = _play(house, cast, clock, seconds, workers)
        if unattended:
            print_facts(_drill(house, clock, seconds), as_json=as_json)
            return
        _open_console(house, clock, received)


def _settle(folder: Path, cast: DemoLines, port: int) -> Settings:
    """An empty folder with settings in it; on servers, if the environment names them."""
    private_files.make_folder(folder)
    servers = shared.named_servers(folder)
    shared.clear_servers(folder, servers)
    settings = demo_settings(fresh_folder(folder), cast, port)
    if servers is not None:
        settings = shared.on_servers(settings, *servers)
        shared.prepare(settings)
    write_settings(settings)
    return settings


def _workers(settings: Settings) -> AbstractContextManager[Workers]:
    return shared.working(settings) if settings.kafka.servers else nullcontext(())


class Stopwatch(dict[str, float]):
    """Seconds of each step, in the order they ran."""

    def time(self, step: str, work: Callable[..., T], *given: Any) -> T:
        """Run and note how long it took."""
        begun = time.perf_counter()
        result = work(*given)
        self[step] = time.perf_counter() - begun
        return result


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    with Bar("two days of logs") as bar:
        yield bar.to


def _play(
    house: Premises, cast: DemoLines, clock: StageClock, seconds: Stopwatch, workers: Workers
) -> int:
    seconds.time("registers", furnish, house, cast)
    play = partial(shared.play_lines_on_servers, workers=workers) if workers else play_lines
    with _bar() as progress:
        received = seconds.time("pipeline", play, house, cast, clock, progress)
    clock.move_to(MORNING_AFTER)
    return received


def _drill(house: Premises, clock: StageClock, seconds: Stopwatch) -> dict[str, Any]:
    case = seconds.time("triage", drill.triage_alerts, house, clock)
    breach = seconds.time("confirm", drill.confirm_breach, house, clock, case)
    seconds.time("affected", drill.freeze_and_decide, house, clock, breach)
    seconds.time("approve", drill.approve_release, house, clock, breach)
    seconds.time("notify", lambda: asyncio.run(send_due(house)))
    seconds.time("report", drill.telephone_and_report, house, clock, case, breach)
    reports = seconds.time("documents", write_documents, house, breach)
    house.store.look(lambda uow: uow.audit.verify())
    return summarise(house, reports, seconds)


def _open_console(house: Premises, clock: StageClock, received: int) -> None:
    # Only here: other commands need not wait for the web framework.
    from breachdesk.bootstrap.console import serve_console
    from breachdesk.bootstrap.serve import serve

    clock.run_on()
    out.print(f"{received:,} lines from {len(house.settings.sources)} sources played.")
    out.print("Sign in, each in a browser window of its own; these accounts live only here:")
    for account, (_, duties) in ACCOUNTS.items():
        named = ", ".join(sorted(d.value for d in duties))
        out.print(f"  {account:<10} password {PASSWORD}   ({named})", markup=False)
    out.print("Stop with Ctrl-C. Mails land in the folder mails of", house.settings.data_dir)
    with holding(house.settings.data_dir, "pipeline"):
        show = serve_console if house.settings.kafka.servers else serve
        show(house, lambda text: out.print(text, markup=False))
