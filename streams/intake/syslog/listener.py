"""Listen for syslog on UDP and TCP, each with its own threads, and append to the event log.

"Received" begins with our read for TCP and never for UDP (docs/reference/streaming.md),
so UDP losses that the kernel counts become blind intervals."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import datetime

from schemas.errors import ConfigurationError
from schemas.settings import IntakeSettings
from streams.intake.syslog.tcp import TcpListener
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
        meter: IntakeMetrics | None = None,
        most: int | None = None,
    ) -> None:
        """Bind the sockets. Explicit ports override the settings; port 0 means any free one.
        `most`: fewer TCP connections than the settings allow."""
        self._log = log
        self._settings = settings
        self._now = now
        self._meter = meter or NullIntakeMetrics()
        self._most = most
        self._udp_wanted = udp_port if udp_port is not None else settings.syslog_udp or None
        self._tcp_wanted = tcp_port if tcp_port is not None else settings.syslog_tcp or None
        self._udp: UdpListener | None = None
        self._tcp: TcpListener | None = None

    @property
    def udp_port(self) -> int | None:
        """The port that is bound; None: off."""
        return self._udp.port if self._udp else None

    @property
    def tcp_port(self) -> int | None:
        return self._tcp.port if self._tcp else None

    def start(self) -> None:
        """Listen. Raises ConfigurationError when an address cannot be bound; then nothing
        listens."""
        try:
            if self._udp_wanted is not None:
                bound = _bind_socket(self._settings.host, self._udp_wanted, socket.SOCK_DGRAM)
                self._udp = UdpListener(bound, self._log, self._settings, self._now)
                self._udp.start()
            if self._tcp_wanted is not None:
                bound = _bind_socket(self._settings.host, self._tcp_wanted, socket.SOCK_STREAM)
                self._tcp = TcpListener(
                    bound, self._log, self._settings, self._now, self._meter, self._most
                )
                self._tcp.start()
        except ConfigurationError:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop listening; what was read is committed first. Harmless when not started."""
        if self._udp:
            self._udp.stop()
        if self._tcp:
            self._tcp.stop()
        self._udp = self._tcp = None


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
