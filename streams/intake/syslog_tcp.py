"""Syslog over TCP: one thread a connection. While the log is slow the sender is held back."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import datetime
from threading import Event, Lock, Thread

from schemas.settings import IntakeSettings
from schemas.source import BlindInterval, Incoming
from streams.intake.framed import Framed
from streams.intake.octet_counting import SyslogFraming
from streams.intake.patient_append import append_patiently
from streams.intake.syslog_senders import source_of
from streams.ports import EventLog

_READ_BYTES = 256 * 1024
_LOOK_SECONDS = 0.2
_MOST_CONNECTIONS = 1000


class TcpListener:
    """Accepts on a bound socket."""

    def __init__(
        self,
        bound: socket.socket,
        log: EventLog,
        settings: IntakeSettings,
        now: Callable[[], datetime],
    ) -> None:
        self.port: int = bound.getsockname()[1]
        self._socket = bound
        self._log = log
        self._settings = settings
        self._now = now
        self._stop = Event()
        self._lock = Lock()
        self._open: set[Thread] = set()
        self._accepting = Thread(target=self._accept, name="syslog-tcp", daemon=True)

    def start(self) -> None:
        self._socket.listen(128)
        self._socket.settimeout(_LOOK_SECONDS)
        self._accepting.start()

    def stop(self) -> None:
        """What has been read is committed; connections are closed."""
        self._stop.set()
        self._accepting.join()
        self._socket.close()
        for thread in list(self._open):
            thread.join()

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                connection, peer = self._socket.accept()
            except OSError:  # nobody came, or the peer was gone again before we looked
                self._stop.wait(0.001)
                continue
            if len(self._open) >= _MOST_CONNECTIONS:
                connection.close()
                continue
            thread = Thread(target=self._serve, args=(connection, peer[0]), daemon=True)
            with self._lock:
                self._open.add(thread)
            thread.start()
            self._forget_ended()

    def _forget_ended(self) -> None:
        with self._lock:
            self._open = {thread for thread in self._open if thread.is_alive()}

    def _serve(self, connection: socket.socket, address: str) -> None:
        source = source_of(address, self._settings)
        framing = SyslogFraming(self._settings.max_line_bytes)
        began = self._now()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.settimeout(_LOOK_SECONDS)
        with connection:
            stored = True
            while stored and (data := self._read(connection)):
                stored = self._keep(framing.feed(data), source, address)
        if not (stored and self._keep(framing.finish(), source, address)):
            self._note_unstored(source, began)

    def _read(self, connection: socket.socket) -> bytes:
        """What has come; empty once the peer closed, the connection broke, or we stop and nothing
        waits to be read."""
        while True:
            stopping = self._stop.is_set()
            try:
                return connection.recv(_READ_BYTES)
            except TimeoutError:
                if stopping:
                    return b""
            except OSError:
                return b""

    def _keep(self, framed: list[Framed], source: str, address: str) -> bool:
        if not framed:
            return True
        arrived = self._now()
        incoming = [
            Incoming(source, raw, arrived, "tcp", address, piece=piece) for raw, piece in framed
        ]
        return append_patiently(self._log, incoming, self._stop)

    def _note_unstored(self, source: str, began: datetime) -> None:
        self._log.note_gap(
            BlindInterval(
                source=source,
                begin=began,
                end=self._now(),
                reason="the event log refused records until the listener was stopped",
            )
        )
