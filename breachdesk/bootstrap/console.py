"""Serve `breachdesk console`: console and HTTP intake over a shared store, in any number of
processes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing, suppress

from prometheus_client import CollectorRegistry

from breachdesk.bootstrap.container import Container, tune_gc
from breachdesk.bootstrap.http.port import HttpServer, build_http_config, check_port_free
from breachdesk.bootstrap.observability.logs import choose_printer, set_up_logs
from breachdesk.bootstrap.observability.operations_endpoints import OperationsAnswers
from breachdesk.bootstrap.observability.readiness import check_database
from breachdesk.bootstrap.observability.store_metrics import StoreCollector
from breachdesk.bootstrap.observability.traces import SpanTracer, build_tracer
from breachdesk.bootstrap.serve import (
    build_port_router,
    build_syslog_listener,
    install_sighup_handler,
    install_sigterm_handler,
    list_listeners,
)


def serve_console(container: Container, say: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM. Raises ConfigurationError when the port is taken or traces
    cannot be sent as configured."""
    settings = container.settings
    set_up_logs(settings.ops)
    tune_gc()
    with closing(build_tracer(settings, "breachdesk console")) as traced:
        _serve(container, choose_printer(settings.ops, say), traced)


def _serve(container: Container, say: Callable[[str], None], traced: SpanTracer) -> None:
    settings = container.settings
    check_port_free(settings.console_host, settings.console_port)
    stopping = threading.Event()
    registry = CollectorRegistry()
    application = build_port_router(
        container, _build_answers(container, registry), traced, stopping
    )
    server = HttpServer(build_http_config(settings, application), threading.Event(), stopping)
    for line in list_listeners(container):
        say(line)
    listener = build_syslog_listener(container, registry)
    listener.start()
    install_sigterm_handler()
    install_sighup_handler(listener)
    try:
        with suppress(KeyboardInterrupt):
            server.run()
    finally:
        listener.stop()


def _build_answers(container: Container, registry: CollectorRegistry) -> OperationsAnswers:
    """Build readiness answers that depend on the store alone: without Kafka the console must remain
    available, and the intake refuses by itself."""
    exporting = bool(container.settings.kafka.servers)
    exports = container.store.make_export_outbox() if exporting else None
    registry.register(StoreCollector(container.store, container.now, exports=exports))
    return OperationsAnswers(registry, dict, lambda: check_database(container.store))
