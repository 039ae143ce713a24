"""A member of the group that takes partitions over while their former owner still commits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from log_adapters import kafka_settings

from breachdesk.bootstrap.data_paths import list_rules_dirs
from breachdesk.testing import START, FixedNow, make_store
from schemas.pipeline.source import IncomingRecord
from schemas.settings import Settings
from streams.event_logs.kafka import KafkaEventLog
from streams.kafka.topics import build_topic_name, create_topics, remove_topics
from streams.normalise.record_readers import InProcessReader
from streams.ports import GroupUpdates, PartitionAdvance, RecordBatch
from streams.ports.metrics import NullMetrics
from streams.process.pipeline import RecordPipeline
from streams.process.worker import StreamWorker
from streams.sigma.load import load_rules
from streams.worker_app.consumer import PartitionConsumer

pytestmark = pytest.mark.kafka


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    result = kafka_settings(tmp_path)
    create_topics(result)
    yield result
    remove_topics(result)


@pytest.fixture
def store() -> Iterator[Any]:
    with make_store(FixedNow(START)) as opened:
        yield opened


def a_worker(store: Any, settings: Settings) -> StreamWorker:
    pipeline = RecordPipeline(
        load_rules(list_rules_dirs(settings)), InProcessReader(settings), settings
    )
    register = store.make_asset_register()
    return StreamWorker(store.make_batch_sink(), pipeline, register, lambda _: START, NullMetrics())


class FormerOwner:
    """Receives and commits records of the only partition until its heir has asked where it
    stands."""

    def __init__(self, store: Any, settings: Settings, log: KafkaEventLog) -> None:
        self.sink = store.make_batch_sink()
        self.log = log
        self.partition = f"{build_topic_name(settings.kafka, 'raw')}/0"

    def commits(self, count: int) -> None:
        lines = [IncomingRecord("web", b"a line", START)] * count
        last = self.log.append(lines)[-1]
        positions = self.sink.load_positions([self.partition])[self.partition]
        step = PartitionAdvance(self.partition, positions, last, START.timestamp())
        self.sink.commit(RecordBatch([step]), {}, lambda _rows, _low: GroupUpdates(), START)


async def test_what_was_committed_while_it_was_asking_is_no_loss_of_the_brokers(
    store: Any, settings: Settings
) -> None:
    log = KafkaEventLog(settings, FixedNow(START))
    former, worker = FormerOwner(store, settings, log), a_worker(store, settings)
    await asyncio.to_thread(former.commits, 3)

    async def in_thread(work: Callable[..., Any], *values: Any) -> Any:
        if work == worker.take_ownership:
            await asyncio.to_thread(former.commits, 5)
        return await asyncio.to_thread(work, *values)

    consumer = PartitionConsumer(settings, worker, NullMetrics(), in_thread)
    await consumer.start()
    try:
        async with asyncio.timeout(30):
            while not consumer.has_taken_over:
                await consumer.poll_and_commit()
        position = worker.owned[former.partition].position
    finally:
        await consumer.stop()
        log.close()

    assert position is not None
    assert position.offset >= 7
