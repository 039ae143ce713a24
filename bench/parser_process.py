"""Reading in this process, in a child and in two: lines a second and the parent's processor time.

    .venv/bin/python bench/parser_process.py                # the demo's lines, ten days of them
    .venv/bin/python bench/parser_process.py --days 2 --pipeline

All run in turn, several times, on the same lines in one run, since the machine is noisy: read the
ratios. `--pipeline` feeds journal, parsers, register, rules, windows and store instead of reading
alone. Nothing is pinned: children may use other cores, if there are any.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from itertools import islice
from pathlib import Path

from breachdesk.bootstrap.container import Container, tune_gc
from breachdesk.demo.feed import import_registers
from breachdesk.demo.lines import build_lines
from breachdesk.demo.setup import DemoClock, build_settings, list_in_arrival_order
from schemas.pipeline.event import RawRecord, RecordPosition
from schemas.pipeline.source import IncomingRecord
from schemas.settings import Settings
from streams.normalise.record_readers import InProcessReader
from streams.parser_process.adapter import MOST_RECORDS, ParserProcess
from streams.ports import RecordReader
from streams.ports.metrics import NullParserMetrics
from streams.ports.record_reader import Outcome

FIRST_DAY = date(2026, 1, 1)
READERS = ("in process", "child", "two children")


def build_rows(days: int) -> list[IncomingRecord]:
    """The demo's lines, another seed and two days later each time."""
    rows = []
    for number in range(days):
        demo_lines = build_lines(seed=number, start=FIRST_DAY + timedelta(days=2 * number))
        rows += [
            IncomingRecord(source=source, raw=raw, arrived=arrived, transport="bench")
            for arrived, source, raw in list_in_arrival_order(demo_lines)
        ]
    return rows


class TwoChildren:
    """A streams.ports.RecordReader over two processes that read parts in turn: while the worker
    takes in one part, both read on. Outcomes come in the records' order."""

    def __init__(self, settings: Settings) -> None:
        self._children = [ParserProcess(settings, NullParserMetrics()) for _ in range(2)]

    def read(self, records: Sequence[RawRecord]) -> Generator[Outcome, None, None]:
        parts = [records[i : i + MOST_RECORDS] for i in range(0, len(records), MOST_RECORDS)]
        with ExitStack() as stack:
            halves = [
                stack.enter_context(closing(child.read([r for part in parts[n::2] for r in part])))
                for n, child in enumerate(self._children)
            ]
            for number, part in enumerate(parts):
                yield from islice(halves[number % 2], len(part))

    def close(self) -> None:
        for child in self._children:
            child.close()


@contextmanager
def open_reader(name: str, settings: Settings) -> Iterator[RecordReader]:
    if name == "in process":
        yield InProcessReader(settings)
        return
    reader: ParserProcess | TwoChildren
    if name == "child":
        reader = ParserProcess(settings, NullParserMetrics())
    else:
        reader = TwoChildren(settings)
    try:
        yield reader
    finally:
        reader.close()


def read_only(lines: Sequence[IncomingRecord], settings: Settings, reader: RecordReader) -> int:
    """Recognise and parse, in batches as a worker reads them."""
    records = [
        RawRecord(RecordPosition("bench", number), row.source, row.raw, row.arrived)
        for number, row in enumerate(lines)
    ]
    del settings
    return sum(
        1
        for begin in range(0, len(records), 4000)
        for _ in reader.read(records[begin : begin + 4000])
    )


def run_pipeline(lines: Sequence[IncomingRecord], settings: Settings, reader: RecordReader) -> int:
    """From the journal to committed alerts, in a folder of its own."""
    with tempfile.TemporaryDirectory() as name:
        demo_lines = build_lines(seed=0, start=FIRST_DAY)
        settings = settings.model_copy(update={"data_dir": Path(name)})
        with Container(settings, DemoClock(lines[-1].arrived)) as container:
            import_registers(container, demo_lines)
            for begin in range(0, len(lines), 1000):
                container.log.append([replace(row) for row in lines[begin : begin + 1000]])
            return container.build_worker(reader=reader).process_all()


def measure_work(work: Callable[[], int]) -> dict[str, float]:
    wall, own = time.perf_counter(), time.process_time()
    lines = work()
    wall, own = time.perf_counter() - wall, time.process_time() - own
    return {"lines_per_second": lines / wall, "parent_us_per_line": own / lines * 1e6}


def compare(days: int, repeats: int, *, pipeline: bool) -> dict[str, object]:
    lines = build_rows(days)
    work = run_pipeline if pipeline else read_only
    results: dict[str, list[dict[str, float]]] = {name: [] for name in READERS}
    with tempfile.TemporaryDirectory() as folder:
        settings = build_settings(Path(folder), build_lines(seed=0, start=FIRST_DAY), port=0)
        for _ in range(repeats):
            for name in READERS:
                with open_reader(name, settings) as reader:
                    list(
                        reader.read(
                            [RawRecord(RecordPosition("warm", 0), "s", b"x", lines[0].arrived)]
                        )
                    )
                    results[name].append(measure_work(partial(work, lines, settings, reader)))
    medians = {
        name: {
            figure: statistics.median(each[figure] for each in of)
            for figure in ("lines_per_second", "parent_us_per_line")
        }
        for name, of in results.items()
    }
    here, child, two = (medians[name] for name in READERS)
    return {
        "lines": len(lines),
        "medians": medians,
        "child_to_in_process": {name: round(child[name] / here[name], 2) for name in here},
        "two_children_to_one": {name: round(two[name] / child[name], 2) for name in here},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--pipeline", action="store_true")
    options = parser.parse_args()
    tune_gc()
    print(json.dumps(compare(options.days, options.repeats, pipeline=options.pipeline), indent=2))


if __name__ == "__main__":
    main()
