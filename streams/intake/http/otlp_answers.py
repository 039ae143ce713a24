"""Encode the answers of OTLP/HTTP, in the encoding of the request: success, partial success, and
google.rpc.Status for refusals."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from fastapi import Request
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from starlette.responses import Response

from streams.intake.http.request_body import IntakeRefusal

JSON_TYPE = "application/json"
PROTOBUF_TYPE = "application/x-protobuf"
_UNKNOWN = 2
_CODES: Mapping[int, int] = {
    400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 408: 4, 413: 8, 415: 3, 429: 8, 503: 14,
}  # fmt: skip
"""google.rpc.Code by HTTP status."""
_REJECTED = "could not be read: broken, nested too deeply, or with too many values."


def get_media_type(request: Request) -> str:
    """Return the request's media type without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def build_success(rejected: int, *, is_json: bool) -> Response:
    """Build the answer to a request whose records are stored, all but the rejected ones."""
    message = f"{rejected} log records {_REJECTED}"
    if is_json:
        partial = {"rejectedLogRecords": str(rejected), "errorMessage": message}
        content = orjson.dumps({"partialSuccess": partial} if rejected else {})
        return Response(content, media_type=JSON_TYPE)
    response = ExportLogsServiceResponse()
    if rejected:
        response.partial_success.rejected_log_records = rejected
        response.partial_success.error_message = message
    return Response(response.SerializeToString(), media_type=PROTOBUF_TYPE)


def build_refusal(refusal: IntakeRefusal, request: Request) -> Response:
    """Build the answer to a refused request: JSON unless the request is protobuf."""
    code = _CODES.get(refusal.status, _UNKNOWN)
    message = f"{refusal.problem} {refusal.remedy}"
    headers = dict(refusal.headers)
    if get_media_type(request) == PROTOBUF_TYPE:
        content = _encode_status(code, message)
        return Response(content, refusal.status, headers, PROTOBUF_TYPE)
    content = orjson.dumps({"code": code, "message": message})
    return Response(content, refusal.status, headers, JSON_TYPE)


def _encode_status(code: int, message: str) -> bytes:
    """Encode google.rpc.Status, which opentelemetry-proto does not contain: 1 is the code, 2 the
    message."""
    text = message.encode()
    return b"".join((b"\x08", _encode_varint(code), b"\x12", _encode_varint(len(text)), text))


def _encode_varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
