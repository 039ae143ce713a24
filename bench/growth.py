"""How cost grows with what is stored: groups, customers, alerts, days of journal.

    .venv/bin/python bench/growth.py                                # every part at three sizes
    .venv/bin/python bench/growth.py --only groups days --json growth.json
    BENCH_TREE=CHECKOUT CHECKOUT/.venv/bin/python bench/growth.py   # the same of another checkout

Each size has a data folder and a process of its own. `us a line`: processor time of the demo's
mixed lines from journal to committed alerts, over the store as it was filled, median of slices.
`restart`: from nothing to a worker that has read its position and found nothing to do, in a fresh
process, imports left out; with its memory. Rules are measured by bench/rules.py.

- groups: sign-ins refused, each with a user and an address of its own: three groups a line.
- customers: so many, with three assets each.
- alerts: a store that bench/filler.py filled.
- days: a journal file for each.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TREE = os.environ.get("BENCH_TREE") or str(ROOT)
sys.path[0:1] = [TREE, str(ROOT)]

from bench.filler import add_customers, fill_store, save_settings  # noqa: E402
from bench.pipeline_slices import FIRST_DAY, PipelineSlices  # noqa: E402
from bench.processes import read_resident_mib  # noqa: E402
from bench.store_rows import NEWEST, StoreSizes, generate_bindings  # noqa: E402
from breachdesk.bootstrap.container import Container  # noqa: E402
from breachdesk.bootstrap.settings import load_settings  # noqa: E402
from breachdesk.demo.provider import CLOUD  # noqa: E402
from breachdesk.demo.setup import DemoClock  # noqa: E402
from schemas.pipeline.source import IncomingRecord  # noqa: E402

SIZES = {
    "groups": (1_000, 100_000, 1_000_000),
    "customers": (50, 1_000, 10_000),
    "alerts": (1_000, 100_000, 1_000_000),
    "days": (1, 30, 365),
}

GROUPS_A_LINE = 3
FLOOD_CHUNK = 4_000
FLOOD_A_SECOND = 1_000
AFTER = date(2026, 11, 24)
"""Follows everything in a store that was filled."""

Figures = dict[str, Any]


def generate_refused_sign_ins(count: int, begin: datetime) -> Iterator[IncomingRecord]:
    """Each of a user and from an address that no other has."""
    for number in range(count):
        at = begin + timedelta(seconds=number / FLOOD_A_SECOND)
        firm = CLOUD[number % len(CLOUD)]
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        line = (
            f'{{"@timestamp":"{at.isoformat()}","ecs":{{"version":"9.4.0"}},"event":'
            f'{{"id":"flood-{number}","dataset":"idp.audit","category":["authentication"],'
            f'"type":["start"],"outcome":"failure","action":"logon-failed"}},'
            f'"user":{{"name":"flood{number}@{firm.domain}"}},"source":{{"ip":"{address}"}},'
            f'"cloud":{{"account":{{"id":"{firm.tenant}"}}}}}}'
        )
        yield IncomingRecord(source="m365", raw=line.encode(), arrived=at, transport="bench")


def fill_groups(folder: Path, size: int) -> tuple[PipelineSlices, Figures]:
    settings = save_settings(folder)
    slices = PipelineSlices(folder, settings=settings)
    rows = generate_refused_sign_ins(max(1, size // GROUPS_A_LINE), _convert_to_midnight(FIRST_DAY))
    costs: list[float] = []
    walls: list[float] = []
    memory = [read_resident_mib()]
    while chunk := list(islice(rows, FLOOD_CHUNK)):
        seconds = slices.process(chunk)
        costs.append(seconds["cpu"] / seconds["lines"] * 1e6)
        walls.append(seconds["wall"])
        memory.append(seconds["resident_mib"])
    return slices, {
        "flood_us_a_line": {
            "first": round(costs[0]),
            "last": round(costs[-1]),
            "most": round(max(costs)),
        },
        "flood_peak_mib": round(max(memory)),
        "flood_slowest_chunk_seconds": round(max(walls), 2),
    }


def fill_customers(folder: Path, size: int) -> tuple[PipelineSlices, Figures]:
    settings = save_settings(folder)
    sizes = StoreSizes(customers=size, assets=3 * size)
    with Container(settings, DemoClock(_convert_to_midnight(FIRST_DAY))) as container:
        container.store.get_server_identity()
        with sqlite3.connect(folder / "store.db") as file:
            rows = [_date_early(row) for row in generate_bindings(sizes)]
            marks = ", ".join("?" * len(rows[0]))
            file.executemany(
                "INSERT INTO bindings (kind, value, customer_id, service, role, categories, pecr, "
                f"valid_from, valid_to, known_from, known_to) VALUES ({marks})",
                rows,
            )
        file.close()
        container.store.write(lambda uow: add_customers(uow, sizes))
        begun = time.process_time()
        container.store.make_asset_register().get_view()
        view = time.process_time() - begun
    return PipelineSlices(folder, settings=settings), {"register_view_ms": round(view * 1000)}


def _date_early(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return (*row[:9], "2025-01-01 00:00:00.000000", None)


def fill_alerts(folder: Path, size: int) -> tuple[PipelineSlices, Figures]:
    small = StoreSizes(
        alerts=size, new=min(300, size // 5), customers=200, assets=600, cases=min(200, size // 5),
        open_cases=20, breaches=2, approved=1, audit=min(size, 100_000), dead_letters=500, unattributed=200,
    )  # fmt: skip
    settings = save_settings(folder)
    seconds = fill_store(settings, small)
    stored = (folder / "store.db").stat().st_size / 2**20
    return PipelineSlices(folder, AFTER, settings), {
        "migrations_seconds": seconds["migrations"],
        "store_mib": round(stored),
    }


def fill_days(folder: Path, size: int) -> tuple[PipelineSlices, Figures]:
    """The newest of so many days; the older ones hold a hundred lines each."""
    settings = save_settings(folder)
    slices = PipelineSlices(folder, settings=settings)
    for number in range(size):
        begin = _convert_to_midnight(FIRST_DAY - timedelta(days=size - number))
        slices.process(list(generate_refused_sign_ins(100, begin)))
    log = slices.container.log
    end = log.find_end()
    begun = time.process_time()
    for _ in range(200):
        log.read(end, 1_000)
    return slices, {"empty_read_us": round((time.process_time() - begun) / 200 * 1e6)}


def _convert_to_midnight(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), UTC)


FILLED: dict[str, Callable[[Path, int], tuple[PipelineSlices, Figures]]] = {
    "groups": fill_groups,
    "customers": fill_customers,
    "alerts": fill_alerts,
    "days": fill_days,
}


def measure_one(part: str, size: int, folder: Path, lines: int, number: int) -> Figures:
    """Fill, then take slices."""
    slices, figures = FILLED[part](folder, size)
    slices.take(lines)  # what is started once
    each = [slices.take(lines) for _ in range(number)]
    costs = [slice_figures["cpu"] / slice_figures["lines"] * 1e6 for slice_figures in each]
    slices.container.close()
    return {
        "us_a_line": round(statistics.median(costs), 1),
        "least_us_a_line": round(min(costs), 1),
        "resident_mib": round(each[-1]["resident_mib"]),
        **figures,
    }


def restart(folder: Path) -> Figures:
    """Until a worker has looked and found nothing to do."""
    begun, spent = time.perf_counter(), time.process_time()
    with Container(load_settings(folder), DemoClock(NEWEST + timedelta(days=30))) as container:
        worker = container.build_worker()
        remaining = worker.process_all()
        assert remaining == 0, f"{remaining} lines had not been processed"
        return {
            "restart_seconds": round(time.perf_counter() - begun, 2),
            "restart_cpu_seconds": round(time.process_time() - spent, 2),
            "restart_mib": round(read_resident_mib()),
        }


def run_in_process(*arguments: object) -> Figures:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("BREACHDESK_")}
    completed = subprocess.run(
        [sys.executable, __file__, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=environment,
    )
    return dict(json.loads(completed.stdout.strip().splitlines()[-1]))


def measure(part: str, size: int, lines: int, number: int) -> Figures:
    with tempfile.TemporaryDirectory(prefix=f"bench-{part}-") as name:
        folder = Path(name) / "data"
        figures = run_in_process("--fill", part, size, folder, "--slice", lines, "--slices", number)
        return {**figures, **run_in_process("--restart", folder)}


def format_table(part: str, rows: dict[int, Figures]) -> str:
    names = list(next(iter(rows.values())))
    lines = [f"| {part} | {' | '.join(name.replace('_', ' ') for name in names)} |"]
    lines.append("|---" * (1 + len(names)) + "|")
    for size, figures in rows.items():
        lines.append(f"| {size:,} | {' | '.join(_format_cell(figures[name]) for name in names)} |")
    return "\n".join(lines)


def _format_cell(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {number:,}" for name, number in value.items())
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--sizes", nargs="+", type=int, help="instead of the three of each part")
    parser.add_argument("--slice", type=int, default=2_500)
    parser.add_argument("--slices", type=int, default=8)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--fill", nargs=3, metavar=("PART", "SIZE", "FOLDER"), help="one size only")
    parser.add_argument("--restart", type=Path, metavar="FOLDER", help="of a folder filled so")
    options = parser.parse_args(arguments)
    if options.restart:
        print(json.dumps(restart(options.restart)))
        return
    if options.fill:
        part, size, folder = options.fill
        print(json.dumps(measure_one(part, int(size), Path(folder), options.slice, options.slices)))
        return
    results: dict[str, dict[int, Figures]] = {}
    print(f"{TREE}, load {os.getloadavg()[0]:.1f}")
    for part in options.only:
        rows = results.setdefault(part, {})
        for size in options.sizes or SIZES[part]:
            rows[size] = measure(part, size, options.slice, options.slices)
            print(part, size, json.dumps(rows[size]), file=sys.stderr)
        print(f"\n{format_table(part, rows)}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
