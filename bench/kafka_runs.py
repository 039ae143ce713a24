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
    Progress,
    a_store,
    cpu_seconds,
    environment,
    resident_mib,
    watched,
    workers,
)
from bench.kafka_postgres import Toll
from schemas.settings import Settings
from streams.topics import source_topic

START_SHARE = 0.2
"""Measured from here on: joining, the first parsers and the first groups are left out."""
Taken = dict[str, float]


@dataclass(frozen=True)
class Corpus:
    """Topics with records in them."""

    name: str
    settings: Settings
    count: int


def ours(corpus: Corpus, number: int, *, profiler: Sequence[str] = ()) -> Taken:
    """So many workers from Kafka bytes to committed alerts. `profiler`: a command that takes the
    first worker's process id."""
    with (
        a_store(corpus.settings) as (settings, house),
        workers(settings, number) as running,
        Toll(house) as toll,
    ):
        progress = Progress(settings, house)
        began: tuple[float, int, float] | None = None
        sampler: subprocess.Popen[bytes] | None = None
        for at, done in watched(progress, running, corpus.count):
            spent = sum(cpu_seconds(each.pid) for each in running)
            if began is None and (done >= START_SHARE * corpus.count or done == corpus.count):
                began = (at, done, spent)
                toll.mark()
                if profiler:
                    sampler = subprocess.Popen([*profiler, "--pid", str(running[0].pid)])
            finished = (at, done, spent)
        assert began is not None, "the last look always begins it"
        taken = {
            "events": finished[1] - began[1],
            "wall": finished[0] - began[0],
            "cpu": finished[2] - began[2],
            "resident_mib": max(resident_mib(each.pid) for each in running),
            "alerts": house.store.look(lambda uow: uow.alerts.count()),
            **toll.taken(finished[1] - began[1]),
        }
        if sampler is not None:
            sampler.send_signal(signal.SIGINT)  # it writes what it has
            sampler.wait(30)
        return taken


def bare(corpus: Corpus, mode: str) -> Taken:
    """The same client, nothing stored."""
    with a_store(corpus.settings) as (settings, _):
        return _told(
            [sys.executable, "-m", "bench.kafka_bare", str(settings.data_dir), corpus.count, mode]
        )


def quix(corpus: Corpus, python: str, *, changelog: bool) -> Taken:
    """Its windowed count by user."""
    kafka = corpus.settings.kafka
    with tempfile.TemporaryDirectory() as state:
        more = ["--changelog"] if changelog else []
        script = ROOT / "bench/kafka_quix.py"
        topic = source_topic(kafka, ECS_SOURCE)
        return _told([python, script, kafka.servers, topic, corpus.count, state, *more])


def bytewax(corpus: Corpus, python: str) -> Taken:
    """Its windowed count by user."""
    kafka = corpus.settings.kafka
    topic = source_topic(kafka, ECS_SOURCE)
    return _told([python, ROOT / "bench/kafka_bytewax.py", kafka.servers, topic, corpus.count])


def _told(command: Sequence[Any]) -> Taken:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode or not done.stdout.strip():
        raise SystemExit(f"{Path(str(command[1])).name} failed: {done.stderr[-2000:]}")
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def summary(runs: Sequence[Taken]) -> dict[str, Any]:
    """Events a second of processor time and of wall time: least, median, most."""
    per_core = [run["events"] / run["cpu"] for run in runs]
    wall = [run["events"] / run["wall"] for run in runs]
    told: dict[str, Any] = {"per_core": _spread(per_core), "wall": _spread(wall)}
    others = {name for run in runs for name in run} - {"events", "wall", "cpu"}
    for name in sorted(others):
        told[name] = round(statistics.median(run[name] for run in runs), 3)
    return told


def _spread(values: Sequence[float]) -> list[int]:
    return [round(min(values)), round(statistics.median(values)), round(max(values))]
