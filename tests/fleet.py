"""Several real workers over one schema and one prefix: started, killed, fed and waited for.

What they make of the demo's lines is compared with what one embedded owner of all windows makes of
the same records. Arrival is the same in both: in a drill the header `arrived` is believed.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, LiteralString, NamedTuple

import psycopg
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition
from kafka.admin import NewPartitions
from servers.ports import find_free_port

from breachdesk.bootstrap.container import Container
from breachdesk.bootstrap.data_paths import list_rules_dirs
from breachdesk.demo.feed import import_registers
from breachdesk.demo.lines import DemoLines, build_lines
from breachdesk.demo.setup import (
    MORNING_AFTER,
    build_settings,
    list_in_arrival_order,
    write_settings,
)
from breachdesk.stores.postgres.schema import create_schema, drop_schema
from breachdesk.testing import FixedNow, make_store
from schemas.pipeline.event import RawRecord, RecordPosition
from schemas.pipeline.source import DeadLetter
from schemas.settings import KafkaSettings, OpsSettings, Settings, StoreSettings
from streams.kafka import topics
from streams.normalise.record_readers import InProcessReader
from streams.ports.metrics import NullMetrics
from streams.process.pipeline import RecordPipeline
from streams.process.worker import ArrivedRecord
from streams.process.worker import StreamWorker as EngineWorker
from streams.sigma.load import load_rules
from streams.worker_app.embedded import PARTITION

LIVE = ("id", "rule", "organization", "group", "first", "last", "severity")
WAIT_SECONDS = 300.0
Row = dict[str, Any]


class Line(NamedTuple):
    """A record to be produced, and when it says that it arrived."""

    source: str
    raw: bytes | None
    arrived: datetime


@cache
def demo_lines() -> DemoLines:
    return build_lines()


def demo_rows() -> list[Line]:
    """The demo's lines, in order of arrival."""
    return [
        Line(source, raw, arrived) for arrived, source, raw in list_in_arrival_order(demo_lines())
    ]


def shuffled_and_doubled(lines: Sequence[Line], seed: int) -> list[Line]:
    doubled = [*lines, *lines]
    random.Random(seed).shuffle(doubled)
    return doubled


@dataclass(frozen=True)
class Outcome:
    """What many workers must agree with one on."""

    alerts: Sequence[Row]
    sources: Mapping[str, Row]
    unattributed: Sequence[Any]

    @property
    def received(self) -> int:
        return sum(each["received"] for each in self.sources.values())


def outcome(store: Any) -> Outcome:
    """Live alerts by id, with their evidence; counts by source."""
    return Outcome(alerts(store), counts(store), unattributed(store))


def alerts(store: Any) -> list[Row]:
    def work(uow: Any) -> list[Row]:
        rows = []
        for view in uow.alerts.list():
            row: Row = {name: getattr(view, name) for name in LIVE}
            row["customers"] = sorted(view.customers)
            row["categories"] = sorted(view.categories)
            row["evidence"] = sorted({each.event_id for each in uow.alerts.list_evidence(view.pk)})
            rows.append(row)
        return sorted(rows, key=lambda row: str(row["id"]))

    return list(store.read(work))


def counts(store: Any) -> dict[str, Row]:
    names = ("received", "parsed", "ignored", "dead_letters", "not_understood", "late")
    rows = store.read(lambda uow: uow.sources.list())
    return {row.name: {name: getattr(row, name) for name in names} for row in rows}


def unattributed(store: Any) -> list[Any]:
    rows = store.read(lambda uow: uow.customers.list_unattributed())
    return sorted((each.model_dump() for each in rows), key=str)


def embedded(lines: Sequence[Line], settings: Settings) -> Outcome:
    """One owner of all windows, the lines in the given order."""
    with embedded_store(lines, settings) as store:
        return outcome(store)


@contextmanager
def embedded_store(
    lines: Sequence[Line], settings: Settings, moment: datetime = MORNING_AFTER
) -> Iterator[Any]:
    """The store of that one owner, who works at that moment."""
    records = [
        RawRecord(RecordPosition("raw", number), line.source, line.raw or b"", line.arrived, "demo")
        for number, line in enumerate(lines)
    ]
    with make_store(FixedNow(moment)) as store:
        container = Container(settings, lambda: moment)
        container.__dict__["store"] = store
        import_registers(container, demo_lines())
        worker = EngineWorker(
            store.make_batch_sink(),
            RecordPipeline(
                load_rules(list_rules_dirs(settings)), InProcessReader(settings), settings
            ),
            store.make_asset_register(),
            lambda _records: moment,
            NullMetrics(),
            exporting=False,
        )
        worker.take_ownership([PARTITION])
        worker.process([ArrivedRecord(PARTITION, record) for record in records])
        yield store


@dataclass
class Worker:
    """One process of `breachdesk worker`."""

    process: subprocess.Popen[bytes]
    log: Path
    ops: int

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels; 0 when the worker does not answer."""
        status, text = self.asked("/metrics")
        lines = text.splitlines() if status == 200 else []
        values = [line.rsplit(" ", 1)[1] for line in lines if line.startswith(name)]
        return sum(map(float, values))

    def asked(self, path: str) -> tuple[int, str]:
        """Status and text of /metrics, /healthz or /readyz; status 0: no answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ops}{path}", timeout=3) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, refusal.read().decode()
        except OSError:
            return 0, ""

    def send(self, number: signal.Signals) -> None:
        if self.alive:
            self.process.send_signal(number)

    def ready(self, seconds: float = 240.0) -> None:
        """Wait until it says that it is."""
        until(lambda: self.asked("/readyz")[0] == 200, seconds, lambda: self.said[-2000:])

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def stop(self, seconds: float = 120.0) -> int:
        """SIGTERM; its exit code."""
        self.send(signal.SIGTERM)
        return self.process.wait(seconds)


@dataclass
class Fleet:
    """Workers of one run; `a_fleet` makes it and clears it away."""

    settings: Settings
    workers: list[Worker] = field(default_factory=list)
    everyone: list[Worker] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(4))

    def __post_init__(self) -> None:
        self.container = Container(self.settings, lambda: MORNING_AFTER)
        self._producer: KafkaProducer | None = None
        self.partitions = self.settings.kafka.partitions

    @property
    def store(self) -> Any:
        return self.container.store

    def start(self, count: int = 1) -> list[Worker]:
        """Further workers."""
        values = [self._start() for _ in range(count)]
        self.workers += values
        return values

    def _start(self) -> Worker:
        number, port = len(self.everyone), find_free_port()
        log = self.settings.data_dir / f"worker-{number}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                self.command("worker"),
                stdout=file,
                stderr=subprocess.STDOUT,
                env=environment() | {"BREACHDESK_OPS__PORT": str(port)},
            )
        worker = Worker(process, log, port)
        self.everyone.append(worker)
        return worker

    def command(self, *words: str) -> list[str]:
        folder = str(self.settings.data_dir)
        return [sys.executable, "-m", "breachdesk.cli.main", *words, "--data-dir", folder]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command of `breachdesk` over this run."""
        return subprocess.run(
            self.command(*words),
            env=environment(),
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    def kill(self, worker: Worker) -> None:
        worker.kill()
        self.workers.remove(worker)

    def stop(self, worker: Worker) -> int:
        self.workers.remove(worker)
        return worker.stop()

    def stop_all(self) -> list[int]:
        """SIGTERM to all, once: a second would meet a process that no longer handles it."""
        for worker in self.workers:
            worker.send(signal.SIGTERM)
        stopped, self.workers = self.workers, []
        return [worker.process.wait(120) for worker in stopped]

    @property
    def producer(self) -> KafkaProducer:
        if self._producer is None:
            self._producer = KafkaProducer(
                bootstrap_servers=self.settings.kafka.servers,
                acks="all",
                max_request_size=8_000_000,
                linger_ms=5,
            )
        return self._producer

    def topic(self, source: str) -> str:
        """Where that source's lines go: its own topic if it is configured."""
        kafka = self.settings.kafka
        if any(each.name == source for each in self.settings.sources):
            return topics.build_source_topic(kafka, source)
        return topics.build_topic_name(kafka, "raw")

    def produce(self, lines: Sequence[Line], *, scatter: bool = True) -> list[Any]:
        """Acknowledged when it returns; scattered over the partitions, now and then over the
        catch-all topic too."""
        sent = [self._send(line, scatter=scatter) for line in lines]
        self.producer.flush(timeout=60)
        return [each.get(timeout=60) for each in sent]

    def _send(self, line: Line, *, scatter: bool) -> Any:
        astray = scatter and self.chance.random() < 0.1
        topic = (
            topics.build_topic_name(self.settings.kafka, "raw")
            if astray
            else self.topic(line.source)
        )
        partition = self.chance.randrange(self.partitions) if scatter else 0
        headers = [
            ("source", line.source.encode()),
            ("arrived", line.arrived.isoformat().encode()),
            ("transport", b"demo"),
        ]
        key = b"tombstone" if line.raw is None else None  # the client refuses a record of nothing
        return self.producer.send(topic, line.raw, key, headers, partition)

    def add_partitions(self, count: int) -> None:
        """Every raw topic has so many from now on; produced to at once."""
        names = sorted({name.rpartition("/")[0] for name in self.ends()})
        with admin(self.settings.kafka.servers) as client:
            client.create_partitions(dict.fromkeys(names, NewPartitions(count)))
        if self._producer is not None:
            self._producer.close()
            self._producer = None  # a new one knows the new partitions
        self.partitions = count

    def ends(self) -> dict[str, int]:
        return {f"{e.topic}/{e.partition}": e.end for e in topics.list_lags(self.settings)}

    def processed(self, names: Sequence[str]) -> int:
        """Records of these partitions that are durable; waits for nobody's lock. 0 while the
        database is away."""
        query = 'SELECT sum("offset" + 1) FROM positions WHERE partition = ANY(%s)'
        try:
            return int(self.asked(query, list(names)) or 0)
        except psycopg.OperationalError:
            return 0

    def asked(self, query: LiteralString, *parameters: Any) -> Any:
        """The one value of a query in the run's schema."""
        store = self.settings.store
        with psycopg.connect(store.url, options=f"-c search_path={store.schema_name}") as there:
            row = there.execute(query, parameters).fetchone()
        return row[0] if row else None

    def in_transaction(self) -> bool:
        """Has anybody moved a position without having committed it?"""
        query = "SELECT count(*) FROM pg_locks WHERE relation = 'positions'::regclass"
        return bool(self.asked(query + " AND mode = 'RowExclusiveLock'"))

    def drained(self, seconds: float = WAIT_SECONDS, *, alive: bool = True) -> None:
        """Every raw partition is processed to its end."""
        ends = self.ends()
        self.reached(sum(ends.values()), seconds, list(ends), alive=alive)

    def reached(
        self,
        count: int,
        seconds: float = WAIT_SECONDS,
        names: Sequence[str] | None = None,
        *,
        alive: bool = True,
    ) -> None:
        """So many records of all partitions are processed."""
        names = names or list(self.ends())
        until(
            lambda: self.processed(names) >= count,
            seconds,
            self.tell,
            self._must_live if alive else None,
        )

    def _must_live(self) -> None:
        for worker in self.workers:
            assert worker.alive, f"a worker ended: {worker.said[-3000:]}"

    def tell(self) -> str:
        names = list(self.ends())
        tails = "\n---\n".join(w.said[-1500:] for w in self.workers)
        return f"{self.processed(names)} of {self.ends()} processed; {tails}"

    def outcome(self) -> Outcome:
        return outcome(self.store)

    def dead_letters(self) -> list[DeadLetter]:
        return list(self.store.read(lambda uow: uow.sources.list_dead_letters()))

    def close(self) -> None:
        for worker in self.everyone:
            worker.send(signal.SIGCONT)
            if worker.alive:
                worker.kill()
        if self._producer is not None:
            self._producer.close(timeout=1)
        self.container.close()


@contextmanager
def a_fleet(
    folder: Path,
    servers: str,
    url: str,
    *,
    clear_schema: bool = True,
    clear_topics: bool = True,
    **kafka: Any,
) -> Iterator[Fleet]:
    """Schema, topics, settings file and registers of a run of its own. What stands on a server
    that ends with the test need not be cleared."""
    fleet = Fleet(demo_settings(folder, servers, url, **kafka))
    settings = fleet.settings
    create_schema(settings.store)
    topics.create_topics(settings)
    write_settings(settings)
    import_registers(fleet.container, demo_lines())
    try:
        yield fleet
    finally:
        fleet.close()
        if clear_schema:
            drop_schema(settings.store)
        if clear_topics:
            topics.remove_topics(settings)


def demo_settings(folder: Path, servers: str, url: str, **kafka: Any) -> Settings:
    """A drill of its own on these servers; the broker soon forgets a dead worker."""
    folder.mkdir(parents=True, exist_ok=True)
    run_id = secrets.token_hex(4)
    options = {"partitions": 2, "session_seconds": 3.0, "batch_records": 150, **kafka}
    return build_settings(folder, demo_lines(), 0).model_copy(
        update={
            "store": StoreSettings(url=url, schema_name=f"t_fleet_{run_id}"),
            "kafka": KafkaSettings(
                servers=servers, prefix=f"fleet-{run_id}.", group=f"fleet-{run_id}", **options
            ),
            "ops": OpsSettings(),
        }
    )


def environment() -> dict[str, str]:
    """Only the settings file says where the run is."""
    values_by_key = {k: v for k, v in os.environ.items() if not k.startswith("BREACHDESK_")}
    return values_by_key | {"PYTHONUNBUFFERED": "1"}


def admin(servers: str) -> KafkaAdminClient:
    return KafkaAdminClient(bootstrap_servers=servers)


def partition(name: str) -> TopicPartition:
    topic, _, number = name.rpartition("/")
    return TopicPartition(topic, int(number))


def until(
    so: Callable[[], bool],
    seconds: float,
    tell: Callable[[], str] = lambda: "",
    meanwhile: Callable[[], None] | None = None,
    *,
    pause: float = 0.1,
) -> None:
    deadline = time.monotonic() + seconds
    while not so():
        if meanwhile is not None:
            meanwhile()
        assert time.monotonic() < deadline, f"not within {seconds} s. {tell()}"
        time.sleep(pause)


def facts(result: subprocess.CompletedProcess[str]) -> Row:
    """The one JSON object of a command's output."""
    return dict(json.loads(result.stdout))
