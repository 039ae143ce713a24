"""Receive orders from outside and send messages to integrators through Faust, which is slow but
sufficient for rare events.

The agents keep the rules that measurement taught (docs/adr/0003-hosted-service.md): one event at a
time, raw bytes decoded by ourselves, nothing escapes the loop, no hand-off before the
acknowledgement, effects idempotent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from schemas.errors import BreachDeskError, RetryableError
from streams.kafka.topics import build_topic_name
from streams.ports import ExportMessage
from streams.process.exports import build_refused_order
from streams.worker_app.dependencies import WorkerDependencies

EXPORTS_AT_ONCE = 500
RETRY_SECONDS = 2.0


def add_agents(app: Any, dependencies: WorkerDependencies) -> None:
    """Register the agents with the app."""
    kafka = dependencies.settings.kafka
    orders = app.topic(
        build_topic_name(kafka, "commands"), value_serializer="raw", key_serializer="raw"
    )

    @app.agent(orders, concurrency=1, name="orders")  # type: ignore[untyped-decorator]  # Faust's own
    async def follow(stream: Any) -> None:
        # Ours to say: Faust would acknowledge also what it had only begun when it was stopped.
        stream.enable_acks = False
        async for event in _iterate_events(stream):
            if not await _follow_order(app, dependencies, event):
                return
            await stream.ack(event)


async def _iterate_events(stream: Any) -> AsyncIterator[Any]:
    async for event in stream.events():
        yield event


async def _follow_order(app: Any, dependencies: WorkerDependencies, event: Any) -> bool:
    """Whether the order was followed or refused. It waits while store or broker refuse, but not
    when the app stops: then it comes again. No exception escapes, or the orders behind it would
    wait for ever."""
    message = event.message
    place = f"{message.topic}/{message.partition}:{message.offset}"
    while not app.should_stop:
        try:
            await _follow_or_refuse(app, dependencies, bytes(event.value or b""), place)
        except Exception as problem:  # noqa: BLE001 - whatever it is, the order is not lost
            app.log.warning("the order at %s waits: %s", place, type(problem).__name__)
            await app.sleep(RETRY_SECONDS)
        else:
            return True
    return False


async def _follow_or_refuse(
    app: Any, dependencies: WorkerDependencies, order: bytes, place: str
) -> None:
    """Follow the order, or store it as a dead letter with its place and reason. Raises
    RetryableError, and what the producer raises."""
    try:
        await asyncio.to_thread(dependencies.orders.follow, order, place)
    except RetryableError:
        raise
    except BreachDeskError as refusal:
        await send(app, dependencies, build_refused_order(place, str(refusal)))
    except Exception as problem:  # noqa: BLE001 - an order must not stop those behind it
        kind = type(problem).__name__
        await send(
            app,
            dependencies,
            build_refused_order(place, f"the program failed on this order: {kind}."),
        )


async def send_exports(app: Any, dependencies: WorkerDependencies) -> int:
    """Send the messages of the transactional outbox in order; returns their number."""
    rows = await asyncio.to_thread(dependencies.exports.list_waiting, EXPORTS_AT_ONCE)
    dependencies.meter.set_waiting_exports(len(rows))
    acknowledged = [await _send_export(app, dependencies, export) for _, export in rows]
    for each in acknowledged:
        await each
    if rows:
        await asyncio.to_thread(dependencies.exports.delete_sent, [number for number, _ in rows])
    return len(rows)


async def send(app: Any, dependencies: WorkerDependencies, export: ExportMessage) -> None:
    """Returns once the broker has acknowledged: Faust's first await only queues."""
    await (await _send_export(app, dependencies, export))


async def _send_export(app: Any, dependencies: WorkerDependencies, export: ExportMessage) -> Any:
    topic = app.topic(
        build_topic_name(dependencies.settings.kafka, export.topic),
        value_serializer="raw",
        key_serializer="raw",
    )
    # An empty message is a tombstone: compaction forgets the key.
    return await topic.send(key=export.key.encode(), value=export.value or None)
