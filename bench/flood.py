"""A flood of keys: refused sign-ins, each of a user and from an address that no other has.

    .venv/bin/python bench/flood.py                         # 200,000 lines, 64 MiB of copies
    .venv/bin/python bench/flood.py --lines 20000 --copies  # what one copy takes, by tracemalloc

The product's worker detects and commits them to a SQLite store, durable; nothing else runs, and
nothing is parsed. Figures: resident memory before, half way, at most and at the end, what the window
store counts of it, and the time of a batch from its records to its commit, by the clock and of
processor time. The worker chooses the size of its batches so that one takes `--milliseconds`."""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path[0:1] = [str(Path(__file__).resolve().parents[1])]

from bench.processes import read_resident_mib  # noqa: E402
from breachdesk.bootstrap.container import tune_gc  # noqa: E402
from breachdesk.stores.open_store import open_sqlite  # noqa: E402
from breachdesk.stores.sqlite.store import SqliteStore  # noqa: E402
from schemas.pipeline.alert import GroupKey, Signal  # noqa: E402
from schemas.pipeline.event import Event, RawRecord, RecordPosition  # noqa: E402
from streams.correlate.window_store import GuardedSignal, WindowStore  # noqa: E402
from streams.ports import CommitResult, GroupRows, RegisterView  # noqa: E402
from streams.ports.metrics import NullMetrics  # noqa: E402
from streams.process.pipeline import BatchResult, RecordPipeline  # noqa: E402
from streams.process.worker import ArrivedRecord, StreamWorker, WorkerLimits  # noqa: E402
from streams.sigma.engine import RuleEngine  # noqa: E402
from streams.sigma.load import load_rules  # noqa: E402

START = datetime(2026, 11, 22, 9, tzinfo=UTC)
HORIZON = 168 * 3600.0
A_SECOND = 60
PARTITION = "journal"


def build_refused(number: int) -> Event:
    """Build a sign-in of a user and from an address that no other number has."""
    at = START + timedelta(seconds=number / A_SECOND)
    address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    return Event(
        id=f"{number:032x}",
        time=at,
        arrived=at,
        dataset="microsoft365.audit",
        source="m365",
        fields={
            "event.category": ["authentication"],
            "event.type": ["start"],
            "event.outcome": "failure",
            "event.action": "UserLoginFailed",
            "event.dataset": "microsoft365.audit",
            "user.name": f"flood{number}@contoso.example",
            "source.ip": address,
        },
        position=RecordPosition(PARTITION, number + 1),
        sha256=f"{number:064x}",
        organization="contoso",
    )


class FloodPipeline(RecordPipeline):
    """Makes an event of each record by its offset; the rest is the product's."""

    def __init__(self, memory_mib: float) -> None:
        book = load_rules([Path(__file__).resolve().parents[1] / "rules"])
        self._engine = RuleEngine(book)
        self.windows = WindowStore(
            book.specs, HORIZON, memory_bytes=int(memory_mib * 2**20), sole_owner=True
        )

    def create_windows(self, *, sole_owner: bool) -> WindowStore:
        assert sole_owner
        return self.windows

    def evaluate(self, records: Sequence[RawRecord], _view: RegisterView) -> BatchResult:
        signals: dict[GroupKey, list[GuardedSignal]] = {}
        for record in records:
            for each in self._engine.list_signals(build_refused(record.position.offset - 1)):
                signals.setdefault(each.key, []).append(GuardedSignal(each, guarded=True))
        return BatchResult(signals)


class FloodRun:
    """The product's worker, as one owner of one partition."""

    def __init__(self, store: SqliteStore, memory_mib: float, milliseconds: float) -> None:
        pipeline = FloodPipeline(memory_mib)
        self.windows = pipeline.windows
        self.worker = StreamWorker(
            store.make_batch_sink(),
            pipeline,
            store.make_asset_register(),
            lambda _records: START,
            NullMetrics(),
            WorkerLimits(batch_seconds=milliseconds / 1000),
        )
        self.worker.take_ownership([PARTITION])

    def process(self, first: int, most: int) -> tuple[int, float, float]:
        """Process a batch from this number on. Returns its records, and the seconds that it took by
        the clock and of processor time."""
        last = min(first + self.worker.batch_records, most)
        records = [ArrivedRecord(PARTITION, _build_record(n)) for n in range(first, last)]
        begun, computed = time.perf_counter(), time.process_time()
        self.worker.process(records)
        return len(records), time.perf_counter() - begun, time.process_time() - computed


def _build_record(number: int) -> RawRecord:
    arrived = START + timedelta(seconds=number / A_SECOND)
    return RawRecord(RecordPosition(PARTITION, number + 1), "m365", b"", arrived)


def run(lines: int, memory_mib: float, milliseconds: float) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        store = open_sqlite(Path(folder) / "store.db", now=lambda: START)
        flood = FloodRun(store, memory_mib, milliseconds)
        tune_gc()
        before = read_resident_mib()
        resident = [before]
        batches: list[tuple[int, float, float]] = []
        count_done = 0
        while count_done < lines:
            batches.append(flood.process(count_done, lines))
            count_done += batches[-1][0]
            if len(batches) % 20 == 0:
                resident.append(read_resident_mib())
        resident.append(read_resident_mib())
        copies, copies_mib = len(flood.windows), flood.windows.memory_bytes / 2**20
        idle: list[float] = []
        while flood.windows.unwritten:
            begun = time.perf_counter()
            flood.worker.write_out()
            idle.append(time.perf_counter() - begun)
        stored = (Path(folder) / "store.db").stat().st_size
        begun = time.perf_counter()
        FloodRun(store, memory_mib, milliseconds)
        restart = time.perf_counter() - begun
        sizes, seconds, computed = zip(*batches, strict=True)
        figures = {
            "lines": lines,
            "cpu_us_a_line": round(sum(computed) / lines * 1e6),
            "resident_mib": {
                "before": round(before),
                "half way": round(resident[len(resident) // 2]),
                "most": round(max(resident)),
                "end": round(resident[-1]),
            },
            "copies": copies,
            "counted_mib": round(copies_mib),
            "batches": len(batches),
            "batch_lines_median": statistics.median(sizes),
            "batch_ms": _summarise(seconds),
            "batch_cpu_ms": _summarise(computed),
            "idle_batches": len(idle),
            "idle_ms_most": round(max(idle, default=0.0) * 1000),
            "store_mib": round(stored / 2**20),
            "restart_ms_rules_included": round(restart * 1000),
        }
        store.close()
        return figures


def _summarise(seconds: Sequence[float]) -> dict[str, int]:
    return {
        "median": round(statistics.median(seconds) * 1000),
        "p99": round(sorted(seconds)[int(len(seconds) * 0.99)] * 1000),
        "most": round(max(seconds) * 1000),
    }


def measure_copies(count: int) -> dict[str, object]:
    """What the copy of a group takes that holds one signal, or three."""
    book = load_rules([Path(__file__).resolve().parents[1] / "rules"], behaviours=False)
    rule = next(rule for rule in book.specs if book.specs[rule].least > 3)
    figures: dict[str, object] = {"rule": rule}
    for signals in (1, 3):
        windows = WindowStore(book.specs, HORIZON, memory_bytes=2**40)
        tracemalloc.start()
        for number in range(count):
            _fill_group(windows, build_refused(number), rule, signals)
        gc.collect()
        sizes, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        figures[f"bytes_a_group_of_{signals}"] = round(sizes / len(windows))
        figures[f"estimated_{signals}"] = round(windows.memory_bytes / len(windows))
    return figures


def _fill_group(windows: WindowStore, event: Event, rule: str, count: int) -> None:
    user = str(event.fields["user.name"])
    key = GroupKey(rule, "contoso", (user,))
    summary = {k: v for k, v in event.fields.items() if k not in ("event.category", "event.type")}
    signals = []
    for number in range(count):
        signal = Signal(
            key=key,
            time=event.time.timestamp() + number,
            event_id=f"{number:08x}{event.id[8:]}",
            step="",
            value="",
            position=event.position,
            sha256=event.sha256,
            source=event.source,
            touches=event.touches,
            unattributed=event.unattributed or "",
            summary=summary,
        )
        signals.append(GuardedSignal(signal, True))
    keys = windows.list_keys({key: signals})
    windows.apply({key: signals}, [GroupRows(k, 0, ()) for k in keys], None)
    windows.confirm_commit(CommitResult(dict.fromkeys(keys, 1)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=200_000)
    parser.add_argument("--memory-mib", type=float, default=64)
    parser.add_argument("--milliseconds", type=float, default=250)
    parser.add_argument("--copies", action="store_true", help="measure what a copy takes")
    chosen = parser.parse_args()
    if chosen.copies:
        figures = measure_copies(chosen.lines)
    else:
        figures = run(chosen.lines, chosen.memory_mib, chosen.milliseconds)
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
