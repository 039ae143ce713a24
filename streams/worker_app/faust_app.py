"""Run the distributed worker: a Faust app that hosts the hot path as a service.

Faust's own path per message costs 90–110 µs and loses batches when an agent fails inside `take`
(docs/adr/0003-hosted-service.md), so a service of the app reads records, and agents carry only what
is rare: orders from outside, and messages to integrators."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import faust
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
)
from mode import Service

from schemas import private_files
from schemas.errors import BreachDeskError, EditConflict, RetryableError
from streams.kafka.client_options import build_faust_credentials
from streams.stop_deadline import StopDeadline, start_on_signal
from streams.worker_app.agents import EXPORTS_AT_ONCE, add_agents, send_exports
from streams.worker_app.consumer import PartitionConsumer
from streams.worker_app.dependencies import WorkerDependencies, WorkerStatus

CONFLICT_SECONDS = 0.2
"""A conflict that does not pass must not be a busy loop."""
FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 20.0
OBSERVE_SECONDS = 5.0
UPKEEP_SECONDS = 1.0
DRAINED_SECONDS = 20.0
CHORES_SECONDS = 60.0
AuthorizationError = (GroupAuthorizationFailedError, TopicAuthorizationFailedError)
SKEW = timedelta(minutes=5)
"""An idle partition counts as read up to so long ago: brokers' clocks are not ours."""


def create_app(dependencies: WorkerDependencies, status: WorkerStatus) -> Any:
    """Create a faust.App, not yet started; run it with `run_app`."""
    kafka = dependencies.settings.kafka
    data_dir = dependencies.settings.data_dir / "faust"
    private_files.make_folder(data_dir)
    app = faust.App(
        f"{kafka.group}.agents",
        broker=[f"kafka://{server.strip()}" for server in kafka.servers.split(",")],
        broker_credentials=build_faust_credentials(kafka),
        store="memory://",
        datadir=data_dir,
        autodiscover=False,
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        stream_wait_empty=True,
        worker_redirect_stdouts=False,
        consumer_auto_offset_reset="earliest",
        # The hot path starts once the agents' group has joined, and that waits for dead members:
        # Faust's own minute would be added to every recovery.
        broker_session_timeout=kafka.session_seconds,
        broker_heartbeat_interval=kafka.session_seconds / 5,
        # A dead letter's bytes travel as base64 inside JSON.
        producer_max_request_size=2 * dependencies.settings.intake.max_line_bytes + 65_536,
    )
    add_agents(app, dependencies)
    # An instance does as well as a class: App._prepare_subservice asks.
    app.service(BatchService(app, dependencies, status))  # type: ignore[arg-type]  # typed as a class
    return app


class BatchService(Service):
    """Polls and commits until the app stops."""

    def __init__(self, app: Any, dependencies: WorkerDependencies, status: WorkerStatus) -> None:
        super().__init__()
        self._app = app
        self._dependencies = dependencies
        self._status = status
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="batches")
        self._wait = FIRST_WAIT_SECONDS
        self._waits_for: dict[str, str] = {}
        self._drained_at = 0.0
        self._chores_at = 0.0

    async def on_start(self) -> None:
        """Join the group, which needs the running loop."""
        dependencies = self._dependencies
        self._consumer = PartitionConsumer(
            dependencies.settings, dependencies.worker, dependencies.meter, self._run_in_thread
        )
        await self._consumer.start()

    async def on_stop(self) -> None:
        """Leave the group; the batch in hand has ended."""
        await self._consumer.stop()
        self._thread.shutdown(wait=False)

    async def _run_in_thread(self, work: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    @Service.task
    async def _read(self) -> None:
        while not self.should_stop:
            await self._report_refusals("batches", self._process_batch)

    @Service.task
    async def _observe(self) -> None:
        while not self.should_stop:
            await self.sleep(OBSERVE_SECONDS)
            try:
                await asyncio.wait_for(self._consumer.observe(), OBSERVE_SECONDS)
                self._set_waiting("watch", "", "")
            except (KafkaError, TimeoutError):
                self._set_waiting("watch", "kafka", "Kafka does not answer")

    @Service.task
    async def _run_upkeep_loop(self) -> None:
        while not self.should_stop:
            await self.sleep(UPKEEP_SECONDS)
            await self._report_refusals("upkeep", self._run_upkeep)

    async def _report_refusals(self, part: str, work: Callable[[], Awaitable[None]]) -> None:
        """Report errors that a person must look at, and end the app; no error is lost."""
        try:
            await work()
            self._set_waiting(part, "", "")
        except EditConflict:
            self._dependencies.meter.record_conflict()
            self._consumer.invalidate_positions()
            await self.sleep(CONFLICT_SECONDS)
        except RetryableError as refusal:
            self._set_waiting(part, "store", str(refusal))
            await self.sleep(FIRST_WAIT_SECONDS)
        except (BreachDeskError, *AuthorizationError) as failure:
            self._status.failure = failure
            await self._app.crash(failure)
        except KafkaError as refusal:
            self._set_waiting(part, "kafka", f"Kafka refuses for now ({type(refusal).__name__})")
            self._consumer.invalidate_positions()
            await self.sleep(FIRST_WAIT_SECONDS)

    async def _process_batch(self) -> None:
        consumer, status = self._consumer, self._status
        try:
            processed = await consumer.poll_and_commit()
        except RetryableError as refusal:
            self._set_waiting("batches", "store", str(refusal))
            await consumer.poll_paused(self._wait)
            self._wait = min(2 * self._wait, LONGEST_WAIT_SECONDS)
            raise
        status.processed = consumer.processed
        status.ready = consumer.has_taken_over
        if processed:
            self._wait = FIRST_WAIT_SECONDS

    async def _run_upkeep(self) -> None:
        """Record drained partitions, so that they hold nothing back; as the leader also sweep and
        send exports."""
        await self._record_drained()
        dependencies = self._dependencies
        leads = await asyncio.to_thread(dependencies.leader.acquire_leadership)
        dependencies.meter.set_leadership(leads)
        if not leads:
            return
        while await send_exports(self._app, dependencies) == EXPORTS_AT_ONCE:
            pass
        everything = self._consumer.list_partitions()
        if everything:
            await self._run_in_thread(dependencies.worker.sweep, everything, dependencies.now())
        loop = asyncio.get_running_loop()
        if loop.time() - self._chores_at > CHORES_SECONDS:
            self._chores_at = loop.time()
            await asyncio.to_thread(dependencies.chores)

    async def _record_drained(self) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() - self._drained_at < DRAINED_SECONDS:
            return
        self._drained_at = loop.time()
        moment = (self._dependencies.now() - SKEW).timestamp()
        for name in await self._consumer.list_drained():
            await self._run_in_thread(self._dependencies.worker.record_drained, name, moment)

    def _set_waiting(self, part: str, reason: str, why: str) -> None:
        """Set what a part waits for, empty for nothing. Each part has its own state."""
        self._waits_for[part] = reason
        self._status.troubles[part] = why
        waiting = [each for each in self._waits_for.values() if each]
        self._dependencies.meter.set_waiting(waiting[0] if waiting else "")


def run_app(app: Any, deadline: StopDeadline) -> None:
    """Run Faust's own worker process until SIGTERM, SIGINT or a failure; end the process."""
    worker = OrderlyWorker(app, deadline)
    try:
        worker.execute_from_commandline()
    except SystemExit:
        # GuardedSignal to stop while it was starting or losing its broker, Faust ends with a fault's code.
        if not worker._shutdown_immediately:  # noqa: SLF001 - Faust tells it nowhere else
            raise
    finally:
        deadline.cancel()


class OrderlyWorker(faust.Worker):
    """Starts the deadline on SIGTERM, on SIGINT and when the app fails.

    Faust's shutdown waits without a limit for a broker that is gone: workers were seen to hang
    for 28 minutes after SIGTERM.
    """

    def __init__(self, app: Any, deadline: StopDeadline) -> None:
        super().__init__(app, loglevel="info", override_logging=False, redirect_stdouts=False)
        self.spinner = None
        self._deadline = deadline

    def install_signal_handlers(self) -> None:
        """Add handlers that need no turn of the loop, which may hang in a call."""
        super().install_signal_handlers()
        for number in (signal.SIGINT, signal.SIGTERM):
            start_on_signal(number, self._deadline)

    def on_worker_shutdown(self) -> None:
        """Handle Faust's stop, for any reason."""
        self._deadline.start()
