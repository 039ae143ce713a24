"""Report a dispatcher's metrics: attempts, hold, backlog, and whether its loop runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry

from breachdesk.bootstrap.container import Container
from breachdesk.bootstrap.observability.metrics import PrometheusMailMetrics
from breachdesk.bootstrap.observability.operations_endpoints import OperationsServer
from breachdesk.bootstrap.observability.readiness import LoopPulse, build_failure, check_database
from breachdesk.bootstrap.observability.store_metrics import StoreCollector
from breachdesk.bootstrap.observability.traces import SpanTracer, build_tracer


class MailMonitor:
    """Around one dispatcher. Raises ConfigurationError when traces cannot be sent as configured."""

    def __init__(
        self,
        container: Container,
        registry: CollectorRegistry | None = None,
        traced: SpanTracer | None = None,
    ) -> None:
        """Create the metrics. `registry` and `traced` are those of the process that it shares."""
        self._container = container
        self.registry = registry or CollectorRegistry()
        self.meter = PrometheusMailMetrics(self.registry)
        self.tracer = traced or build_tracer(container.settings, "breachdesk dispatch")
        self._pulse = LoopPulse("dispatch")

    @asynccontextmanager
    async def serve_operations(self) -> AsyncIterator[None]:
        """Serve ops.port within the context. Raises ConfigurationError when the port is taken."""
        container, ops = self._container, self._container.settings.ops
        self.registry.register(StoreCollector(container.store, container.now))
        pulse = asyncio.create_task(self._pulse.run_pulse())
        try:
            with OperationsServer(
                ops.host, ops.port, self.registry, self._pulse.check_live, self.check_ready
            ):
                yield
        finally:
            pulse.cancel()
            self.tracer.close()

    def check_ready(self) -> Mapping[str, str]:
        """Return what is not ready: the store refuses, or mail is held."""
        hold_reason = build_failure("mail", self.meter.why_held)
        return {**self._pulse.check_live(), **check_database(self._container.store), **hold_reason}
