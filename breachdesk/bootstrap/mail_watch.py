"""What a dispatcher says of itself: its tries, its hold, what waits, and whether its loop turns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry

from breachdesk.bootstrap.house import Premises
from breachdesk.bootstrap.metrics import PrometheusMailMeter
from breachdesk.bootstrap.ops import OpsServer
from breachdesk.bootstrap.readiness import Pulse, database, told
from breachdesk.bootstrap.standing_metrics import StandingCollector
from breachdesk.bootstrap.traces import Tracer, tracer


class MailWatch:
    """Around one dispatcher. Raises Misconfigured when traces cannot be sent as configured."""

    def __init__(
        self,
        house: Premises,
        registry: CollectorRegistry | None = None,
        traced: Tracer | None = None,
    ) -> None:
        """`registry`, `traced`: of the process that it shares."""
        self._house = house
        self.registry = registry or CollectorRegistry()
        self.meter = PrometheusMailMeter(self.registry)
        self.tracer = traced or tracer(house.settings, "breachdesk dispatch")
        self._pulse = Pulse("dispatch")

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Answers on ops.port inside it. Raises Misconfigured when the port is taken."""
        house, ops = self._house, self._house.settings.ops
        self.registry.register(StandingCollector(house.store, house.now))
        pulse = asyncio.create_task(self._pulse.beat())
        try:
            with OpsServer(ops.host, ops.port, self.registry, self._pulse.live, self.ready):
                yield
        finally:
            pulse.cancel()
            self.tracer.close()

    def ready(self) -> Mapping[str, str]:
        """Not while the store refuses, or mail is held."""
        held = told("mail", self.meter.why_held)
        return {**self._pulse.live(), **database(self._house.store), **held}
