"""Feed the same lines through Kafka, two workers and PostgreSQL, when settings name them.

Everything created on the servers bears the run's own id: a schema, topics and a consumer group of
its own, removed when the demo's folder is cleared."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from breachdesk.bootstrap.container import Container
from breachdesk.bootstrap.settings import load_settings
from breachdesk.demo.feed import add_gaps, build_incoming, split_batches
from breachdesk.demo.lines import DemoLines
from breachdesk.demo.setup import DemoClock, Progress, list_in_arrival_order
from breachdesk.stores.postgres.schema import create_schema, drop_schema
from schemas import private_files
from schemas.errors import ConfigurationError, RetryableError
from schemas.settings import KafkaSettings, Settings, StoreSettings
from streams.kafka import topics

WORKERS = 2
START_SECONDS = 90.0
STILL_SECONDS = 60.0
"""Longer without any progress: something is wrong."""
LOOK_SECONDS = 0.1
RUN_ID = "demo-on-servers"
"""File in the demo's folder: the id of what it made on the servers."""


def read_server_settings(folder: Path) -> tuple[StoreSettings, KafkaSettings] | None:
    """Read the servers that the environment names. None: the demo is embedded. Raises
    ConfigurationError when only one of the two is named."""
    named = load_settings(folder)
    if bool(named.store.url) != bool(named.kafka.servers):
        raise ConfigurationError(
            "only one of PostgreSQL and Kafka is named",
            place="store.url, kafka.servers",
            remedy="The demo takes both or neither.",
        )
    return (named.store, named.kafka) if named.store.url else None


def configure_servers(settings: Settings, store: StoreSettings, kafka: KafkaSettings) -> Settings:
    """Return the demo's settings, with a schema, topics and a group of this run alone."""
    run_id = secrets.token_hex(4)
    private_files.write_text(settings.data_dir / RUN_ID, run_id)
    return settings.model_copy(update=_build_server_settings(store, kafka, run_id))


def _build_server_settings(
    store: StoreSettings, kafka: KafkaSettings, run_id: str
) -> dict[str, object]:
    return {
        "store": store.model_copy(update={"schema_name": f"demo_{run_id}"}),
        "kafka": kafka.model_copy(update={"prefix": f"demo-{run_id}.", "group": f"demo-{run_id}"}),
    }


def prepare_servers(settings: Settings) -> None:
    """Create schema and topics."""
    create_schema(settings.store)
    topics.create_topics(settings)


def clear_servers(folder: Path, servers: tuple[StoreSettings, KafkaSettings] | None) -> None:
    """Remove what an earlier run of this folder made on the servers, if they are named."""
    noted = folder / RUN_ID
    if servers is None or not noted.exists():
        return
    places = _build_server_settings(*servers, noted.read_text(encoding="ascii").strip())
    earlier = Settings(data_dir=folder).model_copy(update=places)
    drop_schema(earlier.store)
    topics.remove_topics(earlier)


@contextmanager
def run_workers(
    settings: Settings, count: int = WORKERS
) -> Iterator[Sequence[subprocess.Popen[bytes]]]:
    """Run `count` workers as processes, stopped in order at the end."""
    command = [sys.executable, "-m", "breachdesk.cli.main", "worker"]
    workers = []
    try:
        for number in range(count):
            log = private_files.open_to_write(settings.data_dir / f"worker-{number}.log")
            workers.append(
                subprocess.Popen(  # noqa: S603 - our own command
                    [*command, "--data-dir", str(settings.data_dir)],
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=_build_environment(settings),
                )
            )
            log.close()
        yield workers
    finally:
        _stop_workers(workers)


def _build_environment(settings: Settings) -> dict[str, str]:
    """Build our environment with the run's own places, so that inherited settings cannot redirect
    it."""
    return {
        **os.environ,
        "BREACHDESK_STORE__SCHEMA_NAME": settings.store.schema_name,
        "BREACHDESK_KAFKA__PREFIX": settings.kafka.prefix,
        "BREACHDESK_KAFKA__GROUP": settings.kafka.group,
        "BREACHDESK_OPS__PORT": "0",
    }


def _stop_workers(workers: Sequence[subprocess.Popen[bytes]]) -> None:
    for worker in workers:
        worker.send_signal(signal.SIGTERM)
    for worker in workers:
        try:
            worker.wait(timeout=20)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()


def feed_lines_through_servers(
    container: Container,
    demo_lines: DemoLines,
    clock: DemoClock,
    progress: Progress,
    workers: Sequence[subprocess.Popen[bytes]],
) -> int:
    """Feed the two days into Kafka, batch by batch, and wait until the workers have committed them;
    returns how many lines were received."""
    rows = list_in_arrival_order(demo_lines)
    for batch in split_batches(rows):
        clock.move_to(batch[-1][0])
        container.log.append([build_incoming(row) for row in batch])
    wait_until_drained(container, len(rows), progress, workers)
    add_gaps(container, demo_lines)
    return len(rows)


def wait_until_drained(
    container: Container,
    lines: int,
    progress: Progress,
    workers: Sequence[subprocess.Popen[bytes]] = (),
) -> None:
    """Wait until every raw partition is processed to its end. Raises RetryableError when a worker
    has died, or nothing moved for a while."""
    ends = {
        f"{each.topic}/{each.partition}": each.end for each in topics.list_lags(container.settings)
    }
    sink = container.store.make_batch_sink()
    processed, moved = -1, time.monotonic() + START_SECONDS - STILL_SECONDS
    while processed < sum(ends.values()):
        positions = sink.load_positions(list(ends)).values()
        now = sum(each.position.offset + 1 for each in positions if each.position is not None)
        if now > processed:
            processed, moved = now, max(moved, time.monotonic())
            progress(min(processed, lines), lines)
        _check_running(container, moved, workers)
        time.sleep(LOOK_SECONDS)


def _check_running(
    container: Container, moved: float, workers: Sequence[subprocess.Popen[bytes]]
) -> None:
    dead = [number for number, worker in enumerate(workers) if worker.poll() is not None]
    if dead or time.monotonic() - moved > STILL_SECONDS:
        raise RetryableError(
            f"worker {dead[0]} ended" if dead else "the workers do not move",
            place=str(container.settings.data_dir),
            remedy="worker-0.log and worker-1.log in that folder say why.",
        )
