"""Kafka and PostgreSQL killed and started again under running workers; a broker's disk that is
full."""

from __future__ import annotations

import gc
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fleet import WAIT_SECONDS, a_fleet, demo_rows, demo_settings, embedded, until
from services import private_kafka, private_postgres

from breachdesk.bootstrap.container import Container
from breachdesk.demo.setup import MORNING_AFTER
from schemas.errors import RetryableError
from schemas.pipeline.source import IncomingRecord
from streams.event_logs.kafka import KafkaEventLog
from streams.kafka import topics

pytestmark = [
    pytest.mark.slow,
    pytest.mark.kafka,
    # kafka-python 3.0 leaves a socket to the collector for every attempt that was refused.
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
]
AWAY_SECONDS = 8.0


@pytest.fixture(autouse=True)
def sockets_of_refused_attempts_are_collected(
    caplog: pytest.LogCaptureFixture,
) -> Iterator[None]:
    """Here, not in whichever test comes next. Captured log records hold on to connections."""
    yield
    for phase in ("setup", "call"):
        caplog.get_records(phase).clear()
    caplog.clear()
    for _ in range(2):  # what a finalizer touched goes in the second round
        gc.collect()


@pytest.mark.postgres
def test_a_broker_that_dies_and_comes_back_loses_nothing(tmp_path: Path, postgres_url: str) -> None:
    rows = demo_rows()
    with (
        private_kafka() as kafka,
        a_fleet(
            tmp_path / "fleet", kafka.address, postgres_url, clear_topics=False, batch_records=20
        ) as fleet,
    ):
        for worker in fleet.start(2):
            worker.ready()  # one that still starts when its broker dies ends, for its supervisor
        fleet.produce(rows[:2500])
        names = list(fleet.ends())
        fleet.reached(300, names=names)
        kafka.kill()
        time.sleep(AWAY_SECONDS)
        alive = [worker.alive for worker in fleet.workers]
        kafka.start()
        fleet.produce(rows[2500:])
        fleet.drained()

        assert alive == [True, True]
        assert fleet.outcome() == embedded(rows, fleet.settings)
        assert fleet.stop_all() == [0, 0]


@pytest.mark.postgres
def test_workers_wait_for_a_postgresql_that_died_and_say_so(
    tmp_path: Path, kafka_servers: str
) -> None:
    rows = demo_rows()
    with (
        private_postgres() as postgres,
        a_fleet(
            tmp_path / "fleet", kafka_servers, postgres.url, clear_schema=False, batch_records=20
        ) as fleet,
    ):
        workers = fleet.start(2)
        for worker in workers:
            worker.ready()
        fleet.produce(rows[:2500])
        fleet.reached(300)
        for _ in range(2):
            postgres.kill()
            fleet.produce(rows[2500:2600])
            for worker in workers:
                until(lambda worker=worker: worker.asked("/readyz")[0] == 503, WAIT_SECONDS)
            living = [worker.asked("/healthz")[0] for worker in workers]
            postgres.start()
            for worker in workers:
                worker.ready()
        fleet.produce(rows[2600:])
        fleet.drained()
        values = [*rows[:2600], *rows[2500:2600], *rows[2600:]]

        assert living == [200, 200]
        assert fleet.outcome() == embedded(values, fleet.settings)
        assert fleet.stop_all() == [0, 0]


def test_an_order_that_waited_when_its_worker_was_stopped_is_followed_by_the_next(
    tmp_path: Path, kafka_servers: str
) -> None:
    order = (
        b'{"order": "note-gap", "source": "fw", "begin": "2026-11-22T01:00:00Z",'
        b' "reason": "the shipper lost its disk"}'
    )
    with (
        private_postgres() as postgres,
        a_fleet(tmp_path / "fleet", kafka_servers, postgres.url, clear_schema=False) as fleet,
    ):
        (worker,) = fleet.start()
        worker.ready()
        postgres.kill()
        until(lambda: worker.asked("/readyz")[0] == 503, WAIT_SECONDS)
        fleet.producer.send(topics.build_topic_name(fleet.settings.kafka, "commands"), order)
        fleet.producer.flush(timeout=30)
        time.sleep(5.0)  # it is in the worker's hands
        ended = fleet.stop_all()
        postgres.start()
        fleet.start()
        until(
            lambda: bool(fleet.store.read(lambda uow: uow.sources.list_gaps())),
            WAIT_SECONDS,
            fleet.tell,
        )
        (gap,) = fleet.store.read(lambda uow: uow.sources.list_gaps())

        assert ended == [0]
        assert gap.reason == "the shipper lost its disk"


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of that size; needs the right to mount."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0777", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"a small tmpfs cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk for the broker")
def test_a_full_disk_of_the_broker_refuses_for_now_and_what_was_acknowledged_stays(
    tmp_path: Path,
) -> None:
    with small_disk(tmp_path / "disk", "48m") as disk:
        properties = {
            "log.dirs": str(disk),
            "log.segment.bytes": "1048576",
            "log.index.size.max.bytes": "4096",
        }
        with private_kafka(properties) as kafka:
            settings = demo_settings(tmp_path / "fleet", kafka.address, "", partitions=1)
            topics.create_topics(settings)
            log = KafkaEventLog(settings, lambda: MORNING_AFTER, wait=6.0)
            stored = fill(log)
            with pytest.raises(RetryableError):
                log.append([line(0)])
            log.close()
            kafka.kill()
            subprocess.run(["mount", "-o", "remount,size=512m", str(disk)], check=True)
            kafka.start()
            with Container(settings) as container:
                after = container.log.append([line(n) for n in range(50)])
                ends = topics.list_lags(settings)

                assert container.log.get(after[-1]) is not None
                assert sum(each.end for each in ends) >= stored + 50


def line(number: int) -> IncomingRecord:
    return IncomingRecord(
        source="web", raw=b"%d " % number + os.urandom(100_000), arrived=MORNING_AFTER
    )


def fill(log: KafkaEventLog) -> int:
    """Append until the disk is full; how many records were acknowledged."""
    stored = 0
    for _ in range(200):
        try:
            log.append([line(n) for n in range(10)])
        except RetryableError:
            return stored
        stored += 10
    pytest.fail("20 times the disk's size fitted")
