"""Topics, schemas and processes for bench/kafka.py: made, fed, watched, removed."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer

from bench import processes
from bench.kafka_corpora import ECS_SOURCE, CorpusRow
from breachdesk.bootstrap.container import Container
from breachdesk.demo.feed import import_registers
from breachdesk.demo.lines import build_lines
from breachdesk.demo.setup import build_settings, write_settings
from breachdesk.stores.postgres.schema import create_schema, drop_schema
from schemas.settings import KafkaSettings, OpsSettings, Settings, SourceSettings, StoreSettings
from streams.kafka import topics
from streams.kafka.topics import build_source_topic

ROOT = Path(__file__).resolve().parents[1]
PARTITIONS = 4
LOOK_SECONDS = 0.1
FEED_BYTES = 256 * 1024
PATIENCE_SECONDS = 300.0


@dataclass(frozen=True)
class ServerAddresses:
    """host:port of Kafka, postgresql:// of PostgreSQL."""

    kafka: str
    postgres: str


def build_run_settings(folder: Path, servers: ServerAddresses, *, drill: bool) -> Settings:
    """Topics of one corpus. `drill`: arrivals told in headers are believed."""
    folder.mkdir(parents=True, exist_ok=True)
    run_id = secrets.token_hex(3)
    base = build_settings(folder, build_lines(), 0)
    return base.model_copy(
        update={
            "demo": drill,
            "sources": (*base.sources, SourceSettings(name=ECS_SOURCE, parser="auto")),
            "store": StoreSettings(url=servers.postgres, schema_name=f"bench_{run_id}"),
            "kafka": KafkaSettings(
                servers=servers.kafka,
                prefix=f"bench-{run_id}.",
                group=f"bench-{run_id}",
                partitions=PARTITIONS,
            ),
            "ops": OpsSettings(),
        }
    )


@contextmanager
def open_corpus(
    folder: Path, servers: ServerAddresses, rows: Iterable[CorpusRow], *, drill: bool
) -> Iterator[tuple[Settings, int]]:
    """Topics that hold these rows, and how many."""
    settings = build_run_settings(folder, servers, drill=drill)
    topics.create_topics(settings)
    try:
        yield settings, asyncio.run(feed_rows(settings, rows))
    finally:
        topics.remove_topics(settings)


async def feed_rows(settings: Settings, rows: Iterable[CorpusRow]) -> int:
    """Produce in whole batches, round the partitions; how many."""
    kafka = settings.kafka
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka.servers, max_batch_size=FEED_BYTES, linger_ms=5
    )
    await producer.start()
    open_batches: dict[str, Any] = {}
    count, turn = 0, 0
    try:
        for row in rows:
            topic = build_source_topic(kafka, row.source)
            headers = [("arrived", row.arrived.isoformat().encode())] if row.arrived else []
            message = {"timestamp": None, "key": row.key or None, "value": row.value}
            batch = open_batches.get(topic)
            if batch is None or batch.append(**message, headers=headers) is None:
                if batch is not None:
                    await producer.send_batch(batch, topic, partition=turn % PARTITIONS)
                    turn += 1
                batch = open_batches[topic] = producer.create_batch()
                batch.append(**message, headers=headers)
            count += 1
        for topic, batch in open_batches.items():
            await producer.send_batch(batch, topic, partition=turn % PARTITIONS)
            turn += 1
    finally:
        await producer.stop()
    return count


@contextmanager
def open_store(settings: Settings) -> Iterator[tuple[Settings, Container]]:
    """A fresh schema and consumer group over the same topics, with the demo's registers."""
    run_id = secrets.token_hex(3)
    settings = settings.model_copy(
        update={
            "store": settings.store.model_copy(update={"schema_name": f"bench_{run_id}"}),
            "kafka": settings.kafka.model_copy(update={"group": f"bench-{run_id}"}),
        }
    )
    create_schema(settings.store)
    write_settings(settings)
    container = Container(settings, lambda: datetime.now(UTC))
    try:
        import_registers(container, build_lines())
        yield settings, container
    finally:
        container.close()
        drop_schema(settings.store)


@contextmanager
def run_workers(settings: Settings, count: int) -> Iterator[Sequence[subprocess.Popen[bytes]]]:
    """So many `breachdesk worker`, stopped at the end."""
    command = [sys.executable, "-m", "breachdesk.cli.main", "worker"]
    running = []
    try:
        for number in range(count):
            with (settings.data_dir / f"worker-{number}.log").open("wb") as log:
                running.append(
                    subprocess.Popen(
                        [*command, "--data-dir", str(settings.data_dir)],
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        env=build_environment(),
                        cwd=ROOT,
                    )
                )
        yield running
    finally:
        for process in running:
            process.send_signal(signal.SIGTERM)
        for process in running:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def build_environment() -> dict[str, str]:
    """Only the settings file says where the run is."""
    return {k: v for k, v in os.environ.items() if not k.startswith("BREACHDESK_")}


def read_cpu_seconds(pid: int) -> float:
    """Processor time of a worker so far, of the process that reads for it too."""
    return sum(map(processes.read_seconds, (pid, *processes.list_children(pid))))


def read_resident_mib(pid: int) -> float:
    """Of a worker and of the process that reads for it."""
    return sum(map(processes.read_resident_mib, (pid, *processes.list_children(pid))))


class CorpusProgress:
    """How many records of a corpus are committed, as the store says."""

    def __init__(self, settings: Settings, container: Container) -> None:
        self._sink = container.store.make_batch_sink()
        self._names = [f"{e.topic}/{e.partition}" for e in topics.list_lags(settings)]

    def __call__(self) -> int:
        positions = self._sink.load_positions(self._names).values()
        return sum(each.position.offset + 1 for each in positions if each.position is not None)


def watch_progress(
    progress: CorpusProgress, running: Sequence[subprocess.Popen[bytes]], until: int
) -> Iterator[tuple[float, int]]:
    """(monotonic seconds, records committed) at every look at which something moved."""
    processed, moved = 0, time.monotonic()
    while processed < until:
        now = progress()
        if now > processed:
            processed, moved = now, time.monotonic()
            yield moved, processed
        if any(each.poll() is not None for each in running):
            raise SystemExit("a worker ended; its log is in the run's folder (--keep)")
        if time.monotonic() - moved > PATIENCE_SECONDS:
            raise SystemExit("the workers do not move; their logs are in the run's folder (--keep)")
        time.sleep(LOOK_SECONDS)
