"""Command `breachdesk demo`: run two days of logs with one incident."""

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

from breachdesk.bootstrap.container import Container, hold_lock
from breachdesk.bootstrap.mail import send_due
from breachdesk.cli.options import AsJson, ProgressBar, err, out, print_facts
from breachdesk.demo import drill, shared
from breachdesk.demo.feed import ACCOUNTS, PASSWORD, feed_lines, import_registers
from breachdesk.demo.lines import DemoLines, build_lines, write_lines
from breachdesk.demo.setup import (
    MORNING_AFTER,
    DemoClock,
    build_settings,
    list_in_arrival_order,
    prepare_folder,
    write_settings,
)
from breachdesk.demo.summary import summarise, write_documents
from schemas import private_files
from schemas.settings import Settings

T = TypeVar("T")
Workers = Sequence[subprocess.Popen[bytes]]
FOLDER = Path("demo-data")


def register_commands(app: typer.Typer) -> None:
    """Register this command."""
    app.command("demo")(run_demo)


def run_demo(
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
    """Run a realistic incident from raw vendor lines to notices and reports, marked as a drill."""
    seconds = StepTimes()
    demo_lines = seconds.run_timed("lines", build_lines)
    if write_lines_to:
        write_lines(demo_lines, write_lines_to)
        err.print(f"wrote the demo's lines and registers to {write_lines_to}", markup=False)
        return
    if not unattended:
        from breachdesk.bootstrap.http.port import check_port_free

        check_port_free("127.0.0.1", port)
    clock = DemoClock(list_in_arrival_order(demo_lines)[0][0])
    settings = _prepare_folder(data_dir or FOLDER, demo_lines, port)
    with Container(settings, clock) as container, _open_workers(settings) as workers:
        received = _feed_lines(container, demo_lines, clock, seconds, workers)
        if unattended:
            print_facts(_run_drill(container, clock, seconds), as_json=as_json)
            return
        _open_console(container, clock, received)


def _prepare_folder(folder: Path, demo_lines: DemoLines, port: int) -> Settings:
    """Prepare an empty folder with settings, for servers if the environment names them."""
    private_files.make_folder(folder)
    servers = shared.read_server_settings(folder)
    shared.clear_servers(folder, servers)
    settings = build_settings(prepare_folder(folder), demo_lines, port)
    if servers is not None:
        settings = shared.configure_servers(settings, *servers)
        shared.prepare_servers(settings)
    write_settings(settings)
    return settings


def _open_workers(settings: Settings) -> AbstractContextManager[Workers]:
    return shared.run_workers(settings) if settings.kafka.servers else nullcontext(())


class StepTimes(dict[str, float]):
    """Seconds of each step, in the order they ran."""

    def run_timed(self, step: str, work: Callable[..., T], *arguments: Any) -> T:
        """Run the step and record how long it took."""
        begun = time.perf_counter()
        result = work(*arguments)
        self[step] = time.perf_counter() - begun
        return result


@contextmanager
def _show_progress() -> Iterator[Callable[[int, int], None]]:
    with ProgressBar("two days of logs") as bar:
        yield bar.set_progress


def _feed_lines(
    container: Container,
    demo_lines: DemoLines,
    clock: DemoClock,
    seconds: StepTimes,
    workers: Workers,
) -> int:
    seconds.run_timed("registers", import_registers, container, demo_lines)
    feed = partial(shared.feed_lines_through_servers, workers=workers) if workers else feed_lines
    with _show_progress() as progress:
        received = seconds.run_timed("pipeline", feed, container, demo_lines, clock, progress)
    clock.move_to(MORNING_AFTER)
    return received


def _run_drill(container: Container, clock: DemoClock, seconds: StepTimes) -> dict[str, Any]:
    case = seconds.run_timed("triage", drill.triage_alerts, container, clock)
    breach = seconds.run_timed("confirm", drill.confirm_breach, container, clock, case)
    seconds.run_timed("affected", drill.freeze_and_decide, container, clock, breach)
    seconds.run_timed("approve", drill.approve_release, container, clock, breach)
    seconds.run_timed("notify", lambda: asyncio.run(send_due(container)))
    seconds.run_timed("report", drill.call_and_report, container, clock, case, breach)
    reports = seconds.run_timed("documents", write_documents, container, breach)
    container.store.read(lambda uow: uow.audit.verify())
    return summarise(container, reports, seconds)


def _open_console(container: Container, clock: DemoClock, received: int) -> None:
    # Only here: other commands need not wait for the web framework.
    from breachdesk.bootstrap.console import serve_console
    from breachdesk.bootstrap.serve import serve_embedded

    clock.run_on()
    out.print(f"{received:,} lines from {len(container.settings.sources)} sources read.")
    out.print("Sign in, each in a browser window of its own; these accounts live only here:")
    for account, (_, permissions) in ACCOUNTS.items():
        named = ", ".join(sorted(d.value for d in permissions))
        out.print(f"  {account:<10} password {PASSWORD}   ({named})", markup=False)
    out.print("Stop with Ctrl-C. Mails land in the folder mails of", container.settings.data_dir)
    with hold_lock(container.settings.data_dir, "pipeline"):
        show = serve_console if container.settings.kafka.servers else serve_embedded
        show(container, lambda text: out.print(text, markup=False))
