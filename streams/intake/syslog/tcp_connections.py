"""Limit the open syslog TCP connections, and choose which to close when there are too many.

A sender that has sent a record, or that the settings name, is worth more than one that only holds a
connection open. So a stranger's idle connection is closed for a newcomer, and never the other way
round. Among senders of records, the address with the most connections loses one, so that a newcomer
from another address gets at least one."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from schemas.settings import IntakeSettings
from streams.intake.networks import get_network
from streams.intake.syslog.octet_counting import SyslogFraming

QUIET_SECONDS = 60.0
"""Whoever sent records, and nothing for so long, gives way sooner than one that still sends."""
MOST_BUFFERED_BYTES = 64 * 1024 * 1024
"""Of records that are not complete, in all connections together."""


@dataclass(eq=False, slots=True)
class SyslogConnection:
    """One open connection. Times are monotonic seconds."""

    socket: socket.socket
    address: str
    source: str
    is_named: bool
    """Do the settings name this sender?"""
    framing: SyslogFraming
    opened: float
    heard: float
    records: int = 0
    buffered_bytes: int = 0
    """Bytes in memory of an unfinished record."""
    awaits_handshake: bool = False
    """Whether TLS is still being agreed on."""
    network: str = ""
    """What the limit for one address counts."""

    def __post_init__(self) -> None:
        self.network = get_network(self.address)


class SyslogConnections:
    """Limits: in all, and of one address."""

    def __init__(self, settings: IntakeSettings, most: int | None = None) -> None:
        """Create the set. `most`: fewer connections in all than the settings allow."""
        configured = settings.syslog_connections
        self._most = configured if most is None else min(most, configured)
        self._most_of_one = settings.syslog_connections_per_sender
        self._idle_seconds = settings.syslog_idle_seconds
        self._handshake_seconds = settings.syslog_tls.handshake_seconds
        self._open: dict[SyslogConnection, None] = {}
        self._of: Counter[str] = Counter()
        self._buffered_bytes = 0

    def __len__(self) -> int:
        return len(self._open)

    def __contains__(self, connection: SyslogConnection) -> bool:
        return connection in self._open

    def __iter__(self) -> Iterator[SyslogConnection]:
        return iter(list(self._open))

    def add(self, connection: SyslogConnection) -> None:
        """Add an open connection."""
        self._open[connection] = None
        self._of[connection.network] += 1

    def remove(self, connection: SyslogConnection) -> None:
        """Remove a closed connection."""
        if connection not in self._open:
            return
        del self._open[connection]
        self._buffered_bytes -= connection.buffered_bytes
        self._of[connection.network] -= 1
        if not self._of[connection.network]:
            del self._of[connection.network]

    def choose_to_close(self, newcomer: SyslogConnection, now: float) -> SyslogConnection | None:
        """Choose which connection to close for the newcomer: the newcomer itself if all others are
        worth more; None while the limit is not reached."""
        if self._of[newcomer.network] >= self._most_of_one:
            same = [each for each in self._open if each.network == newcomer.network]
            return self._find_least_worth(same, newcomer, now)
        if len(self._open) >= self._most:
            return self._find_least_worth(self._open, newcomer, now)
        return None

    def _find_least_worth(
        self, others: Collection[SyslogConnection], newcomer: SyslogConnection, now: float
    ) -> SyslogConnection:
        candidates = [each for each in others if self._may_go(each, newcomer, now)]
        return min(candidates, key=lambda each: self._compute_worth(each, now), default=newcomer)

    def _may_go(self, connection: SyslogConnection, newcomer: SyslogConnection, now: float) -> bool:
        if connection.is_named:
            return newcomer.is_named and not connection.records
        if newcomer.is_named or not connection.records or _is_quiet(connection, now):
            return True
        return self._of[connection.network] > self._of[newcomer.network] + 1

    def _compute_worth(
        self, connection: SyslogConnection, now: float
    ) -> tuple[bool, bool, int, float]:
        """Compute the sort key: among senders of records, a connection of the address with the most
        connections is worth least."""
        sends = connection.records > 0
        busy = sends and not _is_quiet(connection, now)
        share = -self._of[connection.network] if busy else -self._most
        return connection.is_named, sends, share, connection.heard

    def list_overdue(self, now: float) -> list[SyslogConnection]:
        """List connections that have been open too long without a whole record."""
        return [
            each
            for each in self._open
            if not each.records and now - each.opened >= self._idle_seconds
        ]

    def list_slow_handshakes(self, now: float) -> list[SyslogConnection]:
        """List connections whose TLS handshake takes too long."""
        return [
            each
            for each in self._open
            if each.awaits_handshake and now - each.opened >= self._handshake_seconds
        ]

    def update_buffered(self, connection: SyslogConnection) -> None:
        """Update how much the connection holds in memory."""
        buffered = connection.framing.buffered_bytes
        self._buffered_bytes += buffered - connection.buffered_bytes
        connection.buffered_bytes = buffered

    def find_too_full(self) -> SyslogConnection | None:
        """Return the connection that holds most, while all together hold too much."""
        if self._buffered_bytes <= MOST_BUFFERED_BYTES:
            return None
        return max(self._open, key=lambda each: each.buffered_bytes)


def _is_quiet(connection: SyslogConnection, now: float) -> bool:
    return now - connection.heard >= QUIET_SECONDS
