"""Processes by their id: alive, descended from, ended. Linux: read from /proc."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path


def birth(pid: int) -> str:
    """The process's start in clock ticks since boot; "" when there is no such living process.

    With the id it names one process for good: an id alone is given out again.
    """
    fields = stat_fields(pid)
    return "" if not fields or fields[0] in "ZX" else fields[19]


def family(pid: int) -> list[int]:
    """The process and everything descended from it, the oldest first."""
    parents = {
        int(p.name): parent(int(p.name)) for p in Path("/proc").iterdir() if p.name.isdigit()
    }
    found = [pid]
    for member in found:
        found += [child for child, its_parent in parents.items() if its_parent == member]
    return found


def parent(pid: int) -> int:
    fields = stat_fields(pid)
    return int(fields[1]) if fields else 0


def stat_fields(pid: int) -> list[str]:
    """/proc/PID/stat from the state on: what stands before is a name that may hold anything."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return line.rpartition(")")[2].split()


def send(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def gone_within(pids: list[int], seconds: float) -> bool:
    """Whether all of them ended in time."""
    deadline = time.monotonic() + seconds
    while any(birth(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
