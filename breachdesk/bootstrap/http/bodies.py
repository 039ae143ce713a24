"""Limit in ASGI how slowly a request body may arrive, and refuse unwanted bodies unread.

The clock runs only while the application waits for the client: a request that waits for us, for a
slot or a disk, is not slow. A body that is refused unread ends its connection, since the rest of it
would have to be read before another request could begin."""

from __future__ import annotations

import asyncio
from time import monotonic

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from schemas.settings import HttpSettings

TWO_LENGTHS = JSONResponse(
    {
        "problem": "the request says twice how long its body is.",
        "remedy": "Send Content-Length or Transfer-Encoding, not both.",
        "received": 0,
    },
    400,
    {"connection": "close"},
)
"""A proxy before us may believe the other one, and then see requests where we see a body."""
TOO_SLOW = "the body came too slowly; nothing of it was kept."


class PacedBodies:
    """Wraps the applications of the HTTP port."""

    def __init__(self, app: ASGIApp, limits: HttpSettings) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. `receive` raises HTTPException 408 into the application."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if "transfer-encoding" in headers and "content-length" in headers:
            await TWO_LENGTHS(scope, receive, send)
            return
        body = _PacedBody(headers, receive, self._limits)

        async def send_with_close(message: Message) -> None:
            if message["type"] == "http.response.start" and not body.is_complete:
                MutableHeaders(scope=message)["connection"] = "close"
            await send(message)

        await self._app(scope, body.receive, send_with_close)


class _PacedBody:
    def __init__(self, headers: Headers, receive: Receive, limits: HttpSettings) -> None:
        self._receive = receive
        self._limits = limits
        self._waited = 0.0
        self._bytes = 0
        self.is_complete = (
            "transfer-encoding" not in headers and headers.get("content-length", "0") == "0"
        )

    async def receive(self) -> Message:
        if self.is_complete:
            return await self._receive()
        began = monotonic()
        try:
            async with asyncio.timeout(self._compute_timeout()):
                message = await self._receive()
        except TimeoutError as error:
            raise HTTPException(408, TOO_SLOW) from error
        self._waited += monotonic() - began
        self._bytes += len(message.get("body", b""))
        self.is_complete = message["type"] == "http.request" and not message.get("more_body")
        return message

    def _compute_timeout(self) -> float:
        """Compute the seconds until the body is too slow, or takes too long, if nothing more
        arrives."""
        limits = self._limits
        paced = max(limits.body_grace_seconds, self._bytes / limits.body_bytes_per_second)
        return max(0.0, min(paced, limits.body_seconds) - self._waited)
