"""`breachdesk console`: screens and HTTP intake over a shared store, as many times as wanted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing, suppress

from prometheus_client import CollectorRegistry

from breachdesk.bootstrap.house import Premises, calm_the_collector
from breachdesk.bootstrap.http_port import Server, http_config, refuse_a_taken_port
from breachdesk.bootstrap.logs import set_up_logs, spoken
from breachdesk.bootstrap.ops import Answers
from breachdesk.bootstrap.readiness import database
from breachdesk.bootstrap.serve import (
    end_in_order_on_sigterm,
    front_door,
    listening,
    syslog_listener,
)
from breachdesk.bootstrap.standing_metrics import StandingCollector
from breachdesk.bootstrap.traces import Tracer, tracer


def serve_console(house: Premises, say: Callable[[str], None]) -> None:
    """Until SIGINT or SIGTERM. Raises Misconfigured when the port is taken or traces cannot be
    sent as configured."""
    settings = house.settings
    set_up_logs(settings.ops)
    calm_the_collector()
    with closing(tracer(settings, "breachdesk console")) as traced:
        _serve(house, spoken(settings.ops, say), traced)


def _serve(house: Premises, say: Callable[[str], None], traced: Tracer) -> None:
    settings = house.settings
    refuse_a_taken_port(settings.console_host, settings.console_port)
    stopping = threading.Event()
    registry = CollectorRegistry()
    door = front_door(house, _answers(house, registry), traced, stopping)
    server = Server(http_config(settings, door), threading.Event(), stopping)
    for line in listening(house):
        say(line)
    listener = syslog_listener(house, registry)
    listener.start()
    end_in_order_on_sigterm()
    try:
        with suppress(KeyboardInterrupt):
            server.run()
    finally:
        listener.stop()


def _answers(house: Premises, registry: CollectorRegistry) -> Answers:
    """Ready while the store answers: when only Kafka is away the screens must stay within reach,
    and the intake refuses by itself."""
    exporting = bool(house.settings.kafka.servers)
    exports = house.store.export_outbox() if exporting else None
    registry.register(StandingCollector(house.store, house.now, exports=exports))
    return Answers(registry, dict, lambda: database(house.store))
