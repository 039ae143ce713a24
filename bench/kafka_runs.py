"""One run each of what bench/kafka.py compares: what it took, per event."""

from __future__ import annotations

import json
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.kafka_corpora import ECS_SOURCE
from bench.kafka_ground import (
    ROOT,
    CorpusProgress,
    build_environment,
    open_store,
    read_cpu_seconds,
    read_resident_mib,
    run_workers,
    watch_progress,
)
from bench.kafka_postgres import PostgresCost
from schemas.settings import Settings
from streams.kafka.topics import build_source_topic

START_SHARE = 0.2
"""Measured from here on: joining, the first parsers and the first groups are left out."""
Taken = dict[str, float]


@dataclass(frozen=True)
class LoadedCorpus:
    """Topics with records in them."""

    name: str
    settings: Settings
    count: int


def run_ours(corpus: LoadedCorpus, number: int, *, profiler: Sequence[str] = ()) -> Taken:
    """So many workers from Kafka bytes to committed alerts. `profiler`: a command that takes the
    first worker's process id."""
    with (
        open_store(corpus.settings) as (settings, container),
        run_workers(settings, number) as running,
        PostgresCost(container) as toll,
    ):
        progress = CorpusProgress(settings, container)
        began: tuple[float, int, float] | None = None
        sampler: subprocess.Popen[bytes] | None = None
        for at, processed in watch_progress(progress, running, corpus.count):
            spent = sum(read_cpu_seconds(each.pid) for each in running)
            if began is None and (
                processed >= START_SHARE * corpus.count or processed == corpus.count
            ):
                began = (at, processed, spent)
                toll.mark()
                if profiler:
                    sampler = subprocess.Popen([*profiler, "--pid", str(running[0].pid)])
            finished = (at, processed, spent)
        assert began is not None, "the last look always begins it"
        figures = {
            "events": finished[1] - began[1],
            "wall": finished[0] - began[0],
            "cpu": finished[2] - began[2],
            "resident_mib": max(read_resident_mib(each.pid) for each in running),
            "alerts": container.store.read(lambda uow: uow.alerts.count()),
            **toll.compute_cost(finished[1] - began[1]),
        }
        if sampler is not None:
            sampler.send_signal(signal.SIGINT)  # it writes what it has
            sampler.wait(30)
        return figures


def run_bare(corpus: LoadedCorpus, mode: str) -> Taken:
    """The same client, nothing stored."""
    with open_store(corpus.settings) as (settings, _):
        return _run_command(
            [sys.executable, "-m", "bench.kafka_bare", str(settings.data_dir), corpus.count, mode]
        )


def run_quix(corpus: LoadedCorpus, python: str, *, changelog: bool) -> Taken:
    """Its windowed count by user."""
    kafka = corpus.settings.kafka
    with tempfile.TemporaryDirectory() as state:
        more = ["--changelog"] if changelog else []
        script = ROOT / "bench/kafka_quix.py"
        topic = build_source_topic(kafka, ECS_SOURCE)
        return _run_command([python, script, kafka.servers, topic, corpus.count, state, *more])


def run_bytewax(corpus: LoadedCorpus, python: str) -> Taken:
    """Its windowed count by user."""
    kafka = corpus.settings.kafka
    topic = build_source_topic(kafka, ECS_SOURCE)
    return _run_command(
        [python, ROOT / "bench/kafka_bytewax.py", kafka.servers, topic, corpus.count]
    )


def _run_command(command: Sequence[Any]) -> Taken:
    completed = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env=build_environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if completed.returncode or not completed.stdout.strip():
        raise SystemExit(f"{Path(str(command[1])).name} failed: {completed.stderr[-2000:]}")
    return dict(json.loads(completed.stdout.strip().splitlines()[-1]))


def summarise_runs(runs: Sequence[Taken]) -> dict[str, Any]:
    """Events a second of processor time and of wall time: least, median, most."""
    per_core = [run["events"] / run["cpu"] for run in runs]
    wall = [run["events"] / run["wall"] for run in runs]
    summary: dict[str, Any] = {"per_core": _compute_spread(per_core), "wall": _compute_spread(wall)}
    others = {name for run in runs for name in run} - {"events", "wall", "cpu"}
    for name in sorted(others):
        summary[name] = round(statistics.median(run[name] for run in runs), 3)
    return summary


def _compute_spread(values: Sequence[float]) -> list[int]:
    return [round(min(values)), round(statistics.median(values)), round(max(values))]
