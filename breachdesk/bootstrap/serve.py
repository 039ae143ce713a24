"""Run the embedded system: listeners, worker, console and dispatcher as threads of one process."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing, suppress
from typing import Self

from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp, Receive, Scope, Send

from breachdesk.bootstrap.anchoring import HeadRecorder
from breachdesk.bootstrap.container import Container
from breachdesk.bootstrap.customer_sources.schedule import run_imports
from breachdesk.bootstrap.following import follow_files
from breachdesk.bootstrap.http.bodies import PacedBodies
from breachdesk.bootstrap.http.open_files import compute_connection_limit
from breachdesk.bootstrap.http.port import HttpServer, build_http_config, check_port_free
from breachdesk.bootstrap.mail import run_dispatcher
from breachdesk.bootstrap.observability.instrumented import InstrumentedSink, InstrumentedStore
from breachdesk.bootstrap.observability.logs import choose_printer, set_up_logs
from breachdesk.bootstrap.observability.mail_metrics import MailMonitor
from breachdesk.bootstrap.observability.metrics import (
    PrometheusIntakeMeter,
    PrometheusMeter,
    PrometheusReadingMeter,
)
from breachdesk.bootstrap.observability.operations_endpoints import OperationsAnswers
from breachdesk.bootstrap.observability.operations_http import (
    OperationsApp,
    PlainFaultHandler,
    RequestIds,
)
from breachdesk.bootstrap.observability.readiness import build_failure, check_database
from breachdesk.bootstrap.observability.store_metrics import StoreCollector
from breachdesk.bootstrap.observability.traces import SpanTracer, build_tracer
from breachdesk.bootstrap.polling import poll_tenants
from breachdesk.bootstrap.upkeep import (
    ProposalRefresher,
    check_tail,
    store_gaps,
    watch_sources,
)
from breachdesk.casework.watching.watcher import SourceWatcher
from breachdesk.console.app import build_app
from breachdesk.console.dependencies import ConsoleDependencies, LocalProcessing
from breachdesk.console.hourly_volume import TopicVolume
from breachdesk.console.web.security_headers import SecurityHeaders
from schemas.errors import RetryableError
from streams.intake.http.listener import create_intake_app
from streams.intake.syslog.listener import SyslogListener

Say = Callable[[str], None]
GAPS_EVERY_SECONDS = 5.0
WATCH_EVERY_SECONDS = 60.0
INTAKE_PATHS = ("/intake/", "/v1/")
LAST_BATCH_SECONDS = 5.0
"""That the batch in hand may take once the end was asked for."""


class PortRouter:
    """ASGI: `/intake/…` and OTLP's `/v1/…` go to the listener, metrics and health to whoever watches, everything
    else to the console."""

    def __init__(self, intake: ASGIApp, console: ASGIApp, ops: ASGIApp) -> None:
        self._intake = intake
        self._console = console
        self._ops = ops

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._choose_app(scope)(scope, receive, send)

    def _choose_app(self, scope: Scope) -> ASGIApp:
        path = scope["path"] if scope["type"] == "http" else ""
        if path in OperationsAnswers.PATHS:
            return self._ops
        return self._intake if path.startswith(INTAKE_PATHS) else self._console


def build_console_dependencies(
    container: Container, traced: SpanTracer, processing: LocalProcessing | None = None
) -> ConsoleDependencies:
    """Build the console's dependencies from the container."""
    return ConsoleDependencies(
        settings=container.settings,
        store=InstrumentedStore(container.store, traced),
        renderer=container.renderer,
        now=container.now,
        explainer=container.explainer,
        log=container.log,
        templates_dir=container.templates,
        hours=TopicVolume(container.topics, container.now)
        if container.settings.kafka.servers
        else None,
        processing=processing,
        troubles=container.troubles,
    )


def build_port_router(
    container: Container,
    answers: OperationsAnswers,
    traced: SpanTracer,
    stopping: threading.Event,
    processing: LocalProcessing | None = None,
) -> ASGIApp:
    """Build the application of the one HTTP port: intake, console, metrics and health."""
    settings = container.settings
    intake = create_intake_app(
        container.log, settings.intake, container.now, folder=settings.data_dir, stopping=stopping
    )
    ops = OperationsApp(answers, settings.ops.host)
    router = PortRouter(
        intake, build_app(build_console_dependencies(container, traced, processing)), ops
    )
    return RequestIds(SecurityHeaders(PlainFaultHandler(PacedBodies(router, settings.http))))


def serve_embedded(container: Container, say: Say) -> None:
    """Serve until SIGINT or SIGTERM, or until a part of it fails for good.

    Raises CorruptData when the journal has lost its tail, ConfigurationError when a port is taken
    or traces cannot be sent as configured, and whatever ended a part."""
    check_tail(container)
    set_up_logs(container.settings.ops)
    say = choose_printer(container.settings.ops, say)
    with (
        closing(build_tracer(container.settings, "breachdesk run")) as traced,
        BackgroundServices(container, traced, say) as parts,
        suppress(KeyboardInterrupt),
    ):
        install_sigterm_handler()
        install_sighup_handler(parts.listener)
        _serve_http(container, say, parts)
    parts.raise_failure()


def install_sigterm_handler() -> None:
    """Make SIGTERM end the process as Ctrl-C does: Uvicorn raises the signal again once it has
    closed."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def install_sighup_handler(listener: SyslogListener) -> None:
    """Make SIGHUP read the certificates of syslog over TLS again."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGHUP, lambda *_: listener.request_reload())


def build_syslog_listener(container: Container, registry: CollectorRegistry) -> SyslogListener:
    """Build the listener without starting it. Its connection limit leaves file descriptors for the
    process."""
    meter = PrometheusIntakeMeter(registry)
    return SyslogListener(
        container.log,
        container.settings.intake,
        container.now,
        meter=meter,
        most=compute_connection_limit(),
    )


class BackgroundServices:
    """Services that run alongside the console and end together. `say` receives what prevents mail
    from leaving, and what will stop detection."""

    def __init__(self, container: Container, traced: SpanTracer, say: Say) -> None:
        self._container = container
        self._say = say
        self.tracer = traced
        self.registry = CollectorRegistry()
        self._meter = PrometheusMeter(self.registry)
        self._mail = MailMonitor(container, self.registry, traced)
        sink = InstrumentedSink(container.store.make_batch_sink(), self._meter, traced)
        self._anchoring = HeadRecorder(container)
        self._watcher = SourceWatcher(container.settings)
        self._proposals = ProposalRefresher(container)
        self._reader = container.open_reader(PrometheusReadingMeter(self.registry))
        self._worker = container.build_worker(sink=sink, reader=self._reader, meter=self._meter)
        self._warned = False
        self.stop = threading.Event()
        self.failed = threading.Event()
        self.stopping = threading.Event()
        """Set before `stop`, when the HTTP port begins to close."""
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="breachdesk")
        self._futures: list[Future[None]] = []
        self.listener = build_syslog_listener(container, self.registry)
        self._reading = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            for read in (poll_tenants, follow_files):
                opened.enter_context(read(self._container, self.registry, self._print_text))
            self.listener.start()
            self._reading = opened.pop_all()
        self._meter.set_leadership(True)
        hold = StoreCollector(
            self._container.store,
            self._container.now,
            get_hold_reason=lambda: self._mail.meter.why_held,
        )
        self.registry.register(hold)
        self._start(lambda: self._worker.run(self.stop))
        self._start(self._run_chores)
        if self._container.settings.senders:
            self._start(
                lambda: run_dispatcher(self._container, self.stop, self._print_text, self._mail)
            )
        if self._container.settings.customers:
            self._start(lambda: run_imports(self._container, self.stop, self._print_text))
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self._reading.close()
        self.listener.stop()
        # A batch of slow records is read again at the next start: what it needs is not waited for.
        wait(self._futures, timeout=LAST_BATCH_SECONDS)
        self._reader.close()
        self._pool.shutdown(wait=True)

    def _start(self, work: Callable[[], None]) -> None:
        future = self._pool.submit(work)
        future.add_done_callback(self._note_failure)
        self._futures.append(future)

    def _print_text(self, text: str) -> None:
        # A terminal or pipe that has gone must not end the process.
        with suppress(OSError):
            self._say(text)

    def _print_once(self, warning: str) -> None:
        """Print the warning when it begins; its figures change every minute."""
        if warning and not self._warned:
            self._print_text(warning)
        self._warned = bool(warning)

    def _note_failure(self, future: Future[None]) -> None:
        if future.exception():
            self.failed.set()

    def _run_chores(self) -> None:
        watched_at = float("-inf")
        while not self.stop.wait(GAPS_EVERY_SECONDS):
            self._meter.set_waiting("store" if self._worker.waits_for else "")
            self._print_once(self._worker.warning)
            store_gaps(self._container)
            self._anchoring.record_if_due()
            self._proposals.refresh_if_due()
            if time.monotonic() - watched_at >= WATCH_EVERY_SECONDS:
                # A store that refuses for now is asked again at the next look.
                with suppress(RetryableError):
                    watch_sources(self._container, self._watcher)
                watched_at = time.monotonic()

    @property
    def processing(self) -> LocalProcessing:
        """State of the worker, for the console."""
        return self._worker

    def check_live(self) -> Mapping[str, str]:
        """Return the services that ended early."""
        return {"parts": "one has ended; this process ends too"} if self.failed.is_set() else {}

    def check_ready(self) -> Mapping[str, str]:
        """Return what is not ready: the store refuses, the worker waits or mail is held."""
        return {
            **self.check_live(),
            **check_database(self._container.store),
            **build_failure("waiting", self._worker.trouble),
            **build_failure("mail", self._mail.meter.why_held),
            **build_failure("anchor", self._anchoring.trouble),
            **build_failure("syslog TLS", self.listener.trouble or ""),
        }

    def raise_failure(self) -> None:
        """Raise the error that ended a service early."""
        for future in self._futures:
            future.result()


def _serve_http(container: Container, say: Say, parts: BackgroundServices) -> None:
    settings = container.settings
    answers = OperationsAnswers(parts.registry, parts.check_live, parts.check_ready)
    application = build_port_router(
        container, answers, parts.tracer, parts.stopping, parts.processing
    )
    server = HttpServer(build_http_config(settings, application), parts.failed, parts.stopping)
    check_port_free(settings.console_host, settings.console_port)
    for line in list_listeners(container):
        say(line)
    server.run()


def list_listeners(container: Container) -> Iterator[str]:
    """List one line for each listener."""
    settings, intake = container.settings, container.settings.intake
    address = f"http://{settings.console_host}:{settings.console_port}"
    yield f"console on {address}"
    if intake.http_tokens:
        names = ", ".join(intake.http_tokens)
        yield f"records by HTTP on {address}/intake/SOURCE, OTLP on {address}/v1/logs, for {names}"
    for name, port in (
        ("UDP", intake.syslog_udp),
        ("TCP", intake.syslog_tcp),
        ("TLS", intake.syslog_tls.port),
    ):
        if port:
            yield f"syslog by {name} on {intake.host}:{port}"
    if settings.microsoft365 and not settings.kafka.servers:
        yield f"Microsoft 365 audit records of {len(settings.microsoft365)} tenants, polled"
    if settings.customers:
        yield f"customers from {', '.join(source.name for source in settings.customers)}"
    if settings.files and not settings.kafka.servers:
        yield f"files of {len(settings.files)} sources, followed"
    if not container.store.read(lambda uow: uow.users.list()):
        yield "nobody can sign in yet: breachdesk user add ID --permission responder"
