"""Run the HTTP port of `breachdesk run` and `breachdesk console`: uvicorn, its limits and its
shutdown."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Sequence
from ipaddress import ip_address, ip_network

import uvicorn
from starlette.types import ASGIApp

from breachdesk.bootstrap.http.connections import OpenConnections, PortConfig, TimedConnection
from breachdesk.bootstrap.http.open_files import compute_connection_limit
from breachdesk.bootstrap.observability.operations_http import is_loopback
from schemas.errors import ConfigurationError
from schemas.settings import Settings

LOOK_EVERY_TICKS = 3
"""Uvicorn ticks ten times a second."""


def build_http_config(settings: Settings, app: ASGIApp) -> PortConfig:
    """Build the port's configuration. Forwarded addresses and schemes are believed from the
    configured proxies alone: any other client could forge them."""
    proxies = list(settings.console.trusted_proxies)
    return PortConfig(
        app,
        OpenConnections(
            settings.http, compute_connection_limit(), lambda peer: is_shared_peer(peer, proxies)
        ),
        host=settings.console_host,
        port=settings.console_port,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies,
        # Nothing of ours starts or ends with it; cancelled at the end, it would log a fault.
        lifespan="off",
        timeout_graceful_shutdown=5,
    )


def is_shared_peer(peer: str, proxies: Sequence[str]) -> bool:
    """Whether it is this machine, or a proxy that the settings name."""
    try:
        address = ip_address(peer)
    except ValueError:
        return is_loopback(peer)
    return is_loopback(peer) or any(address in ip_network(proxy) for proxy in proxies)


class HttpServer(uvicorn.Server):
    """Uvicorn that also ends when another part has failed, reports when it ends, and times out
    connections."""

    def __init__(
        self, config: PortConfig, failed: threading.Event, stopping: threading.Event | None = None
    ) -> None:
        """Create the server. `stopping` is set when the shutdown begins: long work in threads must
        stop then."""
        super().__init__(config)
        self._connections = config.connections
        self._failed = failed
        self._stopping = stopping or threading.Event()

    async def on_tick(self, counter: int) -> bool:
        """Whether to end; called ten times a second."""
        if counter % LOOK_EVERY_TICKS == 0:
            self._look_after(asyncio.get_running_loop().time())
        return await super().on_tick(counter) or self._failed.is_set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer complete requests and close unfinished ones."""
        self._stopping.set()
        await super().shutdown(sockets)

    def _look_after(self, now: float) -> None:
        for each in list(self.server_state.connections):
            if isinstance(each, TimedConnection):
                each.check_timeouts(now)
        self._connections.log_closed(now)


def check_port_free(host: str, port: int) -> None:
    """Raise ConfigurationError before anything starts, instead of uvicorn's own exit."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigurationError(
                f"port {port} cannot be used ({error.strerror})",
                place="console_port",
                remedy="Stop what uses it, or name another port.",
            ) from error
