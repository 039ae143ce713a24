"""What a worker and a dispatcher report, as Prometheus metrics of one registry."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from breachdesk.bootstrap.metric_table import ENDINGS, LET_GO, METRICS, OUTCOMES, REASONS
from streams.ports import SourceCount

MOST_SOURCES = 500
"""Whoever may send to the catch-all names sources freely; a label for each would fill memory."""
OTHER_SOURCES = "(others)"
MOST_NAME = 80


class PrometheusMeter:
    """streams.observed.Meter. Calls are cheap and may come from any thread."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._records = counter(registry, "breachdesk_records_total")
        self._events = counter(registry, "breachdesk_events_total")
        self._dead_letters = counter(registry, "breachdesk_dead_letters_total")
        self._late = counter(registry, "breachdesk_late_total")
        self._signals = counter(registry, "breachdesk_signals_total")
        self._batch_seconds = histogram(registry, "breachdesk_batch_seconds")
        self._batch_records = histogram(registry, "breachdesk_batch_records")
        self._lateness = histogram(registry, "breachdesk_lateness_seconds")
        self._lag = gauge(registry, "breachdesk_lag_records")
        self._processed = gauge(registry, "breachdesk_processed_offsets")
        self._committed = gauge(registry, "breachdesk_committed_offsets")
        self._groups = gauge(registry, "breachdesk_groups_cached")
        self._groups_memory = gauge(registry, "breachdesk_groups_memory_bytes")
        self._state = gauge(registry, "breachdesk_state_bytes")
        self._state_limit = gauge(registry, "breachdesk_state_limit_bytes")
        self._conflicts = counter(registry, "breachdesk_conflicts_total")
        self._failures = counter(registry, "breachdesk_program_failures_total")
        self._waiting = gauge(registry, "breachdesk_waiting")
        self._low_watermark = gauge(registry, "breachdesk_low_watermark_seconds")
        self._leader = gauge(registry, "breachdesk_leader")
        self._exports = gauge(registry, "breachdesk_exports_waiting")
        self._sources: set[str] = set()
        self.waiting("")

    def batch(
        self, records: int, seconds: float, sources: Sequence[SourceCount], signals: int
    ) -> None:
        """One batch is durable."""
        self._batch_records.observe(records)
        self._batch_seconds.observe(seconds)
        self._signals.inc(signals)
        for count in sources:
            source = self._label(count.source)
            self._records.labels(source).inc(count.received)
            self._events.labels(source).inc(count.parsed)
            self._dead_letters.labels(source).inc(count.dead_letters + count.not_understood)
            self._late.labels(source).inc(count.late)

    def lateness(self, seconds: float) -> None:
        """From a record's arrival to its commit; clocks that disagree make no negative one."""
        self._lateness.observe(max(0.0, seconds))

    def position(
        self, topic: str, partition: int, processed: int, committed: int, end: int
    ) -> None:
        """Where an owned partition stands; the lag is counted from our own position."""
        self._processed.labels(topic, partition).set(processed)
        self._committed.labels(topic, partition).set(committed)
        self._lag.labels(topic, partition).set(max(0, end - processed))

    def released(self, topic: str, partition: int) -> None:
        """Another worker reports it now: two series of one partition would contradict."""
        for each in (self._processed, self._committed, self._lag):
            with suppress(KeyError):  # never told of: it was taken over and given away at once
                each.remove(topic, str(partition))

    def waiting(self, reason: str) -> None:
        """`store` or `kafka`; empty: all is well."""
        for each in {*REASONS, reason} - {""}:
            self._waiting.labels(each).set(each == reason)

    def conflict(self) -> None:
        """Another owner moved a position."""
        self._conflicts.inc()

    def failed(self) -> None:
        """The program itself failed on a record."""
        self._failures.inc()

    def groups(self, cached: int, memory_bytes: int) -> None:
        """Copies of groups kept in memory, and what they take, roughly."""
        self._groups.set(cached)
        self._groups_memory.set(memory_bytes)

    def state(self, stored_bytes: int, most_bytes: int) -> None:
        """What groups take in the store, and what they may take."""
        self._state.set(stored_bytes)
        self._state_limit.set(most_bytes)

    def low_watermark(self, seconds: float) -> None:
        """Epoch seconds."""
        self._low_watermark.set(seconds)

    def leader(self, leads: bool) -> None:
        """Whether this process does the leader-only jobs."""
        self._leader.set(leads)
        if not leads:
            self._exports.set(0)

    def exports(self, waiting: int) -> None:
        """Messages for integrators that Kafka does not have yet."""
        self._exports.set(waiting)

    def _label(self, source: str) -> str:
        name = source[:MOST_NAME]
        if name not in self._sources and len(self._sources) >= MOST_SOURCES:
            return OTHER_SOURCES
        self._sources.add(name)
        return name


class PrometheusReadingMeter:
    """streams.observed.ReadingMeter; it also logs, without a word of what the records hold."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._ended = counter(registry, "breachdesk_reading_ended_total")
        self._restarts = counter(registry, "breachdesk_reader_restarts_total")
        self._log = structlog.stdlib.get_logger("breachdesk.reading")
        for each in ENDINGS:
            self._ended.labels(each)

    def ended(self, parser: str, reason: str) -> None:
        """One record's reading was ended."""
        self._ended.labels(reason).inc()
        self._log.warning("a record was not read to its end", parser=parser, reason=reason)

    def setting_aside(self, parser: str) -> None:
        """Lines that are like those are set aside, for a time."""
        self._log.error("lines like those that were ended are set aside unread", parser=parser)

    def set_aside(self) -> None:
        """One record was set aside; a line of the log for each would be a flood of its own."""
        self._ended.labels("set_aside").inc()

    def restarted(self) -> None:
        """The process that reads records has died, and another has started."""
        self._restarts.inc()
        self._log.warning("the process that reads records was started again")


class PrometheusMailMeter:
    """notifiers.observed.MailMeter; `why_held` is read for readiness and by the store's metrics."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._notices = counter(registry, "breachdesk_notices_total")
        for each in OUTCOMES:
            self._notices.labels(each)
        self.why_held = ""

    def tried(self, outcome: str) -> None:
        """One try has ended so."""
        self._notices.labels(outcome).inc()

    def held(self, why: str) -> None:
        """Why no mail may leave; empty: it may."""
        self.why_held = why


class PrometheusIntakeMeter:
    """streams.observed.IntakeMeter."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._open = gauge(registry, "breachdesk_syslog_connections")
        self._let_go = counter(registry, "breachdesk_syslog_let_go_total")
        for each in LET_GO:
            self._let_go.labels(each)

    def connections(self, open_now: int) -> None:
        """Open at present."""
        self._open.set(open_now)

    def let_go(self, reason: str) -> None:
        """We closed one."""
        self._let_go.labels(reason).inc()


def counter(registry: CollectorRegistry, name: str) -> Counter:
    """As the table says."""
    disable_created_metrics()  # type: ignore[no-untyped-call]  # the library's own gap
    metric = METRICS[name]
    return Counter(metric.name, metric.help, metric.labels, registry=registry)


def gauge(registry: CollectorRegistry, name: str) -> Gauge:
    """As the table says."""
    metric = METRICS[name]
    return Gauge(metric.name, metric.help, metric.labels, registry=registry)


def histogram(registry: CollectorRegistry, name: str) -> Histogram:
    """As the table says."""
    disable_created_metrics()  # type: ignore[no-untyped-call]  # the library's own gap
    metric = METRICS[name]
    return Histogram(
        metric.name, metric.help, metric.labels, registry=registry, buckets=metric.buckets
    )
