"""Processes by their id: alive, descended from, ended. Linux: read from /proc."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path


def get_start_time(pid: int) -> str:
    """The process's start in clock ticks since boot; "" when there is no such living process.

    With the id it names one process for good: an id alone is given out again.
    """
    fields = read_stat_fields(pid)
    return "" if not fields or fields[0] in "ZX" else fields[19]


def list_descendants(pid: int) -> list[int]:
    """The process and everything descended from it, the oldest first."""
    parents = {
        int(p.name): get_parent(int(p.name)) for p in Path("/proc").iterdir() if p.name.isdigit()
    }
    pids = [pid]
    for member in pids:
        pids += [child for child, its_parent in parents.items() if its_parent == member]
    return pids


def get_parent(pid: int) -> int:
    fields = read_stat_fields(pid)
    return int(fields[1]) if fields else 0


def read_stat_fields(pid: int) -> list[str]:
    """/proc/PID/stat from the state on: what precedes it is a name that may hold anything."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return line.rpartition(")")[2].split()


def send_signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def wait_for_end(pids: list[int], seconds: float) -> bool:
    """Whether all of them ended in time."""
    deadline = time.monotonic() + seconds
    while any(get_start_time(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
