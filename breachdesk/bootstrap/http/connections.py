"""Limit the connections of the HTTP port, and how long each may keep us waiting.

Uvicorn lets a client take any time. Here a request's head must arrive within seconds, and when too
many connections are open, those that keep us waiting are closed: first the longest without a
request, then the slowest bodies. A complete request is always answered, so a client that holds
connections open excludes nobody else."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Callable
from functools import cached_property
from typing import Any, cast

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from breachdesk.bootstrap.observability.operations_http import is_loopback
from schemas.settings import HttpSettings
from streams.intake.networks import get_network

HEAD_BYTES = 16 * 1024
READ_BYTES = 16 * 1024
"""Of one connection at a time: one that sends a thousand tiny chunks leaves room for the others."""
LINGER_SECONDS = 2.0
LINGER_BYTES = 256 * 1024
"""So much of a refused body is thrown away, so that its sender can read the answer."""
STALLED_SECONDS = 30.0
"""A client that takes less than a kilobyte a second of its answer for so long is let go of."""
MIN_READ_BYTES = 1024 * STALLED_SECONDS
TELL_EVERY_SECONDS = 10.0

logger = logging.getLogger("breachdesk.http")


class OpenConnections:
    """All connections of one port."""

    def __init__(
        self,
        limits: HttpSettings,
        most: int | None = None,
        exempt: Callable[[str], bool] = is_loopback,
    ) -> None:
        """Create the set. `most` is less than the settings allow when the process may not open as
        many files. `exempt`: addresses that represent many clients, as a proxy's does."""
        self.limits = limits
        self._exempt = exempt
        self._most = limits.connections if most is None else min(most, limits.connections)
        self._closed: Counter[str] = Counter()
        self._told_at = 0.0

    def add_connection(self, newcomer: TimedConnection) -> None:
        """Add a connection; another may be closed for it."""
        others = [each for each in newcomer.list_others() if not each.transport.is_closing()]
        if not self._exempt(newcomer.address):
            same = [each for each in others if each.network == newcomer.network]
            if len(same) >= self.limits.connections_per_address:
                self._evict_connection(newcomer, same, "too many of one address")
                return
        if len(others) >= self._most:
            self._evict_connection(newcomer, others, "too many")

    def _evict_connection(
        self, newcomer: TimedConnection, others: list[TimedConnection], why: str
    ) -> None:
        waiting = [each for each in others if each.is_waiting]
        victim = max(waiting, key=TimedConnection.compute_burden, default=newcomer)
        victim.abort(why)

    def count_closed(self, why: str) -> None:
        """Count a closed connection; `log_closed` reports it."""
        self._closed[why] += 1

    def log_closed(self, now: float) -> None:
        """Log one line for all connections that were closed in the last seconds."""
        if self._closed and now - self._told_at >= TELL_EVERY_SECONDS:
            reasons = ", ".join(f"{count} {why}" for why, count in sorted(self._closed.items()))
            logger.warning("HTTP connections closed: %s", reasons)
            self._closed.clear()
            self._told_at = now


class AnswerStall:
    """How long a client has taken too little of its answer."""

    def __init__(self) -> None:
        self._seen: tuple[float, int] | None = None

    def is_over(self, now: float, waiting: int) -> bool:
        """Whether it takes too long. `waiting` is the number of bytes that the client has not read
        yet."""
        if not waiting or self._seen is None or waiting > self._seen[1]:
            self._seen = (now, waiting) if waiting else None
            return False
        since, before = self._seen
        if now - since < STALLED_SECONDS:
            return False
        self._seen = (now, waiting)
        return before - waiting < MIN_READ_BYTES


class PortConfig(uvicorn.Config):
    """Adds to uvicorn's settings the connections of the port."""

    def __init__(self, app: Any, connections: OpenConnections, **options: Any) -> None:
        super().__init__(
            app,
            http=TimedConnection,
            ws="none",
            loop="asyncio",
            h11_max_incomplete_event_size=HEAD_BYTES,
            **options,
        )
        self.connections = connections


class TimedConnection(H11Protocol):
    """Uvicorn's protocol with timeouts."""

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        assert isinstance(config, PortConfig)
        self._connections = config.connections
        self._began = self.loop.time()
        """When the wait for the present request began."""
        self._received = self._content = self._discarded = 0
        self._lingering: float | None = None
        self._stall = AnswerStall()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if hasattr(transport, "max_size"):
            transport.max_size = READ_BYTES
        lingering = cast(
            "asyncio.Transport", _LingeringTransport(cast("asyncio.Transport", transport), self)
        )
        super().connection_made(lingering)
        self._connections.add_connection(self)

    def list_others(self) -> list[TimedConnection]:
        """List all other connections of the port."""
        return [c for c in self.connections if isinstance(c, TimedConnection) and c is not self]

    @property
    def address(self) -> str:
        return self.client[0] if self.client else ""

    @cached_property
    def network(self) -> str:
        """Network that the limit for one address counts."""
        return get_network(self.address)

    @property
    def is_waiting(self) -> bool:
        """Whether the connection waits for its client: no request is being processed."""
        return self._is_idle or self.owes_body or self._lingering is not None

    @property
    def _is_idle(self) -> bool:
        """Without a request, or with the beginning of one."""
        return self.cycle is None or self.cycle.response_complete

    @property
    def owes_body(self) -> bool:
        """The client has not sent all of the request's body."""
        return self.conn.their_state is h11.SEND_BODY

    @property
    def may_be_sending(self) -> bool:
        """A body that is not wanted, or what is no HTTP."""
        return self.conn.their_state in (h11.SEND_BODY, h11.ERROR)

    def compute_burden(self) -> tuple[bool, float]:
        """Compute a sort key whose greatest is closed first: longest without a request, then few
        bytes a second."""
        seconds = self.loop.time() - self._began
        if self._is_idle:
            return True, seconds
        return False, seconds / (self._received + 1)

    def data_received(self, data: bytes) -> None:
        if self._lingering is not None:
            self._discard(len(data))
            return
        if self.transport.is_closing():
            return
        cycle, owed = self.cycle, self.owes_body
        before = len(cycle.body) if owed else 0
        self._received += len(data)
        super().data_received(data)
        if owed and self.cycle is cycle:
            self._content += len(cycle.body) - before
            if self._received - self._content > self._content // 8 + 64 * 1024:
                self.refuse(400, "the body comes in chunks that are too small.", "tiny chunks")

    def _should_upgrade(self) -> bool:
        """Return False: nothing supports an upgrade, and uvicorn would log each try."""
        return False

    def on_response_complete(self) -> None:
        self._began = self.loop.time()
        self._received = self._content = 0
        super().on_response_complete()

    def shutdown(self) -> None:
        """Shut down after answering a complete request."""
        if self.is_waiting:
            self.transport.abort()
        else:
            super().shutdown()

    def check_timeouts(self, now: float) -> None:
        """Check the timeouts; called a few times a second."""
        if self._lingering is not None or self.transport.is_closing():
            return
        if self._is_idle and now - self._began > self._connections.limits.header_seconds:
            self._close_waiting()
        elif self._stall.is_over(now, self.transport.get_write_buffer_size()):
            self.abort("unread answers")

    def _close_waiting(self) -> None:
        if self._received or self.conn.trailing_data[0]:
            self.refuse(408, "the head of the request did not come in time.", "slow heads")
        else:
            self.abort(None)

    def abort(self, why: str | None) -> None:
        """Close without an answer. `why` None: there was no request, so nothing is counted."""
        if why:
            self._connections.count_closed(why)
        self.transport.abort()

    def refuse(self, status: int, problem: str, why: str) -> None:
        """Answer and close, unless an answer has begun already."""
        self._connections.count_closed(why)
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.abort()
            return
        is_reported = {
            "problem": problem,
            "remedy": "Send the whole request at once.",
            "received": 0,
        }
        body = json.dumps(is_reported).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
        ]
        for event in (
            h11.Response(status_code=status, headers=headers),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def discard_input(self, seconds: float) -> None:
        """Discard input for a while after the answer is written and our side closed."""
        self._lingering = self.loop.time()
        self.loop.call_later(seconds, self.transport.abort)

    @property
    def is_lingering(self) -> bool:
        return self._lingering is not None

    def _discard(self, count: int) -> None:
        self._discarded += count
        if self._discarded > LINGER_BYTES:
            self.transport.abort()


class _LingeringTransport:
    """A transport whose `close` lets the client read the answer to a request it still sends.

    Closed at once with bytes unread, the kernel would reset the connection and with it the
    answer."""

    def __init__(self, transport: asyncio.Transport, connection: TimedConnection) -> None:
        self._transport = transport
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        return self._connection.is_lingering or self._transport.is_closing()

    def close(self) -> None:
        connection, transport = self._connection, self._transport
        if connection.is_lingering or transport.is_closing():
            return
        if not connection.may_be_sending or not transport.can_write_eof():
            transport.close()
            return
        try:
            transport.write_eof()
        except OSError:  # the client is gone already
            transport.abort()
            return
        connection.discard_input(LINGER_SECONDS)
        transport.resume_reading()
