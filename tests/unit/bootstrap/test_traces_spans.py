from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from breachdesk.bootstrap.observability.traces import NullTracer, OtelTracer, build_tracer
from schemas.errors import ConfigurationError
from schemas.settings import OpsSettings, Settings


def settings(endpoint: str) -> Settings:
    return Settings(data_dir=Path("nowhere"), ops=OpsSettings(otlp_endpoint=endpoint))


@contextmanager
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """A local OTLP/HTTP collector: its address and what was posted."""
    posted: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/traces", posted
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def in_memory() -> tuple[OtelTracer, InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return OtelTracer(provider), exporter


def test_spans_nest_and_carry_their_facts() -> None:
    traced, exporter = in_memory()

    with traced.open_span("act"), traced.open_span("batch", records=12):
        pass

    inner, outer = exporter.get_finished_spans()
    assert (inner.name, outer.name) == ("batch", "act")
    assert inner.parent is not None
    assert inner.parent.span_id == outer.context.span_id
    assert dict(inner.attributes or {}) == {"breachdesk.records": 12}


def test_a_failure_marks_the_span_with_its_class_and_never_with_what_it_says() -> None:
    traced, exporter = in_memory()

    with pytest.raises(ValueError, match="Sam"), traced.open_span("send"):
        raise ValueError("Sam Field <sam@contoso.example>")

    (span,) = exporter.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "ValueError"
    assert not span.events
    assert "Sam" not in span.to_json()


def test_without_an_endpoint_nothing_is_traced() -> None:
    quiet = build_tracer(settings(""))

    with quiet.open_span("batch", records=1):
        pass
    quiet.close()

    assert isinstance(quiet, NullTracer)


def test_spans_leave_by_otlp_over_http_at_the_latest_when_it_is_closed() -> None:
    with collector() as (address, posted):
        traced = build_tracer(settings(address), "breachdesk worker")
        with traced.open_span("batch", records=3):
            pass
        traced.close()

    request = ExportTraceServiceRequest.FromString(posted[0])
    (resource,) = request.resource_spans
    names = {a.key: a.value.string_value for a in resource.resource.attributes}
    assert names["service.name"] == "breachdesk worker"
    assert [span.name for scope in resource.scope_spans for span in scope.spans] == ["batch"]


@pytest.mark.parametrize("endpoint", ["127.0.0.1:4318", "ftp://127.0.0.1/v1", "http://"])
def test_what_is_no_http_address_is_refused(endpoint: str) -> None:
    with pytest.raises(ConfigurationError, match=r"ops\.otlp_endpoint"):
        build_tracer(settings(endpoint))
