"""Resident memory of one worker over many events: fed meanwhile, time passing as it would."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from prometheus_client import CollectorRegistry

from bench.kafka_corpora import generate_ecs_rows
from bench.kafka_ground import (
    CorpusProgress,
    ServerAddresses,
    build_run_settings,
    feed_rows,
    open_store,
    read_cpu_seconds,
    read_resident_mib,
    run_workers,
    watch_progress,
)
from breachdesk.bootstrap.container import Container
from breachdesk.bootstrap.observability.metrics import PrometheusMeter
from breachdesk.bootstrap.worker import build_worker, get_clock
from schemas.settings import Settings
from streams.kafka import topics

SIMULATED_PER_SECOND = 50.0
"""Ten million events are 55 hours: windows open, close and are let go."""
CHUNK = 250_000


def measure_memory(folder: Path, servers: ServerAddresses, count: int) -> dict[str, Any]:
    """Samples of (events, MiB), and the slope after the first third by least squares."""
    settings = build_run_settings(folder, servers, drill=True)
    topics.create_topics(settings)
    try:
        with open_store(settings) as (own, container), run_workers(own, 1) as running:
            progress = CorpusProgress(own, container)
            feeding = threading.Thread(
                target=lambda: asyncio.run(feed_rows(own, _generate_rows(count))), daemon=True
            )
            feeding.start()
            pid, samples = running[0].pid, list[tuple[int, float]]()
            millions: list[int] = []
            for _, processed in watch_progress(progress, running, count):
                if not samples or processed - samples[-1][0] >= count / 200:
                    samples.append((processed, read_resident_mib(pid)))
                if processed >= (len(millions) + 1) * 1_000_000:
                    millions.append(round(read_resident_mib(pid)))
                    rate = processed / read_cpu_seconds(pid)
                    print(
                        f"{processed:,}: {millions[-1]} MiB, {rate:,.0f}/s per core",
                        file=sys.stderr,
                    )
            feeding.join()
            spent = read_cpu_seconds(pid)
            began_anew = restart(own)
    finally:
        topics.remove_topics(settings)
    return {
        "events": count,
        "worker_cpu_seconds": round(spent),
        "restart": began_anew,
        "mib_each_million": millions,
        "mib": {
            share: round(_find_sample(samples, count * n / 4)) for n, share in enumerate(QUARTERS)
        },
        "slope_mib_per_million": round(compute_slope(samples[len(samples) // 3 :]) * 1e6, 2),
    }


def restart(settings: Settings) -> dict[str, float]:
    """Seconds from nothing to a worker that knows the positions of its partitions, and what is
    stored; imports and Kafka's own group are left out. Moves nothing."""
    begun, spent = time.perf_counter(), time.process_time()
    names = [f"{each.topic}/{each.partition}" for each in topics.list_lags(settings)]
    with Container(settings, lambda: datetime.now(UTC)) as container:
        meter = PrometheusMeter(CollectorRegistry())
        worker = build_worker(container, meter, get_clock(container))
        worker.take_ownership(names)
        seconds, processor = time.perf_counter() - begun, time.process_time() - spent
    with psycopg.connect(settings.store.url, autocommit=True) as connection:
        row = connection.execute(HELD.format(settings.store.schema_name)).fetchone()
    groups, size = row or (0, 0)
    return {
        "seconds": round(seconds, 2),
        "cpu_seconds": round(processor, 2),
        "groups": int(groups),
        "stored_mib": round(int(size) / 2**20),
    }


HELD = "select count(distinct key_hash), sum(size) from {}.signal_buckets"
QUARTERS = ("start", "quarter", "half", "three quarters", "end")


def _generate_rows(count: int) -> Any:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    for first in range(0, count, CHUNK):
        size = min(CHUNK, count - first)
        at = begin + timedelta(seconds=first / SIMULATED_PER_SECOND)
        yield from generate_ecs_rows(size, seed=first, begin=at, per_second=SIMULATED_PER_SECOND)


def _find_sample(samples: Sequence[tuple[int, float]], events: float) -> float:
    return min(samples, key=lambda sample: abs(sample[0] - events))[1]


def compute_slope(samples: Sequence[tuple[int, float]]) -> float:
    """MiB an event."""
    if len(samples) < 3:
        return float("nan")
    xs, ys = [float(x) for x, _ in samples], [y for _, y in samples]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    across = sum((x - mean_x) * (y - mean_y) for x, y in samples)
    return across / (sum((x - mean_x) ** 2 for x in xs) or float("nan"))
