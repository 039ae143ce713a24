"""Wire the distributed worker: pipeline, shared store, Faust app, meters, maintenance."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from breachdesk.bootstrap.anchoring import HeadRecorder
from breachdesk.bootstrap.container import Container, build_worker_limits, tune_gc
from breachdesk.bootstrap.observability.instrumented import InstrumentedSink
from breachdesk.bootstrap.observability.logs import build_faust_config, choose_printer, set_up_logs
from breachdesk.bootstrap.observability.metrics import PrometheusMeter, PrometheusReadingMeter
from breachdesk.bootstrap.observability.operations_endpoints import OperationsServer
from breachdesk.bootstrap.observability.traces import NullTracer, SpanTracer, build_tracer
from breachdesk.bootstrap.upkeep import ProposalRefresher, run_chores
from breachdesk.casework.opening.queued_orders import StoreOrders
from breachdesk.casework.watching.watcher import SourceWatcher
from schemas.errors import BreachDeskError, ConfigurationError
from schemas.pipeline.event import RawRecord
from schemas.settings import Settings
from streams.ports.metrics import ParserMetrics, WorkerMetrics
from streams.process.pipeline import RecordPipeline
from streams.process.worker import StreamWorker
from streams.stop_deadline import STOP_SECONDS, StopDeadline

if TYPE_CHECKING:
    from streams.worker_app.dependencies import WorkerStatus


def run_worker(container: Container, say: Callable[[str], None]) -> None:
    """Run one of several workers until SIGTERM or SIGINT. Raises ConfigurationError when settings,
    topics or schema are not as required, CorruptData when the store contradicts Kafka, and whatever
    else ended it."""
    from streams.kafka.topics import require_topics
    from streams.worker_app import faust_app
    from streams.worker_app.dependencies import WorkerDependencies, WorkerStatus

    require_shared(container.settings)
    set_up_logs(container.settings.ops)
    require_topics(container.settings)
    traced = build_tracer(container.settings, "breachdesk worker")
    tune_gc()
    registry = CollectorRegistry()
    meter = PrometheusMeter(registry)
    status = WorkerStatus()
    anchoring, watcher = HeadRecorder(container), SourceWatcher(container.settings)
    proposals = ProposalRefresher(container)
    clock = get_clock(container)
    worker = build_worker(container, meter, clock, traced, PrometheusReadingMeter(registry))
    dependencies = WorkerDependencies(
        settings=container.settings,
        worker=worker,
        exports=container.store.make_export_outbox(),
        leader=container.store.get_leader_election(),
        orders=StoreOrders(container.store, clock),
        chores=lambda: run_chores(container, anchoring, watcher, proposals),
        meter=meter,
        now=clock,
    )
    ops, health = container.settings.ops, WorkerHealth(container, status, anchoring, worker)
    app = faust_app.create_app(dependencies, status)
    for name, value in build_faust_config().items():
        setattr(app.conf, name, value)
    with (
        closing(traced),
        OperationsServer(ops.host, ops.port, registry, health.check_live, health.check_ready),
    ):
        say = choose_printer(ops, say)
        say("worker: joining the group")
        deadline = StopDeadline(lambda: _exit_overdue(status, say))
        _run_until_end(lambda: faust_app.run_app(app, deadline), status)


def _run_until_end(run: Callable[[], None], status: WorkerStatus) -> None:
    """Run Faust and raise our own service's failure, which says more: Faust ends its process by
    SystemExit, also on a normal stop."""
    try:
        run()
    except SystemExit as end:
        if status.failure is not None:
            raise status.failure from None
        if end.code:
            raise


def _exit_overdue(status: WorkerStatus, say: Callable[[str], None]) -> None:
    """End the process at once, with the exit code of what ended the worker.

    What is durable stays; the next worker repeats the rest, as after `kill -9`.
    """
    failure = status.failure
    if failure is not None:
        say(f"breachdesk: {failure}" if isinstance(failure, BreachDeskError) else "worker: failed")
    say(
        f"worker: ends without leaving the group: {STOP_SECONDS:.0f} seconds after it was told to"
        " stop it still waits for Kafka or PostgreSQL"
    )
    sys.stdout.flush()
    sys.stderr.flush()
    code = failure.exit_code if isinstance(failure, BreachDeskError) else 3
    os._exit(0 if failure is None else code)


class WorkerHealth:
    """What /healthz and /readyz of a worker say."""

    def __init__(
        self,
        container: Container,
        status: WorkerStatus,
        anchoring: HeadRecorder,
        worker: StreamWorker,
    ) -> None:
        self._container = container
        self._status = status
        self._anchoring = anchoring
        self._worker = worker

    def check_live(self) -> Mapping[str, str]:
        """Return each failed part and why; empty while all loops are alive."""
        failure = self._status.failure
        return {} if failure is None else {"worker": type(failure).__name__}

    def check_ready(self) -> Mapping[str, str]:
        """Return each part that is not ready, and why."""
        unready = dict(self.check_live())
        if not self._status.ready:
            unready["group"] = "the worker has not taken over its partitions yet"
        troubles = {
            **self._status.troubles,
            "anchor": self._anchoring.trouble,
            "records": self._worker.trouble,
        }
        return unready | {part: why for part, why in troubles.items() if why}


def require_shared(settings: Settings) -> None:
    """Raise ConfigurationError unless both Kafka and a shared store are named."""
    missing = [
        key
        for key, value in (
            ("kafka.servers", settings.kafka.servers),
            ("store.url", settings.store.url),
        )
        if not value
    ]
    if missing:
        raise ConfigurationError(
            f"{' and '.join(missing)} not set",
            place=str(settings.data_dir / "breachdesk.toml"),
            remedy="A worker needs Kafka and PostgreSQL; without them: breachdesk run.",
        )


def build_worker(
    container: Container,
    meter: WorkerMetrics,
    now: Callable[[Sequence[RawRecord]], datetime],
    traced: SpanTracer | None = None,
    watch: ParserMetrics | None = None,
) -> StreamWorker:
    """Build pipeline and store, before anything is polled. `watch` is called for records that were
    not read."""
    return StreamWorker(
        InstrumentedSink(container.store.make_batch_sink(), meter, traced or NullTracer()),
        RecordPipeline(container.rules, container.open_reader(watch), container.settings),
        container.store.make_asset_register(),
        now,
        meter,
        build_worker_limits(container.settings),
    )


class RecordsClock:
    """A drill's time: the newest arrival seen. It never goes back, and begins long ago."""

    def __init__(self) -> None:
        self._newest = datetime(2000, 1, 1, tzinfo=UTC)

    def __call__(self, records: Sequence[RawRecord] = ()) -> datetime:
        self._newest = max([self._newest, *(record.arrived for record in records)])
        return self._newest


def get_clock(container: Container) -> Callable[..., datetime]:
    """Return the container's clock; in a demo, the time of its records, since its days are
    fixed."""
    if container.settings.demo:
        return RecordsClock()
    return lambda _records=(): container.now()
