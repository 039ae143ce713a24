"""Walk the outer messages of an OTLP request, and decode the inner ones, from bytes that may be
hostile.

Protobuf's own parser takes about twenty times the memory of the shortest messages, and refuses a
whole request for one text that is not UTF-8. So requests, resources and scopes are walked here, field
by field and in no memory, and only log records are decoded, one at a time, with texts as bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.resource.v1 import resource_pb2

_LONGEST_VARINT = 10
_FIXED_BYTES = {1: 8, 5: 4}
_VARINT, _LENGTH = 0, 2
_CHECK_EVERY = 4096


class BrokenWire(ValueError):
    """These bytes are no protobuf message."""


class WireWalker:
    """Walks fields of messages. `check` is called now and then, and may raise an error."""

    def __init__(self, check: Callable[[], None]) -> None:
        self._check = check
        self._count = 0

    def iterate_messages(self, message: memoryview, number: int) -> Iterator[memoryview]:
        """Yield the content of each field of this number that has a length; skip all others.

        Raises BrokenWire."""
        at, end = 0, len(message)
        while at < end:
            self._count += 1
            if self._count % _CHECK_EVERY == 0:
                self._check()
            tag, at = _read_varint(message, at)
            kind, field = tag & 7, tag >> 3
            if kind == _LENGTH:
                length, at = _read_varint(message, at)
                begin, at = at, at + length
                if field == number and at <= end:
                    yield message[begin:at]
            elif kind == _VARINT:
                _, at = _read_varint(message, at)
            else:
                at += _FIXED_BYTES.get(kind, end)
            if at > end or field == 0:
                raise BrokenWire


def _read_varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    for byte in data[at : at + _LONGEST_VARINT]:
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise BrokenWire


def _build_lenient_classes() -> dict[str, Any]:
    """Build the classes of opentelemetry-proto, with `bytes` for each `string`: both have the same
    form on the wire."""
    pool = DescriptorPool()
    for module in (common_pb2, resource_pb2, logs_pb2):
        file = FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(file)
        _replace_strings(file.message_type)
        pool.AddSerializedFile(file.SerializeToString())
    names = ("logs.v1.LogRecord", "resource.v1.Resource", "common.v1.InstrumentationScope")
    descriptors = (pool.FindMessageTypeByName(f"opentelemetry.proto.{name}") for name in names)
    return {each.name: GetMessageClass(each) for each in descriptors}


def _replace_strings(messages: Any) -> None:
    message: DescriptorProto
    for message in messages:
        for field in message.field:
            if field.type == FieldDescriptorProto.TYPE_STRING:
                field.type = FieldDescriptorProto.TYPE_BYTES
        _replace_strings(message.nested_type)


_CLASSES = _build_lenient_classes()
LogRecordMessage: Any = _CLASSES["LogRecord"]
ResourceMessage: Any = _CLASSES["Resource"]
ScopeMessage: Any = _CLASSES["InstrumentationScope"]
