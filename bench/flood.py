"""A flood of keys: refused sign-ins, each of a user and from an address that no other has.

    .venv/bin/python bench/flood.py                         # 200,000 lines, 64 MiB of copies
    .venv/bin/python bench/flood.py --lines 20000 --copies  # what one copy takes, by tracemalloc

Parsed in this process, detected and committed to a SQLite store, durable; nothing else runs.
Figures: resident memory before, at most and at the end, what the window store thinks its copies
take, and the time of a batch from its records to its commit. Batches shrink and grow to
`--milliseconds` as the worker's do."""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

sys.path[0:1] = [str(Path(__file__).resolve().parents[1])]

from bench.processes import read_resident_mib  # noqa: E402
from breachdesk.bootstrap.container import tune_gc  # noqa: E402
from breachdesk.stores.open_store import open_sqlite  # noqa: E402
from breachdesk.stores.sqlite.store import SqliteStore  # noqa: E402
from schemas.pipeline.alert import GroupKey, Signal  # noqa: E402
from schemas.pipeline.event import Event, RecordPosition  # noqa: E402
from streams.correlate.window_store import GuardedSignal, WindowStore  # noqa: E402
from streams.ports import CommitResult, GroupRows, PartitionAdvance, RecordBatch  # noqa: E402
from streams.sigma.engine import RuleEngine  # noqa: E402
from streams.sigma.load import load_rules  # noqa: E402

START = datetime(2026, 11, 22, 9, tzinfo=UTC)
HORIZON = 168 * 3600.0
A_SECOND = 60
PARTITION = "journal"


def generate_refused(count: int) -> Iterator[Event]:
    """Nobody signs in twice, and no address comes twice."""
    for number in range(count):
        at = START + timedelta(seconds=number / A_SECOND)
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        yield Event(
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


class FloodRun:
    """One owner of one partition."""

    def __init__(self, store: SqliteStore, memory_mib: float, milliseconds: float) -> None:
        book = load_rules([Path(__file__).resolve().parents[1] / "rules"])
        self._engine = RuleEngine(book)
        self._sink = store.make_batch_sink()
        self.windows = WindowStore(
            book.specs, HORIZON, memory_bytes=int(memory_mib * 2**20), sole_owner=True
        )
        self._position = self._sink.load_positions([PARTITION])[PARTITION]
        self._milliseconds = milliseconds
        self.size = 1_000

    def commit(self, events: Sequence[Event]) -> float:
        """Seconds of one batch."""
        begun = time.perf_counter()
        signals: dict[GroupKey, list[GuardedSignal]] = {}
        for event in events:
            for each in self._engine.list_signals(event):
                signals.setdefault(each.key, []).append(GuardedSignal(each, guarded=True))
        newest = events[-1].arrived if events else START
        before = self._position
        after = events[-1].position if events else before.position
        assert after is not None
        windows = self.windows
        keys = windows.list_keys(signals)
        batch = RecordBatch([PartitionAdvance(PARTITION, before, after, newest.timestamp())], keys)
        result = self._sink.commit(
            batch,
            windows.get_versions(keys),
            lambda rows, low: windows.apply(signals, rows, low),
            newest,
        )
        windows.confirm_commit(result)
        self._position = self._sink.load_positions([PARTITION])[PARTITION]
        seconds = time.perf_counter() - begun
        if events:
            self.size = self._compute_next_size(len(events), seconds * 1000)
        return seconds

    def _compute_next_size(self, size: int, took: float) -> int:
        wanted = int(size * min(2.0, 0.8 * self._milliseconds / took))
        return max(50, min(4_000, wanted))


def run(lines: int, memory_mib: float, milliseconds: float) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        store = open_sqlite(Path(folder) / "store.db", now=lambda: START)
        flood = FloodRun(store, memory_mib, milliseconds)
        tune_gc()
        before = most = read_resident_mib()
        events = generate_refused(lines)
        seconds: list[float] = []
        sizes: list[int] = []
        cpu = time.process_time()
        while chunk := list(islice(events, flood.size)):
            seconds.append(flood.commit(chunk))
            sizes.append(len(chunk))
            if len(seconds) % 20 == 0:
                most = max(most, read_resident_mib())
        cpu = time.process_time() - cpu
        copies = len(flood.windows)
        idle: list[float] = []
        while flood.windows.unwritten:
            idle.append(flood.commit([]))
        stored = (Path(folder) / "store.db").stat().st_size
        begun = time.perf_counter()
        again = FloodRun(store, memory_mib, milliseconds)
        again.windows.restore(store.make_batch_sink().list_log_rows(PARTITION))
        restart = time.perf_counter() - begun
        figures = {
            "lines": lines,
            "cpu_us_a_line": round(cpu / lines * 1e6),
            "resident_mib": [round(before), round(most), round(read_resident_mib())],
            "copies": copies,
            "copies_mib": round(flood.windows.memory_bytes / 2**20),
            "batches": len(seconds),
            "batch_lines_median": statistics.median(sizes),
            "batch_ms": {
                "median": round(statistics.median(seconds) * 1000),
                "p99": round(sorted(seconds)[int(len(seconds) * 0.99)] * 1000),
                "most": round(max(seconds) * 1000),
            },
            "idle_batches": len(idle),
            "idle_ms_most": round(max(idle, default=0.0) * 1000),
            "store_mib": round(stored / 2**20),
            "restart_ms_rules_included": round(restart * 1000),
        }
        store.close()
        return figures


def measure_copies(count: int) -> dict[str, object]:
    """What the copy of a group takes that holds one signal, or three."""
    book = load_rules([Path(__file__).resolve().parents[1] / "rules"], behaviours=False)
    rule = next(rule for rule in book.specs if book.specs[rule].least > 3)
    figures: dict[str, object] = {"rule": rule}
    for signals in (1, 3):
        windows = WindowStore(book.specs, HORIZON, memory_bytes=2**40)
        tracemalloc.start()
        for event in generate_refused(count):
            _fill_group(windows, event, rule, signals)
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
