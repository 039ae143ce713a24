"""Limit how many files and sockets this process may open, and the share for connections.

Clients that hold connections open must never keep the store or the journal from opening a file."""

from __future__ import annotations

import resource
from contextlib import suppress

RESERVED = 256
"""For files, the store, mail, and the one that comes while another is being closed."""
MOST = 65_536
LEAST = 16
PORTS = 2
"""That share the rest: HTTP and syslog."""


def raise_file_limit() -> int:
    """Raise the limit as high as this process may, and return the resulting limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if soft == resource.RLIM_INFINITY:
        return MOST
    if soft < limit:
        with suppress(ValueError, OSError):  # a stricter rule of the system: then it stays as it is
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
            soft = limit
    return soft


def compute_connection_limit() -> int:
    """Compute the highest number of connections of one port."""
    return max(LEAST, (raise_file_limit() - RESERVED) // PORTS)
