"""A real SMTP server on loopback in a thread of the test's process: aiosmtpd's."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP


class Server(Controller):
    """Hangs up at its end: aiosmtpd's own leaves connections that are open to the collector, which
    then warns in whichever test comes next."""

    def __init__(self, handler: Any, port: int) -> None:
        super().__init__(handler, hostname="127.0.0.1", port=port)
        self._sessions: list[SMTP] = []

    def factory(self) -> SMTP:
        session: SMTP = super().factory()
        self._sessions.append(session)
        return session

    def stop(self, no_assert: bool = False) -> None:
        asyncio.run_coroutine_threadsafe(self._hang_up(), self.loop).result(5)
        super().stop(no_assert)

    async def _hang_up(self) -> None:
        self.server.close()
        for session in self._sessions:
            if session.transport is not None:
                session.transport.abort()
        await asyncio.sleep(0.01)


@contextmanager
def smtp_server(handler: Any) -> Iterator[int]:
    """Its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Server(handler, port)
    server.start()
    try:
        yield port
    finally:
        server.stop()
