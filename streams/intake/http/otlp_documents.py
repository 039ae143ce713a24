"""Convert decoded OTLP messages to OTLP's own JSON (the JSON mapping of opentelemetry-proto)."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from schemas.pipeline.event import Value

MOST_VALUES = 10_000
"""Of one record, keys and elements at every level."""
_SPECIAL = {math.inf: "Infinity", -math.inf: "-Infinity"}


def decode_text(text: bytes) -> str:
    r"""Decode a text; bytes that are not UTF-8 appear as \xNN, as in any other record."""
    return text.decode("utf-8", "backslashreplace")


_FIELDS: tuple[tuple[str, str, Callable[[Any], Value]], ...] = (
    ("time_unix_nano", "timeUnixNano", str),
    ("observed_time_unix_nano", "observedTimeUnixNano", str),
    ("severity_number", "severityNumber", int),
    ("severity_text", "severityText", decode_text),
    ("event_name", "eventName", decode_text),
    ("trace_id", "traceId", bytes.hex),
    ("span_id", "spanId", bytes.hex),
)
"""Fields of a log record, their names in JSON, and how they are written."""


class TooManyValues(ValueError):
    """A message holds more values than a log record has."""


class OtlpConverter:
    """Converts one message; it counts the message's values."""

    def __init__(self) -> None:
        self._values = 0
        self._kinds: Mapping[str, Callable[[Any], Value]] = {
            "string_value": decode_text,
            "bool_value": bool,
            "int_value": str,
            "double_value": _convert_double,
            "bytes_value": _encode_bytes,
            "array_value": self._convert_array,
            "kvlist_value": self._convert_pairs,
        }

    def convert_record(self, record: Any) -> dict[str, Value]:
        """Convert a log record. Raises TooManyValues."""
        document: dict[str, Value] = {
            name: convert(value)
            for field, name, convert in _FIELDS
            if (value := getattr(record, field))
        }
        if record.HasField("body"):
            document["body"] = self._convert_value(record.body)
        if record.attributes:
            document["attributes"] = self._convert_attributes(record.attributes)
        return document

    def convert_resource(self, resource: Any) -> dict[str, Value]:
        """Convert a resource. Raises TooManyValues."""
        return {"attributes": self._convert_attributes(resource.attributes)}

    def convert_scope(self, scope: Any) -> dict[str, Value]:
        """Convert an instrumentation scope. Raises TooManyValues."""
        document: dict[str, Value] = {}
        if scope.name:
            document["name"] = decode_text(scope.name)
        if scope.version:
            document["version"] = decode_text(scope.version)
        if scope.attributes:
            document["attributes"] = self._convert_attributes(scope.attributes)
        return document

    def _convert_attributes(self, pairs: Iterable[Any]) -> list[Value]:
        return [
            {"key": decode_text(pair.key), "value": self._convert_value(pair.value)}
            for pair in pairs
        ]

    def _convert_value(self, value: Any) -> dict[str, Value]:
        self._values += 1
        if self._values > MOST_VALUES:
            raise TooManyValues
        kind = value.WhichOneof("value")
        convert = self._kinds.get(kind)
        if convert is None:
            return {}
        first, _, second = kind.partition("_")
        return {first + second.capitalize(): convert(getattr(value, kind))}

    def _convert_array(self, array: Any) -> dict[str, Value]:
        return {"values": [self._convert_value(value) for value in array.values]}

    def _convert_pairs(self, pairs: Any) -> dict[str, Value]:
        return {"values": self._convert_attributes(pairs.values)}


def _convert_double(number: float) -> Value:
    if math.isnan(number):
        return "NaN"
    return _SPECIAL.get(number, number)


def _encode_bytes(content: bytes) -> str:
    return base64.b64encode(content).decode()
