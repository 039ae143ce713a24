"""Read many records by their positions in few fetches.

`KafkaEventLog.get` fetches each record alone and decodes everything before it in its batch, in
Python: five milliseconds a record. Here a partition is read on from one wanted record to the
next."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.errors import RetryableError
from schemas.settings import KafkaSettings
from streams.kafka.client_options import build_aiokafka_options

Place = tuple[str, int]
"""Topic and partition."""
POLL_MS = 200
AT_ONCE = 1_000
"""Records of one poll."""
SKIPPED = 2_000
"""Records that are rather read over than sought past: a seek throws away what is fetched
already."""


def fetch_positions(
    settings: KafkaSettings, offsets_by_place: Mapping[Place, Sequence[int]], wait: float
) -> list[Any]:
    """Fetch the client's records at these offsets, without those that retention has dropped. Runs
    an event loop of its own, so do not call it in a thread that has one. Raises RetryableError if
    no broker answers within `wait` seconds."""
    try:
        return asyncio.run(_fetch_all(settings, offsets_by_place, wait))
    except (KafkaError, TimeoutError) as error:
        raise RetryableError(
            f"Kafka refuses for now ({type(error).__name__})",
            place=settings.servers,
            remedy="Check the broker, then try again.",
        ) from error


async def _fetch_all(
    settings: KafkaSettings, offsets_by_place: Mapping[Place, Sequence[int]], wait: float
) -> list[Any]:
    client = AIOKafkaConsumer(
        **build_aiokafka_options(settings),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    try:
        await asyncio.wait_for(client.start(), wait)
        records: list[Any] = []
        for place, offsets in offsets_by_place.items():
            records += await _fetch(client, TopicPartition(*place), sorted(set(offsets)), wait)
        return records
    finally:
        await client.stop()


async def _fetch(
    client: Any, place: TopicPartition, offsets: Sequence[int], wait: float
) -> list[Any]:
    """Fetch the records at these ascending offsets of one partition."""
    client.assign([place])
    begin = (await client.beginning_offsets([place]))[place]
    end = (await client.end_offsets([place]))[place]
    remaining = [offset for offset in offsets if begin <= offset < end]
    remaining.reverse()
    records: list[Any] = []
    loop = asyncio.get_running_loop()
    heard, at = loop.time(), -SKIPPED
    while remaining and at < end:
        if remaining[-1] - at >= SKIPPED:
            client.seek(place, remaining[-1])
        rows = (await client.getmany(place, timeout_ms=POLL_MS, max_records=AT_ONCE)).get(place)
        if rows:
            heard = loop.time()
            records += _pick(rows, remaining)
        elif loop.time() - heard > wait:
            raise TimeoutError
        at = await client.position(place)
    return records


def _pick(rows: Sequence[Any], remaining: list[int]) -> list[Any]:
    """Pick the wanted rows, and remove from `remaining` what the rows cover."""
    picked: list[Any] = []
    for row in rows:
        while remaining and remaining[-1] < row.offset:
            remaining.pop()  # retention or compaction has taken it meanwhile
        if not remaining:
            break
        if remaining[-1] == row.offset:
            picked.append(row)
            remaining.pop()
    return picked
