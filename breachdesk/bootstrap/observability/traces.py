"""Trace batches, acts of people and send attempts with OpenTelemetry, where an endpoint is set.

Spans carry numbers and ids of our own, never contents; an exception is its class only, since
OpenTelemetry would otherwise write its message and stack."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import import_module
from typing import Any, Protocol
from urllib.parse import urlsplit

from schemas.errors import ConfigurationError
from schemas.settings import Settings

Fact = str | int | float | bool
EXPORT_SECONDS = 5
"""A collector that does not answer delays the end of the process by no more."""


class SpanTracer(Protocol):
    """Makes spans; close it at the process's end, so that the last ones leave."""

    def open_span(self, name: str, **facts: Fact) -> AbstractContextManager[object]:
        """Open a span around a piece of work; an exception marks it with its class."""
        ...

    def close(self) -> None:
        """Send the remaining spans."""
        ...


class NullTracer:
    """Traces nothing."""

    def open_span(self, name: str, **facts: Fact) -> AbstractContextManager[object]:
        del name, facts
        return nullcontext()

    def close(self) -> None: ...


class OtelTracer:
    """Spans of an OpenTelemetry TracerProvider."""

    def __init__(self, provider: Any) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("breachdesk")
        self._status = import_module("opentelemetry.trace.status")

    @contextmanager
    def open_span(self, name: str, **facts: Fact) -> Iterator[None]:
        """Open a span that ends with the work; spans of work inside it are its children."""
        attributes = {f"breachdesk.{key}": value for key, value in facts.items()}
        with self._tracer.start_as_current_span(
            name, attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield
            except BaseException as error:
                kind = type(error).__name__
                span.set_attribute("error.type", kind)
                span.set_status(self._status.Status(self._status.StatusCode.ERROR, kind))
                raise

    def close(self) -> None:
        """Send what is left; a collector that is away loses it."""
        self._provider.shutdown()


def build_tracer(settings: Settings, service: str = "breachdesk") -> SpanTracer:
    """Build a tracer that sends to `ops.otlp_endpoint` by OTLP over HTTP; without one it traces
    nothing.

    Raises ConfigurationError for an invalid HTTP address, and when the extra is not installed."""
    endpoint = settings.ops.otlp_endpoint
    if not endpoint:
        return NullTracer()
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(
            "this is no HTTP address",
            place="ops.otlp_endpoint",
            remedy="For example: http://127.0.0.1:4318/v1/traces.",
        )
    return OtelTracer(_build_provider(endpoint, service))


def _build_provider(endpoint: str, service: str) -> Any:
    exporters = _import_extra("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    sdk = _import_extra("opentelemetry.sdk.trace")
    export = _import_extra("opentelemetry.sdk.trace.export")
    resources = _import_extra("opentelemetry.sdk.resources")
    provider = sdk.TracerProvider(resource=resources.Resource.create({"service.name": service}))
    exporter = exporters.OTLPSpanExporter(endpoint=endpoint, timeout=EXPORT_SECONDS)
    provider.add_span_processor(export.BatchSpanProcessor(exporter))
    return provider


def _import_extra(module: str) -> Any:
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"the Python module {error.name} is not installed",
            place="ops.otlp_endpoint",
            remedy="Install it with: pip install 'breachdesk[otel]', or clear the setting.",
        ) from None
