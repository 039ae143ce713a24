"""Listen for syslog on UDP, TCP and TLS, each with its own threads, and append to the event log.

"Received" begins with our read for TCP and never for UDP (docs/reference/streaming.md),
so UDP losses that the kernel counts become blind intervals."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import datetime

from schemas.errors import ConfigurationError
from schemas.settings import IntakeSettings
from streams.intake.syslog.tcp import TcpListener
from streams.intake.syslog.tls import TlsServer
from streams.intake.syslog.udp import UdpListener
from streams.ports import EventLog
from streams.ports.metrics import IntakeMetrics, NullIntakeMetrics


class SyslogListener:
    """Starts what the settings switch on (a port of 0 there means off)."""

    def __init__(
        self,
        log: EventLog,
        settings: IntakeSettings,
        now: Callable[[], datetime],
        *,
        udp_port: int | None = None,
        tcp_port: int | None = None,
        tls_port: int | None = None,
        meter: IntakeMetrics | None = None,
        most: int | None = None,
    ) -> None:
        """Bind the sockets. Explicit ports override the settings; port 0 means any free one.
        `most`: fewer TCP connections than the settings allow."""
        self._log = log
        self._settings = settings
        self._now = now
        self._connections = _ConnectionSum(meter or NullIntakeMetrics())
        self._most = most
        self._udp_wanted = udp_port if udp_port is not None else settings.syslog_udp or None
        self._tcp_wanted = tcp_port if tcp_port is not None else settings.syslog_tcp or None
        self._tls_wanted = tls_port if tls_port is not None else settings.syslog_tls.port or None
        self._tls_server: TlsServer | None = None
        self._tls: TcpListener | None = None
        self._udp: UdpListener | None = None
        self._tcp: TcpListener | None = None

    @property
    def udp_port(self) -> int | None:
        """The port that is bound; None: off."""
        return self._udp.port if self._udp else None

    @property
    def tcp_port(self) -> int | None:
        return self._tcp.port if self._tcp else None

    @property
    def tls_port(self) -> int | None:
        return self._tls.port if self._tls else None

    @property
    def trouble(self) -> str | None:
        """What is wrong with the certificate files; None: nothing."""
        return self._tls_server.trouble if self._tls_server else None

    def request_reload(self) -> None:
        """Read the certificate files again soon, as on SIGHUP. May be called from any thread."""
        if self._tls_server:
            self._tls_server.request_reload()

    def start(self) -> None:
        """Listen. Raises ConfigurationError when an address cannot be bound or a certificate cannot
        be used; then nothing listens."""
        try:
            if self._udp_wanted is not None:
                bound = _bind_socket(self._settings.host, self._udp_wanted, socket.SOCK_DGRAM)
                self._udp = UdpListener(bound, self._log, self._settings, self._now)
                self._udp.start()
            if self._tcp_wanted is not None:
                bound = _bind_socket(self._settings.host, self._tcp_wanted, socket.SOCK_STREAM)
                self._tcp = self._start_tcp(bound, None)
            if self._tls_wanted is not None:
                self._tls_server = TlsServer(self._settings.syslog_tls)
                bound = _bind_socket(self._settings.host, self._tls_wanted, socket.SOCK_STREAM)
                self._tls = self._start_tcp(bound, self._tls_server)
        except ConfigurationError:
            self.stop()
            raise

    def _start_tcp(self, bound: socket.socket, tls: TlsServer | None) -> TcpListener:
        meter = self._connections.add_listener()
        started = TcpListener(bound, self._log, self._settings, self._now, meter, self._most, tls)
        started.start()
        return started

    def stop(self) -> None:
        """Stop listening; what was read is committed first. Harmless when not started."""
        if self._udp:
            self._udp.stop()
        for listener in (self._tcp, self._tls):
            if listener:
                listener.stop()
        self._udp = self._tcp = self._tls = None


class _ConnectionSum:
    """Counts the connections of several listeners in one figure."""

    def __init__(self, meter: IntakeMetrics) -> None:
        self._meter = meter
        self._of: list[int] = []

    def add_listener(self) -> IntakeMetrics:
        """Return what one more listener counts with."""
        self._of.append(0)
        return _ListenerMetrics(self, len(self._of) - 1)

    def set_connections(self, number: int, open_now: int) -> None:
        self._of[number] = open_now
        self._meter.set_connections(sum(self._of))

    def record_closed(self, reason: str) -> None:
        self._meter.record_closed(reason)


class _ListenerMetrics:
    def __init__(self, total: _ConnectionSum, number: int) -> None:
        self._total = total
        self._number = number

    def set_connections(self, open_now: int) -> None:
        self._total.set_connections(self._number, open_now)

    def record_closed(self, reason: str) -> None:
        self._total.record_closed(reason)


def _bind_socket(host: str, port: int, kind: socket.SocketKind) -> socket.socket:
    name = "UDP" if kind == socket.SOCK_DGRAM else "TCP"
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=kind)[0]
        bound = socket.socket(family, kind)
    except OSError as error:
        raise _build_bind_error(name, host, port, error) from error
    try:
        if kind == socket.SOCK_STREAM:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise _build_bind_error(name, host, port, error) from error
    return bound


def _build_bind_error(name: str, host: str, port: int, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"syslog cannot listen there ({error.strerror}).",
        place=f"{name} {host} port {port}",
        remedy="Choose a free port (above 1023 unless the process may bind lower ones) and an"
        " address of this machine.",
    )
