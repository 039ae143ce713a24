"""What shippers do that we do not: compress, and send in transactions."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator, Sequence
from typing import Any

import fleet
import pytest
from aiokafka import AIOKafkaProducer

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.slow]


@pytest.fixture(scope="module")
def ships(
    tmp_path_factory: pytest.TempPathFactory, kafka_servers: str, postgres_url: str
) -> Iterator[fleet.Fleet]:
    folder = tmp_path_factory.mktemp("shippers")
    with fleet.a_fleet(folder, kafka_servers, postgres_url, partitions=1) as result:
        # Before any worker: a partition that was seen empty once would count as drained already.
        asyncio.run(aborted(result, lines(3), source="mail-gw"))
        result.start(1)
        yield result


async def sent(ships: fleet.Fleet, values: Sequence[bytes], **options: Any) -> None:
    topic = ships.topic("unifi")
    producer = AIOKafkaProducer(bootstrap_servers=ships.settings.kafka.servers, **options)
    await producer.start()
    try:
        for value in values:
            if "transactional_id" in options:
                async with producer.transaction():
                    await producer.send(topic, value)
            else:
                await producer.send_and_wait(topic, value)
    finally:
        await producer.stop()


def lines(count: int) -> list[bytes]:
    raws = [line.raw for line in fleet.demo_rows() if line.source == "unifi" and line.raw]
    return raws[:count]


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_every_codec_of_kafka_is_read(ships: fleet.Fleet, codec: str) -> None:
    before = received(ships)
    asyncio.run(sent(ships, lines(20), compression_type=codec))
    fleet.until(lambda: received(ships) >= before + 20, fleet.WAIT_SECONDS, ships.tell)

    assert received(ships) == before + 20


def test_transactions_leave_no_gap_that_stops_and_their_aborted_records_are_none(
    ships: fleet.Fleet,
) -> None:
    before = received(ships)
    asyncio.run(sent(ships, lines(15), transactional_id=secrets.token_hex(4)))
    asyncio.run(aborted(ships, lines(5)))
    asyncio.run(sent(ships, lines(1)))
    fleet.until(lambda: received(ships) == before + 16, fleet.WAIT_SECONDS, ships.tell)

    (worker,) = ships.workers
    assert worker.alive
    assert received(ships) == before + 16


async def aborted(ships: fleet.Fleet, values: Sequence[bytes], source: str = "unifi") -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=ships.settings.kafka.servers, transactional_id=secrets.token_hex(4)
    )
    await producer.start()
    await producer.begin_transaction()
    for value in values:
        await producer.send_and_wait(ships.topic(source), value)
    await producer.abort_transaction()
    await producer.stop()


def received(ships: fleet.Fleet) -> int:
    return ships.outcome().received


def test_a_partition_that_holds_only_what_was_aborted_counts_as_drained(
    ships: fleet.Fleet,
) -> None:
    """Else it would hold the watermark back for ever."""
    name = f"{ships.topic('mail-gw')}/0"
    sink = ships.store.make_batch_sink()
    fleet.until(
        lambda: sink.load_positions([name])[name].arrived is not None,
        fleet.WAIT_SECONDS,
        ships.tell,
    )

    assert ships.ends()[name] == 4
    assert sink.load_positions([name])[name].position is None
