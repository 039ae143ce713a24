from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from breachdesk.bootstrap.observability.metric_table import METRICS, MetricKind
from breachdesk.bootstrap.observability.metrics import (
    MOST_SOURCES,
    OTHER_SOURCES,
    PrometheusMailMetrics,
    PrometheusMeter,
    PrometheusReadingMeter,
)
from streams.ports import SourceCount
from streams.ports.metrics import WorkerMetrics
from streams.reading_ended import EndReason

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "metrics.md"
DEPLOY = Path(__file__).parents[3] / "deploy"


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def meter(registry: CollectorRegistry) -> PrometheusMeter:
    return PrometheusMeter(registry)


def test_a_batch_counts_by_source(registry: CollectorRegistry, meter: WorkerMetrics) -> None:
    mail = SourceCount("mail", received=10, parsed=6, dead_letters=1, not_understood=2, late=3)

    meter.record_batch(12, 0.2, [mail, SourceCount("web", received=2, parsed=2)], signals=4)

    of_mail = {"source": "mail"}
    assert registry.get_sample_value("breachdesk_records_total", of_mail) == 10
    assert registry.get_sample_value("breachdesk_events_total", of_mail) == 6
    assert registry.get_sample_value("breachdesk_dead_letters_total", of_mail) == 3
    assert registry.get_sample_value("breachdesk_late_total", of_mail) == 3
    assert registry.get_sample_value("breachdesk_records_total", {"source": "web"}) == 2
    assert registry.get_sample_value("breachdesk_signals_total") == 4
    assert registry.get_sample_value("breachdesk_batch_records_sum") == 12
    assert registry.get_sample_value("breachdesk_batch_seconds_bucket", {"le": "0.1"}) == 0
    assert registry.get_sample_value("breachdesk_batch_seconds_bucket", {"le": "0.25"}) == 1


def test_lag_is_counted_from_our_own_position_and_leaves_with_the_partition(
    registry: CollectorRegistry, meter: WorkerMetrics
) -> None:
    place = {"topic": "raw.mail", "partition": "3"}

    meter.set_position("raw.mail", 3, processed=70, committed=100, end=100)
    sample_value = registry.get_sample_value("breachdesk_lag_records", place)
    committed = registry.get_sample_value("breachdesk_committed_offsets", place)
    meter.clear_partition("raw.mail", 3)
    meter.clear_partition("raw.mail", 3)

    assert sample_value == 30
    assert committed == 100
    assert registry.get_sample_value("breachdesk_lag_records", place) is None
    assert registry.get_sample_value("breachdesk_processed_offsets", place) is None
    assert registry.get_sample_value("breachdesk_committed_offsets", place) is None


def test_waiting_for_one_thing_ends_waiting_for_another(
    registry: CollectorRegistry, meter: WorkerMetrics
) -> None:
    def waits() -> list[float | None]:
        return [
            registry.get_sample_value("breachdesk_waiting", {"reason": reason})
            for reason in ("store", "kafka")
        ]

    at_first = waits()
    meter.set_waiting("store")
    for_the_store = waits()
    meter.set_waiting("kafka")
    for_kafka = waits()
    meter.set_waiting("")

    assert [at_first, for_the_store, for_kafka, waits()] == [[0, 0], [1, 0], [0, 1], [0, 0]]


def test_who_no_longer_leads_reports_no_exports(
    registry: CollectorRegistry, meter: WorkerMetrics
) -> None:
    meter.set_leadership(True)
    meter.set_waiting_exports(7)
    led = registry.get_sample_value("breachdesk_exports_waiting")
    meter.set_leadership(False)

    assert led == 7
    assert registry.get_sample_value("breachdesk_leader") == 0
    assert registry.get_sample_value("breachdesk_exports_waiting") == 0


def test_a_flood_of_invented_sources_makes_no_more_series_than_the_limit(
    registry: CollectorRegistry, meter: WorkerMetrics
) -> None:
    for number in range(MOST_SOURCES + 50):
        meter.record_batch(1, 0.1, [SourceCount(f"s{number}", received=1)], signals=0)

    others = registry.get_sample_value("breachdesk_records_total", {"source": OTHER_SOURCES})
    text = generate_latest(registry).decode()
    assert others == 50
    assert len(re.findall(r"^breachdesk_records_total\{", text, re.MULTILINE)) == MOST_SOURCES + 1


def test_a_clock_that_runs_ahead_makes_no_negative_lateness(
    registry: CollectorRegistry, meter: WorkerMetrics
) -> None:
    meter.record_lateness(-5.0)

    assert registry.get_sample_value("breachdesk_lateness_seconds_sum") == 0


def test_every_outcome_of_mail_is_there_before_the_first_try(registry: CollectorRegistry) -> None:
    mail = PrometheusMailMetrics(registry)

    mail.count_attempt("bounced")

    assert registry.get_sample_value("breachdesk_notices_total", {"outcome": "bounced"}) == 1
    assert registry.get_sample_value("breachdesk_notices_total", {"outcome": "unknown"}) == 0


def test_every_reason_for_ending_a_record_is_there_before_the_first(
    registry: CollectorRegistry,
) -> None:
    reading = PrometheusReadingMeter(registry)

    reading.record_ended_reading("linux_sshd", EndReason.SLOW)
    reading.record_setting_aside("linux_sshd")
    reading.record_set_aside_line()
    reading.record_restart()
    counted = {
        reason: registry.get_sample_value("breachdesk_reading_ended_total", {"reason": reason})
        for reason in (*EndReason, "set_aside")
    }

    assert counted == {"slow": 1, "memory": 0, "asleep": 0, "died": 0, "set_aside": 1}
    assert registry.get_sample_value("breachdesk_reader_restarts_total") == 1


def test_only_counters_end_in_total_and_labels_name_no_person() -> None:
    allowed = {"topic", "partition", "source", "reason", "status", "outcome", "content_type"}

    assert {m.name for m in METRICS.values() if m.name.endswith("_total")} == {
        m.name for m in METRICS.values() if m.kind is MetricKind.COUNTER
    }
    assert {label for m in METRICS.values() for label in m.labels} <= allowed


def test_the_reference_page_lists_exactly_the_metrics_with_their_types_and_labels() -> None:
    rows = re.findall(
        r"^\| `(breachdesk_\w+)` \| (\w+) \|([^|]*)\|", PAGE.read_text(), re.MULTILINE
    )
    written = {(name, kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}

    assert written == {(m.name, m.kind.value, m.labels) for m in METRICS.values()}
    assert len(rows) == len(METRICS)


def test_alert_rules_and_dashboards_ask_only_for_metrics_that_exist() -> None:
    files = [DEPLOY / "alert-rules.yml", *DEPLOY.glob("grafana/dashboards/*.json")]
    values = {
        re.sub(r"(?<!_total)_(bucket|sum|count)$", "", name)
        for file in files
        for name in re.findall(r"\bbreachdesk_[a-z_]+", file.read_text("utf-8"))
    }

    assert values
    assert values <= set(METRICS)
