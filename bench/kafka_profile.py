"""Where one worker's time goes: py-spy's samples, shared out over the steps of the pipeline."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from bench.kafka_runs import Corpus, ours

STEPS = (
    ("PostgreSQL: groups and buckets", ("groups.py", "group_keys.py")),
    ("PostgreSQL: alerts and evidence", ("reconcile.py", "alert_evidence.py", "alert_machine.py")),
    ("PostgreSQL: counts", ("counts.py",)),
    ("PostgreSQL: positions, watermarks", ("position_rows.py", "watermarks.py")),
    ("PostgreSQL: exports, audit", ("exports.py", "audit.py", "unit_of_work.py")),
    ("windows and episodes", ("window_store.py", "windows.py", "episodes.py", "buckets.py")),
    ("PostgreSQL: the rest", ("sink.py", "transactions.py", "postgres.py")),
    ("parse", ("parsers/", "tokenizers/", "json_lines.py")),
    ("recognise", ("recognise.py",)),
    ("enrich", ("enrich.py", "register_view.py")),
    ("rules and behaviours", ("sigma/", "detectors/")),
    ("counts and dead letters", ("source_counts.py",)),
    ("make events", ("normaliser.py",)),
    ("decode Kafka records", ("kafka_records.py",)),
    ("pipeline, worker", ("pipeline.py", "worker.py", "app_consumer.py")),
    ("Kafka client", ("aiokafka/",)),
    ("Faust, event loop", ("faust/", "mode/", "asyncio/", "selectors.py")),
)


def profile(corpus: Corpus, py_spy: str, folder: Path) -> dict[str, float]:
    """Share of samples that held the interpreter, by the innermost step they stood in, percent."""
    out = folder / f"{corpus.name}.folded"
    command = [py_spy, "record", "--gil", "--full-filenames", "--rate", "250"]
    ours(corpus, 1, profiler=[*command, "--format", "raw", "--output", str(out)])
    return shares(out.read_text(encoding="utf-8"))


def shares(folded: str) -> dict[str, float]:
    """`frame;frame;… count` a line, outermost first."""
    counts: Counter[str] = Counter()
    for line in folded.splitlines():
        stack, _, number = line.rpartition(" ")
        counts[_step(stack.split(";"))] += int(number)
    total = sum(counts.values()) or 1
    return {step: round(100 * n / total, 1) for step, n in counts.most_common()}


def _step(frames: list[str]) -> str:
    for frame in reversed(frames):
        for step, names in STEPS:
            if any(f"/{name}" in frame for name in names):
                return step
    return "other"
