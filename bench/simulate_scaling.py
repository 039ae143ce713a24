"""What 10 k, 100 k and 1 M events a second take: a queueing simulation with measured costs.

    .venv/bin/python bench/simulate_scaling.py                       # the table of docs/reference/scaling.md
    .venv/bin/python bench/simulate_scaling.py --figures run.json    # costs from bench/kafka.py --json
    .venv/bin/python bench/simulate_scaling.py --hot 0.02            # more signals in the hot groups

Each worker takes what waits for it (at most one batch), parses, then holds a transaction: the hot
groups in its batch are locked one worker at a time from their read to the commit; PostgreSQL's
cores and the disk of its log are queues; the counts of a source are one row, locked for the end of
the transaction. Reproducible: same seed, same table. Not modelled: failures, checkpoints, networks.
"""

from __future__ import annotations

import argparse
import heapq
import json
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

BATCH = 4_000
SECONDS = 30.0
WARM_SECONDS = 10.0
GOAL_SECONDS = 2.0
TAIL_SECONDS = 0.003
"""From the counts of a source to the commit, without the disk."""
SHARDS = (1, 2, 4, 8, 16, 32, 64)
RATES = (10_000, 100_000, 1_000_000)
PARTITION_MB = 5.0
"""A second, that a partition is planned for."""
BROKER_MB = 60.0
"""A second, that a broker is planned to write, its copies of others' partitions included."""
COPIES = 3


@dataclass(frozen=True)
class EventCosts:
    """Of one event, seconds of processor time and bytes."""

    parse: float
    sink: float
    """In the worker, under the locks."""
    postgres: float
    rows: float
    log_bytes: float
    raw_bytes: float


class SimulatedInstallation(NamedTuple):
    """One installation: a store and its workers."""

    rate: float
    workers: int
    postgres_cores: int
    disk_bytes: float
    """Of PostgreSQL's log, a second."""
    flush: float
    """Seconds of one."""
    hot_groups: int
    hot: float
    """Share of events that bear on a hot group."""


class SimulationOutcome(NamedTuple):
    p50: float
    p99: float
    behind: float
    """Seconds of arrivals that wait at the end."""
    commits: float
    postgres_busy: float


ECS = EventCosts(18.5e-6, 31.9e-6, 14.5e-6, 0.81, 420, 470)
"""bench/kafka.py, one sign-in in ten; docs/reference/performance.md."""
RAW = EventCosts(24.9e-6, 42.7e-6, 22.9e-6, 0.98, 900, 420)
"""The demo's vendor lines: four in five make a signal."""


def read_costs(file: Path, name: str, known: EventCosts) -> EventCosts:
    """From the medians of a run."""
    rates: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))["rates"]
    worker, bare = rates[f"{name}: 1 worker"], rates[f"{name}: bare consumer, same parse"]
    parse = 1 / bare["per_core"][1]
    return replace(
        known,
        parse=parse,
        sink=max(0.0, 1 / worker["per_core"][1] - parse),
        postgres=worker["postgres_cpu_ms_per_1000"] / 1e6,
        rows=worker["rows_per_1000"] / 1e3,
        log_bytes=worker["wal_kib_per_1000"] * 1024 / 1e3,
    )


def simulate(plant: SimulatedInstallation, costs: EventCosts, seed: int = 4) -> SimulationOutcome:
    """Batches in the order in which they enter their transactions."""
    chance = random.Random(seed)
    share = plant.rate / plant.workers
    cores = [0.0] * plant.postgres_cores
    locks = [0.0] * plant.hot_groups
    disk = counts = busy = 0.0
    read_until = [chance.random() * 0.1 for _ in range(plant.workers)]
    ready = [(at + 0.05, number) for number, at in enumerate(read_until)]
    heapq.heapify(ready)
    waits: list[tuple[float, float]] = []
    commits = 0
    while ready[0][0] < SECONDS:
        now, number = heapq.heappop(ready)
        count = min(BATCH, share * (now - read_until[number]))
        parsed = now + count * costs.parse
        hot = [i for i in range(len(locks)) if chance.random() < _compute_presence(plant, count)]
        begun = max([parsed, *(locks[i] for i in hot)])
        served = max(begun + count * costs.sink, cores[0])
        work = count * costs.postgres
        heapq.heapreplace(cores, served + work)
        counted = max(served + work, counts)
        disk = max(counted + TAIL_SECONDS, disk) + count * costs.log_bytes / plant.disk_bytes
        finished_at = disk + plant.flush * chance.uniform(0.7, 2.0)
        counts = finished_at
        for i in hot:
            locks[i] = finished_at
        first, read_until[number] = read_until[number], read_until[number] + count / share
        if now > WARM_SECONDS:
            waits += [
                (finished_at - first, count / 2),
                (finished_at - read_until[number], count / 2),
            ]
            commits += 1
            busy += work
        heapq.heappush(ready, (max(finished_at, read_until[number] + 0.005), number))
    behind = max(SECONDS - at for at in read_until)
    span = SECONDS - WARM_SECONDS
    return SimulationOutcome(
        *_compute_quantiles(waits), behind, commits / span, busy / span / plant.postgres_cores
    )


def _compute_presence(plant: SimulatedInstallation, count: float) -> float:
    """Does a batch bear on a given hot group?"""
    return 1 - math.exp(-count * plant.hot / max(plant.hot_groups, 1))


def _compute_quantiles(waits: list[tuple[float, float]]) -> tuple[float, float]:
    ordered, total = sorted(waits), sum(weight for _, weight in waits)
    quantiles: list[float] = []
    passed = 0.0
    for wait, weight in ordered:
        passed += weight
        while len(quantiles) < 2 and passed >= total * (0.5, 0.99)[len(quantiles)]:
            quantiles.append(wait)
    return (quantiles[0], quantiles[1]) if len(quantiles) == 2 else (math.inf, math.inf)


def find_workers_needed(
    plant: SimulatedInstallation, costs: EventCosts
) -> tuple[SimulatedInstallation, SimulationOutcome] | None:
    """The fewest that keep the goal; None: no number of them does."""
    least = max(1, math.ceil(plant.rate * (costs.parse + costs.sink)))
    for number in _generate_counts(least):
        tried = plant._replace(workers=number)
        outcome = simulate(tried, costs)
        if outcome.p99 < GOAL_SECONDS and outcome.behind < GOAL_SECONDS:
            return tried, outcome
    return None


def _generate_counts(least: int) -> Iterator[int]:
    number = least
    while number <= 4 * least + 4:
        yield number
        number = max(number + 1, math.ceil(number * 1.15))


def format_row(rate: float, name: str, costs: EventCosts, plant: SimulatedInstallation) -> str:
    """Of the table."""
    needed = None
    for shards in SHARDS:
        needed = find_workers_needed(plant._replace(rate=rate / shards), costs)
        if needed:
            break
    if needed is None:
        return f"| {rate:,.0f} | {name} | not with {SHARDS[-1]} stores | | | | | | | |"
    took, outcome = needed
    megabytes = rate * costs.raw_bytes / 1e6
    workers = took.workers * shards
    partitions = max(2 * workers, math.ceil(megabytes / PARTITION_MB))
    brokers = max(3, math.ceil(megabytes * COPIES / BROKER_MB))
    disk = megabytes * COPIES * 86_400 * 30 / 1e6
    cells = (
        f"{rate:,.0f}",
        name,
        str(shards),
        str(workers),
        str(partitions),
        f"{outcome.p50:.2f} / {outcome.p99:.2f}",
        f"{outcome.commits * shards:,.0f}; {rate * costs.rows:,.0f} rows",
        f"{rate * costs.postgres:.1f} cores, {rate * costs.log_bytes / 1e6:,.0f} MB/s of log",
        f"{megabytes:,.0f} MB/s, {brokers} brokers",
        f"{disk:,.1f} TB",
    )
    return f"| {' | '.join(cells)} |"


HEAD = """\
| events/s | mix | stores | workers (cores) | partitions | p50 / p99, s | commits/s | PostgreSQL | Kafka | Kafka, 30 days |
|---|---|---|---|---|---|---|---|---|---|"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--figures", type=Path, help="from bench/kafka.py --json")
    parser.add_argument("--postgres-cores", type=int, default=8)
    parser.add_argument("--disk-mb", type=float, default=200, help="of PostgreSQL's log, a second")
    parser.add_argument("--flush-ms", type=float, default=2.0)
    parser.add_argument("--hot-groups", type=int, default=2)
    parser.add_argument("--hot", type=float, default=0.0005, help="share of events in hot groups")
    options = parser.parse_args()
    plant = SimulatedInstallation(
        rate=0.0,
        workers=1,
        postgres_cores=options.postgres_cores,
        disk_bytes=options.disk_mb * 1e6,
        flush=options.flush_ms / 1000,
        hot_groups=options.hot_groups,
        hot=options.hot,
    )
    print(HEAD)
    for rate in RATES:
        for name, known in (("ecs", ECS), ("raw", RAW)):
            costs = read_costs(options.figures, name, known) if options.figures else known
            print(format_row(rate, name, costs, plant))


if __name__ == "__main__":
    main()
