"""A bare aiokafka consumer: fetch, decode and parse as a worker does, nothing stored.

    python -m bench.kafka_bare DATA_DIR COUNT MODE     MODE: read (parse, recognise, enrich) | count

`count` is the peers' task: orjson and a five-minute count by user in a dictionary.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from breachdesk.bootstrap.container import Container
from breachdesk.bootstrap.settings import load_settings
from schemas.settings import Settings
from streams.event_logs.kafka_records import RecordDecoder
from streams.kafka import topics
from streams.kafka.topics import find_source, load_topic_ids
from streams.normalise.normaliser import EventNormaliser
from streams.normalise.record_readers import InProcessReader
from streams.worker_app.consumer import FETCH_BYTES

Step = Callable[[Sequence[Any]], None]


def build_parse_step(settings: Settings, container: Container, names: list[str]) -> Step:
    sources = {name: find_source(settings.kafka, name) for name in names}
    decoder = RecordDecoder(load_topic_ids(settings, names), sources, drill=settings.demo)
    normaliser, view = (
        EventNormaliser(InProcessReader(settings), settings),
        container.store.make_asset_register().get_view(),
    )

    def step(rows: Sequence[Any]) -> None:
        normaliser.normalise(
            [decoder.decode_record(row) for row in rows], view, lambda _event, _record: None
        )

    return step


def build_count_step() -> Step:
    counts: Counter[tuple[str, int]] = Counter()

    def step(rows: Sequence[Any]) -> None:
        for row in rows:
            document = orjson.loads(row.value)
            at = datetime.fromisoformat(document["@timestamp"]).timestamp()
            counts[document["user"]["name"], int(at // 300)] += 1

    return step


async def consume(settings: Settings, count: int, step: Step) -> dict[str, float]:
    names = [f for e in topics.list_lags(settings) if e.end for f in [(e.topic, e.partition)]]
    client = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka.servers,
        max_partition_fetch_bytes=FETCH_BYTES,
        isolation_level="read_committed",
        enable_auto_commit=False,
    )
    await client.start()
    places = [TopicPartition(*name) for name in names]
    client.assign(places)
    await client.seek_to_beginning(*places)
    consumed, begun, spent = 0, 0.0, 0.0
    while consumed < count:
        polled = await client.getmany(timeout_ms=250, max_records=settings.kafka.batch_records)
        if polled and not begun:
            begun, spent = time.perf_counter(), time.process_time()
        for rows in polled.values():
            step(rows)
            consumed += len(rows)
    result = {
        "events": consumed,
        "wall": time.perf_counter() - begun,
        "cpu": time.process_time() - spent,
    }
    await client.stop()
    return result


def main() -> None:
    folder, count, mode = sys.argv[1:]
    settings = load_settings(Path(folder))
    with Container(settings) as container:
        names = sorted({each.topic for each in topics.list_lags(settings)})
        step = (
            build_count_step() if mode == "count" else build_parse_step(settings, container, names)
        )
        print(json.dumps(asyncio.run(consume(settings, int(count), step))))


if __name__ == "__main__":
    main()
