"""One checkout's pipeline, a slice of lines at a time as its parent asks (bench/pipeline.py).

    BENCH_TREE=CHECKOUT CHECKOUT/.venv/bin/python bench/pipeline_slices.py FOLDER CORE

Reads requests as lines of JSON, {"lines": 2500, "console": false}, and answers each with what the
slice took. Its processes are pinned to the core. The lines are the demo's, another seed and two
days later for every 5,000 (BENCH_DENSITY times as many), so that windows open, close and are let go
as over months; journal and store are durable."""

from __future__ import annotations

import gc
import hashlib
import heapq
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[0:1] = [os.environ.get("BENCH_TREE") or str(ROOT), str(ROOT)]

import streams  # noqa: E402
from bench.processes import read_family_seconds, read_resident_mib  # noqa: E402
from breachdesk.bootstrap.container import Container  # noqa: E402
from breachdesk.demo.feed import import_registers  # noqa: E402
from breachdesk.demo.lines import build_lines  # noqa: E402
from breachdesk.demo.setup import DemoClock, build_settings, list_in_arrival_order  # noqa: E402
from schemas.pipeline.source import IncomingRecord  # noqa: E402
from schemas.settings import Settings  # noqa: E402

FIRST_DAY = date(2026, 1, 1)
APPENDED = 1_000
"""Lines of one append to the journal."""
PORT = 8931


def generate_lines(first_day: date = FIRST_DAY, density: int = 1) -> Iterator[IncomingRecord]:
    """Without end; in order of arrival. `density`: so many times the demo's lines in each two
    days."""
    number = 0
    while True:
        start = first_day + timedelta(days=2 * number)
        incidents = [
            build_lines(seed=number * density + each, start=start) for each in range(density)
        ]
        rows = heapq.merge(*map(list_in_arrival_order, incidents), key=lambda row: row[:2])
        for arrived, source, raw in rows:
            yield IncomingRecord(source=source, raw=raw, arrived=arrived, transport="bench")
        number += 1


class PipelineSlices:
    """The pipeline over a data folder; a new one gets the demo's registers and accounts."""

    def __init__(
        self, folder: Path, first_day: date = FIRST_DAY, settings: Settings | None = None
    ) -> None:
        demo_lines = build_lines(seed=0, start=first_day)
        self._clock = DemoClock(datetime.combine(first_day, datetime.min.time(), UTC))
        self.container = Container(
            settings or build_settings(folder, demo_lines, port=0), self._clock
        )
        if not self.container.store.read(lambda uow: uow.users.list()):
            import_registers(self.container, demo_lines)
        self._worker = self.container.build_worker()
        self._lines = generate_lines(first_day, int(os.environ.get("BENCH_DENSITY", "1")))
        self._seen = hashlib.sha256()

    def take(self, count: int) -> dict[str, Any]:
        """Append so many lines of the demo's and process them; what it took."""
        return self.process([next(self._lines) for _ in range(count)])

    def process(self, rows: Sequence[IncomingRecord]) -> dict[str, Any]:
        """Append these and process them; what it took."""
        count = len(rows)
        for row in rows:
            self._seen.update(row.raw)
        self._clock.move_to(rows[-1].arrived)
        gc.collect()
        spent, begun, own = read_family_seconds(), time.perf_counter(), time.process_time()
        for start in range(0, count, APPENDED):
            self.container.log.append(rows[start : start + APPENDED])
        processed = self._worker.process_all()
        figures = {
            "lines": count,
            "wall": time.perf_counter() - begun,
            "cpu": read_family_seconds() - spent,
            "own_cpu": time.process_time() - own,
        }
        assert processed == count, f"{processed} of {count} lines were processed"
        return {**figures, "resident_mib": read_resident_mib(), "seen": self._seen.hexdigest()[:12]}

    def count_alerts(self) -> dict[str, object]:
        """How many, and a digest of what the machine says of each."""
        alerts = self.container.store.read(lambda uow: uow.alerts.list())
        columns = sorted(
            (a.id, a.evidence, a.severity.value, a.fingerprint, a.state.value) for a in alerts
        )
        digest = hashlib.sha256(repr(columns).encode()).hexdigest()[:12]
        return {"alerts": len(alerts), "digest": digest}


@contextmanager
def ask_console(container: Container) -> Iterator[dict[str, object]]:
    """Another process asks the console's overview ten times a second meanwhile; what it waited."""
    import uvicorn

    from breachdesk.bootstrap.observability.traces import NullTracer
    from breachdesk.bootstrap.serve import build_console_dependencies
    from breachdesk.console.app import build_app

    app = build_app(build_console_dependencies(container, NullTracer()))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=PORT, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    asker = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("ask_console.py")), str(PORT)],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": sys.path[0]},
    )
    waits: dict[str, object] = {}
    assert asker.stdout is not None
    try:
        asker.stdout.readline()  # ready
        yield waits
        out, _ = asker.communicate(b"stop\n", timeout=60)
        waits.update(json.loads(out))
    finally:
        asker.kill()
        asker.wait()
        server.should_exit = True
        thread.join(10)


def generate_answers(requests: Iterator[str], slices: PipelineSlices) -> Iterator[dict[str, Any]]:
    for request in requests:
        question = json.loads(request)
        if question.get("console"):
            with ask_console(slices.container) as waits:
                figures = slices.take(question["lines"])
            yield {**figures, "console_ms": waits}
        elif question.get("alerts"):
            yield slices.count_alerts()
        else:
            yield slices.take(question["lines"])


def main(arguments: Sequence[str]) -> None:
    folder, core = arguments
    os.sched_setaffinity(0, {int(core)})
    slices = PipelineSlices(Path(folder))
    print(json.dumps({"tree": str(Path(streams.__file__).parents[1])}), flush=True)
    for answer in generate_answers(iter(sys.stdin.readline, ""), slices):
        print(json.dumps(answer), flush=True)
    slices.container.close()


if __name__ == "__main__":
    main(sys.argv[1:])
