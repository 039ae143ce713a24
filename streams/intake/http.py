"""POST /intake/{source}: records over HTTP, answered only after they are durable.

Body: NDJSON or raw lines, a JSON array, or the Microsoft 365 CSV export; plain or gzip. Every
refusal is JSON with `problem` and `remedy`. Bearer tokens (RFC 6750) stand in the settings: a
source's own, or the one of `*` for sources that have none.
"""

from __future__ import annotations

import asyncio
import hmac
import re
import zlib
from collections.abc import Callable, Sequence
from datetime import datetime

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from schemas.errors import BadInput, Retryable
from schemas.event import Position
from schemas.settings import IntakeSettings
from schemas.source import Incoming
from streams.intake.framed import Framed
from streams.intake.framing import RecordSplitter
from streams.intake.inflate import inflate
from streams.ports import EventLog

MOST_BODY_BYTES = 16 * 1024 * 1024
"""As sent."""
MOST_PLAIN_BYTES = 64 * 1024 * 1024
"""Unpacked: a small gzip body may be a bomb."""

_SOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,99}")
_TYPES = re.compile(
    r"(text/.*|application/(.*\+)?"
    # curl --data-binary calls everything a form
    r"(json|x-ndjson|ndjson|octet-stream|gzip|csv|x-www-form-urlencoded).*)?"
)
_AT_ONCE = 16
"""Bodies held in memory at the same time."""


class Refusal(BadInput):
    """An answer that is not 202."""

    def __init__(self, status: int, problem: str, remedy: str, **headers: str) -> None:
        super().__init__(problem, place="intake", remedy=remedy)
        self.status = status
        self.headers = headers


def intake_app(log: EventLog, settings: IntakeSettings, now: Callable[[], datetime]) -> FastAPI:
    """The listener as an ASGI application; `settings` and `log` are its only state."""
    app = FastAPI(title="BreachDesk intake", docs_url=None, redoc_url=None, openapi_url=None)
    slots = asyncio.Semaphore(_AT_ONCE)

    @app.exception_handler(Refusal)
    async def refuse(_request: Request, refusal: Refusal) -> JSONResponse:
        return _refused(refusal.status, refusal.problem, refusal.remedy, refusal.headers)

    @app.exception_handler(HTTPException)
    async def elsewhere(_request: Request, error: HTTPException) -> JSONResponse:
        remedy = "Send records with POST to /intake/<source>."
        return _refused(error.status_code, error.detail, remedy, dict(error.headers or {}))

    @app.post("/intake/{source}", status_code=202)
    async def receive(source: str, request: Request) -> JSONResponse:
        _check_token(settings, source, request.headers.get("authorization", ""))
        _check_source(source)
        packed = _check_encoding(request)
        async with slots:
            body = await _body(request)
            sender = request.client.host if request.client else ""
            answer = await asyncio.to_thread(
                _receive, log, settings, now, source, sender, _plain(body) if packed else [body]
            )
        return JSONResponse(answer, status_code=202)

    return app


def _receive(
    log: EventLog,
    settings: IntakeSettings,
    now: Callable[[], datetime],
    source: str,
    sender: str,
    body: Sequence[bytes],
) -> dict[str, object]:
    framed = _framed(body, settings.max_line_bytes)
    arrived = now()
    incoming = [
        Incoming(source, raw, arrived, "http", sender, piece=piece) for raw, piece in framed
    ]
    try:
        positions = log.append(incoming)
    except Retryable as error:
        raise Refusal(
            503,
            "the records could not be stored now; none of them counts as received.",
            "Send the same request again later.",
            **{"Retry-After": "5"},
        ) from error
    return _answer(positions)


def _answer(positions: Sequence[Position]) -> dict[str, object]:
    last = positions[-1] if positions else None
    return {
        "received": len(positions),
        "journal": last.journal if last else None,
        "last offset": last.offset if last else None,
    }


def _framed(body: Sequence[bytes], limit: int) -> list[Framed]:
    splitter = RecordSplitter(limit)
    framed = [each for part in body for each in splitter.feed(part)] + splitter.finish()
    if not framed and b"".join(body).strip() in (b"", b"\xef\xbb\xbf"):
        raise Refusal(400, "the body holds no record.", "Send one record a line.")
    return framed


async def _body(request: Request) -> bytes:
    parts, size = [], 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > MOST_BODY_BYTES:
                raise _too_large(f"the body is larger than {MOST_BODY_BYTES} bytes.")
            parts.append(part)
    except ClientDisconnect as error:
        raise Refusal(
            400, "the connection broke off; nothing was kept.", "Send it again."
        ) from error
    return b"".join(parts)


def _plain(body: bytes) -> list[bytes]:
    parts, size = [], 0
    try:
        for part in inflate([body]):
            size += len(part)
            if size > MOST_PLAIN_BYTES:
                raise _too_large(f"the body unpacks to more than {MOST_PLAIN_BYTES} bytes.")
            parts.append(part)
    except (zlib.error, EOFError) as error:
        raise Refusal(
            400,
            "the body is not whole gzip, though Content-Encoding says so; nothing was kept.",
            "Pack it again, or leave Content-Encoding out.",
        ) from error
    return parts


def _too_large(problem: str) -> Refusal:
    return Refusal(413, problem, "Send fewer records a request.")


def _check_token(settings: IntakeSettings, source: str, header: str) -> None:
    """The comparison takes the same time whatever is wrong, and says nothing about sources."""
    secret = settings.http_tokens.get(source) or settings.http_tokens.get("*")
    expected = secret.get_secret_value() if secret else ""
    scheme, _, token = header.partition(" ")
    right = hmac.compare_digest(token.strip().encode(), expected.encode())
    if not (right and expected and scheme.lower() == "bearer"):
        raise Refusal(
            401,
            "no valid token for this source.",
            "Send `Authorization: Bearer <token>` with the token the settings hold for it.",
            **{"WWW-Authenticate": 'Bearer realm="BreachDesk intake"'},
        )


def _check_source(source: str) -> None:
    if not _SOURCE.fullmatch(source):
        raise Refusal(
            400,
            "this cannot be the name of a source.",
            "Use up to 100 letters, digits, `.`, `_`, `@` and `-`, beginning with a letter"
            " or digit.",
        )


def _check_encoding(request: Request) -> bool:
    """Is the body packed?"""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "", "gzip", "x-gzip"):
        raise Refusal(415, "this Content-Encoding is not understood.", "Send plain bytes or gzip.")
    if not _TYPES.fullmatch(request.headers.get("content-type", "").strip().lower()):
        raise Refusal(
            415,
            "this Content-Type holds no records.",
            "Send text/plain, application/x-ndjson, application/json or text/csv.",
        )
    return encoding.endswith("gzip")


def _refused(status: int, problem: str, remedy: str, headers: dict[str, str]) -> JSONResponse:
    return JSONResponse({"problem": problem, "remedy": remedy}, status, headers)
