"""The embedded system: listeners, worker, console and dispatcher as threads of one process."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing, suppress
from typing import Self

from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp, Receive, Scope, Send

from breachdesk.bootstrap.anchoring import Anchoring
from breachdesk.bootstrap.house import Premises
from breachdesk.bootstrap.http_bodies import PacedBodies
from breachdesk.bootstrap.http_port import Server, http_config, refuse_a_taken_port
from breachdesk.bootstrap.logs import set_up_logs, spoken
from breachdesk.bootstrap.mail import dispatch
from breachdesk.bootstrap.mail_watch import MailWatch
from breachdesk.bootstrap.metrics import (
    PrometheusIntakeMeter,
    PrometheusMeter,
    PrometheusReadingMeter,
)
from breachdesk.bootstrap.observing import WatchedSink, WatchedStore
from breachdesk.bootstrap.open_files import connections_allowed
from breachdesk.bootstrap.ops import Answers
from breachdesk.bootstrap.ops_http import OpsPages, PlainFaults, RequestIds
from breachdesk.bootstrap.readiness import database, told
from breachdesk.bootstrap.standing_metrics import StandingCollector
from breachdesk.bootstrap.traces import Tracer, tracer
from breachdesk.bootstrap.upkeep import carry_gaps, check_tail
from breachdesk.console.app import console_app
from breachdesk.console.headers import SecurityHeaders
from breachdesk.console.house import House, Processing
from breachdesk.console.received import TopicHours
from streams.intake.http import intake_app
from streams.intake.syslog import SyslogListener

Say = Callable[[str], None]
GAPS_EVERY_SECONDS = 5.0
LAST_BATCH_SECONDS = 5.0
"""That the batch in hand may take once the end was asked for."""


class FrontDoor:
    """ASGI: `/intake/…` goes to the listener, metrics and health to whoever watches, everything
    else to the console."""

    def __init__(self, intake: ASGIApp, console: ASGIApp, ops: ASGIApp) -> None:
        self._intake = intake
        self._console = console
        self._ops = ops

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._of(scope)(scope, receive, send)

    def _of(self, scope: Scope) -> ASGIApp:
        path = scope["path"] if scope["type"] == "http" else ""
        if path in Answers.PATHS:
            return self._ops
        return self._intake if path.startswith("/intake/") else self._console


def console_house(house: Premises, traced: Tracer, processing: Processing | None = None) -> House:
    """What the console may use of the premises."""
    return House(
        settings=house.settings,
        store=WatchedStore(house.store, traced),
        renderer=house.renderer,
        now=house.now,
        explainer=house.explainer,
        log=house.log,
        templates_dir=house.templates,
        hours=TopicHours(house.topics, house.now) if house.settings.kafka.servers else None,
        processing=processing,
    )


def front_door(
    house: Premises,
    answers: Answers,
    traced: Tracer,
    stopping: threading.Event,
    processing: Processing | None = None,
) -> ASGIApp:
    """The one HTTP port: intake, console, metrics and health."""
    settings = house.settings
    intake = intake_app(
        house.log, settings.intake, house.now, folder=settings.data_dir, stopping=stopping
    )
    ops = OpsPages(answers, settings.ops.host)
    door = FrontDoor(intake, console_app(console_house(house, traced, processing)), ops)
    return RequestIds(SecurityHeaders(PlainFaults(PacedBodies(door, settings.http))))


def serve(house: Premises, say: Say) -> None:
    """Serve until SIGINT or SIGTERM, or until a part of it fails for good.

    Raises Corrupt when the journal has lost its tail, Misconfigured when a port is taken or traces
    cannot be sent as configured, and whatever ended a part.
    """
    check_tail(house)
    set_up_logs(house.settings.ops)
    say = spoken(house.settings.ops, say)
    with (
        closing(tracer(house.settings, "breachdesk run")) as traced,
        BackgroundServices(house, traced, say) as parts,
        suppress(KeyboardInterrupt),
    ):
        end_in_order_on_sigterm()
        _serve_http(house, say, parts)
    parts.raise_failure()


def end_in_order_on_sigterm() -> None:
    """Uvicorn raises the signal again once it has closed: let SIGTERM end us as Ctrl-C does."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def syslog_listener(house: Premises, registry: CollectorRegistry) -> SyslogListener:
    """Not started. It never takes so many connections that files could not be opened."""
    meter = PrometheusIntakeMeter(registry)
    return SyslogListener(
        house.log, house.settings.intake, house.now, meter=meter, most=connections_allowed()
    )


class BackgroundServices:
    """Everything that runs beside the console; ends together. `say` is told what keeps mail from
    leaving, and what will stop detection."""

    def __init__(self, house: Premises, traced: Tracer, say: Say) -> None:
        self._house = house
        self._say = say
        self.tracer = traced
        self.registry = CollectorRegistry()
        self._meter = PrometheusMeter(self.registry)
        self._mail = MailWatch(house, self.registry, traced)
        sink = WatchedSink(house.store.batch_sink(), self._meter, traced)
        self._anchoring = Anchoring(house)
        self._reader = house.reader(PrometheusReadingMeter(self.registry))
        self._worker = house.worker(sink=sink, reader=self._reader, meter=self._meter)
        self._warned = False
        self.stop = threading.Event()
        self.failed = threading.Event()
        self.stopping = threading.Event()
        """Set before `stop`, when the HTTP port begins to close."""
        self._pool = ThreadPoolExecutor(max_workers=3, thread_name_prefix="breachdesk")
        self._futures: list[Future[None]] = []
        self._listener = syslog_listener(house, self.registry)

    def __enter__(self) -> Self:
        self._listener.start()
        self._meter.leader(True)
        held = StandingCollector(
            self._house.store, self._house.now, held=lambda: self._mail.meter.why_held
        )
        self.registry.register(held)
        self._start(lambda: self._worker.run(self.stop))
        self._start(self._keep_up)
        if self._house.settings.senders:
            self._start(lambda: dispatch(self._house, self.stop, self._tell, self._mail))
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self._listener.stop()
        # A batch of slow records is read again at the next start: what it needs is not waited for.
        wait(self._futures, timeout=LAST_BATCH_SECONDS)
        self._reader.close()
        self._pool.shutdown(wait=True)

    def _start(self, work: Callable[[], None]) -> None:
        future = self._pool.submit(work)
        future.add_done_callback(self._notice)
        self._futures.append(future)

    def _tell(self, text: str) -> None:
        # A terminal or pipe that has gone must not end the process.
        with suppress(OSError):
            self._say(text)

    def _say_once(self, warning: str) -> None:
        """As one line when it begins; its figures change every minute."""
        if warning and not self._warned:
            self._tell(warning)
        self._warned = bool(warning)

    def _notice(self, future: Future[None]) -> None:
        if future.exception():
            self.failed.set()

    def _keep_up(self) -> None:
        while not self.stop.wait(GAPS_EVERY_SECONDS):
            self._meter.waiting("store" if self._worker.waits_for else "")
            self._say_once(self._worker.warning)
            carry_gaps(self._house)
            self._anchoring.keep_up()

    @property
    def processing(self) -> Processing:
        """What the console says of the worker."""
        return self._worker

    def live(self) -> Mapping[str, str]:
        """Names what ended before its time."""
        return {"parts": "one has ended; this process ends too"} if self.failed.is_set() else {}

    def ready(self) -> Mapping[str, str]:
        """Not while the store refuses, the worker waits or mail is held."""
        return {
            **self.live(),
            **database(self._house.store),
            **told("waiting", self._worker.trouble),
            **told("mail", self._mail.meter.why_held),
            **told("anchor", self._anchoring.trouble),
        }

    def raise_failure(self) -> None:
        """Raises what ended a part before its time."""
        for future in self._futures:
            future.result()


def _serve_http(house: Premises, say: Say, parts: BackgroundServices) -> None:
    settings = house.settings
    answers = Answers(parts.registry, parts.live, parts.ready)
    door = front_door(house, answers, parts.tracer, parts.stopping, parts.processing)
    server = Server(http_config(settings, door), parts.failed, parts.stopping)
    refuse_a_taken_port(settings.console_host, settings.console_port)
    for line in listening(house):
        say(line)
    server.run()


def listening(house: Premises) -> Iterator[str]:
    """One line for each way in."""
    settings, intake = house.settings, house.settings.intake
    address = f"http://{settings.console_host}:{settings.console_port}"
    yield f"console on {address}"
    if intake.http_tokens:
        yield f"records by HTTP on {address}/intake/SOURCE for {', '.join(intake.http_tokens)}"
    for name, port in (("UDP", intake.syslog_udp), ("TCP", intake.syslog_tcp)):
        if port:
            yield f"syslog by {name} on {intake.host}:{port}"
    if not house.store.look(lambda uow: uow.users.list()):
        yield "nobody can sign in yet: breachdesk user add ID --duty responder"
