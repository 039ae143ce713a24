"""What a batch of many owners costs the thread that works on it, without a broker: from consumed records to the
commit in PostgreSQL.

    eval "$(scripts/services up kafka postgres)"
    .venv/bin/python bench/kafka_batches.py --batch 2000 --against ../other
    .venv/bin/python bench/kafka_batches.py --batch 20 --against ../other   # what each batch costs

The lines are those of bench/kafka.py. Each checkout has a process and a schema of its own; they take turns, slice by
slice. Processor time of the one thread, in microseconds a line; the process that reads is not counted. Read the
ratios.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from schemas.pipeline.event import RawRecord

HERE = Path(__file__).resolve().parent.parent
TOPIC = "ecs"
UNCOUNTED = 10_000
"""Lines before the first slice."""


def serve(batch: int, requests: IO[str], answers: IO[str]) -> None:
    """Answer each line, a number of batches, with microseconds a line."""
    from bench.kafka_corpora import generate_ecs_rows
    from bench.kafka_ground import ServerAddresses, build_run_settings, open_store
    from breachdesk.bootstrap.container import tune_gc
    from breachdesk.bootstrap.worker import build_worker
    from streams.event_logs.kafka_records import RecordDecoder
    from streams.ports.metrics import NullMetrics
    from streams.process.worker import ArrivedRecord

    servers = ServerAddresses(
        os.environ["BREACHDESK_KAFKA__SERVERS"], os.environ["BREACHDESK_STORE__URL"]
    )
    for name in [each for each in os.environ if each.startswith("BREACHDESK_")]:
        del os.environ[name]
    rows = generate_ecs_rows(10**9)
    decoder = RecordDecoder({TOPIC: "00000000"}, {TOPIC: TOPIC})
    with tempfile.TemporaryDirectory() as scratch:
        settings = build_run_settings(Path(scratch) / "run", servers, drill=False)
        with open_store(settings) as (_, container):
            worker = build_worker(container, NullMetrics(), _get_now)
            partition = f"{TOPIC}/0"
            worker.take_ownership([partition])
            tune_gc()
            offset = 0
            print(json.dumps(str(HERE)), file=answers, flush=True)
            for request in requests:
                batches = [
                    _consume(islice(rows, batch), offset + number * batch)
                    for number in range(int(request))
                ]
                offset += len(batches) * batch
                gc.collect()
                begun = time.thread_time()
                for consumed in batches:
                    worker.process(
                        [ArrivedRecord(partition, decoder.decode_record(each)) for each in consumed]
                    )
                took = (time.thread_time() - begun) / len(batches) / batch * 1e6
                print(json.dumps(took), file=answers, flush=True)


def _get_now(_records: Sequence[RawRecord] = ()) -> datetime:
    return datetime.now(UTC)


def _consume(rows: Iterator[Any], first: int) -> list[Any]:
    from aiokafka.structs import ConsumerRecord

    now = int(time.time() * 1000)
    return [
        ConsumerRecord(TOPIC, 0, offset, now, 1, row.key, row.value, None, 0, 0, ())
        for offset, row in enumerate(rows, first)
    ]


class MeasuredTree:
    """One checkout in a process of its own."""

    def __init__(self, root: Path, batch: int) -> None:
        own = root / ".venv/bin/python"
        self.root = root
        self.process = subprocess.Popen(
            [str(own if own.exists() else sys.executable), __file__, "--serve", str(batch)],
            cwd=root,
            env={**os.environ, "BENCH_TREE": str(root)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def answer(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def ask(self, batches: int) -> float:
        """Microseconds a line of so many batches."""
        assert self.process.stdin is not None
        print(batches, file=self.process.stdin, flush=True)
        return float(self.answer())

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def measure(roots: Sequence[Path], batch: int, batches: int, slices: int) -> dict[str, Any]:
    """Medians of each checkout, and of the ratios of neighbouring slices."""
    trees = [MeasuredTree(root, batch) for root in roots]
    try:
        for tree in trees:
            tree.answer()
            tree.ask(max(3, UNCOUNTED // batch))
        timings: dict[Path, list[float]] = {root: [] for root in roots}
        for number in range(slices):
            for tree in trees[:: 1 if number % 2 else -1]:
                timings[tree.root].append(tree.ask(batches))
    finally:
        for tree in trees:
            tree.close()
    own, *others = (timings[root] for root in roots)
    return {
        "us a line": {str(root): round(statistics.median(timings[root]), 1) for root in roots},
        "ratio": [
            round(statistics.median(b / a for a, b in zip(own, each, strict=True)), 2)
            for each in others
        ],
        "load": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--batch", type=int, default=2_000, help="lines of a batch")
    options.add_argument("--batches", type=int, default=3, help="of a slice")
    options.add_argument("--slices", type=int, default=8)
    options.add_argument("--against", type=Path, action="append", default=[], help="a checkout")
    options.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parsed = options.parse_args()
    if parsed.serve:
        sys.path[0] = os.environ["BENCH_TREE"]
        serve(parsed.serve, sys.stdin, sys.stdout)
        return
    roots = [HERE, *(each.resolve() for each in parsed.against)]
    print(json.dumps(measure(roots, parsed.batch, parsed.batches, parsed.slices), indent=1))


if __name__ == "__main__":
    main()
