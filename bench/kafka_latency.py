"""From produce to alert row at a steady load: sentinel incidents, each with a group of its own."""

from __future__ import annotations

import asyncio
import re
import statistics
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import chain, cycle
from typing import Any

import psycopg
from aiokafka import AIOKafkaProducer

from bench.kafka_corpora import ECS_SOURCE, build_sentinel, generate_ecs_rows
from bench.kafka_ground import PARTITIONS, open_store, run_workers
from bench.kafka_runs import LoadedCorpus
from schemas.settings import Settings
from streams.kafka import topics
from streams.kafka.topics import build_source_topic

EVERY_SECONDS = 0.25
LOOK_SECONDS = 0.01
BEAT_SECONDS = 0.05
"""The load comes in so many little batches."""
WARM_SECONDS = 6.0
SENTINEL = re.compile(r"sentinel(\d+)@")
FOUND = "select id, entities, \"group\" from {}.alerts where rule = 'mailbox_rule_forwards_outside'"


class AlertObserver(threading.Thread):
    """Looks for new alert rows on a connection of its own."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(daemon=True)
        self._settings = settings
        self.at: dict[int, float] = {}
        self.going = True

    def run(self) -> None:
        store = self._settings.store
        known: set[str] = set()
        query = FOUND.format(store.schema_name)
        with psycopg.connect(store.url, autocommit=True) as connection:
            while self.going:
                rows = connection.execute(query).fetchall()
                now = time.monotonic()
                for key, _, group in rows:
                    number = SENTINEL.search(str(group))
                    if number and key not in known:
                        known.add(key)
                        self.at[int(number[1])] = now
                time.sleep(LOOK_SECONDS)


def measure_latency(corpus: LoadedCorpus, per_second: float, seconds: float) -> dict[str, Any]:
    """At so many events a second into topics of their own, one worker."""
    incident = f"{corpus.settings.kafka.prefix}late-"[-40:]
    kafka = corpus.settings.kafka.model_copy(update={"prefix": incident})
    own = corpus.settings.model_copy(update={"kafka": kafka})
    topics.create_topics(own)
    try:
        with open_store(own) as (settings, _), run_workers(settings, 1):
            seen = AlertObserver(settings)
            seen.start()
            sent, fed = asyncio.run(_load(settings, per_second, seconds))
            deadline = time.monotonic() + 30
            while len(seen.at) < len(sent) and time.monotonic() < deadline:
                time.sleep(0.1)
            seen.going = False
            seen.join()
    finally:
        topics.remove_topics(own)
    warm = [n for n, at in sent.items() if at - min(sent.values()) >= WARM_SECONDS]
    waits = sorted(seen.at[n] - sent[n] for n in warm if n in seen.at)
    return {
        "offered_per_second": round(per_second),
        "fed_per_second": round(fed),
        "sentinels": len(warm),
        "missing": len(warm) - len(waits),
        **compute_percentiles(waits),
    }


def compute_percentiles(waits: Sequence[float]) -> dict[str, float]:
    """Seconds."""
    if len(waits) < 2:
        return {}
    cuts = statistics.quantiles(waits, n=100, method="inclusive")
    return {"p50": round(cuts[49], 3), "p99": round(cuts[98], 3), "most": round(waits[-1], 3)}


async def _load(
    settings: Settings, per_second: float, seconds: float
) -> tuple[dict[int, float], float]:
    """When each sentinel was handed to the client, and what rate was fed."""
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka.servers, max_batch_size=2**20, linger_ms=0
    )
    await producer.start()
    topic = build_source_topic(settings.kafka, ECS_SOURCE)
    sent: dict[int, float] = {}
    rows = cycle(generate_ecs_rows(50_000, seed=7))
    ready = asyncio.create_task(_wait_until_read(producer, topic, settings))
    await ready
    begun, fed, turn = time.monotonic(), 0, 0
    while (passed := time.monotonic() - begun) < seconds:
        due = int(passed * per_second) - fed
        news = []
        while len(sent) * EVERY_SECONDS <= passed:
            number = len(sent)
            news.append(build_sentinel(number, datetime.now(UTC)))
            sent[number] = time.monotonic()
        batch = producer.create_batch()
        for row in chain((next(rows) for _ in range(due)), news):
            batch.append(timestamp=None, key=row.key, value=row.value)
        fed += due
        if due or news:
            await producer.send_batch(batch, topic, partition=turn % PARTITIONS)
        turn += 1
        await asyncio.sleep(BEAT_SECONDS)
    took = time.monotonic() - begun
    await producer.stop()
    return sent, fed / took


async def _wait_until_read(producer: AIOKafkaProducer, topic: str, settings: Settings) -> None:
    """A record that the worker has committed: it has joined and knows its way."""
    row = build_sentinel(10**6, datetime.now(UTC))
    await producer.send_and_wait(topic, row.value, key=row.key)
    query = FOUND.format(settings.store.schema_name)
    async with await psycopg.AsyncConnection.connect(
        settings.store.url, autocommit=True
    ) as connection:
        deadline = time.monotonic() + 60
        while not await (await connection.execute(query)).fetchall():
            if time.monotonic() > deadline:
                raise SystemExit("the worker did not raise the first alert within a minute")
            await asyncio.sleep(0.1)
