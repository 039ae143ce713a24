"""Raw lines a second through steps 1–4 on one core, compared with another checkout in the same run.

    .venv/bin/python bench/pipeline.py                                   # this checkout, 100,000 lines
    .venv/bin/python bench/pipeline.py --against /path/of/checkout       # both, slice by slice in turn
    .venv/bin/python bench/pipeline.py --lines 1000000 --no-console
    .venv/bin/python bench/pipeline.py --py-spy PATH                     # where its time goes

Each checkout runs in a process of its own, pinned to one core with all that it starts; only one of
them works at a time. A checkout with its own bench/pipeline_slices.py runs that. Slices alternate (ABBA), so that read the ratio: the median of the ratios of
neighbouring slices. `us a line` is processor time of all threads and processes. The console is
asked ten times a second during some slices at the end, from the same core. The same run also times
`parse` alone and a bare durable SQLite insert of the same lines.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)

from bench.pipeline_slices import FIRST_DAY, generate_lines  # noqa: E402
from bench.profiles import compute_own_time, compute_shares, select_product_samples  # noqa: E402
from breachdesk.demo.lines import build_lines  # noqa: E402
from breachdesk.demo.setup import build_settings  # noqa: E402
from schemas.errors import UnparseableRecord  # noqa: E402
from schemas.pipeline.event import RawRecord, RecordPosition  # noqa: E402
from schemas.pipeline.source import IncomingRecord  # noqa: E402
from streams.normalise.recognise import FormatRecogniser  # noqa: E402

Taken = Mapping[str, Any]
SCRIPT = ROOT / "bench" / "pipeline_slices.py"


class PipelineTree(NamedTuple):
    """A checkout under measurement."""

    name: str
    path: Path
    process: subprocess.Popen[str]

    def ask(self, **request: object) -> Taken:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return self.answer()

    def answer(self) -> Taken:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended: see above")
        return dict(json.loads(line))


@contextlib.contextmanager
def start_tree(
    name: str, path: Path, folder: Path, core: int, density: int = 1
) -> Iterator[PipelineTree]:
    """With the checkout's own interpreter."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("BREACHDESK_")}
    own_script = path / "bench" / SCRIPT.name
    process = subprocess.Popen(
        [
            str(path / ".venv/bin/python"),
            str(own_script if own_script.exists() else SCRIPT),
            str(folder / name),
            str(core),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={
            **environment,
            "BENCH_TREE": str(path),
            "BENCH_HELPERS": str(ROOT),
            "PYTHONPATH": str(path),
            "BENCH_DENSITY": str(density),
        },
    )
    tree = PipelineTree(name, path, process)
    try:
        used = tree.answer()["tree"]
        assert used == str(path), f"{used} was imported instead of {path}"
        yield tree
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def run_in_turn(trees: Sequence[PipelineTree], slices: int, size: int) -> dict[str, list[Taken]]:
    """The first slice of each is left out: it starts what is started once."""
    for tree in trees:
        tree.ask(lines=size)
    runs: dict[str, list[Taken]] = {tree.name: [] for tree in trees}
    for number in range(slices):
        for tree in trees if number % 2 == 0 else reversed(trees):
            runs[tree.name].append(tree.ask(lines=size))
        if sys.stderr.isatty():
            print(f"\r{number + 1}/{slices}", end="", file=sys.stderr)
    seen = {runs[tree.name][-1]["seen"] for tree in trees}
    assert len(seen) == 1, "the checkouts were not given the same lines"
    return runs


def compute_micros(figures: Taken) -> float:
    return float(figures["cpu"] / figures["lines"] * 1e6)


def compute_thirds(ratios: Sequence[float]) -> list[float]:
    """Of the beginning, the middle and the end: what a long run writes later counts too."""
    size = max(1, len(ratios) // 3)
    parts = [ratios[begin : begin + size] for begin in (0, size, 2 * size)]
    return [round(statistics.median(part), 2) for part in parts if part]


def summarise_runs(
    runs: Mapping[str, list[Taken]], trees: Sequence[PipelineTree]
) -> dict[str, Any]:
    """Of each checkout; `ratio`: how many times faster than the first, median of neighbours."""
    first = [compute_micros(figures) for figures in runs[trees[0].name]]
    rows = {}
    for tree in trees:
        each = [compute_micros(figures) for figures in runs[tree.name]]
        ratios = [a / b for a, b in zip(first, each, strict=True)]
        memory = [figures["resident_mib"] for figures in runs[tree.name]]
        rows[tree.name] = {
            "us_a_line": {
                "median": round(statistics.median(each), 1),
                "least": round(min(each), 1),
            },
            "of_it_reading_process": round(
                1 - statistics.median(t["own_cpu"] / t["cpu"] for t in runs[tree.name]), 2
            ),
            "lines_a_second_of_processor_time": round(1e6 / statistics.median(each)),
            "lines_a_second_pinned": round(
                statistics.median(t["lines"] / t["wall"] for t in runs[tree.name])
            ),
            "ratio": round(statistics.median(ratios), 2),
            "ratio_by_thirds": compute_thirds(ratios),
            "resident_mib": {
                "first": round(memory[0]),
                "last": round(memory[-1]),
                "peak": round(max(memory)),
            },
            **tree.ask(alerts=True),
        }
    return rows


@contextlib.contextmanager
def sample_tree(tree: PipelineTree, py_spy: str, folder: Path) -> Iterator[dict[str, Any]]:
    """Shares of the samples that held an interpreter, by stage and by function, of the process and
    its children."""
    out = folder / "profile.folded"
    shares: dict[str, Any] = {}
    command = [py_spy, "record", "--gil", "--subprocesses", "--full-filenames", "--rate", "250"]
    sampler = subprocess.Popen(
        [*command, "--format", "raw", "--output", str(out), "--pid", str(tree.process.pid)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    yield shares
    sampler.send_signal(signal.SIGINT)  # it writes what it has
    sampler.wait(60)
    folded = select_product_samples(out.read_text(encoding="utf-8"))
    shares.update({"stages": compute_shares(folded), "functions": compute_own_time(folded)})


def parse_only(rows: Sequence[IncomingRecord], folder: Path) -> float:
    """Lines a second through recognition and parsing alone."""
    settings = build_settings(folder, build_lines(seed=0, start=FIRST_DAY), port=0)
    recogniser = FormatRecogniser()
    begun = time.process_time()
    for offset, row in enumerate(rows):
        record = RawRecord(RecordPosition("bench", offset), row.source, row.raw, row.arrived)
        with contextlib.suppress(UnparseableRecord):
            recogniser.read(record, settings.get_source(row.source))
    return len(rows) / (time.process_time() - begun)


def measure_bare_insert(rows: Sequence[IncomingRecord], folder: Path) -> float:
    """Lines a second of plain durable SQLite inserts in batches of 1,000."""
    db = sqlite3.connect(folder / "bare.db")
    db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE r (s, a, b);")
    begun = time.process_time()
    for start in range(0, len(rows), 1000):
        db.executemany(
            "INSERT INTO r VALUES (?, ?, ?)",
            [(r.source, r.arrived.isoformat(), r.raw) for r in rows[start : start + 1000]],
        )
        db.commit()
    return len(rows) / (time.process_time() - begun)


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    result: dict[str, Any] = {
        "load_before": os.getloadavg()[0],
        "slice": options.slice,
        "density": options.density,
    }
    slices = max(1, options.lines // options.slice - 1)
    with contextlib.ExitStack() as stack:
        places = [
            *({"against": options.against} if options.against else {}).items(),
            ("this", options.tree),
        ]
        trees = [
            stack.enter_context(
                start_tree(name, path.resolve(), folder, options.core, options.density)
            )
            for name, path in places
        ]
        if options.py_spy:
            trees[-1].ask(lines=options.slice)
            with sample_tree(trees[-1], options.py_spy, folder) as shares:
                for _ in range(slices):
                    trees[-1].ask(lines=options.slice)
            return {**result, "profile": shares}
        result["trees"] = summarise_runs(run_in_turn(trees, slices, options.slice), trees)
        if options.console:
            for tree in trees:
                answer = tree.ask(lines=options.console_lines, console=True)
                result["trees"][tree.name]["console_ms"] = answer["console_ms"]
    rows = list(islice(generate_lines(), 5_000))
    parsed = [parse_only(rows, folder / "parse") for _ in range(3)]
    result["parse_only_lines_per_second"] = round(statistics.median(parsed))
    result["bare_sqlite_insert_lines_per_second"] = round(measure_bare_insert(rows, folder))
    return {**result, "load_after": os.getloadavg()[0]}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lines", type=int, default=100_000, help="for each checkout")
    parser.add_argument(
        "--density", type=int, default=1, help="times the demo's lines in each two days"
    )
    parser.add_argument("--slice", type=int, default=2_500)
    parser.add_argument("--against", type=Path, metavar="CHECKOUT", help="with a .venv of its own")
    parser.add_argument("--tree", type=Path, default=ROOT, help="instead of this checkout")
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--no-console", dest="console", action="store_false")
    parser.add_argument("--console-lines", type=int, default=20_000)
    parser.add_argument("--py-spy", default="", metavar="PATH", help="sample instead of compare")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-pipeline-") as name:
        result = measure(options, Path(name))
    text = json.dumps(result, indent=2)
    print(text)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
