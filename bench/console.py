"""Server time, statements and size of every screen over a store that `bench/filler.py` filled.

    .venv/bin/python bench/console.py FOLDER --json after.json
    BENCH_TREE=/path/of/another/checkout .venv/bin/python bench/console.py FOLDER2 --json before.json
    .venv/bin/python bench/console.py FOLDER --before before.json

Pages are asked in this process, signed in as the demo's people, each time ten seconds later, so
that nothing the console keeps for some seconds is reused. `cpu` is processor time of all threads.
BENCH_TREE: the checkout whose console is asked; the store there must have that checkout's schema.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path[0:1] = [os.environ.get("BENCH_TREE") or str(ROOT), str(ROOT)]

import httpx  # noqa: E402
from sqlalchemy import Engine, event  # noqa: E402

import breachdesk  # noqa: E402
from bench.store_rows import NEWEST  # noqa: E402
from breachdesk.bootstrap.container import Container, tune_gc  # noqa: E402
from breachdesk.bootstrap.observability.traces import NullTracer  # noqa: E402
from breachdesk.bootstrap.serve import build_console_dependencies  # noqa: E402
from breachdesk.bootstrap.settings import load_settings  # noqa: E402
from breachdesk.console.app import build_app  # noqa: E402
from breachdesk.console.screens import load_screens  # noqa: E402
from breachdesk.demo.feed import PASSWORD  # noqa: E402
from breachdesk.demo.setup import DemoClock  # noqa: E402
from breachdesk.ports import UnitOfWork  # noqa: E402

PEOPLE = ("responder", "analyst", "approver")
LATER = timedelta(seconds=10)
MORE = (
    "/alerts?state=case",
    "/alerts?state=dismissed",
    "/alerts?state=dismissed&page=2",
    "/cases?state=closed",
    "/customers?q=firm",
    "/register?page=2",
    "/sign-in",
)
DOCUMENT = re.compile(r"\.(csv|json|pdf|png|svg|txt)$")
LIMIT_MS, LIMIT_KB, LIMIT_SQL = 100, 200, 25


class ScreenTiming(NamedTuple):
    """One screen."""

    path: str
    status: int
    cpu: tuple[float, float]
    """Milliseconds: median, 95th percentile."""
    wall: tuple[float, float]
    statements: int
    kilobytes: float


def compute_quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1)


class StatementCounter:
    """Statements that any engine of this process runs."""

    def __init__(self) -> None:
        self.number = 0
        self.texts: list[str] = []
        event.listen(Engine, "before_cursor_execute", self._note)

    def _note(self, _c: object, _u: object, statement: str, *_more: object) -> None:
        self.number += 1
        self.texts.append(statement)


def find_parameter_values(uow: UnitOfWork) -> dict[str, list[str]]:
    """What stands for the parameters of addresses: a confirmed case, an open one, one that is
    over."""
    alerts = [uow.alerts.get(pk).id for pk in (999, 1) if _has(uow, pk)]
    breached = uow.cases.get("CASE-0001")
    breaches = len(uow.breaches.list())
    open_case = f"CASE-{breaches + 1:04d}"
    notices = uow.notices.list(breach_id=breached.breach_id)
    return {
        "case_id": [breached.id],
        "bare_case": [open_case, "CASE-0099"],
        "alert_id": alerts,
        "customer_id:path": ["customer-00007"],
        "task_id:path": [task.id for task in breached.tasks[:1]],
        "row_id": [str(row.id) for row in notices[:1]],
        "n": ["1"],
    }


def _has(uow: UnitOfWork, pk: int) -> bool:
    try:
        uow.alerts.get(pk)
    except Exception:  # noqa: BLE001 - a small store has no such alert
        return False
    return True


def generate_addresses(known: dict[str, list[str]]) -> Iterator[str]:
    """Of every GET route whose parameters are known, one for each value of the first."""
    for route in (route for screen in load_screens() for route in screen.routes):
        if "GET" not in (route.methods or ()):
            continue
        names = re.findall(r"\{([^}]*)\}", route.path)
        if any(name not in known or not known[name] for name in names):
            continue
        path = route.path
        for name in names[1:]:
            path = path.replace(f"{{{name}}}", known[name][0])
        for value in known[names[0]] if names else [""]:
            yield path.replace(f"{{{names[0]}}}", value) if names else path
    yield from (f"/cases/{each}" for each in known["bare_case"])
    yield from MORE


class ConsoleClients:
    """The console, asked by people who are signed in."""

    def __init__(self, app: Any, clock: DemoClock, counted: StatementCounter) -> None:
        self._clock = clock
        self._counted = counted
        self._people = {
            user: httpx.AsyncClient(
                transport=httpx.ASGITransport(app=app),
                base_url="http://127.0.0.1",
                follow_redirects=True,
                timeout=600,
            )
            for user in PEOPLE
        }

    async def sign_in(self) -> None:
        for user, client in self._people.items():
            page = await client.get("/sign-in")
            token = re.search(r'name="csrf"[^>]*value="([^"]*)"', page.text)
            form = {"user": user, "password": PASSWORD, "csrf": token.group(1) if token else ""}
            (await client.post("/sign-in", data=form)).raise_for_status()

    async def ask(self, path: str, rounds: int) -> ScreenTiming:
        """Once for nothing, then so often."""
        client, answer = await self._find_permitted(path)
        cpu, wall, statements = [], [], 0
        for _ in range(rounds):
            self._clock.move_to(self._clock() + LATER)
            self._counted.number, self._counted.texts = 0, []
            spent, begun = time.process_time(), time.perf_counter()
            answer = await client.get(path)
            cpu.append((time.process_time() - spent) * 1000)
            wall.append((time.perf_counter() - begun) * 1000)
            statements = max(statements, self._counted.number)
        return ScreenTiming(
            path,
            answer.status_code,
            (compute_quantile(cpu, 0.5), compute_quantile(cpu, 0.95)),
            (compute_quantile(wall, 0.5), compute_quantile(wall, 0.95)),
            statements,
            round(len(answer.content) / 1024, 1),
        )

    async def _find_permitted(self, path: str) -> tuple[httpx.AsyncClient, httpx.Response]:
        for client in self._people.values():
            answer = await client.get(path)
            if answer.status_code != 403:
                break
        return client, answer


@contextmanager
def open_console(folder: Path) -> Iterator[tuple[Any, DemoClock, dict[str, list[str]]]]:
    for name in [each for each in os.environ if each.startswith("BREACHDESK_")]:
        del os.environ[name]
    tune_gc()  # as `breachdesk run` and `breachdesk console` do
    clock = DemoClock(NEWEST + timedelta(hours=6))
    with Container(load_settings(folder), clock) as container:
        app = build_app(build_console_dependencies(container, NullTracer()))
        yield app, clock, container.store.read(find_parameter_values)


async def ask_all(folder: Path, rounds: int, only: str) -> list[ScreenTiming]:
    with open_console(folder) as (app, clock, known):
        asking = ConsoleClients(app, clock, StatementCounter())
        await asking.sign_in()
        timings = []
        for path in dict.fromkeys(generate_addresses(known)):
            if re.search(only, path):
                timings.append(await asking.ask(path, rounds))
                print(timings[-1], file=sys.stderr)
        return timings


def describe_limits(row: ScreenTiming) -> str:
    """Which limits of a screen it breaks."""
    if row.status != 200 or DOCUMENT.search(row.path):
        return "" if row.status == 200 else str(row.status)
    broken = {
        "time": row.cpu[1] > LIMIT_MS,
        "size": row.kilobytes > LIMIT_KB,
        "statements": row.statements > LIMIT_SQL,
    }
    return ", ".join(name for name, over in broken.items() if over)


def format_table(rows: Sequence[ScreenTiming], before: dict[str, ScreenTiming]) -> str:
    lines = [
        "| screen | cpu ms, p50 / p95 | wall ms, p50 / p95 | statements | KB | over |",
        "|---|---|---|---|---|---|",
    ]
    for row in sorted(rows, key=lambda row: -row.cpu[1]):
        old = before.get(row.path)
        was = (
            [f"{old.cpu[1]:,.0f} → ", f"{old.statements} → ", f"{old.kilobytes:,.0f} → "]
            if old
            else [""] * 3
        )
        lines.append(
            f"| {row.path} | {was[0]}{row.cpu[0]:,.0f} / {row.cpu[1]:,.0f} | "
            f"{row.wall[0]:,.0f} / {row.wall[1]:,.0f} | {was[1]}{row.statements} | "
            f"{was[2]}{row.kilobytes:,.0f} | {describe_limits(row)} |"
        )
    return "\n".join(lines)


def read(file: Path) -> dict[str, ScreenTiming]:
    rows = json.loads(file.read_text(encoding="utf-8"))
    return {row["path"]: ScreenTiming(**row) for row in rows}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="that bench/filler.py filled")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", metavar="REGEX", help="addresses to ask")
    parser.add_argument("--before", type=Path, help="what another run wrote with --json")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows = asyncio.run(ask_all(arguments.folder.resolve(), arguments.rounds, arguments.only))
    print(f"{Path(breachdesk.__file__).parents[1]}, load {os.getloadavg()[0]:.1f}\n")
    print(format_table(rows, read(arguments.before) if arguments.before else {}))
    if arguments.json:
        result = json.dumps([row._asdict() for row in rows], indent=1)
        arguments.json.write_text(result + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
