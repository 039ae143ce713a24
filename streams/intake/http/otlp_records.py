"""Split an OTLP logs request into records: each log record becomes one, as an OTLP JSON document of its
own that repeats its resource and scope.

So a record in the event log is a whole OTLP document, the same as a collector's file exporter writes
for one log record, and it is read like any other line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import orjson
from google.protobuf.message import DecodeError

from schemas.pipeline.event import Value
from streams.intake.http.otlp_documents import OtlpConverter, TooManyValues
from streams.intake.http.otlp_wire import (
    BrokenWire,
    LogRecordMessage,
    ResourceMessage,
    ScopeMessage,
    WireWalker,
)
from streams.intake.splitting.record_buffer import FramedRecord, RecordBuffer

MOST_JSON_BYTES = 16 * 1024 * 1024
"""Of a request in JSON, unpacked: all of it is in memory at once."""
MOST_JSON_MARKS = 2_000_000
"""Commas and opening brackets in it. The shortest values take thirty times their length in memory."""
_MARKS = (b"{", b"[", b",")
_AT_ONCE = 500
_RESOURCE = _SCOPE = 1
_INNER = 2
"""Numbers of the fields that hold a resource, a scope, and the messages below."""
_CLOSING = b"]}]}]}"


class BrokenRequest(ValueError):
    """The request is no ExportLogsServiceRequest: nothing of it can be read."""


class JsonTooLarge(ValueError):
    """The JSON would take too much memory."""


class OtlpRecords:
    """The records of one request, as often as they are asked for."""

    def __init__(self, content: memoryview, limit: int, *, is_json: bool) -> None:
        """Keep the content. `limit`: longest whole record.

        Raises BrokenRequest or JsonTooLarge for JSON that cannot be read."""
        self._content = content
        self._limit = limit
        self._document = _load_json(content) if is_json else None
        self.rejected = 0
        """Log records that could not be read, in the last pass."""

    def iterate(self, check: Callable[[], None]) -> Iterator[list[FramedRecord]]:
        """Yield the records, some at a time. `check` is called now and then, and may raise an error.

        Raises BrokenRequest."""
        self.rejected = 0
        batch: list[FramedRecord] = []
        try:
            for framed in self._iterate_parts(check):
                batch += framed
                if len(batch) >= _AT_ONCE:
                    yield batch
                    batch = []
        except (BrokenWire, DecodeError, TooManyValues) as error:
            raise BrokenRequest from error
        yield batch

    def _iterate_parts(self, check: Callable[[], None]) -> Iterator[Sequence[FramedRecord]]:
        several = self._iterate_wire(check) if self._document is None else self._iterate_json()
        for framed in several:
            check()
            yield framed

    def _iterate_wire(self, check: Callable[[], None]) -> Iterator[Sequence[FramedRecord]]:
        walker = WireWalker(check)
        for of_resource in walker.iterate_messages(self._content, _RESOURCE):
            resource = OtlpConverter().convert_resource(
                self._merge(ResourceMessage, walker, of_resource)
            )
            for of_scope in walker.iterate_messages(of_resource, _INNER):
                scope = OtlpConverter().convert_scope(self._merge(ScopeMessage, walker, of_scope))
                opening = _build_opening(resource, scope)
                for record in walker.iterate_messages(of_scope, _INNER):
                    yield self._frame_wire(record, opening)

    def _merge(self, message: Callable[[], Any], walker: WireWalker, content: memoryview) -> Any:
        """Decode a resource or scope. Where one comes in several fields, they are merged as protobuf
        does. Raises TooManyValues for one that is longer than any record."""
        merged = message()
        for part in walker.iterate_messages(content, _SCOPE):
            if len(part) > self._limit:
                raise TooManyValues
            merged.MergeFromString(bytes(part))
        return merged

    def _frame_wire(self, record: memoryview, opening: bytes) -> Sequence[FramedRecord]:
        raw = bytes(record)
        if len(raw) > self._limit:
            return self._cut(raw)
        try:
            message = LogRecordMessage.FromString(raw)
            document = OtlpConverter().convert_record(message)
            return self._frame(opening, orjson.dumps(document))
        except (DecodeError, TooManyValues, orjson.JSONEncodeError):
            self.rejected += 1
            return ()

    def _iterate_json(self) -> Iterator[Sequence[FramedRecord]]:
        for of_resource in _list_objects(self._document, "resourceLogs"):
            resource = of_resource.get("resource") or {}
            for of_scope in _list_objects(of_resource, "scopeLogs"):
                try:
                    opening = _build_opening(resource, of_scope.get("scope") or {})
                except orjson.JSONEncodeError as error:
                    raise BrokenRequest from error
                records = of_scope.get("logRecords") or []
                if not isinstance(records, list):
                    raise BrokenRequest
                for record in records:
                    yield self._frame_json(record, opening)

    def _frame_json(self, record: Value, opening: bytes) -> Sequence[FramedRecord]:
        try:
            if isinstance(record, dict):
                return self._frame(opening, orjson.dumps(record))
        except orjson.JSONEncodeError:  # nested too deeply
            pass
        self.rejected += 1
        return ()

    def _frame(self, opening: bytes, record: bytes) -> Sequence[FramedRecord]:
        raw = b"".join((opening, record, _CLOSING))
        return self._cut(raw) if len(raw) > self._limit else (FramedRecord(raw),)

    def _cut(self, raw: bytes) -> Sequence[FramedRecord]:
        buffer = RecordBuffer(self._limit, 0)
        return [*buffer.add(raw), *buffer.finish()]


def _build_opening(resource: Value, scope: Value) -> bytes:
    return b"".join(
        (
            b'{"resourceLogs":[{"resource":',
            orjson.dumps(resource),
            b',"scopeLogs":[{"scope":',
            orjson.dumps(scope),
            b',"logRecords":[',
        )
    )


def _load_json(content: memoryview) -> dict[str, Value]:
    if len(content) > MOST_JSON_BYTES:
        raise JsonTooLarge
    text = bytes(content)
    if sum(map(text.count, _MARKS)) > MOST_JSON_MARKS:
        raise JsonTooLarge
    try:
        document = _parse_json(text)
    except ValueError as error:
        raise BrokenRequest from error
    if not isinstance(document, dict):
        raise BrokenRequest
    return document


def _parse_json(text: bytes) -> Value:
    try:
        text.decode()
    except UnicodeDecodeError:
        return orjson.loads(text.decode("utf-8", "replace"))
    return orjson.loads(text)


def _list_objects(document: Value, name: str) -> list[dict[str, Value]]:
    """Return the objects of a list that may be left out. Raises BrokenRequest."""
    several = document.get(name) or []
    if not isinstance(several, list) or not all(isinstance(each, dict) for each in several):
        raise BrokenRequest
    return several
