"""Report a worker and a dispatcher as Prometheus metrics of one registry."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from breachdesk.bootstrap.observability.metric_table import (
    ENDINGS,
    LET_GO,
    METRICS,
    OUTCOMES,
    REASONS,
)
from streams.ports import SourceCount

MOST_SOURCES = 500
"""Whoever may send to the catch-all names sources freely; a label for each would fill memory."""
OTHER_SOURCES = "(others)"
MOST_NAME = 80


class PrometheusMeter:
    """streams.ports.metrics.WorkerMetrics. Calls are cheap and may come from any thread."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._records = build_counter(registry, "breachdesk_records_total")
        self._events = build_counter(registry, "breachdesk_events_total")
        self._ignored = build_counter(registry, "breachdesk_ignored_total")
        self._dead_letters = build_counter(registry, "breachdesk_dead_letters_total")
        self._late = build_counter(registry, "breachdesk_late_total")
        self._signals = build_counter(registry, "breachdesk_signals_total")
        self._batch_seconds = build_histogram(registry, "breachdesk_batch_seconds")
        self._batch_records = build_histogram(registry, "breachdesk_batch_records")
        self._lateness = build_histogram(registry, "breachdesk_lateness_seconds")
        self._lag = build_gauge(registry, "breachdesk_lag_records")
        self._processed = build_gauge(registry, "breachdesk_processed_offsets")
        self._committed = build_gauge(registry, "breachdesk_committed_offsets")
        self._groups = build_gauge(registry, "breachdesk_groups_cached")
        self._groups_memory = build_gauge(registry, "breachdesk_groups_memory_bytes")
        self._state = build_gauge(registry, "breachdesk_state_bytes")
        self._state_limit = build_gauge(registry, "breachdesk_state_limit_bytes")
        self._conflicts = build_counter(registry, "breachdesk_conflicts_total")
        self._failures = build_counter(registry, "breachdesk_program_failures_total")
        self._waiting = build_gauge(registry, "breachdesk_waiting")
        self._low_watermark = build_gauge(registry, "breachdesk_low_watermark_seconds")
        self._leader = build_gauge(registry, "breachdesk_leader")
        self._exports = build_gauge(registry, "breachdesk_exports_waiting")
        self._sources: set[str] = set()
        self.set_waiting("")

    def record_batch(
        self, records: int, seconds: float, sources: Sequence[SourceCount], signals: int
    ) -> None:
        """Record a batch that is durable."""
        self._batch_records.observe(records)
        self._batch_seconds.observe(seconds)
        self._signals.inc(signals)
        for count in sources:
            source = self._get_source_label(count.source)
            self._records.labels(source).inc(count.received)
            self._events.labels(source).inc(count.parsed)
            self._ignored.labels(source).inc(count.ignored)
            self._dead_letters.labels(source).inc(count.dead_letters + count.not_understood)
            self._late.labels(source).inc(count.late)

    def record_lateness(self, seconds: float) -> None:
        """Record the time from a record's arrival to its commit; clock differences never make it
        negative."""
        self._lateness.observe(max(0.0, seconds))

    def set_position(
        self, topic: str, partition: int, processed: int, committed: int, end: int
    ) -> None:
        """Set the positions of an owned partition; the lag is counted from our own position."""
        self._processed.labels(topic, partition).set(processed)
        self._committed.labels(topic, partition).set(committed)
        self._lag.labels(topic, partition).set(max(0, end - processed))

    def clear_partition(self, topic: str, partition: int) -> None:
        """Remove the partition's series: another worker reports it now, and two series would
        contradict."""
        for each in (self._processed, self._committed, self._lag):
            with suppress(KeyError):  # never told of: it was taken over and given away at once
                each.remove(topic, str(partition))

    def set_waiting(self, reason: str) -> None:
        """Set the reason `store` or `kafka`; empty: nothing is waited for."""
        for each in {*REASONS, reason} - {""}:
            self._waiting.labels(each).set(each == reason)

    def record_conflict(self) -> None:
        """Record that another owner moved a position."""
        self._conflicts.inc()

    def record_failure(self) -> None:
        """Record that the program itself failed on a record."""
        self._failures.inc()

    def set_groups(self, cached: int, memory_bytes: int) -> None:
        """Set the number of groups cached in memory and their approximate size."""
        self._groups.set(cached)
        self._groups_memory.set(memory_bytes)

    def set_state_size(self, stored_bytes: int, most_bytes: int) -> None:
        """Set what groups take in the store, and what they may take."""
        self._state.set(stored_bytes)
        self._state_limit.set(most_bytes)

    def set_low_watermark(self, seconds: float) -> None:
        """Set the watermark, in epoch seconds."""
        self._low_watermark.set(seconds)

    def set_leadership(self, leads: bool) -> None:
        """Whether this process does the leader-only jobs."""
        self._leader.set(leads)
        if not leads:
            self._exports.set(0)

    def set_waiting_exports(self, waiting: int) -> None:
        """Set the number of messages for integrators that Kafka does not have yet."""
        self._exports.set(waiting)

    def _get_source_label(self, source: str) -> str:
        name = source[:MOST_NAME]
        if name not in self._sources and len(self._sources) >= MOST_SOURCES:
            return OTHER_SOURCES
        self._sources.add(name)
        return name


class PrometheusReadingMeter:
    """streams.ports.metrics.ParserMetrics; it also logs, without a word of what the records
    hold."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._ended = build_counter(registry, "breachdesk_reading_ended_total")
        self._restarts = build_counter(registry, "breachdesk_reader_restarts_total")
        self._log = structlog.stdlib.get_logger("breachdesk.reading")
        for each in ENDINGS:
            self._ended.labels(each)

    def record_ended_reading(self, parser: str, reason: str) -> None:
        """Record that reading one record was aborted."""
        self._ended.labels(reason).inc()
        self._log.warning("a record was not read to its end", parser=parser, reason=reason)

    def record_setting_aside(self, parser: str) -> None:
        """Record that similar lines are set aside for a time."""
        self._log.error("lines like those that were ended are set aside unread", parser=parser)

    def record_set_aside_line(self) -> None:
        """Count one record that was set aside; a log line for each would itself be a flood."""
        self._ended.labels("set_aside").inc()

    def record_restart(self) -> None:
        """Record that the process that reads records has died, and another has started."""
        self._restarts.inc()
        self._log.warning("the process that reads records was started again")


class PrometheusMailMetrics:
    """notifiers.delivery.metrics.MailMetrics; `why_held` is read for readiness and by the store's
    metrics."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._notices = build_counter(registry, "breachdesk_notices_total")
        for each in OUTCOMES:
            self._notices.labels(each)
        self.why_held = ""

    def count_attempt(self, outcome: str) -> None:
        """Count an attempt by its outcome."""
        self._notices.labels(outcome).inc()

    def set_hold(self, reason: str) -> None:
        """Set why no mail may leave; empty: it may."""
        self.why_held = reason


class PrometheusIntakeMeter:
    """Implements streams.ports.metrics.IntakeMetrics."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._open = build_gauge(registry, "breachdesk_syslog_connections")
        self._let_go = build_counter(registry, "breachdesk_syslog_let_go_total")
        for each in LET_GO:
            self._let_go.labels(each)

    def set_connections(self, open_now: int) -> None:
        """Set the number of open connections."""
        self._open.set(open_now)

    def record_closed(self, reason: str) -> None:
        """Record that we closed a connection."""
        self._let_go.labels(reason).inc()


class PrometheusPollMeter:
    """Implements streams.ports.metrics.PollMetrics. Sources are those that the settings name."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._records = build_counter(registry, "breachdesk_polled_records_total")
        self._failures = build_counter(registry, "breachdesk_poll_failures_total")
        self._success = build_gauge(registry, "breachdesk_poll_success_seconds")
        self._lag = build_gauge(registry, "breachdesk_poll_lag_seconds")
        self._unread = build_gauge(registry, "breachdesk_poll_unread_contents")

    def record_content(self, source: str, content_type: str, records: int) -> None:
        """Record that content was read, and its records are durable."""
        self._records.labels(source, content_type).inc(records)

    def record_failure(self, source: str, reason: str) -> None:
        """Record that a round failed."""
        self._failures.labels(source, reason).inc()

    def set_success(self, source: str, content_type: str, at: float) -> None:
        """Set when all available content was last read."""
        self._success.labels(source, content_type).set(at)

    def set_lag(self, source: str, content_type: str, seconds: float) -> None:
        """Set the distance between the position and the present."""
        self._lag.labels(source, content_type).set(seconds)

    def set_unread(self, source: str, content_type: str, contents: int) -> None:
        """Set the number of contents that could not be read so far."""
        self._unread.labels(source, content_type).set(contents)


class PrometheusFollowMeter:
    """Implements streams.ports.metrics.FollowMetrics. Sources are those that the settings name."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._files = build_gauge(registry, "breachdesk_followed_files")
        self._behind = build_gauge(registry, "breachdesk_followed_behind_bytes")
        self._troubles = build_gauge(registry, "breachdesk_followed_troubles")

    def set_files(self, source: str, *, files: int, behind: int, troubles: int) -> None:
        """Set how many files are followed, and what is not read of them."""
        self._files.labels(source).set(files)
        self._behind.labels(source).set(behind)
        self._troubles.labels(source).set(troubles)


def build_counter(registry: CollectorRegistry, name: str) -> Counter:
    """Build the counter that the table defines."""
    disable_created_metrics()  # type: ignore[no-untyped-call]  # the library's own gap
    metric = METRICS[name]
    return Counter(metric.name, metric.help, metric.labels, registry=registry)


def build_gauge(registry: CollectorRegistry, name: str) -> Gauge:
    """Build the gauge that the table defines."""
    metric = METRICS[name]
    return Gauge(metric.name, metric.help, metric.labels, registry=registry)


def build_histogram(registry: CollectorRegistry, name: str) -> Histogram:
    """Build the histogram that the table defines."""
    disable_created_metrics()  # type: ignore[no-untyped-call]  # the library's own gap
    metric = METRICS[name]
    return Histogram(
        metric.name, metric.help, metric.labels, registry=registry, buckets=metric.buckets
    )
