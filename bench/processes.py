"""Processor time and memory of this process and of those that it started."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def read_family_seconds() -> float:
    """Processor time of this process, of all its threads and of the children that live now."""
    return time.process_time() + sum(map(read_seconds, list_children(os.getpid())))


def read_seconds(pid: int) -> float:
    """Processor time of another process, its ended threads included; 0 when it has gone."""
    with suppress(OSError):
        return time.clock_gettime((~pid << 3) | 2)  # as clock_getcpuclockid(3) makes it on Linux
    return 0.0


def list_children(pid: int) -> Iterator[int]:
    """Processes below that one."""
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text(encoding="ascii").split():
                yield int(child)
                yield from list_children(int(child))


def read_resident_mib(pid: int | None = None) -> float:
    """Of that process, else of this one."""
    with suppress(OSError):
        statm = Path(f"/proc/{pid or os.getpid()}/statm").read_text(encoding="ascii")
        return int(statm.split()[1]) * resource.getpagesize() / 2**20
    return 0.0
