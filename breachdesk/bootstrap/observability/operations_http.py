"""Serve /metrics, /healthz and /readyz on the console's own port, and give each request an id for
its log lines.

The console's port is reachable from anywhere, so the answer depends on the caller. While `ops.host`
is a loopback address, callers from elsewhere get no metrics, and of health and readiness only the
status. A request that a proxy passed on came from elsewhere, whatever its address; so did one that
names another host than this machine: a foreign page in a browser on it."""

from __future__ import annotations

import ipaddress
import json

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from breachdesk.bootstrap.observability.operations_endpoints import (
    JSON,
    OperationsAnswer,
    OperationsAnswers,
)
from breachdesk.bootstrap.observability.trace_ids import bind_trace_id

REFUSED = OperationsAnswer(403, JSON, b'{"problem":"metrics are for this machine; see ops.host"}\n')
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "via")
"""What proxies add. Whoever else sends one is told less, not more."""
ONLY_GET = OperationsAnswer(405, JSON, b'{"problem":"only GET is answered"}\n')


class OperationsApp:
    """ASGI: the three pages. `host`: ops.host of the settings."""

    def __init__(self, answers: OperationsAnswers, host: str) -> None:
        self._answers = answers
        self._open = not is_loopback(host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = Request(scope, receive)
        answer = ONLY_GET
        if request.method == "GET":
            answer = await self._answer(
                request.url.path, trusted=self._open or is_from_here(request)
            )
        headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
        if answer.status == 405:
            headers["allow"] = "GET"
        response = Response(answer.body, answer.status, headers, media_type=answer.content_type)
        await response(scope, receive, send)

    async def _answer(self, path: str, *, trusted: bool) -> OperationsAnswer:
        if path == "/metrics" and not trusted:
            return REFUSED
        # The store is asked: that must not hold up the screens.
        answer = await run_in_threadpool(self._answers.answer_path, path)
        return answer if trusted else _omit_reasons(answer)


class PlainFaultHandler:
    """ASGI: what no part has answered for becomes a plain 500, inside the headers, and is raised
    on to the server, which logs it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        begun = False

        async def send_and_note(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except Exception:
            if scope["type"] == "http" and not begun:
                await PlainTextResponse("This failed; the log says where.\n", 500)(
                    scope, receive, send
                )
            raise


class RequestIds:
    """ASGI: log lines of a request carry one id."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the server's own lifespan."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with bind_trace_id("request"):
            await self._app(scope, receive, send)


def is_from_here(request: Request) -> bool:
    """Whether the request comes from this machine, names it, and passed no proxy."""
    asker = request.client.host if request.client else ""
    passed_on = any(name in request.headers for name in FORWARDED)
    return is_loopback(asker) and is_loopback(request.url.hostname or "") and not passed_on


def is_loopback(host: str) -> bool:
    """Whether the host is `localhost`, 127.0.0.0/8, ::1, or an IPv4 loopback address written in
    IPv6."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def _omit_reasons(answer: OperationsAnswer) -> OperationsAnswer:
    """Omit the reasons, which name servers."""
    body = json.loads(answer.body) | {"failed": {}}
    return OperationsAnswer(answer.status, answer.content_type, json.dumps(body).encode() + b"\n")
