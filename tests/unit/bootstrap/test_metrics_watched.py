from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry

from breachdesk.bootstrap.observability.instrumented import (
    InstrumentedChannel,
    InstrumentedSink,
    InstrumentedStore,
)
from breachdesk.bootstrap.observability.metrics import PrometheusMeter
from breachdesk.bootstrap.observability.trace_ids import get_trace_ids
from breachdesk.bootstrap.observability.traces import OtelTracer
from breachdesk.testing import FixedNow, make_store
from notifiers.testing.channels import NOON, build_outgoing
from schemas.casework.notice import SendOutcome, SendResult
from streams.ports import GroupUpdates, RecordBatch, SourceCount, SweepResult
from streams.ports.metrics import NullMetrics


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def traced(spans: InMemorySpanExporter) -> OtelTracer:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    return OtelTracer(provider)


class Sink:
    """A shared sink whose durable low watermark is known, and what id its work ran under."""

    def __init__(self) -> None:
        self.under: dict[str, str] = {}

    def commit(self, batch: Any, known: Any, settle: Any, now: Any) -> Any:
        self.under = get_trace_ids()
        settle([], 55.0)
        return {}

    def sweep(
        self, partitions: Any, owned: Any, settle: Any, now: Any, limit: int, known: Any
    ) -> int:
        settle([], 66.0)
        return limit


def test_a_shared_batch_tells_the_low_watermark_and_has_an_id(
    traced: OtelTracer, spans: InMemorySpanExporter
) -> None:
    registry, inner = CollectorRegistry(), Sink()
    sink = InstrumentedSink(inner, PrometheusMeter(registry), traced)  # type: ignore[arg-type]  # the two calls asked here

    sink.commit(RecordBatch(advances=()), {}, lambda rows, low: GroupUpdates(), NOON)
    after_batch = registry.get_sample_value("breachdesk_low_watermark_seconds")
    looked_at = sink.sweep(["raw/0"], {}, lambda rows, low: SweepResult(), NOON, 9)

    assert after_batch == 55
    assert registry.get_sample_value("breachdesk_low_watermark_seconds") == 66
    assert looked_at == 9
    assert list(inner.under) == ["batch_id"]
    assert [span.name for span in spans.get_finished_spans()] == ["batch"]


def test_an_act_of_a_person_is_a_span_and_keeps_its_result(
    traced: OtelTracer, spans: InMemorySpanExporter
) -> None:
    with make_store(FixedNow(NOON)) as inner:
        store = InstrumentedStore(inner, traced)
        store.write(lambda uow: uow.marks.set("beat", "now"))
        read = store.read(lambda uow: uow.marks.get("beat"))

    assert read == "now"
    assert [span.name for span in spans.get_finished_spans()] == ["act"]


class Post:
    async def send(self, letter: Any) -> SendResult:
        self.under = get_trace_ids()
        return SendResult(outcome=SendOutcome.HANDED_OVER)

    async def close(self) -> None:
        self.closed = True


async def test_a_try_to_send_is_a_span_under_its_attempt_and_names_nobody(
    traced: OtelTracer, spans: InMemorySpanExporter
) -> None:
    post, letter = Post(), build_outgoing(1)
    channel = InstrumentedChannel(post, traced)

    result = await channel.send(letter)
    await channel.close()

    (span,) = spans.get_finished_spans()
    assert result.outcome is SendOutcome.HANDED_OVER
    assert post.under == {"attempt_id": letter.attempt_id}
    assert post.closed
    assert span.name == "send"
    assert letter.to_email not in span.to_json()
    assert letter.to_name not in span.to_json()


def test_the_silent_meter_takes_every_call() -> None:
    meter = NullMetrics()
    before = vars(meter).copy()

    meter.record_batch(1, 0.1, [SourceCount("mail")], 0)
    meter.set_position("raw", 0, 1, 1, 1)
    meter.clear_partition("raw", 0)
    meter.set_waiting("store")

    assert vars(meter) == before
