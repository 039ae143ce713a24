"""The distributed worker, wired: pipeline, shared store, Faust app, meters, chores."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from breachdesk.bootstrap.anchoring import Anchoring
from breachdesk.bootstrap.house import Premises, calm_the_collector, worker_limits
from breachdesk.bootstrap.logs import for_faust, set_up_logs, spoken
from breachdesk.bootstrap.metrics import PrometheusMeter, PrometheusReadingMeter
from breachdesk.bootstrap.observing import WatchedSink
from breachdesk.bootstrap.ops import OpsServer
from breachdesk.bootstrap.traces import NoTracer, Tracer, tracer
from breachdesk.bootstrap.upkeep import chores
from breachdesk.casework.orders import StoreOrders
from schemas.errors import BreachDeskError, Misconfigured
from schemas.event import RawRecord
from schemas.settings import Settings
from streams.observed import Meter, ReadingMeter
from streams.process.pipeline import Pipeline
from streams.process.worker import Worker
from streams.stop_deadline import STOP_SECONDS, StopDeadline

if TYPE_CHECKING:
    from streams.worker_app.dependencies import WorkerStatus


def run_worker(house: Premises, say: Callable[[str], None]) -> None:
    """One of many, until SIGTERM or SIGINT. Raises Misconfigured when settings, topics or schema
    are not as they must be, Corrupt when what is stored contradicts what Kafka holds, and whatever
    else ended it."""
    from streams.topics import require
    from streams.worker_app import faust_app
    from streams.worker_app.dependencies import WorkerDependencies, WorkerStatus

    require_shared(house.settings)
    set_up_logs(house.settings.ops)
    require(house.settings)
    traced = tracer(house.settings, "breachdesk worker")
    calm_the_collector()
    registry = CollectorRegistry()
    meter = PrometheusMeter(registry)
    status = WorkerStatus()
    anchoring = Anchoring(house)
    clock = clock_of(house)
    worker = new_worker(house, meter, clock, traced, PrometheusReadingMeter(registry))
    dependencies = WorkerDependencies(
        settings=house.settings,
        worker=worker,
        exports=house.store.export_outbox(),
        leader=house.store.leader(),
        orders=StoreOrders(house.store, clock),
        chores=lambda: chores(house, anchoring),
        meter=meter,
        now=clock,
    )
    ops, health = house.settings.ops, Health(house, status, anchoring, worker)
    app = faust_app.create_app(dependencies, status)
    for name, value in for_faust().items():
        setattr(app.conf, name, value)
    with closing(traced), OpsServer(ops.host, ops.port, registry, health.live, health.ready):
        say = spoken(ops, say)
        say("worker: joining the group")
        deadline = StopDeadline(lambda: _end_overdue(status, say))
        _until_it_ends(lambda: faust_app.run_app(app, deadline), status)


def _until_it_ends(run: Callable[[], None], status: WorkerStatus) -> None:
    """Faust ends its process by SystemExit, also when it was told to stop; what our own service
    failed with says more."""
    try:
        run()
    except SystemExit as end:
        if status.failure is not None:
            raise status.failure from None
        if end.code:
            raise


def _end_overdue(status: WorkerStatus, say: Callable[[str], None]) -> None:
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


class Health:
    """What /healthz and /readyz of a worker say."""

    def __init__(
        self, house: Premises, status: WorkerStatus, anchoring: Anchoring, worker: Worker
    ) -> None:
        self._house = house
        self._status = status
        self._anchoring = anchoring
        self._worker = worker

    def live(self) -> Mapping[str, str]:
        """Each part that failed, and why; empty while all loops are alive."""
        failure = self._status.failure
        return {} if failure is None else {"worker": type(failure).__name__}

    def ready(self) -> Mapping[str, str]:
        """Each part that is not ready, and why."""
        unready = dict(self.live())
        if not self._status.ready:
            unready["group"] = "the worker has not taken over its partitions yet"
        troubles = {
            **self._status.troubles,
            "anchor": self._anchoring.trouble,
            "records": self._worker.trouble,
        }
        return unready | {part: why for part, why in troubles.items() if why}


def require_shared(settings: Settings) -> None:
    """Raises Misconfigured unless both Kafka and a shared store are named."""
    missing = [
        key
        for key, value in (
            ("kafka.servers", settings.kafka.servers),
            ("store.url", settings.store.url),
        )
        if not value
    ]
    if missing:
        raise Misconfigured(
            f"{' and '.join(missing)} not set",
            place=str(settings.data_dir / "breachdesk.toml"),
            remedy="A worker needs Kafka and PostgreSQL; without them: breachdesk run.",
        )


def new_worker(
    house: Premises,
    meter: Meter,
    now: Callable[[Sequence[RawRecord]], datetime],
    traced: Tracer | None = None,
    watch: ReadingMeter | None = None,
) -> Worker:
    """Pipeline and store, before anything is polled. `watch`: of records that were not read."""
    return Worker(
        WatchedSink(house.store.batch_sink(), meter, traced or NoTracer()),
        Pipeline(house.rules, house.reader(watch), house.settings),
        house.store.register(),
        now,
        meter,
        worker_limits(house.settings),
    )


class RecordsClock:
    """A drill's time: the newest arrival seen. It never goes back, and begins long ago."""

    def __init__(self) -> None:
        self._newest = datetime(2000, 1, 1, tzinfo=UTC)

    def __call__(self, records: Sequence[RawRecord] = ()) -> datetime:
        self._newest = max([self._newest, *(record.arrived for record in records)])
        return self._newest


def clock_of(house: Premises) -> Callable[..., datetime]:
    """The house's clock; a demo's time is its records', since its days are fixed."""
    if house.settings.demo:
        return RecordsClock()
    return lambda _records=(): house.now()
