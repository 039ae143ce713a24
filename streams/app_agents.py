"""What is rare goes through Faust: orders from outside come in, messages for integrators go out.

The agents keep the rules that measurement taught (docs/adr/0003-hosted-service.md): one event at a
time, raw bytes decoded by ourselves, nothing escapes the loop, no hand-off before the
acknowledgement, effects idempotent.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from schemas.errors import BreachDeskError, Retryable
from streams.app_parts import Parts
from streams.ports import Export
from streams.shared_exports import refused_order
from streams.topics import topic_name

EXPORTS_AT_ONCE = 500
RETRY_SECONDS = 2.0


def add_agents(app: Any, parts: Parts) -> None:
    """Hang the agents on the app."""
    kafka = parts.settings.kafka
    orders = app.topic(topic_name(kafka, "commands"), value_serializer="raw", key_serializer="raw")

    @app.agent(orders, concurrency=1, name="orders")  # type: ignore[untyped-decorator]  # Faust's own
    async def follow(stream: Any) -> None:
        async for event in _events(stream):
            await _follow(app, parts, event)


async def _events(stream: Any) -> AsyncIterator[Any]:
    async for event in stream.events():
        yield event


async def _follow(app: Any, parts: Parts, event: Any) -> None:
    """An order that cannot be followed goes to the dead letters with its place and reason; while
    the store refuses it waits. Nothing escapes: Faust would acknowledge the order and stop."""
    message = event.message
    place = f"{message.topic}/{message.partition}:{message.offset}"
    try:
        await _obey(app, parts, bytes(event.value or b""), place)
    except BreachDeskError as refusal:
        await send(app, parts, refused_order(place, str(refusal)))
    except Exception as problem:  # noqa: BLE001 - an order must not stop those behind it
        kind = type(problem).__name__
        await send(app, parts, refused_order(place, f"the program failed on this order: {kind}."))


async def _obey(app: Any, parts: Parts, order: bytes, place: str) -> None:
    while not app.should_stop:
        try:
            await asyncio.to_thread(parts.orders.follow, order, place)
        except Retryable:
            await app.sleep(RETRY_SECONDS)
        else:
            return


async def send_exports(app: Any, parts: Parts) -> int:
    """What waits in the transactional outbox, in order; how many went."""
    rows = await asyncio.to_thread(parts.exports.waiting, EXPORTS_AT_ONCE)
    parts.meter.exports(len(rows))
    acknowledged = [await _sent(app, parts, export) for _, export in rows]
    for each in acknowledged:
        await each
    if rows:
        await asyncio.to_thread(parts.exports.sent, [number for number, _ in rows])
    return len(rows)


async def send(app: Any, parts: Parts, export: Export) -> None:
    """Returns once the broker has acknowledged: Faust's first await only queues."""
    await (await _sent(app, parts, export))


async def _sent(app: Any, parts: Parts, export: Export) -> Any:
    topic = app.topic(
        topic_name(parts.settings.kafka, export.topic), value_serializer="raw", key_serializer="raw"
    )
    # An empty message is a tombstone: compaction forgets the key.
    return await topic.send(key=export.key.encode(), value=export.value or None)
