"""Serve POST /intake/{source}, and OTLP at POST /v1/logs: records over HTTP, answered only after they
are durable.

Body: NDJSON or raw lines, a JSON array, or the Microsoft 365 CSV export; plain or gzip. Every
refusal is JSON with `problem`, `remedy` and `received`, the number of records that are stored
nevertheless: 0 for every refusal but 503. Nothing of a body is read before its token is
verified.

OTLP (OpenTelemetry Protocol 1, HTTP): protobuf or JSON at /v1/logs, and at /intake/{source}/v1/logs,
where an exporter whose endpoint is /intake/{source} sends it. Answers are in the encoding of the
request."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import TypeVar

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from schemas.pipeline.source import IncomingRecord
from schemas.settings import IntakeSettings
from streams.intake.http.otlp_answers import (
    JSON_TYPE,
    PROTOBUF_TYPE,
    build_refusal,
    build_success,
    get_media_type,
)
from streams.intake.http.otlp_request import store_logs
from streams.intake.http.request_body import (
    AGAIN,
    MOST_BODY_BYTES,
    BodyLimits,
    IntakeRefusal,
    RequestBody,
    build_too_large,
    store,
)
from streams.intake.http.slots import PATIENCE_SECONDS, READ_AT_ONCE, NoFreeSlot, RequestSlots
from streams.intake.http.tokens import ANY, IntakeTokens
from streams.intake.splitting.record_buffer import FramedRecord
from streams.ports import EventLog

SOURCE_HEADER = "X-BreachDesk-Source"
UNNAMED_SOURCE = "otlp"
"""The source of OTLP logs with the token of `*` that name none."""
Answer = TypeVar("Answer")
_SOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,99}")
_TYPES = re.compile(
    r"(text/.*|application/(.*\+)?"
    # curl --data-binary calls everything a form
    r"(json|x-ndjson|ndjson|octet-stream|gzip|csv|x-www-form-urlencoded).*)?"
)
_REMEDIES = {
    404: "Send records with POST to /intake/<source>, OTLP logs to /v1/logs.",
    405: "Send records with POST to /intake/<source>, OTLP logs to /v1/logs.",
    408: "Send the request again, in smaller parts or over a faster line; nothing of it was kept.",
}


def create_intake_app(
    log: EventLog,
    settings: IntakeSettings,
    now: Callable[[], datetime],
    *,
    folder: Path | None = None,
    stopping: Event | None = None,
    patience: float = PATIENCE_SECONDS,
) -> FastAPI:
    """Create the listener as an ASGI application.

    `folder`: where bodies are buffered (None: the system's own). `stopping`: set when the process
    is to end. `patience`: seconds that a request waits for a slot of its token."""
    app = FastAPI(title="BreachDesk intake", docs_url=None, redoc_url=None, openapi_url=None)
    intake = _IntakeEndpoint(log, settings, now, folder, stopping or Event(), patience)

    @app.exception_handler(IntakeRefusal)
    async def refuse(request: Request, refusal: IntakeRefusal) -> Response:
        return _build_response(request, refusal)

    @app.exception_handler(HTTPException)
    async def refuse_other(request: Request, error: HTTPException) -> Response:
        remedy = _REMEDIES.get(error.status_code, "Send the request again.")
        return _build_response(
            request, IntakeRefusal(error.status_code, error.detail, remedy, headers=error.headers)
        )

    @app.post("/intake/{source}", status_code=202)
    async def receive(source: str, request: Request) -> JSONResponse:
        return JSONResponse(await intake.receive(source, request), status_code=202)

    @app.post("/v1/logs")
    @app.post("/intake/{source}/v1/logs")
    async def receive_logs(request: Request, source: str | None = None) -> Response:
        return await intake.receive_logs(source, request)

    return app


class _IntakeEndpoint:
    def __init__(
        self,
        log: EventLog,
        settings: IntakeSettings,
        now: Callable[[], datetime],
        folder: Path | None,
        stopping: Event,
        patience: float,
    ) -> None:
        self._log = log
        self._now = now
        self._folder = folder
        self._tokens = IntakeTokens(settings.http_tokens)
        self._slots = RequestSlots(len(settings.http_tokens), patience)
        self._limits = BodyLimits(settings.http_records, settings.max_line_bytes, stopping)

    async def receive(self, source: str, request: Request) -> dict[str, object]:
        """Return the answer to a request after its records are durable. Raises Refusal."""
        token = self._tokens.find_holder(source, request.headers.get("authorization", ""))
        if token is None:
            raise _build_no_token()
        _check_source(source)
        gzip = _check_encoding(request)
        _check_type(request)
        incoming = self._make_incoming(source, request, "http")

        def store_records(body: RequestBody) -> dict[str, object]:
            count, last = store(self._log, body, incoming, self._limits, gzip=gzip)
            return {
                "received": count,
                "journal": last.journal if last else None,
                "last offset": last.offset if last else None,
            }

        return await self._run(request, token, store_records)

    async def receive_logs(self, source: str | None, request: Request) -> Response:
        """Return the answer to OTLP logs after they are durable. Raises Refusal."""
        source, token = self._find_source(source, request)
        gzip = _check_encoding(request)
        is_json = _check_otlp_type(request)
        incoming = self._make_incoming(source, request, "otlp")

        def store_records(body: RequestBody) -> int:
            return store_logs(
                self._log, body, incoming, self._limits, self._folder, gzip=gzip, is_json=is_json
            )

        rejected = await self._run(request, token, store_records)
        return build_success(rejected, is_json=is_json)

    def _find_source(self, source: str | None, request: Request) -> tuple[str, str]:
        """Return the source of OTLP logs, and the owner of their token: the source that the path or
        the header names, else the one whose own token it is."""
        header = request.headers.get("authorization", "")
        source = source or request.headers.get(SOURCE_HEADER)
        if source is not None:
            token = self._tokens.find_holder(source, header)
            if token is None:
                raise _build_no_token()
            _check_source(source)
            return source, token
        match self._tokens.list_holders(header):
            case []:
                raise _build_no_token()
            case [owner]:
                return (UNNAMED_SOURCE if owner == ANY else owner), owner
            case _:
                raise IntakeRefusal(
                    400,
                    "several sources have this token.",
                    f"Name the source in the header {SOURCE_HEADER}.",
                )

    def _make_incoming(
        self, source: str, request: Request, transport: str
    ) -> Callable[[FramedRecord], IncomingRecord]:
        arrived = self._now()
        sender = request.client.host if request.client else ""

        def build_incoming(framed: FramedRecord) -> IncomingRecord:
            raw, piece = framed
            return IncomingRecord(source, raw, arrived, transport, sender, piece=piece)

        return build_incoming

    async def _run(
        self, request: Request, token: str, store_records: Callable[[RequestBody], Answer]
    ) -> Answer:
        """Receive the body and store its records, when the token has a free slot."""
        _check_length(request)
        try:
            async with self._slots.reserve_reading(token):
                with RequestBody(self._folder) as body:
                    await _read(request, body)
                    async with self._slots.reserve_working(token):
                        return await asyncio.get_running_loop().run_in_executor(
                            self._slots.threads, store_records, body
                        )
        except NoFreeSlot as error:
            raise _build_busy() from error


async def _read(request: Request, body: RequestBody) -> None:
    try:
        async for part in request.stream():
            body.add(part)
    except ClientDisconnect as error:
        raise IntakeRefusal(
            400, "the connection broke off; nothing was kept.", "Send it again."
        ) from error


def _check_length(request: Request) -> None:
    length = request.headers.get("content-length", "")
    if length.isdecimal() and (len(length) > 12 or int(length) > MOST_BODY_BYTES):
        raise build_too_large(f"the body is larger than {MOST_BODY_BYTES} bytes.")


def _build_no_token() -> IntakeRefusal:
    return IntakeRefusal(
        401,
        "no valid token for this source.",
        "Send `Authorization: Bearer <token>` with the token the settings hold for it.",
        headers={"WWW-Authenticate": 'Bearer realm="BreachDesk intake"'},
    )


def _build_busy() -> IntakeRefusal:
    return IntakeRefusal(
        429,
        f"{READ_AT_ONCE} requests with this token are being received already.",
        "Send the same request again later, and fewer at the same time.",
        headers=AGAIN,
    )


def _check_source(source: str) -> None:
    if not _SOURCE.fullmatch(source):
        raise IntakeRefusal(
            400,
            "this cannot be the name of a source.",
            "Use up to 100 letters, digits, `.`, `_`, `@` and `-`, beginning with a letter"
            " or digit.",
        )


def _check_encoding(request: Request) -> bool:
    """Whether the body is compressed."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "", "gzip", "x-gzip"):
        raise IntakeRefusal(
            415, "this Content-Encoding is not understood.", "Send plain bytes or gzip."
        )
    return encoding.endswith("gzip")


def _check_type(request: Request) -> None:
    if not _TYPES.fullmatch(request.headers.get("content-type", "").strip().lower()):
        raise IntakeRefusal(
            415,
            "this Content-Type holds no records.",
            "Send text/plain, application/x-ndjson, application/json or text/csv.",
        )


def _check_otlp_type(request: Request) -> bool:
    """Whether the body is JSON."""
    media_type = get_media_type(request)
    if media_type not in (JSON_TYPE, PROTOBUF_TYPE):
        raise IntakeRefusal(
            415,
            "this Content-Type is no encoding of OTLP.",
            f"Send {PROTOBUF_TYPE} or {JSON_TYPE}.",
        )
    return media_type == JSON_TYPE


def _build_response(request: Request, refusal: IntakeRefusal) -> Response:
    if request.url.path.endswith("/v1/logs"):
        return build_refusal(refusal, request)
    content = {
        "problem": refusal.problem,
        "remedy": refusal.remedy,
        "received": refusal.received,
    }
    return JSONResponse(content, refusal.status, dict(refusal.headers))
