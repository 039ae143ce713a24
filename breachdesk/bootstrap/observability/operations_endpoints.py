"""Serve /metrics, /healthz and /readyz of a process that has no other port: a small HTTP server.

`live` and `ready` return {part: why it failed}; empty: all is well. Answers contain neither
records nor people, so nobody signs in; it listens on loopback unless `ops.host` says otherwise."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple, Self

from prometheus_client import CollectorRegistry, generate_latest

from schemas.errors import BreachDeskError, ConfigurationError

Failures = Callable[[], Mapping[str, str]]
TEXT = "text/plain; version=0.0.4; charset=utf-8"
JSON = "application/json"
CLIENT_SECONDS = 10.0
"""A client that says nothing for so long is let go of."""
ANSWERED_SECONDS = 30.0
"""And so is one that is not answered within so long, whatever it says."""
MOST_CLIENTS = 32


class OperationsAnswer(NamedTuple):
    """The answer to one request."""

    status: int
    content_type: str
    body: bytes


class OperationsAnswers:
    """The three pages, whatever server gives them."""

    PATHS = ("/metrics", "/healthz", "/readyz")

    def __init__(self, registry: CollectorRegistry, live: Failures, ready: Failures) -> None:
        self._registry = registry
        self._live = live
        self._ready = ready

    def answer_path(self, path: str) -> OperationsAnswer:
        """Answer the path; 404 for any other."""
        if path == "/metrics":
            return OperationsAnswer(200, TEXT, generate_latest(self._registry))
        if path == "/healthz":
            return _build_check_answer("alive", self._live)
        if path == "/readyz":
            return _build_check_answer("ready", self._ready)
        return OperationsAnswer(404, JSON, b'{"problem":"/metrics, /healthz or /readyz"}\n')


class OperationsServer:
    """As a context: listens inside it. Port 0: off."""

    def __init__(
        self, host: str, port: int, registry: CollectorRegistry, live: Failures, ready: Failures
    ) -> None:
        self._host = host
        self._port = port
        self._answers = OperationsAnswers(registry, live, ready)
        self._server: ThreadingHTTPServer | None = None

    def __enter__(self) -> Self:
        """Start listening. Raises ConfigurationError when the address cannot be listened on."""
        if self._port:
            self._server = _open_server(self._host, self._port, self._answers)
            thread = threading.Thread(target=self._server.serve_forever, name="ops", daemon=True)
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


def _build_check_answer(word: str, failures: Failures) -> OperationsAnswer:
    try:
        failed = dict(failures())
    except BreachDeskError as problem:
        failed = {"check": str(problem)}
    body = json.dumps({word: not failed, "failed": failed}, ensure_ascii=False)
    return OperationsAnswer(503 if failed else 200, JSON, body.encode() + b"\n")


class _ThreadedServer(ThreadingHTTPServer):
    """One thread a connection, few of them, and none for long."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, host: str, port: int, handler: type[BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._opened: dict[socket.socket, float] = {}
        self._lock = threading.Lock()
        super().__init__((host, port), handler)

    def server_bind(self) -> None:
        """Bind without HTTPServer's look-up of our own name at the name server."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore disconnects; a traceback could contain personal data."""

    def process_request(self, request: Any, client_address: Any) -> None:
        """Close the oldest request when too many are open, so that a scraper can always connect."""
        with self._lock:
            if len(self._opened) >= MOST_CLIENTS:
                _close_request(self._opened, min(self._opened, key=self._opened.__getitem__))
            self._opened[request] = time.monotonic()
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget a request that was answered or aborted."""
        with self._lock:
            self._opened.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Close requests that take too long, also those that send byte by byte; called twice a
        second."""
        latest = time.monotonic() - ANSWERED_SECONDS
        with self._lock:
            for each in [each for each, opened in self._opened.items() if opened < latest]:
                _close_request(self._opened, each)


def _close_request(opened: dict[socket.socket, float], request: socket.socket) -> None:
    """Close the request; its thread then reads an end and terminates."""
    del opened[request]
    with suppress(OSError):  # the client was quicker
        request.shutdown(socket.SHUT_RDWR)


def _open_server(host: str, port: int, answers: OperationsAnswers) -> ThreadingHTTPServer:
    try:
        return _ThreadedServer(host, port, _build_handler(answers))
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise ConfigurationError(
            f"port {port} on {host} cannot be used ({reason})",
            place="ops.port",
            remedy="Stop what uses it, or name another port or host.",
        ) from error


def _build_handler(answers: OperationsAnswers) -> type[BaseHTTPRequestHandler]:
    class OperationsHandler(BaseHTTPRequestHandler):
        timeout = CLIENT_SECONDS

        def do_GET(self) -> None:  # the standard library's name
            self._say(answers.answer_path(self.path.partition("?")[0]))

        def send_error(
            self, code: int, message: str | None = None, explain: str | None = None
        ) -> None:
            """Send an error without the standard page, which would repeat the request."""
            del message, explain
            status = 405 if code == 501 else code
            self._say(OperationsAnswer(status, JSON, b'{"problem":"only GET is answered"}\n'))

        def version_string(self) -> str:
            return "breachdesk"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            """Do not log scrapes."""

        def _say(self, answer: OperationsAnswer) -> None:
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(answer.body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("X-Content-Type-Options", "nosniff")
            if answer.status == 405:
                self.send_header("Allow", "GET")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

    return OperationsHandler
