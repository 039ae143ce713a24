"""Define every metric in one table; a test compares docs/reference/metrics.md with it.

Labels name topics, partitions, sources, reasons and states; nothing here is about a person."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class MetricKind(StrEnum):
    """Metric types of Prometheus."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class MetricDefinition(NamedTuple):
    """One metric. `buckets`: upper bounds of a histogram."""

    name: str
    kind: MetricKind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


PARTITION = ("topic", "partition")
POLLED = ("source", "content_type")
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
LATENESS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 21600.0)
RECORDS = (1, 10, 50, 100, 250, 500, 1000, 2000, 4000, 8000, 16000)
REASONS = ("store", "kafka")
LET_GO = ("limit", "idle", "tls")
ENDINGS = ("slow", "memory", "asleep", "died", "set_aside")
OUTCOMES = ("handed_over", "deferred", "bounced", "unknown", "unsendable")

_OF_A_WORKER = (
    MetricDefinition(
        "breachdesk_records_total", MetricKind.COUNTER, "Records received.", ("source",)
    ),
    MetricDefinition(
        "breachdesk_events_total", MetricKind.COUNTER, "Records that became events.", ("source",)
    ),
    MetricDefinition(
        "breachdesk_ignored_total",
        MetricKind.COUNTER,
        "Records that describe no act.",
        ("source",),
    ),
    MetricDefinition(
        "breachdesk_dead_letters_total",
        MetricKind.COUNTER,
        "Records kept as dead letters.",
        ("source",),
    ),
    MetricDefinition(
        "breachdesk_reading_ended_total",
        MetricKind.COUNTER,
        "Records that were not read to their end.",
        ("reason",),
    ),
    MetricDefinition(
        "breachdesk_reader_restarts_total", MetricKind.COUNTER, "Processes that died reading."
    ),
    MetricDefinition(
        "breachdesk_late_total",
        MetricKind.COUNTER,
        "Events beyond their source's horizon.",
        ("source",),
    ),
    MetricDefinition(
        "breachdesk_signals_total", MetricKind.COUNTER, "Signals that rules made of events."
    ),
    MetricDefinition(
        "breachdesk_batch_seconds",
        MetricKind.HISTOGRAM,
        "Seconds that committing a batch took.",
        buckets=SECONDS,
    ),
    MetricDefinition(
        "breachdesk_batch_records", MetricKind.HISTOGRAM, "Records of a batch.", buckets=RECORDS
    ),
    MetricDefinition(
        "breachdesk_lag_records",
        MetricKind.GAUGE,
        "Offsets between the processed position and the partition's end.",
        PARTITION,
    ),
    MetricDefinition(
        "breachdesk_lateness_seconds",
        MetricKind.HISTOGRAM,
        "Seconds from arrival to commit of a batch's newest record.",
        buckets=LATENESS,
    ),
    MetricDefinition("breachdesk_groups_cached", MetricKind.GAUGE, "Groups kept in memory."),
    MetricDefinition(
        "breachdesk_groups_memory_bytes", MetricKind.GAUGE, "What these take, roughly."
    ),
    MetricDefinition(
        "breachdesk_state_bytes", MetricKind.GAUGE, "What groups take in the store, roughly."
    ),
    MetricDefinition("breachdesk_state_limit_bytes", MetricKind.GAUGE, "What they may take."),
    MetricDefinition(
        "breachdesk_conflicts_total", MetricKind.COUNTER, "Batches given up to another owner."
    ),
    MetricDefinition(
        "breachdesk_program_failures_total",
        MetricKind.COUNTER,
        "Records on which the program itself failed.",
    ),
    MetricDefinition(
        "breachdesk_waiting", MetricKind.GAUGE, "1 while the worker waits for it.", ("reason",)
    ),
    MetricDefinition(
        "breachdesk_processed_offsets", MetricKind.GAUGE, "Next offset to process.", PARTITION
    ),
    MetricDefinition(
        "breachdesk_committed_offsets", MetricKind.GAUGE, "Next offset as Kafka has it.", PARTITION
    ),
    MetricDefinition(
        "breachdesk_low_watermark_seconds",
        MetricKind.GAUGE,
        "Arrival up to which everything was processed, epoch seconds.",
    ),
    MetricDefinition(
        "breachdesk_leader", MetricKind.GAUGE, "1 while this process does the leader's chores."
    ),
    MetricDefinition(
        "breachdesk_exports_waiting",
        MetricKind.GAUGE,
        "Exports that Kafka does not have yet; at most 500.",
    ),
)
_OF_THE_STORE = (
    MetricDefinition("breachdesk_outbox_rows", MetricKind.GAUGE, "Notices by status.", ("status",)),
    MetricDefinition(
        "breachdesk_outbox_oldest_seconds",
        MetricKind.GAUGE,
        "Age of the oldest notice that may be tried, since its approval; 0: none.",
    ),
    MetricDefinition("breachdesk_clocks_open", MetricKind.GAUGE, "Duties that run in open cases."),
    MetricDefinition(
        "breachdesk_clocks_at_risk", MetricKind.GAUGE, "Of these, due within 24 hours."
    ),
    MetricDefinition(
        "breachdesk_clocks_missed", MetricKind.GAUGE, "Of these, past their due time."
    ),
    MetricDefinition(
        "breachdesk_alerts_new", MetricKind.GAUGE, "Alerts that nobody has looked at."
    ),
    MetricDefinition(
        "breachdesk_dispatch_held", MetricKind.GAUGE, "1 while mail waits for a person."
    ),
)
_OF_MAIL = (
    MetricDefinition(
        "breachdesk_notices_total", MetricKind.COUNTER, "Tries to send a notice.", ("outcome",)
    ),
)
_OF_INTAKE = (
    MetricDefinition(
        "breachdesk_syslog_connections", MetricKind.GAUGE, "Syslog TCP connections that are open."
    ),
    MetricDefinition(
        "breachdesk_syslog_let_go_total",
        MetricKind.COUNTER,
        "Syslog TCP connections that we closed.",
        ("reason",),
    ),
)
_OF_FILES = (
    MetricDefinition(
        "breachdesk_followed_files", MetricKind.GAUGE, "Files that are followed.", ("source",)
    ),
    MetricDefinition(
        "breachdesk_followed_behind_bytes",
        MetricKind.GAUGE,
        "Bytes of followed files that wait to be read.",
        ("source",),
    ),
    MetricDefinition(
        "breachdesk_followed_troubles",
        MetricKind.GAUGE,
        "Followed files and folders that cannot be read.",
        ("source",),
    ),
)
_OF_POLLING = (
    MetricDefinition(
        "breachdesk_polled_records_total",
        MetricKind.COUNTER,
        "Records read by polling.",
        POLLED,
    ),
    MetricDefinition(
        "breachdesk_poll_failures_total",
        MetricKind.COUNTER,
        "Rounds of polling that failed.",
        ("source", "reason"),
    ),
    MetricDefinition(
        "breachdesk_poll_success_seconds",
        MetricKind.GAUGE,
        "Last time that all available content was read, epoch seconds.",
        POLLED,
    ),
    MetricDefinition(
        "breachdesk_poll_lag_seconds",
        MetricKind.GAUGE,
        "Seconds between the position in the content and the present.",
        POLLED,
    ),
    MetricDefinition(
        "breachdesk_poll_unread_contents",
        MetricKind.GAUGE,
        "Contents that could not be read so far.",
        POLLED,
    ),
)

OF_THE_STORE = tuple(each.name for each in _OF_THE_STORE)
METRICS = {
    each.name: each
    for each in (
        *(*_OF_A_WORKER, *_OF_THE_STORE, *_OF_MAIL),
        *(*_OF_INTAKE, *_OF_FILES, *_OF_POLLING),
    )
}
