"""Raw lines a second through steps 1–4 on one core, and resident memory over many lines.

    .venv/bin/python bench/pipeline.py                 # 200,000 lines, with the console beside it
    .venv/bin/python bench/pipeline.py --lines 1000000 --no-console
    .venv/bin/python bench/pipeline.py --profile

Lines are the demo's, a different day and seed for every 5,000, so that windows open, close and are
evicted as they would be over months. Journal and store are durable (synchronous=FULL). The stages
and the process that reads records are pinned to one core; the console is asked from another process meanwhile. The
same run also times the same lines through `parse` alone and through a bare SQLite insert, so that
ratios mean something on a noisy machine.
"""

from __future__ import annotations

import argparse
import contextlib
import cProfile
import json
import os
import pstats
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from breachdesk.bootstrap.house import Premises
from breachdesk.demo.lines import DemoLines, build
from breachdesk.demo.play import furnish
from breachdesk.demo.stage import StageClock, demo_settings, in_arrival_order
from schemas.errors import Unparseable
from schemas.event import Position, RawRecord
from schemas.settings import Settings
from schemas.source import Incoming
from streams.normalise.recognise import Recogniser

FIRST_DAY = date(2026, 1, 1)
CHUNK = 5_000


def acts(count: int) -> Iterator[list[Incoming]]:
    """Chunks of raw lines, each two days later than the last."""
    made, number = 0, 0
    while made < count:
        cast = build(seed=number, start=FIRST_DAY + timedelta(days=2 * number))
        rows = [
            Incoming(source=source, raw=raw, arrived=arrived, transport="bench")
            for arrived, source, raw in in_arrival_order(cast)
        ]
        made += len(rows)
        number += 1
        yield rows


def resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


def prepare(folder: Path) -> tuple[Premises, StageClock, DemoLines]:
    cast = build(seed=0, start=FIRST_DAY)
    clock = StageClock(datetime.combine(FIRST_DAY, datetime.min.time(), UTC))
    house = Premises(demo_settings(folder, cast, port=0), clock)
    furnish(house, cast)
    return house, clock, cast


def measure(lines: int, folder: Path, *, console: bool, profile: bool) -> dict[str, object]:
    house, clock, _ = prepare(folder)
    worker = house.worker()
    profiler = cProfile.Profile() if profile else None
    done, spent, memory, making = 0, 0.0, [resident_mib()], time.perf_counter()
    asked = Asking(house.settings, house) if console else None
    for rows in acts(lines):
        clock.move_to(rows[-1].arrived)
        begun = time.perf_counter()
        if profiler:
            profiler.enable()
        for start in range(0, len(rows), 1000):
            house.log.append(rows[start : start + 1000])
        worker.drain()
        if profiler:
            profiler.disable()
        spent += time.perf_counter() - begun
        done += len(rows)
        memory.append(resident_mib())
        if sys.stderr.isatty():
            print(
                f"\r{done:,} lines, {done / spent:,.0f}/s, {memory[-1]:.0f} MiB",
                end="",
                file=sys.stderr,
            )
    result: dict[str, object] = {
        "lines": done,
        "lines_per_second": round(done / spent),
        "seconds": round(spent, 1),
        "making_lines_seconds": round(time.perf_counter() - making - spent, 1),
        "resident_mib": {
            "start": round(memory[0]),
            "quarter": round(memory[len(memory) // 4]),
            "half": round(memory[len(memory) // 2]),
            "end": round(memory[-1]),
            "peak": round(max(memory)),
        },
        "alerts": len(house.store.look(lambda uow: uow.alerts.list())),
    }
    if asked:
        result["console_ms"] = asked.stop()
    if profiler:
        pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(40)
    house.close()
    return result


class Asking:
    """Another process asks the console's overview ten times a second meanwhile."""

    def __init__(self, settings: Settings, house: Premises) -> None:
        import uvicorn

        from breachdesk.bootstrap.serve import console_house
        from breachdesk.bootstrap.traces import NoTracer
        from breachdesk.console.app import console_app

        app = console_app(console_house(house, NoTracer()))
        self._server = uvicorn.Server(
            uvicorn.Config(app, host="127.0.0.1", port=8931, log_level="warning")
        )
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        self._asker = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("ask_console.py")), "8931"],
            stdout=subprocess.PIPE,
            stdin=subprocess.PIPE,
        )
        del settings

    def stop(self) -> object:
        out, _ = self._asker.communicate(b"stop\n", timeout=30)
        self._server.should_exit = True
        self._thread.join(10)
        return json.loads(out)


def parse_only(rows: Sequence[Incoming], settings: Settings) -> float:
    """Lines a second through recognition and parsing alone."""
    reader = Recogniser()
    begun = time.perf_counter()
    for offset, row in enumerate(rows):
        record = RawRecord(Position("bench", offset), row.source, row.raw, row.arrived)
        with contextlib.suppress(Unparseable):
            reader.read(record, settings.source(row.source))
    return len(rows) / (time.perf_counter() - begun)


def bare_insert(rows: Sequence[Incoming], folder: Path) -> float:
    """Lines a second of plain durable SQLite inserts in batches of 1,000: the floor's price."""
    db = sqlite3.connect(folder / "bare.db")
    db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE r (s, a, b);")
    begun = time.perf_counter()
    for start in range(0, len(rows), 1000):
        db.executemany(
            "INSERT INTO r VALUES (?, ?, ?)",
            [(r.source, r.arrived.isoformat(), r.raw) for r in rows[start : start + 1000]],
        )
        db.commit()
    return len(rows) / (time.perf_counter() - begun)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=200_000)
    parser.add_argument("--no-console", action="store_true")
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    os.sched_setaffinity(0, {0})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = next(acts(CHUNK))
        cast = build(seed=0, start=FIRST_DAY)
        settings = demo_settings(folder / "data", cast, port=0)
        result = {
            **measure(
                given.lines,
                folder / "data",
                console=not given.no_console,
                profile=given.profile,
            ),
            "parse_only_lines_per_second": round(
                statistics.median(parse_only(rows, settings) for _ in range(3))
            ),
            "bare_sqlite_insert_lines_per_second": round(bare_insert(rows, folder)),
        }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
