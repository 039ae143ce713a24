"""Loopback ports that nobody else gets while a server is down."""

from __future__ import annotations

import random
import socket

# Below Linux's range for outgoing connections: a client that keeps trying a stopped server's port
# could otherwise be given that very port and speak to itself.
LOWEST, HIGHEST = 20000, 32000


def find_free_port() -> int:
    """A loopback TCP port that can be listened on now."""
    while True:
        port = random.randrange(LOWEST, HIGHEST)
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue
