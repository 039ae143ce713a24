"""Every metric there is: one table, which docs/reference/metrics.md is held to by a test.

Labels name topics, partitions, sources, reasons and states; nothing here is about a person.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """As Prometheus calls them."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Metric(NamedTuple):
    """One metric. `buckets`: upper bounds of a histogram."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


PARTITION = ("topic", "partition")
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
LATENESS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 21600.0)
RECORDS = (1, 10, 50, 100, 250, 500, 1000, 2000, 4000, 8000, 16000)
REASONS = ("store", "kafka")
LET_GO = ("limit", "idle")
ENDINGS = ("slow", "memory", "asleep", "died", "set_aside")
OUTCOMES = ("handed_over", "deferred", "bounced", "unknown", "unsendable")

_OF_A_WORKER = (
    Metric("breachdesk_records_total", Kind.COUNTER, "Records received.", ("source",)),
    Metric("breachdesk_events_total", Kind.COUNTER, "Records that became events.", ("source",)),
    Metric(
        "breachdesk_dead_letters_total",
        Kind.COUNTER,
        "Records kept as dead letters.",
        ("source",),
    ),
    Metric(
        "breachdesk_reading_ended_total",
        Kind.COUNTER,
        "Records that were not read to their end.",
        ("reason",),
    ),
    Metric("breachdesk_reader_restarts_total", Kind.COUNTER, "Processes that died reading."),
    Metric(
        "breachdesk_late_total",
        Kind.COUNTER,
        "Events beyond their source's horizon.",
        ("source",),
    ),
    Metric("breachdesk_signals_total", Kind.COUNTER, "Signals that rules made of events."),
    Metric(
        "breachdesk_batch_seconds",
        Kind.HISTOGRAM,
        "Seconds that committing a batch took.",
        buckets=SECONDS,
    ),
    Metric("breachdesk_batch_records", Kind.HISTOGRAM, "Records of a batch.", buckets=RECORDS),
    Metric(
        "breachdesk_lag_records",
        Kind.GAUGE,
        "Offsets between the processed position and the partition's end.",
        PARTITION,
    ),
    Metric(
        "breachdesk_lateness_seconds",
        Kind.HISTOGRAM,
        "Seconds from arrival to commit of a batch's newest record.",
        buckets=LATENESS,
    ),
    Metric("breachdesk_groups_cached", Kind.GAUGE, "Groups kept in memory."),
    Metric("breachdesk_groups_memory_bytes", Kind.GAUGE, "What these take, roughly."),
    Metric("breachdesk_state_bytes", Kind.GAUGE, "What groups take in the store, roughly."),
    Metric("breachdesk_state_limit_bytes", Kind.GAUGE, "What they may take."),
    Metric("breachdesk_conflicts_total", Kind.COUNTER, "Batches given up to another owner."),
    Metric(
        "breachdesk_program_failures_total",
        Kind.COUNTER,
        "Records on which the program itself failed.",
    ),
    Metric("breachdesk_waiting", Kind.GAUGE, "1 while the worker waits for it.", ("reason",)),
    Metric("breachdesk_processed_offsets", Kind.GAUGE, "Next offset to process.", PARTITION),
    Metric("breachdesk_committed_offsets", Kind.GAUGE, "Next offset as Kafka has it.", PARTITION),
    Metric(
        "breachdesk_low_watermark_seconds",
        Kind.GAUGE,
        "Arrival up to which everything was processed, epoch seconds.",
    ),
    Metric("breachdesk_leader", Kind.GAUGE, "1 while this process does the leader's chores."),
    Metric(
        "breachdesk_exports_waiting",
        Kind.GAUGE,
        "Exports that Kafka does not have yet; at most 500.",
    ),
)
_OF_THE_STORE = (
    Metric("breachdesk_outbox_rows", Kind.GAUGE, "Notices by status.", ("status",)),
    Metric(
        "breachdesk_outbox_oldest_seconds",
        Kind.GAUGE,
        "Age of the oldest notice that may be tried, since its approval; 0: none.",
    ),
    Metric("breachdesk_clocks_open", Kind.GAUGE, "Duties that run in open cases."),
    Metric("breachdesk_clocks_at_risk", Kind.GAUGE, "Of these, due within 24 hours."),
    Metric("breachdesk_clocks_missed", Kind.GAUGE, "Of these, past their due time."),
    Metric("breachdesk_alerts_new", Kind.GAUGE, "Alerts that nobody has looked at."),
    Metric("breachdesk_dispatch_held", Kind.GAUGE, "1 while mail waits for a person."),
)
_OF_MAIL = (
    Metric("breachdesk_notices_total", Kind.COUNTER, "Tries to send a notice.", ("outcome",)),
)
_OF_INTAKE = (
    Metric("breachdesk_syslog_connections", Kind.GAUGE, "Syslog TCP connections that are open."),
    Metric(
        "breachdesk_syslog_let_go_total",
        Kind.COUNTER,
        "Syslog TCP connections that we closed.",
        ("reason",),
    ),
)

OF_THE_STORE = tuple(each.name for each in _OF_THE_STORE)
METRICS = {each.name: each for each in (*_OF_A_WORKER, *_OF_THE_STORE, *_OF_MAIL, *_OF_INTAKE)}
