"""Receive syslog over TCP, plain or TLS: one thread reads every connection in turn. While the log is slow, TCP
itself slows the senders.

Losses are counted: a connection that is closed because too many are open, or whose TLS fails, leaves
a blind interval.
Memory is bounded: unfinished records are cut into pieces when all of them together grow too
large."""

from __future__ import annotations

import errno
import logging
import selectors
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from threading import Event, Thread

from schemas.errors import RetryableError
from schemas.pipeline.source import BlindInterval, IncomingRecord
from schemas.settings import IntakeSettings
from streams.intake.append_retry import append_with_retry
from streams.intake.splitting.record_buffer import FramedRecord
from streams.intake.splitting.several_acts import split_acts
from streams.intake.syslog.connection_losses import ConnectionLosses
from streams.intake.syslog.octet_counting import SyslogFraming
from streams.intake.syslog.sender_names import SyslogSenders
from streams.intake.syslog.tcp_connections import SyslogConnection, SyslogConnections
from streams.intake.syslog.tls import TlsFault, TlsRefused, TlsServer
from streams.ports import EventLog
from streams.ports.metrics import IntakeMetrics

_READ_BYTES = 64 * 1024
_TLS_READS = 4
"""A record of TLS holds 16 KiB at most."""
_LOOK_SECONDS = 0.2
_LAST_SECONDS = 2.0
"""So long is read on after `stop` when senders never pause."""
_BATCH_RECORDS = 5000
_BATCH_BYTES = 4 * 1024 * 1024
_KEEPALIVE = ((socket.TCP_KEEPIDLE, 60), (socket.TCP_KEEPINTVL, 30), (socket.TCP_KEEPCNT, 4))
"""A peer that has vanished is noticed after three minutes."""

_REFUSED = "syslog TLS connections were closed"
UNNAMED_TLS = "syslog-tls"
"""Represents senders whose TLS failed and that the settings do not name by their address."""

logger = logging.getLogger("breachdesk.syslog")


class TcpListener:
    """Accepts on a bound socket."""

    def __init__(
        self,
        bound: socket.socket,
        log: EventLog,
        settings: IntakeSettings,
        now: Callable[[], datetime],
        meter: IntakeMetrics,
        most: int | None = None,
        tls: TlsServer | None = None,
    ) -> None:
        """Bind the receiver to its socket. `most`: fewer connections than the settings allow.
        `tls`: all connections are TLS."""
        self.port: int = bound.getsockname()[1]
        self._socket = bound
        self._log = log
        self._settings = settings
        self._now = now
        self._meter = meter
        self._tls = tls
        self._transport = "tcp" if tls is None else "tls"
        self._senders = SyslogSenders(settings)
        self._connections = SyslogConnections(settings, most)
        self._losses = ConnectionLosses(log)
        self._selector = selectors.DefaultSelector()
        self._batch: list[IncomingRecord] = []
        self._batch_bytes = 0
        self._looked = 0.0
        self._stop = Event()
        self._reading = Thread(target=self._run, name=f"syslog-{self._transport}", daemon=True)

    def start(self) -> None:
        self._socket.listen(128)
        self._socket.setblocking(False)
        self._selector.register(self._socket, selectors.EVENT_READ)
        self._reading.start()

    def stop(self) -> None:
        """Stop reading, commit what has been read, and close the connections."""
        self._stop.set()
        self._reading.join()
        self._selector.close()
        self._socket.close()

    def _run(self) -> None:
        last = None
        while True:
            if self._stop.is_set() and last is None:
                last = time.monotonic() + _LAST_SECONDS
            ready = self._selector.select(0 if last else _LOOK_SECONDS)
            stored = self._serve(key.data for key, _ in ready) and self._keep()
            self._check_connections()
            if not stored or (last and (not ready or time.monotonic() > last)):
                break
        self._finish()

    def _serve(self, ready: Iterable[SyslogConnection | None]) -> bool:
        """Read once from each ready connection; returns False if the records could not be
        stored."""
        for connection in ready:
            if connection is None:
                self._accept()
            else:
                self._read_turn(connection)
            full = len(self._batch) >= _BATCH_RECORDS or self._batch_bytes >= _BATCH_BYTES
            if full and not self._keep():
                return False
        return True

    def _accept(self) -> None:
        for _ in range(128):
            try:
                accepted, peer = self._socket.accept()
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    self._stop.wait(_LOOK_SECONDS)
                return  # nobody else waits, or the peer was gone again before we looked
            self._accept_connection(accepted, peer[0])

    def _accept_connection(self, accepted: socket.socket, address: str) -> None:
        now = time.monotonic()
        newcomer = SyslogConnection(
            accepted,
            address,
            self._senders.get_source(address),
            self._senders.is_named(address),
            SyslogFraming(self._settings.max_line_bytes),
            now,
            now,
        )
        victim = self._connections.choose_to_close(newcomer, now)
        if victim is not None:
            self._losses.add_closed(victim.source, self._now())
            self._close_connection(victim, "limit")
        if victim is newcomer:
            return
        _prepare(accepted)
        if self._tls is not None:
            newcomer.socket = self._tls.wrap(accepted)
            newcomer.awaits_handshake = True
        self._connections.add(newcomer)
        self._selector.register(newcomer.socket, selectors.EVENT_READ, newcomer)

    def _read_turn(self, connection: SyslogConnection) -> None:
        """Read what one turn takes; of TLS, one read gives a quarter of it."""
        for _ in range(1 if self._tls is None else _TLS_READS):
            if connection not in self._connections:
                return  # let go of in this same turn
            data = self._receive(connection)
            if not data:
                if data is not None:
                    self._close_connection(connection, None)
                return
            self._feed(connection, data)

    def _feed(self, connection: SyslogConnection, data: bytes) -> None:
        connection.heard = time.monotonic()
        framed = connection.framing.feed(data)
        connection.records += len(framed)
        self._take(framed, connection)
        self._connections.update_buffered(connection)
        while (fullest := self._connections.find_too_full()) is not None:
            self._take(fullest.framing.cut(), fullest)
            self._connections.update_buffered(fullest)

    def _receive(self, connection: SyslogConnection) -> bytes | None:
        """Return what has come: nothing at its end, None if there is nothing to take."""
        try:
            if connection.awaits_handshake:
                self._shake_hands(connection)
            return connection.socket.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        except TlsRefused as error:
            self._refuse(connection, error.fault)
            return None
        except ssl.SSLError:
            self._refuse(connection, TlsFault.BROKEN)
            return None
        except OSError:
            return b""

    def _shake_hands(self, connection: SyslogConnection) -> None:
        """Go on with the handshake; once it is done, the certificate names the source."""
        assert self._tls is not None
        assert isinstance(connection.socket, ssl.SSLSocket)
        source = self._tls.shake_hands(connection.socket)
        connection.awaits_handshake = False
        if source is not None:
            connection.source, connection.is_named = source, True

    def _refuse(self, connection: SyslogConnection, fault: TlsFault) -> None:
        """Close a connection whose TLS failed. Strangers leave one interval in common."""
        source = connection.source if connection.is_named else UNNAMED_TLS
        self._losses.add_closed(source, self._now(), f"{{count}} {_REFUSED}: {fault.value}")
        self._close_connection(connection, "tls")

    def _take(self, framed: list[FramedRecord], connection: SyslogConnection) -> None:
        if not framed:
            return
        arrived, source, address = self._now(), connection.source, connection.address
        transport = self._transport
        for raw, piece in split_acts(framed):
            self._batch.append(
                IncomingRecord(source, raw, arrived, transport, address, piece=piece)
            )
            self._batch_bytes += len(raw)

    def _close_connection(self, connection: SyslogConnection, why: str | None) -> None:
        """Close it; an unfinished record is kept as it came. `why` None: its sender closed it."""
        self._take(connection.framing.finish(), connection)
        self._connections.remove(connection)
        if why is not None:
            self._meter.record_closed(why)
        with suppress(KeyError):  # it was never registered
            self._selector.unregister(connection.socket)
        connection.socket.close()

    def _keep(self) -> bool:
        """Make durable what has been read. False: we stop and the log refuses."""
        batch, self._batch, self._batch_bytes = self._batch, [], 0
        if not batch or append_with_retry(self._log, batch, self._stop):
            return True
        self._note_unstored(batch)
        return False

    def _note_unstored(self, batch: Sequence[IncomingRecord]) -> None:
        reason = "the event log refused records until the listener was stopped"
        begin, end = batch[0].arrived, self._now()
        try:
            for source in sorted({each.source for each in batch}):
                gap = BlindInterval(source=source, begin=begin, end=end, reason=reason)
                self._log.note_gap(gap)
        except RetryableError:
            logger.warning(
                "%d lines were read and could not be stored; nor could a gap", len(batch)
            )

    def _check_connections(self) -> None:
        if time.monotonic() - self._looked < _LOOK_SECONDS / 2:
            return
        self._looked = time.monotonic()
        for connection in self._connections.list_overdue(self._looked):
            self._close_connection(connection, "idle")
        if self._tls is not None:
            for connection in self._connections.list_slow_handshakes(self._looked):
                self._refuse(connection, TlsFault.SLOW)
            self._tls.reload_if_changed()
        self._meter.set_connections(len(self._connections))
        self._losses.note(self._now())

    def _finish(self) -> None:
        for connection in self._connections:
            if isinstance(connection.socket, ssl.SSLSocket) and not connection.awaits_handshake:
                with suppress(OSError, ValueError):  # what is sent is all that matters
                    connection.socket.unwrap()
            self._close_connection(connection, None)
        self._keep()
        self._meter.set_connections(0)
        self._losses.note(self._now(), final=True)


def _prepare(accepted: socket.socket) -> None:
    accepted.setblocking(False)
    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _KEEPALIVE:
        accepted.setsockopt(socket.IPPROTO_TCP, option, value)
