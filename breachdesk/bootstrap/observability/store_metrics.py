"""Read metrics from the store when they are scraped, and cache them for some seconds, since several
scrapers must not cost several reads. A store that refuses gives none: an absent value is better
than a stale one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from breachdesk.bootstrap.observability.metric_table import METRICS, OF_THE_STORE
from breachdesk.casework.delivery.backlog import BacklogCounts, compute_backlog
from breachdesk.ports import Now, Store
from schemas.errors import BreachDeskError
from streams.ports import ExportOutbox

CACHE_SECONDS = 20.0
EXPORTS = "breachdesk_exports_waiting"
MOST_EXPORTS = 500
"""More than that many are not counted: counting reads them."""


Values = dict[str, Mapping[str, float]]
"""Metric → value by its only label; a metric without labels has the key ""."""


class StoreCollector(Collector):
    """Outbox, clocks, alerts, hold; with `exports`, what waits for Kafka too.

    `held`: why a dispatcher without a shared store holds the mail. Thread-safe."""

    def __init__(
        self,
        store: Store,
        now: Now,
        *,
        get_hold_reason: Callable[[], str] = str,
        exports: ExportOutbox | None = None,
        cache_seconds: float = CACHE_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._now = now
        self._held = get_hold_reason
        self._exports = exports
        self._kept_seconds = cache_seconds
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._read_at: float | None = None
        self._values: Values = {}

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Describe the metrics on registration, without reading."""
        exported = () if self._exports is None else (EXPORTS,)
        return (_build_family(name, {}) for name in (*OF_THE_STORE, *exported))

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Collect one gauge each, from one snapshot."""
        with self._lock:
            self._refresh()
            values = self._values
        if values and self._held():
            values = values | {"breachdesk_dispatch_held": {"": 1.0}}
        for name, samples in values.items():
            yield _build_family(name, samples)

    def _refresh(self) -> None:
        moment = self._monotonic()
        if self._read_at is not None and moment - self._read_at < self._kept_seconds:
            return
        self._read_at = moment
        try:
            self._values = self._read()
        except BreachDeskError:
            self._values = {}

    def _read(self) -> Values:
        now = self._now()
        values = _collect_values(self._store.read(lambda uow: compute_backlog(uow, now)))
        if self._exports is not None:
            values[EXPORTS] = {"": float(len(self._exports.list_waiting(MOST_EXPORTS)))}
        return values


def _collect_values(backlog: BacklogCounts) -> Values:
    alone = {
        "breachdesk_outbox_oldest_seconds": backlog.oldest_seconds,
        "breachdesk_clocks_open": backlog.clocks_open,
        "breachdesk_clocks_at_risk": backlog.clocks_at_risk,
        "breachdesk_clocks_missed": backlog.clocks_missed,
        "breachdesk_alerts_new": backlog.alerts_new,
        "breachdesk_dispatch_held": bool(backlog.hold_reason),
    }
    rows = {status.value: float(count) for status, count in backlog.notices.items()}
    values: Values = {name: {"": float(value)} for name, value in alone.items()}
    values["breachdesk_outbox_rows"] = rows
    return values


def _build_family(name: str, samples: Mapping[str, float]) -> GaugeMetricFamily:
    metric = METRICS[name]
    family = GaugeMetricFamily(name, metric.help, labels=metric.labels)
    for label, value in samples.items():
        family.add_metric([label] if metric.labels else [], value)
    return family
