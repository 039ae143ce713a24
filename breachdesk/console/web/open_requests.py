"""Count the requests that are being answered, so that work in the background makes way for them.

Threads of one interpreter take turns. A page gives its turn away at each statement, and waits
several milliseconds for the next one while another thread computes."""

from __future__ import annotations

import threading

from starlette.types import ASGIApp, Receive, Scope, Send


class OpenRequests:
    """Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._is_idle = threading.Event()
        self._is_idle.set()

    def begin(self) -> None:
        """Count a request that begins."""
        with self._lock:
            self._count += 1
            self._is_idle.clear()

    def end(self) -> None:
        """Count a request as answered."""
        with self._lock:
            self._count -= 1
            if not self._count:
                self._is_idle.set()

    def wait_until_idle(self, seconds: float) -> None:
        """Wait until no request is being answered, at most so long."""
        self._is_idle.wait(seconds)


class RequestCounter:
    """ASGI middleware that counts the requests of its app."""

    def __init__(self, app: ASGIApp, requests: OpenRequests) -> None:
        self._app = app
        self._requests = requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._requests.begin()
        try:
            await self._app(scope, receive, send)
        finally:
            self._requests.end()
